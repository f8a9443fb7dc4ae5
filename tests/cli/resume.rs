//! Uploads that are interrupted: by the end of the client, by a signal, by a cancel.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::net;
use rustix::process::Signal;

use crate::program::{Running, Served, Workspace, run};

const SIZE: usize = 200_000;

/// Arguments that make an upload slow enough to be caught in the middle.
const SLOW: &[&str] = &["--json", "--fragment-size", "16k", "--limit-rate", "200k"];

/// More than one fragment: an upload that begins anew counts less with its first Ack.
const SOME: u64 = 40_000;

/// Starts an upload of `SIZE` bytes and returns when some of them are acknowledged: how many.
fn caught_in_the_middle(upload: &[&str]) -> (Running, u64) {
    let mut client = Running::start(&[upload, SLOW].concat());
    let event = client.wait_for(|event| event["sent"].as_u64().is_some_and(|sent| sent > SOME));
    (client, event["sent"].as_u64().unwrap())
}

/// The same upload again, at full speed: how many bytes its first Ack counted.
fn first_progress_of_the_next_run(upload: &[&str]) -> u64 {
    let outcome = run(&[upload, &["--json", "--fragment-size", "16k"]].concat());
    let events = outcome.succeeded().events();
    let first = events.iter().find(|event| event["event"] == "progress").unwrap();
    first["sent"].as_u64().unwrap()
}

fn assert_delivered(place: &Workspace, content: &[u8]) {
    assert!(fs::read(place.received("file")).unwrap() == content, "the file differs from its source");
    assert_eq!(place.sessions(), [""; 0]);
    assert_eq!(fs::read_dir(place.path("state")).unwrap().count(), 0);
}

// B-RESUME-01
#[test]
fn a_killed_client_resumes_where_it_was() {
    let served = Served::new(&[]);
    let (source, content) = served.place.source("source", SIZE);
    let (state, url) = (served.place.text("state"), served.url_of("file"));
    let upload = ["upload", &source, &url, "--state-dir", &state];
    let (mut client, sent) = caught_in_the_middle(&upload);
    client.child.kill().unwrap();
    client.child.wait().unwrap();
    assert_eq!(served.place.names(), [""; 0], "nothing partial is visible");

    assert!(first_progress_of_the_next_run(&upload) >= sent);
    assert_delivered(&served.place, &content);
}

