//! `bitsup serve` and `bitsup ping`.

use std::fs;
use std::net::TcpListener;

use rustix::process::Signal;

use crate::program::{Running, Served, Workspace, run};

#[test]
fn the_first_line_names_the_url_with_the_port_in_use() {
    let served = Served::new(&[]);
    let port = served.url.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.strip_suffix('/')).unwrap();
    assert_ne!(port.parse::<u16>().unwrap(), 0);
}

#[test]
fn ping_finds_a_server() {
    let served = Served::new(&[]);
    assert_eq!(run(&["ping", &served.url]).succeeded().stdout, format!("{} responds\n", served.url));
}

#[test]
fn ping_says_when_nobody_answers() {
    let place = Served::new(&[]);
    let url = place.url.clone();
    drop(place);
    run(&["ping", &url]).failed(3, &["bitsup: ", "0x", "what to do: "]);
}

#[test]
fn sigterm_and_sigint_stop_it_with_exit_code_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut served = Served::new(&[]);
        served.process.signal(signal);
        served.process.finish().succeeded();
    }
}

/// The name of a line's event.
fn event(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    line["event"].as_str().unwrap().to_owned()
}

#[test]
fn sighup_opens_the_access_log_anew() {
    let logs = Workspace::new();
    let (log, old) = (logs.path("log"), logs.path("old"));
    let mut served = Served::new(&["--access-log", &logs.text("log"), "--log-format", "json"]);
    run(&["ping", &served.url]).succeeded();
    fs::rename(&log, &old).unwrap();
    served.process.signal(Signal::HUP);
    let began = std::time::Instant::now();
    while !log.exists() {
        assert!(began.elapsed().as_secs() < 20, "SIGHUP opened no file");
    }
    run(&["ping", &served.url]).succeeded();
    served.process.signal(Signal::TERM);
    served.process.finish().succeeded();
    let events = |path| fs::read_to_string(path).unwrap().lines().map(event).collect::<Vec<_>>();
    assert_eq!(events(&old), ["server-started", "request"]);
    assert_eq!(events(&log), ["request", "server-stopping", "server-stopped"]);
}

#[test]
fn on_standard_output_the_access_log_comes_after_the_first_line() {
    let mut served = Served::new(&["--access-log", "-", "--log-format", "json"]);
    run(&["ping", &served.url]).succeeded();
    served.process.signal(Signal::TERM);
    let outcome = served.process.finish();
    outcome.succeeded();
    let events: Vec<_> = outcome.stdout.lines().map(event).collect();
    assert_eq!(events, ["server-started", "request", "server-stopping", "server-stopped"]);
}

#[test]
fn an_access_log_that_cannot_be_opened_is_one_clear_line() {
    let place = Workspace::new();
    let (root, log) = (place.text("."), place.text("nowhere/log"));
    run(&["serve", "--root", &root, "--listen", "127.0.0.1:0", "--access-log", &log])
        .failed(1, &["bitsup: cannot open the access log ", "nowhere/log"]);
}

#[test]
fn a_session_survives_a_stop() {
    let mut served = Served::new(&[]);
    let (source, content) = served.place.source("source", 200_000);
    let (state, url) = (served.place.text("state"), served.url_of("file"));
    let upload = ["upload", &source, &url, "--state-dir", &state, "--fragment-size", "16k"];
    let mut client = Running::start(&[&upload[..], &["--json", "--limit-rate", "200k"]].concat());
    client.wait_for(|event| event["event"] == "progress");
    served.process.signal(Signal::TERM);
    served.process.finish().succeeded();

    let listen = served.address().to_string();
    let served = Served::over(served.place, &listen, &[]);
    client.finish().succeeded();
    assert_eq!(fs::read(served.place.received("file")).unwrap(), content);
}

#[test]
fn a_missing_root_is_one_clear_line() {
    let place = Workspace::new();
    let root = place.text("nowhere");
    let outcome = run(&["serve", "--root", &root, "--listen", "127.0.0.1:0"]);
    outcome.failed(1, &["bitsup: ", &root]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.lines().count()), ("", 1));
}

#[test]
fn a_root_that_is_a_file_is_one_clear_line() {
    let place = Workspace::new();
    let (root, _) = place.source("file", 1);
    let outcome = run(&["serve", "--root", &root, "--listen", "127.0.0.1:0"]);
    outcome.failed(2, &["bitsup: ", &root]);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

/// Nobody may make directories under /proc, root included.
#[cfg(target_os = "linux")]
#[test]
fn a_root_that_cannot_be_written_is_one_clear_line() {
    let outcome = run(&["serve", "--root", "/proc", "--listen", "127.0.0.1:0"]);
    outcome.failed(1, &["bitsup: ", "/proc"]);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn a_port_that_is_taken_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let outcome = run(&["serve", "--root", &Workspace::new().text("root"), "--listen", &listen]);
    outcome.failed(1, &["bitsup: ", &listen]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.lines().count()), ("", 1));
}

#[test]
fn a_root_in_use_is_one_clear_line() {
    let served = Served::new(&[]);
    let root = served.place.text("root");
    let outcome = run(&["serve", "--root", &root, "--listen", "127.0.0.1:0"]);
    outcome.failed(1, &["bitsup: ", &root]);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn the_url_prefix_stands_for_the_root() {
    let served = Served::new(&["--url-prefix", "/up"]);
    let (source, content) = served.place.source("source", 1000);
    let state = served.place.text("state");
    run(&["upload", &source, &served.url_of("up/file"), "--state-dir", &state]).succeeded();
    assert_eq!(fs::read(served.place.received("file")).unwrap(), content);
    run(&["upload", &source, &served.url_of("other/file"), "--state-dir", &state])
        .failed(1, &["HTTP status: 404"]);
}
