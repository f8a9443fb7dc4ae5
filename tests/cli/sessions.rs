//! `bitsup sessions`: beside a server that has its root for itself, beside one that shares it, and without one.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use test_support::raw_http::{RawHttp, create, fragment};

use crate::program::{Outcome, Served, Workspace, run};

/// `bitsup sessions ...` over that root.
fn sessions(place: &Workspace, words: &[&str]) -> Outcome {
    run(&[&["sessions"], words, &["--root", &place.text("root")]].concat())
}

/// Begins an upload at a server, half of ten bytes; the session.
fn begin(served: &Served, name: &str) -> String {
    let mut client = RawHttp::connect_to(served.address());
    let id = client.request(create(&format!("/{name}"))).session();
    assert_eq!(client.request(fragment(&format!("/{name}"), &id, 0, 5, 10, &[]) + "hello").status, 200);
    id
}

/// Sends the other half; the status.
fn end(served: &Served, name: &str, id: &str) -> u16 {
    RawHttp::connect_to(served.address())
        .request(fragment(&format!("/{name}"), id, 5, 5, 10, &[]) + "world")
        .status
}

/// Makes a session look as if nobody had used it for two days.
fn age(place: &Workspace, id: &str) {
    let then = SystemTime::now() - Duration::from_secs(2 * 86_400);
    for name in ["session.json", "data"] {
        let file = place.root().join(".bitsup").join(id).join(name);
        fs::File::options().write(true).open(file).unwrap().set_modified(then).unwrap();
    }
}

#[test]
fn list_shows_the_sessions_of_a_running_server() {
    let served = Served::new(&[]);
    assert_eq!(sessions(&served.place, &["list"]).succeeded().stdout, "no sessions\n");
    assert_eq!(sessions(&served.place, &["list", "--json"]).succeeded().stdout, "");
    let (one, two) = (begin(&served, "one"), begin(&served, "two"));
    assert_eq!(end(&served, "two", &two), 200);
    let text = sessions(&served.place, &["list"]).succeeded().stdout.clone();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["SESSION", "STATE", "RECEIVED", "AGE", "IDLE", "OWNER", "TARGET"]);
    assert_eq!(lines[1][..6], [&one, "receiving", "50%", "of", "10", "B"]);
    assert_eq!(lines[2][..6], [&two, "delivered", "100%", "of", "10", "B"]);
    assert_eq!((lines[1].last(), lines[2].last()), (Some(&"one"), Some(&"two")));

    let events = sessions(&served.place, &["list", "--json"]).succeeded().events();
    let told: Vec<_> =
        events.iter().map(|event| (&event["id"], &event["received"], &event["owner"])).collect();
    assert_eq!(told, [(&one.into(), &5.into(), &Value::Null), (&two.into(), &10.into(), &Value::Null)]);
}

#[test]
fn show_takes_an_id_in_any_spelling() {
    let served = Served::new(&[]);
    let id = begin(&served, "file");
    let bare = id.trim_matches(['{', '}']).to_ascii_lowercase();
    for spelling in [&id, &bare] {
        let text = sessions(&served.place, &["show", spelling]).succeeded().stdout.clone();
        for line in [format!("session:     {id}"), "target:      file".into(), "received:    5 (5 B)".into()]
        {
            assert!(text.lines().any(|found| found == line), "{line:?} is not in {text}");
        }
        let json = sessions(&served.place, &["show", spelling, "--json"]).succeeded().events();
        assert_eq!((json.len(), &json[0]["state"]), (1, &"receiving".into()));
    }
    sessions(&served.place, &["show", "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"])
        .failed(1, &["no session {A0FF"]);
    sessions(&served.place, &["show", "A0FF"]).failed(2, &["session id"]);
}

#[test]
fn a_server_that_does_not_share_lets_nobody_end_its_sessions() {
    let served = Served::new(&[]);
    let id = begin(&served, "file");
    for words in [&["remove", id.as_str()][..], &["gc", "--session-timeout", "0"]] {
        sessions(&served.place, words)
            .failed(1, &["without sharing it", "stop it first, or start it with --shared"]);
    }
    assert_eq!(end(&served, "file", &id), 200);
    assert_eq!(fs::read(served.place.received("file")).unwrap(), b"helloworld");
}

#[test]
fn remove_ends_a_session_of_servers_that_share() {
    let served = Served::new(&["--shared"]);
    let (gone, stays) = (begin(&served, "gone"), begin(&served, "stays"));
    let outcome = sessions(&served.place, &["remove", &gone.to_ascii_lowercase()]);
    assert_eq!(outcome.succeeded().stdout, format!("removed {gone}\n"));
    assert_eq!(served.place.sessions(), [stays.as_str()]);
    assert_eq!(end(&served, "gone", &gone), 500, "the client hears that its session is gone");
    assert_eq!(end(&served, "stays", &stays), 200);
    sessions(&served.place, &["remove", &gone]).failed(1, &["there is no session"]);
}

#[test]
fn remove_and_gc_work_without_a_server() {
    let served = Served::new(&[]);
    let (old, young) = (begin(&served, "old"), begin(&served, "young"));
    let place = served.kill();
    age(&place, &old);
    let gc =
        |words: &[&str]| sessions(&place, &[&["gc", "--session-timeout", "1d", "--json"], words].concat());
    for words in [&["--dry-run"][..], &["--dry-run"], &[]] {
        let events = gc(words).succeeded().events();
        assert_eq!(events.iter().map(|event| &event["id"]).collect::<Vec<_>>(), [old.as_str()]);
    }
    assert_eq!(place.sessions(), [young.as_str()]);
    assert_eq!(gc(&[]).succeeded().stdout, "");
    sessions(&place, &["remove", &young]).succeeded();
    assert_eq!(place.sessions(), [""; 0]);
}

#[test]
fn gc_beside_a_server_that_shares_leaves_what_is_in_use() {
    let served = Served::new(&["--shared"]);
    let (old, young) = (begin(&served, "old"), begin(&served, "young"));
    age(&served.place, &old);
    let outcome = sessions(&served.place, &["gc", "--session-timeout", "1d"]);
    assert!(outcome.succeeded().stdout.contains(&old), "{outcome:?}");
    assert_eq!(served.place.sessions(), [young.as_str()]);
    assert_eq!(end(&served, "young", &young), 200);
}

#[test]
fn a_session_that_cannot_be_read_is_named_and_can_be_removed() {
    let served = Served::new(&[]);
    let id = begin(&served, "file");
    let place = served.kill();
    fs::write(place.root().join(".bitsup").join(&id).join("session.json"), "{").unwrap();
    let outcome = sessions(&place, &["list"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "no sessions\n"));
    assert!(outcome.stderr.contains(&format!("warning: session {id} cannot be read: ")), "{outcome:?}");
    sessions(&place, &["show", &id]).failed(1, &[&id, "cannot be read"]);
    sessions(&place, &["remove", &id]).succeeded();
    assert_eq!(place.sessions(), [""; 0]);
}

#[test]
fn a_directory_that_is_no_root_stays_as_it_is() {
    let place = Workspace::new();
    for words in [&["list"][..], &["gc"], &["remove", "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"]] {
        sessions(&place, words).failed(1, &["no server has used it yet"]);
    }
    assert_eq!(fs::read_dir(place.root()).unwrap().count(), 0);
    run(&["sessions", "list", "--root", &place.text("nowhere")]).failed(1, &["does not exist"]);
    run(&["sessions", "list"]).failed(2, &["--root"]);
}
