//! `bitsup sessions` while an exclusive server runs, while a shared one runs, and without a server.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use test_support::raw_http::{RawHttp, create, fragment};

use crate::program::{Outcome, TestServer, Workspace, run};

/// Runs `bitsup sessions` on the root of a workspace.
fn sessions(workspace: &Workspace, args: &[&str]) -> Outcome {
    run(&[&["sessions"], args, &["--root", &workspace.path_str("root")]].concat())
}

/// Uploads the first five of ten bytes. Returns the session id.
fn upload_first_half(server: &TestServer, name: &str) -> String {
    let mut client = RawHttp::connect_to(server.address());
    let id = client.request(create(&format!("/{name}"))).session();
    assert_eq!(client.request(fragment(&format!("/{name}"), &id, 0, 5, 10, &[]) + "hello").status, 200);
    id
}

/// Uploads the other five bytes. Returns the HTTP status.
fn upload_second_half(server: &TestServer, name: &str, id: &str) -> u16 {
    RawHttp::connect_to(server.address())
        .request(fragment(&format!("/{name}"), id, 5, 5, 10, &[]) + "world")
        .status
}

/// Makes a session look as if it had not been used for two days.
fn age(workspace: &Workspace, id: &str) {
    let two_days_ago = SystemTime::now() - Duration::from_secs(2 * 86_400);
    for name in ["session.json", "data"] {
        let file = workspace.root().join(".bitsup").join(id).join(name);
        fs::File::options().write(true).open(file).unwrap().set_modified(two_days_ago).unwrap();
    }
}

#[test]
fn list_shows_the_sessions_of_a_running_server() {
    let server = TestServer::new(&[]);
    assert_eq!(sessions(&server.workspace, &["list"]).assert_success().stdout, "no sessions\n");
    assert_eq!(sessions(&server.workspace, &["list", "--json"]).assert_success().stdout, "");
    let (one, two) = (upload_first_half(&server, "one"), upload_first_half(&server, "two"));
    assert_eq!(upload_second_half(&server, "two", &two), 200);
    let text = sessions(&server.workspace, &["list"]).assert_success().stdout.clone();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["SESSION", "STATE", "RECEIVED", "AGE", "IDLE", "OWNER", "TARGET"]);
    assert_eq!(lines[1][..6], [&one, "receiving", "50%", "of", "10", "B"]);
    assert_eq!(lines[2][..6], [&two, "delivered", "100%", "of", "10", "B"]);
    assert_eq!((lines[1].last(), lines[2].last()), (Some(&"one"), Some(&"two")));

    let events = sessions(&server.workspace, &["list", "--json"]).assert_success().events();
    let listed: Vec<_> =
        events.iter().map(|event| (&event["id"], &event["received"], &event["owner"])).collect();
    assert_eq!(listed, [(&one.into(), &5.into(), &Value::Null), (&two.into(), &10.into(), &Value::Null)]);
}

#[test]
fn show_accepts_an_id_in_any_notation() {
    let server = TestServer::new(&[]);
    let id = upload_first_half(&server, "file");
    let bare = id.trim_matches(['{', '}']).to_ascii_lowercase();
    for notation in [&id, &bare] {
        let text = sessions(&server.workspace, &["show", notation]).assert_success().stdout.clone();
        for line in [format!("session:     {id}"), "target:      file".into(), "received:    5 (5 B)".into()]
        {
            assert!(text.lines().any(|found| found == line), "{line:?} is not in {text}");
        }
        let json = sessions(&server.workspace, &["show", notation, "--json"]).assert_success().events();
        assert_eq!((json.len(), &json[0]["state"]), (1, &"receiving".into()));
    }
    sessions(&server.workspace, &["show", "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"])
        .assert_failure(1, &["no session {A0FF"]);
    sessions(&server.workspace, &["show", "A0FF"]).assert_failure(2, &["session id"]);
}

#[test]
fn sessions_of_an_exclusive_server_cannot_be_removed() {
    let server = TestServer::new(&[]);
    let id = upload_first_half(&server, "file");
    for args in [&["remove", id.as_str()][..], &["gc", "--session-timeout", "0"]] {
        sessions(&server.workspace, args)
            .assert_failure(1, &["without sharing it", "stop it first, or start it with --shared"]);
    }
    assert_eq!(upload_second_half(&server, "file", &id), 200);
    assert_eq!(fs::read(server.workspace.received("file")).unwrap(), b"helloworld");
}

#[test]
fn remove_ends_a_session_of_a_shared_root() {
    let server = TestServer::new(&["--shared"]);
    let (removed, kept) = (upload_first_half(&server, "gone"), upload_first_half(&server, "stays"));
    let outcome = sessions(&server.workspace, &["remove", &removed.to_ascii_lowercase()]);
    assert_eq!(outcome.assert_success().stdout, format!("removed {removed}\n"));
    assert_eq!(server.workspace.sessions(), [kept.as_str()]);
    assert_eq!(
        upload_second_half(&server, "gone", &removed),
        500,
        "the client is told that its session is unknown"
    );
    assert_eq!(upload_second_half(&server, "stays", &kept), 200);
    sessions(&server.workspace, &["remove", &removed]).assert_failure(1, &["there is no session"]);
}