#[test]
fn cli_22_runs_that_each_give_up_at_once_reach_the_fallback_time_together() {
    // Bound and never listened on: connections are refused, and nobody else gets the port.
    let node = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
    net::bind(&node, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = SocketAddr::try_from(net::getsockname(&node).unwrap()).unwrap().to_string();
    let served = Served::new(&["--host-id", &address, "--host-id-fallback-timeout", "1s"]);
    let (source, content) = served.place.source("source", SIZE);
    let (state, url) = (served.place.text("state"), served.url_of("file"));
    let upload = ["upload", &source, &url, "--state-dir", &state, "--no-progress-timeout", "0"];
    let begun = Instant::now();
    let mut failed = 0;
    while let outcome = run(&upload)
        && outcome.code != Some(0)
    {
        outcome.failed(3, &[&address]);
        assert!(begun.elapsed() < Duration::from_secs(20), "never: {outcome:?}");
        failed += 1;
    }
    assert!(failed > 1 && begun.elapsed() >= Duration::from_secs(1), "{failed} runs");
    assert_delivered(&served.place, &content);
}

#[test]
fn sigint_suspends_with_exit_code_130() {
    for signal in [Signal::INT, Signal::TERM] {
        let served = Served::new(&[]);
        let (source, content) = served.place.source("source", SIZE);
        let (state, url) = (served.place.text("state"), served.url_of("file"));
        let upload = ["upload", &source, &url, "--state-dir", &state];
        let (mut client, sent) = caught_in_the_middle(&upload);
        client.signal(signal);
        let outcome = client.finish();
        outcome.failed(130, &["run the same command again to resume"]);
        let events = outcome.events();
        assert!(
            events.iter().any(|event| event["event"] == "state" && event["to"] == "suspended"),
            "{events:?}"
        );

        assert!(first_progress_of_the_next_run(&upload) >= sent);
        assert_delivered(&served.place, &content);
    }
}

// B-RESUME-02
#[test]
fn a_killed_server_is_waited_for() {
    let served = Served::new(&[]);
    let (source, content) = served.place.source("source", SIZE);
    let (state, url) = (served.place.text("state"), served.url_of("file"));
    let upload = ["upload", &source, &url, "--state-dir", &state, "--retry-delay", "50ms"];
    let (mut client, _) = caught_in_the_middle(&upload);
    let listen = served.address().to_string();
    let place = served.kill();
    client.wait_for(|event| event["event"] == "retry");

    let served = Served::over(place, &listen, &[]);
    client.finish().succeeded();
    assert_delivered(&served.place, &content);
}

// B-CANCEL-02
#[test]
fn cancel_ends_the_session_on_both_sides() {
    let served = Served::new(&[]);
    let (source, _) = served.place.source("source", SIZE);
    let (state, url) = (served.place.text("state"), served.url_of("file"));
    let (mut client, _) = caught_in_the_middle(&["upload", &source, &url, "--state-dir", &state]);
    client.signal(Signal::INT);
    client.finish().failed(130, &[]);
    assert_eq!(served.place.sessions().len(), 1);

    let cancel = ["cancel", &source, &url, "--state-dir", &state];
    assert!(run(&cancel).succeeded().stdout.starts_with("cancelled session "));
    assert_eq!((served.place.sessions().len(), served.place.names().len()), (0, 0));
    run(&cancel).failed(1, &[&source, &url]);
}

#[test]
fn cancel_of_an_upload_that_never_was_says_so() {
    let served = Served::new(&[]);
    let (source, _) = served.place.source("source", 10);
    let state = served.place.text("state");
    run(&["cancel", &source, &served.url_of("file"), "--state-dir", &state])
        .failed(1, &["no unfinished upload"]);
    assert!(!served.place.path("state").exists());
}

#[test]
fn a_source_that_changed_between_two_runs_starts_over() {
    let served = Served::new(&[]);
    let (source, _) = served.place.source("source", SIZE);
    let (state, url) = (served.place.text("state"), served.url_of("file"));
    let upload = ["upload", &source, &url, "--state-dir", &state];
    let (mut client, _) = caught_in_the_middle(&upload);
    client.signal(Signal::INT);
    client.finish().failed(130, &[]);

    let (_, content) = served.place.source("source", SIZE + 1);
    let outcome = run(&upload);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stderr.contains("starting from the beginning"), "{outcome:?}");
    assert!(fs::read(served.place.received("file")).unwrap() == content, "the file differs from its source");
}

#[test]
fn a_source_that_is_truncated_during_the_upload_ends_it() {
    let served = Served::new(&[]);
    let (source, content) = served.place.source("source", SIZE);
    let (state, url) = (served.place.text("state"), served.url_of("file"));
    let (mut client, _) = caught_in_the_middle(&["upload", &source, &url, "--state-dir", &state]);
    fs::write(&source, &content[..SIZE / 2]).unwrap();
    client.finish().failed(1, &["0x8020001D BG_E_LOCAL_FILE_CHANGED", "what to do: "]);
    assert_eq!(served.place.names(), [""; 0]);
}

#[test]
fn two_runs_of_one_upload_do_not_mix() {
    let served = Served::new(&[]);
    let (source, content) = served.place.source("source", SIZE);
    let (state, url) = (served.place.text("state"), served.url_of("file"));
    let upload = ["upload", &source, &url, "--state-dir", &state];
    let (mut client, _) = caught_in_the_middle(&upload);
    run(&upload).failed(1, &["used by another job"]);
    client.finish().succeeded();
    assert_delivered(&served.place, &content);
}

#[test]
fn another_url_or_another_file_is_another_upload() {
    let served = Served::new(&[]);
    let (source, _) = served.place.source("source", SIZE);
    let (other, content) = served.place.source("other", 1000);
    let (state, url) = (served.place.text("state"), served.url_of("file"));
    let (mut client, _) = caught_in_the_middle(&["upload", &source, &url, "--state-dir", &state]);
    client.signal(Signal::INT);
    client.finish().failed(130, &[]);

    run(&["upload", &other, &served.url_of("other"), "--state-dir", &state]).succeeded();
    run(&["upload", &other, &url, "--state-dir", &state]).succeeded();
    assert_eq!(fs::read(served.place.received("file")).unwrap(), content);
    assert_eq!(served.place.sessions().len(), 1, "the first upload waits to be resumed");
}
