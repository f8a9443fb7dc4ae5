//! Uploads that are interrupted by a kill, a signal or a cancel.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use rustix::net;
use rustix::process::Signal;

use crate::program::{Process, TestServer, Workspace, run};

const SIZE: usize = 200_000;

/// Options that make an upload slow enough to be interrupted.
const SLOW: &[&str] = &["--json", "--fragment-size", "16k", "--limit-rate", "200k"];

/// More than the first Ack of an upload that restarts, which counts one fragment.
const PARTIAL: u64 = 40_000;

/// Starts an upload of `SIZE` bytes. Returns once more than `PARTIAL` of them are acknowledged, and how many.
fn start_partial_upload(upload: &[&str]) -> (Process, u64) {
    let mut client = Process::start(&[upload, SLOW].concat());
    let event = client.wait_for(|event| event["sent"].as_u64().is_some_and(|sent| sent > PARTIAL));
    (client, event["sent"].as_u64().unwrap())
}

/// Runs the same upload at full speed. Returns the number of bytes at its first Ack.
fn first_progress_of_the_next_run(upload: &[&str]) -> u64 {
    let outcome = run(&[upload, &["--json", "--fragment-size", "16k"]].concat());
    let events = outcome.assert_success().events();
    let first = events.iter().find(|event| event["event"] == "progress").unwrap();
    first["sent"].as_u64().unwrap()
}

fn assert_delivered(workspace: &Workspace, content: &[u8]) {
    assert!(fs::read(workspace.received("file")).unwrap() == content, "the file differs from its source");
    assert_eq!(workspace.sessions(), [""; 0]);
    assert_eq!(fs::read_dir(workspace.path("state")).unwrap().count(), 0);
}

// B-RESUME-01
#[test]
fn a_killed_client_resumes_where_it_stopped() {
    let server = TestServer::new(&[]);
    let (source, content) = server.workspace.source("source", SIZE);
    let (state, url) = (server.workspace.path_str("state"), server.url_of("file"));
    let upload = ["upload", &source, &url, "--state-dir", &state];
    let (mut client, sent) = start_partial_upload(&upload);
    client.child.kill().unwrap();
    client.child.wait().unwrap();
    assert_eq!(server.workspace.names(), [""; 0], "nothing partial is visible");

    assert!(first_progress_of_the_next_run(&upload) >= sent);
    assert_delivered(&server.workspace, &content);
}

#[test]
fn state_files_that_nobody_used_for_long_are_removed() {
    let server = TestServer::new(&[]);
    let (source, _) = server.workspace.source("source", 10);
    let state = server.workspace.path("state");
    fs::create_dir(&state).unwrap();
    let day = Duration::from_secs(24 * 3600);
    let file = |name: &str, age: Duration| {
        let file = fs::File::create(state.join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
        file
    };
    let (old, recent, used) = (
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
        "6ba7b812-9dad-11d1-80b4-00c04fd430c8",
    );
    file(old, 91 * day);
    file(recent, 89 * day);
    file("notes", 91 * day);
    let used_file = file(used, 91 * day);
    used_file.lock().unwrap();
    let url = server.url_of("file");
    run(&["upload", &source, &url, "--state-dir", state.to_str().unwrap()]).assert_success();
    let mut left: Vec<_> = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [recent, used, "notes"]);
}