#[test]
fn remove_and_gc_work_without_a_server() {
    let server = TestServer::new(&[]);
    let (old, young) = (upload_first_half(&server, "old"), upload_first_half(&server, "young"));
    let workspace = server.kill();
    age(&workspace, &old);
    let gc =
        |args: &[&str]| sessions(&workspace, &[&["gc", "--session-timeout", "1d", "--json"], args].concat());
    for args in [&["--dry-run"][..], &["--dry-run"], &[]] {
        let events = gc(args).assert_success().events();
        assert_eq!(events.iter().map(|event| &event["id"]).collect::<Vec<_>>(), [old.as_str()]);
    }
    assert_eq!(workspace.sessions(), [young.as_str()]);
    assert_eq!(gc(&[]).assert_success().stdout, "");
    sessions(&workspace, &["remove", &young]).assert_success();
    assert_eq!(workspace.sessions(), [""; 0]);
}

#[test]
fn gc_keeps_active_sessions_of_a_shared_root() {
    let server = TestServer::new(&["--shared"]);
    let (old, young) = (upload_first_half(&server, "old"), upload_first_half(&server, "young"));
    age(&server.workspace, &old);
    let outcome = sessions(&server.workspace, &["gc", "--session-timeout", "1d"]);
    assert!(outcome.assert_success().stdout.contains(&old), "{outcome:?}");
    assert_eq!(server.workspace.sessions(), [young.as_str()]);
    assert_eq!(upload_second_half(&server, "young", &young), 200);
}

#[test]
fn a_session_that_a_hung_server_holds_is_reported_and_skipped() {
    let server = TestServer::new(&["--shared"]);
    let names = ["held", "unreadable", "old", "young"];
    let [held, unreadable, old, young] = names.map(|name| upload_first_half(&server, name));
    let file = |id: &str, name| server.workspace.root().join(".bitsup").join(id).join(name);
    [&held, &old].into_iter().for_each(|id| age(&server.workspace, id));
    fs::write(file(&unreadable, "session.json"), "{").unwrap();
    // As a server does that stops within a step.
    let locks = [&held, &unreadable].map(|id| {
        let lock = fs::File::options().write(true).open(file(id, "lock")).unwrap();
        lock.lock().unwrap();
        lock
    });
    let outcome = sessions(&server.workspace, &["gc", "--session-timeout", "1d", "--json"]);
    outcome.assert_failure(1, &[&held, "a server is using it or has stopped: try again later"]);
    assert_eq!(outcome.events().iter().map(|event| &event["id"]).collect::<Vec<_>>(), [old.as_str()]);
    let unknown = "A0FF5911-4144-45B3-BF27-27AFC8EC8A67";
    let outcome = sessions(&server.workspace, &["remove", unknown, &unreadable, &held, &young]);
    let reason = "another request or server is using the session: try again later";
    outcome.assert_failure(1, &["no session {A0FF", &unreadable, &held, reason]);
    assert_eq!(outcome.stdout, format!("removed {young}\n"));
    drop(locks);
    sessions(&server.workspace, &["remove", &held, &unreadable]).assert_success();
    assert_eq!(server.workspace.sessions(), [""; 0]);
}

#[test]
fn an_unreadable_session_is_reported_and_can_be_removed() {
    let server = TestServer::new(&[]);
    let id = upload_first_half(&server, "file");
    let workspace = server.kill();
    fs::write(workspace.root().join(".bitsup").join(&id).join("session.json"), "{").unwrap();
    let outcome = sessions(&workspace, &["list"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "no sessions\n"));
    assert!(outcome.stderr.contains(&format!("warning: session {id} cannot be read: ")), "{outcome:?}");
    sessions(&workspace, &["show", &id]).assert_failure(1, &[&id, "cannot be read"]);
    sessions(&workspace, &["remove", &id]).assert_success();
    assert_eq!(workspace.sessions(), [""; 0]);
}

#[test]
fn a_directory_that_is_not_a_root_is_left_alone() {
    let workspace = Workspace::new();
    for args in [&["list"][..], &["gc"], &["remove", "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"]] {
        sessions(&workspace, args).assert_failure(1, &["no server has used it yet"]);
    }
    assert_eq!(fs::read_dir(workspace.root()).unwrap().count(), 0);
    run(&["sessions", "list", "--root", &workspace.path_str("nowhere")])
        .assert_failure(1, &["does not exist"]);
    run(&["sessions", "list"]).assert_failure(2, &["--root"]);
}
