//! A job that is carried elsewhere: its state as bytes.

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

/// The state of an upload of 15,000 bytes of which 6,000 are acknowledged, and the server that knows it.
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

fn refusal(job: &mut Job, state: &[u8]) -> String {
    let error = job.import(state).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument, "{error}");
    assert_eq!((job.control().session_id(), job.control().progress().sent), (None, 0), "nothing has changed");
    error.message().to_owned()
}

// B-STATE-01
#[test]
fn cli_27_an_imported_job_goes_on_where_the_exported_one_was() {
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
fn a_state_of_something_else_is_refused_and_says_so() {
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
        let said = refusal(&mut job(url, source), state);
        assert!(said.contains(expected), "{said}");
    }
    for length in 0..state.len() {
        let said = refusal(&mut job(&url, bytes(15_000)), &state[..length]);
        assert!(said.contains("damaged"), "{said}");
    }
    let cancelled = text.replace(r#""phase":"fragment""#, r#""phase":"cancel""#);
    let said = refusal(&mut job(&url, bytes(15_000)), cancelled.as_bytes());
    assert!(said.contains("cancelled"), "{said}");
}

/// What is left of a state after any one byte was changed is refused or lived with.
#[test]
fn a_flipped_bit_is_no_panic() {
    let (state, url, _server) = exported();
    for at in 0..state.len() {
        for bit in [1, 4, 0x80] {
            let mut damaged = state.clone();
            damaged[at] ^= bit;
            let _ = job(&url, bytes(15_000)).import(&damaged);
        }
    }
}

#[test]
fn a_job_has_one_state() {
    let (state, url, _server) = exported();
    let mut twice = job(&url, bytes(15_000));
    twice.import(&state).unwrap();
    assert_eq!(twice.import(&state).unwrap_err().status(), Status::InvalidState);
    let mut cancelled = job(&url, bytes(15_000));
    cancelled.cancel().unwrap();
    assert_eq!(cancelled.import(&state).unwrap_err().status(), Status::InvalidState);
}

#[test]
fn a_state_without_a_session_begins_anew() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let url = format!("{url}/f");
    let state = job(&url, bytes(15_000)).control().export().unwrap();
    let mut job = job(&url, bytes(15_000));
    job.import(&state).unwrap();
    job.run().unwrap();
    assert_eq!(server.join().unwrap()[0].packet(), "Create-Session");
}

#[test]
fn an_imported_state_is_kept_in_the_state_file_at_once() {
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
        assert!(path.exists(), "the upload is not over");
    }
}

/// Exported at every moment of its run, the state is always one that another job can continue from.
#[test]
fn a_running_job_is_exported_from_another_thread() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let url = format!("{url}/f");
    let mut running = job(&url, bytes(600_000));
    let (control, over) = (running.control(), AtomicBool::new(false));
    let sent = std::thread::scope(|scope| {
        scope.spawn(|| {
            running.run().unwrap();
            over.store(true, Ordering::Release);
        });
        let mut sent = vec![0];
        while !over.load(Ordering::Acquire) {
            let Ok(state) = control.export() else { continue };
            let mut other = job(&url, bytes(600_000));
            other.import(&state).unwrap();
            sent.push(other.control().progress().sent);
        }
        sent
    });
    server.join().unwrap();
    assert!(sent.is_sorted() && sent.len() > 1, "{sent:?}");
    let over: Error = control.export().unwrap_err();
    assert_eq!(over.status(), Status::InvalidState);
}

#[test]
fn an_upload_of_which_only_the_close_is_owed_is_closed_elsewhere() {
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