#[test]
fn cli_22_the_fallback_timeout_spans_several_runs() {
    // A bound socket that never listens: connections are refused, and no other process gets the port.
    let node = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
    net::bind(&node, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = SocketAddr::try_from(net::getsockname(&node).unwrap()).unwrap().to_string();
    let server = TestServer::new(&["--host-id", &address, "--host-id-fallback-timeout", "1s"]);
    let (source, content) = server.workspace.source("source", SIZE);
    let (state, url) = (server.workspace.path_str("state"), server.url_of("file"));
    let upload = ["upload", &source, &url, "--state-dir", &state, "--no-progress-timeout", "0"];
    let start = Instant::now();
    let mut failed = 0;
    while let outcome = run(&upload)
        && outcome.code != Some(0)
    {
        outcome.assert_failure(3, &[&address]);
        assert!(start.elapsed() < Duration::from_secs(20), "no fallback within 20 s: {outcome:?}");
        failed += 1;
    }
    assert!(failed > 1 && start.elapsed() >= Duration::from_secs(1), "{failed} runs");
    assert_delivered(&server.workspace, &content);
}

#[test]
fn sigint_and_sigterm_suspend_with_exit_code_130() {
    for signal in [Signal::INT, Signal::TERM] {
        let server = TestServer::new(&[]);
        let (source, content) = server.workspace.source("source", SIZE);
        let (state, url) = (server.workspace.path_str("state"), server.url_of("file"));
        let upload = ["upload", &source, &url, "--state-dir", &state];
        let (mut client, sent) = start_partial_upload(&upload);
        client.signal(signal);
        let outcome = client.finish();
        outcome.assert_failure(130, &["run the same command again to resume"]);
        let events = outcome.events();
        assert!(
            events.iter().any(|event| event["event"] == "state" && event["to"] == "suspended"),
            "{events:?}"
        );

        assert!(first_progress_of_the_next_run(&upload) >= sent);
        assert_delivered(&server.workspace, &content);
    }
}

// B-RESUME-02
#[test]
fn the_client_waits_for_a_killed_server_to_return() {
    let server = TestServer::new(&[]);
    let (source, content) = server.workspace.source("source", SIZE);
    let (state, url) = (server.workspace.path_str("state"), server.url_of("file"));
    let upload = ["upload", &source, &url, "--state-dir", &state, "--retry-delay", "50ms"];
    let (mut client, _) = start_partial_upload(&upload);
    let listen = server.address().to_string();
    let workspace = server.kill();
    client.wait_for(|event| event["event"] == "retry");

    let server = TestServer::start_in(workspace, &listen, &[]);
    client.finish().assert_success();
    assert_delivered(&server.workspace, &content);
}

// B-CANCEL-02
#[test]
fn cancel_ends_the_session_on_both_sides() {
    let server = TestServer::new(&[]);
    let (source, _) = server.workspace.source("source", SIZE);
    let (state, url) = (server.workspace.path_str("state"), server.url_of("file"));
    let (mut client, _) = start_partial_upload(&["upload", &source, &url, "--state-dir", &state]);
    client.signal(Signal::INT);
    client.finish().assert_failure(130, &[]);
    assert_eq!(server.workspace.sessions().len(), 1);

    let cancel = ["cancel", &source, &url, "--state-dir", &state];
    assert!(run(&cancel).assert_success().stdout.starts_with("cancelled session "));
    assert_eq!((server.workspace.sessions().len(), server.workspace.names().len()), (0, 0));
    run(&cancel).assert_failure(1, &[&source, &url]);
}

#[test]
fn cancelling_an_unknown_upload_fails() {
    let server = TestServer::new(&[]);
    let (source, _) = server.workspace.source("source", 10);
    let state = server.workspace.path_str("state");
    run(&["cancel", &source, &server.url_of("file"), "--state-dir", &state])
        .assert_failure(1, &["no unfinished upload"]);
    assert!(!server.workspace.path("state").exists());
}

#[test]
fn an_upload_restarts_if_its_source_changed_between_runs() {
    let server = TestServer::new(&[]);
    let (source, _) = server.workspace.source("source", SIZE);
    let (state, url) = (server.workspace.path_str("state"), server.url_of("file"));
    let upload = ["upload", &source, &url, "--state-dir", &state];
    let (mut client, _) = start_partial_upload(&upload);
    client.signal(Signal::INT);
    client.finish().assert_failure(130, &[]);

    let (_, content) = server.workspace.source("source", SIZE + 1);
    let outcome = run(&upload);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stderr.contains("starting from the beginning"), "{outcome:?}");
    assert!(
        fs::read(server.workspace.received("file")).unwrap() == content,
        "the file differs from its source"
    );
}

#[test]
fn truncating_the_source_during_an_upload_ends_it() {
    let server = TestServer::new(&[]);
    let (source, content) = server.workspace.source("source", SIZE);
    let (state, url) = (server.workspace.path_str("state"), server.url_of("file"));
    let (mut client, _) = start_partial_upload(&["upload", &source, &url, "--state-dir", &state]);
    fs::write(&source, &content[..SIZE / 2]).unwrap();
    client.finish().assert_failure(1, &["0x8020001D BG_E_LOCAL_FILE_CHANGED", "what to do: "]);
    assert_eq!(server.workspace.names(), [""; 0]);
}

#[test]
fn one_upload_cannot_run_twice_at_once() {
    let server = TestServer::new(&[]);
    let (source, content) = server.workspace.source("source", SIZE);
    let (state, url) = (server.workspace.path_str("state"), server.url_of("file"));
    let upload = ["upload", &source, &url, "--state-dir", &state];
    let (mut client, _) = start_partial_upload(&upload);
    run(&upload).assert_failure(1, &["used by another job"]);
    client.finish().assert_success();
    assert_delivered(&server.workspace, &content);
}

#[test]
fn a_different_url_or_file_is_a_different_upload() {
    let server = TestServer::new(&[]);
    let (source, _) = server.workspace.source("source", SIZE);
    let (other, content) = server.workspace.source("other", 1000);
    let (state, url) = (server.workspace.path_str("state"), server.url_of("file"));
    let (mut client, _) = start_partial_upload(&["upload", &source, &url, "--state-dir", &state]);
    client.signal(Signal::INT);
    client.finish().assert_failure(130, &[]);

    run(&["upload", &other, &server.url_of("other"), "--state-dir", &state]).assert_success();
    run(&["upload", &other, &url, "--state-dir", &state]).assert_success();
    assert_eq!(fs::read(server.workspace.received("file")).unwrap(), content);
    assert_eq!(server.workspace.sessions().len(), 1, "the first upload can still be resumed");
}
