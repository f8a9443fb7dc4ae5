//! `bitsup upload` that ends at once, well or not.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::thread;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

use crate::program::{Outcome, Served, Workspace, bitsup, run};

fn upload(place: &Workspace, source: &str, url: &str, options: &[&str]) -> Outcome {
    let state = place.text("state");
    run(&[&["upload", source, url, "--state-dir", &state, "--no-progress-timeout", "0"], options].concat())
}

// B-UPLOAD-01
#[test]
fn files_of_every_edge_size_arrive() {
    let served = Served::new(&[]);
    for size in [0, 1, 65_535, 65_536, 65_537, 131_072, 1_000_000] {
        let name = format!("file-{size}");
        let (source, content) = served.place.source("source", size);
        upload(&served.place, &source, &served.url_of(&name), &["--fragment-size", "64k"]).succeeded();
        assert_eq!(fs::read(served.place.received(&name)).unwrap(), content, "{size}");
    }
    assert_eq!(served.place.sessions(), [""; 0]);
}

#[test]
fn the_url_names_the_destination_below_the_root() {
    let served = Served::new(&[]);
    let (source, content) = served.place.source("source", 5000);
    fs::create_dir(served.place.received("folder")).unwrap();
    upload(&served.place, &source, &served.url_of("folder/a%20b"), &[]).succeeded();
    assert_eq!(fs::read(served.place.received("folder/a b")).unwrap(), content);
}

#[test]
fn plain_output_ends_with_what_was_done() {
    let served = Served::new(&[]);
    let (source, _) = served.place.source("source", 300_000);
    let url = served.url_of("file");
    let outcome = upload(&served.place, &source, &url, &["--fragment-size", "10k"]);
    let lines: Vec<_> = outcome.succeeded().stdout.lines().collect();
    let (last, progress) = lines.split_last().unwrap();
    assert!(last.starts_with(&format!("uploaded {source} to {url}: ")), "{lines:?}");
    assert!((1..=12).contains(&progress.len()), "30 fragments, about ten lines: {lines:?}");
    assert!(progress.last().unwrap().starts_with("100 % "), "{lines:?}");
}

#[test]
fn quiet_says_nothing() {
    let served = Served::new(&[]);
    let (source, _) = served.place.source("source", 10_000);
    let outcome = upload(&served.place, &source, &served.url_of("file"), &["--quiet"]);
    assert_eq!(outcome.succeeded().stdout, "");
}

#[test]
fn json_tells_states_progress_and_the_end() {
    let served = Served::new(&[]);
    let (source, _) = served.place.source("source", 30_000);
    let options = ["--json", "--fragment-size", "10000"];
    let outcome = upload(&served.place, &source, &served.url_of("file"), &options);
    let events = outcome.succeeded().events();

    let sent: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "progress")
        .map(|event| event["sent"].as_u64())
        .collect();
    assert_eq!(sent, [Some(10_000), Some(20_000), Some(30_000)]);
    let states: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "state")
        .map(|event| event["to"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["connecting", "transferring", "transferred", "closed"]);
    let done = events.last().unwrap();
    assert_eq!(
        (&done["event"], done["sent"].as_u64(), done["total"].as_u64()),
        (&"done".into(), Some(30_000), Some(30_000))
    );
    assert!(done["seconds"].as_f64().unwrap() >= 0.0);
}

#[test]
fn json_tells_an_error_with_its_numbers() {
    let served = Served::new(&["--max-upload-size", "1k"]);
    let (source, _) = served.place.source("source", 1025);
    let outcome = upload(&served.place, &source, &served.url_of("file"), &["--json"]);
    outcome.failed(1, &["HTTP status: 500", "HRESULT: 0x80200020 BG_E_TOO_LARGE", "what to do: "]);
    let error = outcome.events().pop().unwrap();
    assert_eq!(error["event"], "error");
    assert_eq!(error["http_status"], 500);
    assert_eq!(error["hresult"], "0x80200020");
    assert_eq!(error["transient"], false);
    assert!(!error["message"].as_str().unwrap().is_empty());
}

