//! `bitsup serve` and `bitsup ping`.

use std::fs;
use std::net::TcpListener;

use rustix::process::Signal;

use crate::program::{Process, TestServer, Workspace, run};

#[test]
fn the_first_line_is_the_url_with_the_actual_port() {
    let server = TestServer::new(&[]);
    let port = server.url.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.strip_suffix('/')).unwrap();
    assert_ne!(port.parse::<u16>().unwrap(), 0);
}

#[test]
fn ping_succeeds_if_a_server_responds() {
    let server = TestServer::new(&[]);
    assert_eq!(run(&["ping", &server.url]).assert_success().stdout, format!("{} responds\n", server.url));
}

#[test]
fn ping_reports_an_unreachable_server() {
    let server = TestServer::new(&[]);
    let url = server.url.clone();
    drop(server);
    run(&["ping", &url]).assert_failure(3, &["bitsup: ", "0x", "what to do: "]);
}

#[test]
fn sigterm_and_sigint_stop_the_server_with_exit_code_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = TestServer::new(&[]);
        server.process.signal(signal);
        server.process.finish().assert_success();
    }
}

/// The event name of a log line.
fn event(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    line["event"].as_str().unwrap().to_owned()
}

#[test]
fn sighup_reopens_the_access_log() {
    let logs = Workspace::new();
    let (log, old) = (logs.path("log"), logs.path("old"));
    let mut server = TestServer::new(&["--access-log", &logs.path_str("log"), "--log-format", "json"]);
    run(&["ping", &server.url]).assert_success();
    fs::rename(&log, &old).unwrap();
    server.process.signal(Signal::HUP);
    let start = std::time::Instant::now();
    while !log.exists() {
        assert!(start.elapsed().as_secs() < 20, "the log was not reopened");
    }
    run(&["ping", &server.url]).assert_success();
    server.process.signal(Signal::TERM);
    server.process.finish().assert_success();
    let events = |path| fs::read_to_string(path).unwrap().lines().map(event).collect::<Vec<_>>();
    assert_eq!(events(&old), ["server-started", "request"]);
    assert_eq!(events(&log), ["request", "server-stopping", "server-stopped"]);
}

#[test]
fn on_standard_output_the_access_log_comes_after_the_first_line() {
    let mut server = TestServer::new(&["--access-log", "-", "--log-format", "json"]);
    run(&["ping", &server.url]).assert_success();
    server.process.signal(Signal::TERM);
    let outcome = server.process.finish();
    outcome.assert_success();
    let events: Vec<_> = outcome.stdout.lines().map(event).collect();
    assert_eq!(events, ["server-started", "request", "server-stopping", "server-stopped"]);
}

#[test]
fn an_access_log_that_cannot_be_opened_is_reported_in_one_line() {
    let workspace = Workspace::new();
    let (root, log) = (workspace.path_str("."), workspace.path_str("nowhere/log"));
    run(&["serve", "--root", &root, "--listen", "127.0.0.1:0", "--access-log", &log])
        .assert_failure(1, &["bitsup: cannot open the access log ", "nowhere/log"]);
}

#[test]
fn a_session_survives_a_restart() {
    let mut server = TestServer::new(&[]);
    let (source, content) = server.workspace.source("source", 200_000);
    let (state, url) = (server.workspace.path_str("state"), server.url_of("file"));
    let upload = ["upload", &source, &url, "--state-dir", &state, "--fragment-size", "16k"];
    let mut client = Process::start(&[&upload[..], &["--json", "--limit-rate", "200k"]].concat());
    client.wait_for(|event| event["event"] == "progress");
    server.process.signal(Signal::TERM);
    server.process.finish().assert_success();

    let listen = server.address().to_string();
    let server = TestServer::start_in(server.workspace, &listen, &[]);
    client.finish().assert_success();
    assert_eq!(fs::read(server.workspace.received("file")).unwrap(), content);
}

#[test]
fn a_missing_root_is_reported_in_one_line() {
    let workspace = Workspace::new();
    let root = workspace.path_str("nowhere");
    let outcome = run(&["serve", "--root", &root, "--listen", "127.0.0.1:0"]);
    outcome.assert_failure(1, &["bitsup: ", &root]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.lines().count()), ("", 1));
}

#[test]
fn a_root_that_is_a_file_is_reported_in_one_line() {
    let workspace = Workspace::new();
    let (root, _) = workspace.source("file", 1);
    let outcome = run(&["serve", "--root", &root, "--listen", "127.0.0.1:0"]);
    outcome.assert_failure(2, &["bitsup: ", &root]);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

/// Not even root can create directories under /proc.
#[cfg(target_os = "linux")]
#[test]
fn a_root_that_cannot_be_written_is_reported_in_one_line() {
    let outcome = run(&["serve", "--root", "/proc", "--listen", "127.0.0.1:0"]);
    outcome.assert_failure(1, &["bitsup: ", "/proc"]);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn a_port_in_use_is_reported_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let outcome = run(&["serve", "--root", &Workspace::new().path_str("root"), "--listen", &listen]);
    outcome.assert_failure(1, &["bitsup: ", &listen]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.lines().count()), ("", 1));
}

#[test]
fn a_root_in_use_is_reported_in_one_line() {
    let server = TestServer::new(&[]);
    let root = server.workspace.path_str("root");
    let outcome = run(&["serve", "--root", &root, "--listen", "127.0.0.1:0"]);
    outcome.assert_failure(1, &["bitsup: ", &root]);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn the_url_prefix_maps_to_the_root() {
    let server = TestServer::new(&["--url-prefix", "/up"]);
    let (source, content) = server.workspace.source("source", 1000);
    let state = server.workspace.path_str("state");
    run(&["upload", &source, &server.url_of("up/file"), "--state-dir", &state]).assert_success();
    assert_eq!(fs::read(server.workspace.received("file")).unwrap(), content);
    run(&["upload", &source, &server.url_of("other/file"), "--state-dir", &state])
        .assert_failure(1, &["HTTP status: 404"]);
}
