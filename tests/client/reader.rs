//! A source that is a function: asked for any offset, as often as need be.

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
    for (place, at) in buffer.iter_mut().zip(offset..) {
        *place = byte(at);
    }
    buffer.len()
}

fn job(url: &str, read: impl Fn(u64, &mut [u8]) -> Result<usize, Error> + Send + Sync + 'static) -> Job {
    let config = ClientConfig::default().fragment_size(6_000).no_progress_timeout(Duration::from_secs(5));
    Client::new(config).unwrap().job(&format!("{url}/f"), Source::from_reader(TOTAL, read)).unwrap()
}

#[test]
fn short_reads_make_a_whole_file() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let mut job = job(&url, |offset, buffer| {
        let some = (offset as usize % 7 + 1).min(buffer.len());
        Ok(fill(offset, &mut buffer[..some]))
    });
    assert_eq!(job.control().progress().total, TOTAL);
    job.run().unwrap();
    let requests = server.join().unwrap();
    assert!(requests.iter().all(|request| request.get("Content-Name").is_empty()), "it has no name");
    let sent: Vec<u8> = requests.into_iter().flat_map(|request| request.body).collect();
    assert!(sent == (0..TOTAL).map(byte).collect::<Vec<_>>());
}

#[test]
fn what_the_server_lost_is_read_again() {
    let asked = Arc::new(Mutex::new(Vec::new()));
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
        let asked = asked.clone();
        move |offset, buffer| {
            asked.lock().unwrap().push(offset);
            Ok(fill(offset, buffer))
        }
    });
    job.run().unwrap();
    let requests = server.join().unwrap();
    assert_eq!(requests[0].body, (2_000..8_000).map(byte).collect::<Vec<_>>());
    let asked = asked.lock().unwrap();
    assert!(asked.contains(&2_000) && !asked.is_sorted(), "{asked:?}");
}

// B-SOURCE-02
#[test]
fn a_reader_that_stops_ends_the_run_and_the_session_stays() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(6_000);
        peer.wait_for_hang_up();
        peer.finish_upload()
    });
    let stop = Arc::new(Mutex::new(true));
    let mut job = job(&url, {
        let stop = stop.clone();
        move |offset, buffer| match offset >= 9_000 && *stop.lock().unwrap() {
            true => Err(Error::new(Status::Callback, "enough")),
            false => {
                let some = buffer.len().min(1_000);
                Ok(fill(offset, &mut buffer[..some]))
            }
        }
    });
    let error = job.run().unwrap_err();
    assert_eq!((error.status(), error.message()), (Status::Callback, "enough"));
    assert_eq!(job.control().state(), JobState::Failed);
    assert!(job.control().session_id().is_some());
    *stop.lock().unwrap() = false;
    job.run().unwrap();
    assert_eq!(server.join().unwrap()[0].packet(), "Ping", "no Cancel-Session was sent");
}

#[test]
fn a_reader_that_says_it_read_more_than_it_can_is_found_out() {
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
fn a_reader_that_ends_too_soon_is_a_source_that_changed() {
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
        let some = buffer.len().min(usize::try_from(7_000 - offset).unwrap());
        Ok(fill(offset, &mut buffer[..some]))
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