#[test]
fn json_tells_retries() {
    let place = Workspace::new();
    let (source, _) = place.source("source", 10);
    let (_held, url) = refusing();
    let args = ["upload", &source, &url, "--state-dir", &place.text("state"), "--json"];
    let outcome = run(&[&args[..], &["--retry-delay", "10ms", "--no-progress-timeout", "100ms"]].concat());
    outcome.failed(3, &["bitsup: "]);
    let events = outcome.events();
    let retry = events.iter().find(|event| event["event"] == "retry").unwrap();
    assert_eq!(retry["attempt"], 1);
    assert!(retry["delay_ms"].as_u64().unwrap() <= 10, "{retry}");
    assert!(!retry["message"].as_str().unwrap().is_empty());
    assert_eq!(events.last().unwrap()["transient"], true);
}

// B-ERROR-04
#[test]
fn an_existing_file_is_replaced_only_where_the_server_allows_it() {
    for (options, allowed) in [(&[][..], false), (&["--allow-overwrites"], true)] {
        let served = Served::new(options);
        fs::write(served.place.received("file"), "old").unwrap();
        let (source, content) = served.place.source("source", 100);
        let outcome = upload(&served.place, &source, &served.url_of("file"), &[]);
        let found = fs::read(served.place.received("file")).unwrap();
        if allowed {
            outcome.succeeded();
            assert_eq!(found, content);
        } else {
            outcome.failed(1, &["HTTP status: 403", "0x80070005 E_ACCESSDENIED", "what to do: "]);
            assert_eq!(found, b"old");
        }
    }
}

#[test]
fn a_missing_folder_is_named_by_status_404() {
    let served = Served::new(&[]);
    let (source, _) = served.place.source("source", 100);
    upload(&served.place, &source, &served.url_of("nowhere/file"), &[]).failed(1, &["HTTP status: 404"]);
    assert_eq!(served.place.names(), [""; 0]);
}

#[test]
fn sources_that_cannot_be_read_are_named() {
    let place = Workspace::new();
    let (_held, url) = refusing();
    // A link to itself cannot be opened by anybody, root included.
    symlink(place.path("loop"), place.path("loop")).unwrap();
    for (name, code) in [("missing", 1), ("loop", 1), ("root", 2)] {
        let outcome = upload(&place, &place.text(name), &url, &["--json"]);
        outcome.failed(code, &["bitsup: ", &place.text(name)]);
        let error = outcome.events().pop().unwrap();
        assert_eq!((&error["event"], &error["transient"]), (&"error".into(), &false.into()));
    }
    assert!(!place.path("state").exists(), "nothing is remembered of what never began");
}

#[test]
fn a_refused_connection_is_given_up_on_when_told_so() {
    let place = Workspace::new();
    let (source, _) = place.source("source", 10);
    let (_held, url) = refusing();
    upload(&place, &source, &url, &[]).failed(3, &["bitsup: ", "HRESULT: 0x", "what to do: "]);
}

#[test]
fn an_unknown_host_is_named() {
    let place = Workspace::new();
    let (source, _) = place.source("source", 10);
    let outcome = upload(&place, &source, "http://no-such-host.invalid/file", &[]);
    outcome.failed(3, &["no-such-host.invalid", "what to do: "]);
}

// B-UPLOAD-04
#[test]
fn headers_go_with_a_request() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let head = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(&stream).lines().map(Result::unwrap);
        let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        (&stream).write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
        head
    });
    run(&["ping", &url, "--header", "X-Tag: seen"]).failed(1, &["HTTP status: 403", "what to do: "]);
    let head = head.join().unwrap();
    assert!(head.iter().any(|line| line.eq_ignore_ascii_case("X-Tag: seen")), "{head:?}");
    run(&["ping", &url, "--header", "X Tag: bad"]).failed(2, &["X Tag"]);
}

#[test]
fn uploads_are_remembered_in_the_users_state_directory_and_forgotten_at_the_end() {
    let served = Served::new(&[]);
    let (source, _) = served.place.source("source", 10);
    for (variable, directory) in [("XDG_STATE_HOME", "state/bitsup"), ("HOME", "home/.local/state/bitsup")] {
        let base = served.place.path(directory.split('/').next().unwrap());
        let mut command = bitsup(&["upload", &source, &served.url_of(variable)]);
        command.env_remove("XDG_STATE_HOME").env(variable, base);
        Outcome::from(command.output().unwrap()).succeeded();
        let directory = served.place.path(directory);
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    }
}

/// A URL whose port refuses connections, for as long as the socket is held: it is bound and does not listen.
fn refusing() -> (OwnedFd, String) {
    let held = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&held, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = SocketAddrV4::try_from(getsockname(&held).unwrap()).unwrap();
    (held, format!("http://{address}/file"))
}
