//! Sources that are a read function, which is called with any offset, possibly several times.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitsup::client::{Client, ClientConfig, Job, JobState, Source};
use bitsup::{Error, Status};
use test_support::scripted::serve;

const TOTAL: u64 = 15_000;

fn byte(offset: u64) -> u8 {
    (offset ^ (offset >> 7)) as u8
}

fn fill(offset: u64, buffer: &mut [u8]) -> usize {
    for (slot, position) in buffer.iter_mut().zip(offset..) {
        *slot = byte(position);
    }
    buffer.len()
}

fn job(url: &str, read: impl Fn(u64, &mut [u8]) -> Result<usize, Error> + Send + Sync + 'static) -> Job {
    let config = ClientConfig::default().fragment_size(6_000).no_progress_timeout(Duration::from_secs(5));
    Client::new(config).unwrap().job(&format!("{url}/f"), Source::from_reader(TOTAL, read)).unwrap()
}

#[test]
fn short_reads_add_up_to_the_whole_file() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let mut job = job(&url, |offset, buffer| {
        let length = (offset as usize % 7 + 1).min(buffer.len());
        Ok(fill(offset, &mut buffer[..length]))
    });
    assert_eq!(job.control().progress().total, TOTAL);
    job.run().unwrap();
    let requests = server.join().unwrap();
    assert!(requests.iter().all(|request| request.get("Content-Name").is_empty()), "a reader has no name");
    let sent: Vec<u8> = requests.into_iter().flat_map(|request| request.body).collect();
    assert!(sent == (0..TOTAL).map(byte).collect::<Vec<_>>());
}

#[test]
fn bytes_that_the_server_lost_are_read_again() {
    let offsets = Arc::new(Mutex::new(Vec::new()));
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(6_000);
        peer.request();
        peer.ack("416 Range Not Satisfiable", &[("BITS-Received-Content-Range", "2000")]);
        peer.finish_upload()
    });
    let mut job = job(&url, {
        let offsets = offsets.clone();
        move |offset, buffer| {
            offsets.lock().unwrap().push(offset);
            Ok(fill(offset, buffer))
        }
    });
    job.run().unwrap();
    let requests = server.join().unwrap();
    assert_eq!(requests[0].body, (2_000..8_000).map(byte).collect::<Vec<_>>());
    let offsets = offsets.lock().unwrap();
    assert!(offsets.contains(&2_000) && !offsets.is_sorted(), "{offsets:?}");
}

// B-SOURCE-02
#[test]
fn a_reader_error_ends_the_run_and_keeps_the_session() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(6_000);
        peer.wait_for_hang_up();
        peer.finish_upload()
    });
    let fails = Arc::new(Mutex::new(true));
    let mut job = job(&url, {
        let fails = fails.clone();
        move |offset, buffer| {
            if offset >= 9_000 && *fails.lock().unwrap() {
                return Err(Error::new(Status::Callback, "read failed"));
            }
            let length = buffer.len().min(1_000);
            Ok(fill(offset, &mut buffer[..length]))
        }
    });
    let error = job.run().unwrap_err();
    assert_eq!((error.status(), error.message()), (Status::Callback, "read failed"));
    assert_eq!(job.control().state(), JobState::Failed);
    assert!(job.control().session_id().is_some());
    *fails.lock().unwrap() = false;
    job.run().unwrap();
    assert_eq!(server.join().unwrap()[0].packet(), "Ping", "no Cancel-Session was sent");
}

#[test]
fn a_reader_that_returns_more_than_the_buffer_holds_is_an_error() {
    for extra in [1, usize::MAX >> 1] {
        let (url, server) = serve(|peer| {
            peer.request();
            peer.ack_create("{S}");
            peer.head();
            peer.wait_for_hang_up();
        });
        let mut job = job(&url, move |_, buffer| Ok(buffer.len() + extra));
        let error = job.run().unwrap_err();
        assert_eq!(error.status(), Status::Callback, "{error}");
        assert!(error.message().contains("for a buffer of"), "{error}");
        server.join().unwrap();
    }
}

// B-SOURCE-03
#[test]
fn an_early_end_of_a_reader_is_a_changed_source() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(6_000);
        peer.head();
        peer.wait_for_hang_up();
        let last = peer.request().packet().to_owned();
        peer.ack("200 OK", &[]);
        last
    });
    let mut job = job(&url, |offset, buffer| {
        let length = buffer.len().min(usize::try_from(7_000 - offset).unwrap());
        Ok(fill(offset, &mut buffer[..length]))
    });
    let error = job.run().unwrap_err();
    assert_eq!(error.status(), Status::SourceChanged, "{error}");
    assert_eq!(server.join().unwrap(), "Cancel-Session");
}

#[test]
fn an_empty_source_is_not_read() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let source = Source::from_reader(0, |_, _| panic!("there is nothing to read"));
    let mut job = Client::new(ClientConfig::default()).unwrap().job(&format!("{url}/f"), source).unwrap();
    job.run().unwrap();
    assert_eq!(server.join().unwrap()[1].get("Content-Length"), "0");
}
