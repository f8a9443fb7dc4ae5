//! Exporting the state of a job as bytes and importing it into another job.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use bitsup::client::{Client, ClientConfig, Job, JobState, Source};
use bitsup::{Error, Status};
use test_support::scripted::{Received, serve};

fn job(url: &str, source: Source) -> Job {
    let config = ClientConfig::default().fragment_size(6_000);
    Client::new(config).unwrap().job(url, source).unwrap()
}

fn bytes(length: usize) -> Source {
    Source::from_bytes(vec![1; length])
}

/// The state of an upload of 15,000 bytes with 6,000 acknowledged, its URL, and its server.
fn exported() -> (Vec<u8>, String, std::thread::JoinHandle<Vec<Received>>) {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(6_000);
        peer.close();
        peer.finish_upload()
    });
    let url = format!("{url}/f");
    let mut job = job(&url, bytes(15_000));
    job.step().unwrap();
    job.step().unwrap();
    (job.control().export().unwrap(), url, server)
}

fn import_error(job: &mut Job, state: &[u8]) -> String {
    let error = job.import(state).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument, "{error}");
    assert_eq!(
        (job.control().session_id(), job.control().progress().sent),
        (None, 0),
        "a failed import changes nothing"
    );
    error.message().to_owned()
}

// B-STATE-01
#[test]
fn cli_27_an_imported_job_resumes_where_the_exported_one_stopped() {
    let (state, url, server) = exported();
    let mut job = job(&url, bytes(15_000));
    job.import(&state).unwrap();
    let control = job.control();
    assert_eq!((control.state(), control.progress().sent), (JobState::Ready, 6_000));
    assert_eq!(control.session_id().as_deref(), Some("{S}"));
    job.run().unwrap();
    let requests = server.join().unwrap();
    assert_eq!(requests[0].packet(), "Ping");
    assert_eq!(requests[1].get("Content-Range"), "bytes 6000-11999/15000");
}

// B-STATE-02
#[test]
fn a_state_that_does_not_match_is_rejected_with_the_reason() {
    let (state, url, _server) = exported();
    let text = String::from_utf8(state.clone()).unwrap();
    let newer = text.replacen(r#""version":1"#, r#""version":2"#, 1);
    let newer_inside = text.replace(r#"{"version":1,"url""#, r#"{"version":2,"url""#);
    assert!(newer_inside != text && newer_inside != newer);
    let cases: [(&str, Source, &[u8], &str); 9] = [
        ("http://127.0.0.1:1/g", bytes(15_000), &state, "another URL"),
        (&url, bytes(15_001), &state, "another source"),
        (&url, Source::from_bytes(vec![2; 15_000]), &state, "another source"),
        (&url, Source::from_reader(15_000, |_, _| Ok(0)), &state, "another source"),
        (&url, bytes(15_000), newer.as_bytes(), "version 2"),
        (&url, bytes(15_000), br#"{"version":9,"more":[]}"#, "version 9"),
        (&url, bytes(15_000), b"", "damaged"),
        (&url, bytes(15_000), b"\xff\x00garbage", "damaged"),
        (&url, bytes(15_000), &vec![b' '; 1024 * 1024 + 1], "longer"),
    ];
    for (url, source, state, expected) in cases {
        let message = import_error(&mut job(url, source), state);
        assert!(message.contains(expected), "{message}");
    }
    for length in 0..state.len() {
        let message = import_error(&mut job(&url, bytes(15_000)), &state[..length]);
        assert!(message.contains("damaged"), "{message}");
    }
    let cancelled = text.replace(r#""phase":"fragment""#, r#""phase":"cancel""#);
    let message = import_error(&mut job(&url, bytes(15_000)), cancelled.as_bytes());
    assert!(message.contains("cancelled"), "{message}");
}

/// A state with any one bit changed is rejected or accepted.
#[test]
fn flipped_bits_never_panic() {
    let (state, url, _server) = exported();
    for index in 0..state.len() {
        for bit in [1, 4, 0x80] {
            let mut damaged = state.clone();
            damaged[index] ^= bit;
            let _ = job(&url, bytes(15_000)).import(&damaged);
        }
    }
}

#[test]
fn a_job_accepts_only_one_state() {
    let (state, url, _server) = exported();
    let mut twice = job(&url, bytes(15_000));
    twice.import(&state).unwrap();
    assert_eq!(twice.import(&state).unwrap_err().status(), Status::InvalidState);
    let mut cancelled = job(&url, bytes(15_000));
    cancelled.cancel().unwrap();
    assert_eq!(cancelled.import(&state).unwrap_err().status(), Status::InvalidState);
}

#[test]
fn a_state_without_a_session_starts_from_the_beginning() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let url = format!("{url}/f");
    let state = job(&url, bytes(15_000)).control().export().unwrap();
    let mut job = job(&url, bytes(15_000));
    job.import(&state).unwrap();
    job.run().unwrap();
    assert_eq!(server.join().unwrap()[0].packet(), "Create-Session");
}

#[test]
fn an_imported_state_is_written_to_the_state_file_immediately() {
    let (state, url, _server) = exported();
    let directory = tempfile::tempdir().unwrap();
    for import_first in [true, false] {
        let path = directory.path().join(format!("{import_first}"));
        let mut job = job(&url, bytes(15_000));
        match import_first {
            true => {
                job.import(&state).unwrap();
                job.set_state_path(&path).unwrap();
            }
            false => {
                job.set_state_path(&path).unwrap();
                job.import(&state).unwrap();
            }
        }
        assert!(fs::read_to_string(&path).unwrap().contains("{S}"));
        drop(job);
        assert!(path.exists(), "the upload is unfinished");
    }
}

/// At any moment of a run, the exported state is one that another job can resume from.
#[test]
fn a_running_job_can_be_exported_from_another_thread() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let url = format!("{url}/f");
    let mut running = job(&url, bytes(600_000));
    let (control, finished) = (running.control(), AtomicBool::new(false));
    let sent = std::thread::scope(|scope| {
        scope.spawn(|| {
            running.run().unwrap();
            finished.store(true, Ordering::Release);
        });
        let mut sent = vec![0];
        while !finished.load(Ordering::Acquire) {
            let Ok(state) = control.export() else { continue };
            let mut other = job(&url, bytes(600_000));
            other.import(&state).unwrap();
            sent.push(other.control().progress().sent);
        }
        sent
    });
    server.join().unwrap();
    assert!(sent.is_sorted() && sent.len() > 1, "{sent:?}");
    let error: Error = control.export().unwrap_err();
    assert_eq!(error.status(), Status::InvalidState);
}

#[test]
fn a_transferred_upload_can_be_imported_and_closed() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let url = format!("{url}/f");
    let mut first = job(&url, bytes(5));
    while first.step().unwrap() != JobState::Transferred {}
    let state = first.control().export().unwrap();
    drop(first);
    let mut second = job(&url, bytes(5));
    second.import(&state).unwrap();
    assert_eq!(second.step().unwrap(), JobState::Transferred);
    second.close().unwrap();
    let packets = server.join().unwrap();
    let packets: Vec<_> = packets.iter().map(|request| request.packet()).collect();
    assert_eq!(packets, ["Create-Session", "Fragment", "Ping", "Close-Session"]);
}
