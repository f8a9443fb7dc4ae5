//! How often a server application is notified of one upload.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use bitsup::proto::names;
use bitsup::server::NotifyKind;
use rustix::net;
use test_support::application::{Application, Response};

use crate::engine_fixture::{Upload, engine};
use crate::notify_fixture::{TIMEOUT, config};

const FILE: &[u8] = b"the file";

/// An application that sends each of these statuses once, and then accepts.
fn application(statuses: &'static [&'static str]) -> Application {
    Application::start(|request| match statuses.get(request.number - 1) {
        Some(status) => Response::new(status, "", b""),
        None => Response::new("200 OK", "", b"the reply"),
    })
}

/// NTF-10, NTF-11: with the same key each time, so that the application recognizes the upload.
#[test]
fn a_rejected_upload_is_notified_again_with_the_last_fragment() {
    let root = tempfile::tempdir().unwrap();
    let application = application(&["500 Oops", "409 Conflict", "404 Not Found"]);
    let engine = engine(root.path(), config(NotifyKind::ByValue, application.url("/")));
    let upload = Upload::create(&engine, "/f");
    assert_eq!(upload.send(FILE).rejection(), (500, "0x801901F4", "0x7", "8"));
    assert_eq!(upload.send(FILE).rejection(), (409, "0x80190199", "0x7", "8"));
    assert_eq!(upload.send(FILE).rejection(), (404, "0x80190194", "0x7", "8"));
    assert_eq!(upload.send(FILE).status, 200);
    let requests = application.requests();
    assert_eq!(requests.len(), 4);
    for request in requests {
        assert_eq!((request.get("Idempotency-Key"), &request.body[..]), (Some(upload.session()), FILE));
    }
}

/// NTF-12: no packet and no other engine over the same store notifies again.
#[test]
fn a_403_is_final() {
    let (root, application) = (tempfile::tempdir().unwrap(), application(&["403 Forbidden"]));
    let config = config(NotifyKind::ByValue, application.url("/"));
    let first = engine(root.path(), config.clone());
    let upload = Upload::create(&first, "/f");
    let rejection = (403, "0x80190193", "0x7", "8");
    assert_eq!(upload.fragment(FILE, 0, 3).status, 200);
    assert_eq!(upload.fragment(FILE, 3, 8).rejection(), rejection);
    assert_eq!(upload.fragment(FILE, 3, 8).rejection(), rejection);
    assert_eq!(upload.send(FILE).rejection(), rejection);
    let id = upload.session().to_owned();
    drop(first);
    let second = engine(root.path(), config);
    let upload = Upload::resume(&second, "/f", &id);
    assert_eq!(upload.fragment(FILE, 3, 8).rejection(), rejection);
    assert_eq!(upload.close().status, 403);
    assert_eq!(application.requests().len(), 1);
    assert!(!root.path().join("f").exists());
}

/// NTF-19: the port refuses connections until the application listens.
#[test]
fn an_application_that_was_down_is_notified_later() {
    let root = tempfile::tempdir().unwrap();
    let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
    net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = SocketAddr::try_from(net::getsockname(&socket).unwrap()).unwrap();
    let engine = engine(root.path(), config(NotifyKind::ByValue, format!("http://{address}/")));
    let upload = Upload::create(&engine, "/f");
    for _ in 0..3 {
        assert_eq!(upload.send(FILE).rejection(), (503, "0x801901F7", "0x7", "8"));
    }
    net::listen(&socket, 8).unwrap();
    let application = Application::start_at(TcpListener::from(socket), |_| Response::ok());
    assert_eq!(upload.send(FILE).status, 200);
    assert_eq!(application.request().body, FILE);
}

/// NTF-20: for repeated packets, and after a restart without a crash.
#[test]
fn an_acceptance_is_recorded_with_its_reply() {
    let (root, application) = (tempfile::tempdir().unwrap(), application(&[]));
    let config = config(NotifyKind::ByValue, application.url("/"));
    let first = engine(root.path(), config.clone());
    let upload = Upload::create(&first, "/f");
    let acks = [upload.send(FILE), upload.send(FILE), upload.fragment(FILE, 3, 8)];
    let url = acks[0].field(names::REPLY_URL).unwrap();
    for ack in &acks {
        assert_eq!((ack.status, ack.field(names::RECEIVED_CONTENT_RANGE)), (200, Some("8")));
        assert_eq!(ack.field(names::REPLY_URL), Some(url));
    }
    let id = upload.session().to_owned();
    drop(first);
    let second = engine(root.path(), config);
    let upload = Upload::resume(&second, "/f", &id);
    let ack = upload.send(FILE);
    assert_eq!(ack.field(names::REPLY_URL), Some(url));
    assert_eq!(upload.reply(&ack).body, b"the reply");
    assert_eq!(application.requests().len(), 1);
}

/// NTF-20, for a client that closes its connection during the call and sends the fragment again.
#[test]
fn requests_during_a_call_wait_for_its_result() {
    let root = tempfile::tempdir().unwrap();
    let (release, released) = mpsc::channel();
    let released = Mutex::new(Some(released));
    let application = Application::start(move |_| {
        Response::new("200 OK", "", b"the reply").when(released.lock().unwrap().take().unwrap())
    });
    let engine = engine(root.path(), config(NotifyKind::ByValue, application.url("/")));
    let upload = Upload::create(&engine, "/f");
    thread::scope(|scope| {
        let first = scope.spawn(|| upload.send(FILE).status);
        let began = Instant::now();
        while application.requests().is_empty() {
            assert!(began.elapsed() < TIMEOUT);
            thread::yield_now();
        }
        let later: Vec<_> = (0..8).map(|_| scope.spawn(|| upload.send(FILE).status)).collect();
        drop(release);
        assert!(matches!(first.join().unwrap(), 200 | 503));
        let statuses: Vec<u16> = later.into_iter().map(|request| request.join().unwrap()).collect();
        assert!(statuses.contains(&200) && statuses.iter().all(|status| matches!(status, 200 | 503)));
    });
    assert_eq!(upload.send(FILE).status, 200);
    assert_eq!(application.requests().len(), 1);
}

/// NTF-23: after a 416 the client would close the session, and the application would never be notified.
#[test]
fn an_earlier_range_notifies_again_until_the_application_accepts() {
    let root = tempfile::tempdir().unwrap();
    let application = application(&["500 Oops", "416 No"]);
    let engine = engine(root.path(), config(NotifyKind::ByValue, application.url("/")));
    let upload = Upload::create(&engine, "/f");
    assert_eq!(upload.send(FILE).status, 500);
    assert_eq!(upload.fragment(FILE, 0, 3).rejection(), (502, "0x801901A0", "0x7", "8"));
    let ack = upload.fragment(FILE, 0, 3);
    assert_eq!((ack.status, ack.field(names::RECEIVED_CONTENT_RANGE)), (200, Some("8")));
    assert_eq!(application.requests().len(), 3);
}

/// A copy of the directory during the call is what a crash would leave. The application is notified again with the
/// same key: at least once.
#[test]
fn a_crash_during_a_call_repeats_the_call() {
    let (root, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) = (root.path().to_owned(), after.path().to_owned());
    let application = Application::start(move |request| {
        if request.number == 1 {
            copy(&from, &to);
        }
        Response::ok()
    });
    let config = config(NotifyKind::ByReference, application.url("/"));
    let before = engine(root.path(), config.clone());
    let upload = Upload::create(&before, "/f");
    assert_eq!(upload.send(FILE).status, 200);

    let restarted = engine(after.path(), config);
    let upload = Upload::resume(&restarted, "/f", upload.session());
    assert_eq!(upload.send(FILE).status, 200);
    let requests = application.requests();
    assert_eq!(requests.len(), 2);
    let key = |at: usize| requests[at].get("Idempotency-Key").map(str::to_owned);
    assert_eq!(key(0), key(1));
}

/// NTF-13: an application that was too slow may have done its work; it recognizes the upload by its key.
#[test]
fn an_application_that_timed_out_is_notified_again() {
    let root = tempfile::tempdir().unwrap();
    let application = Application::start(|request| match request.number {
        1 => Response::never(),
        _ => Response::ok(),
    });
    let mut config = config(NotifyKind::ByValue, application.url("/"));
    config.timeouts.receive_headers = Duration::from_millis(500);
    let engine = engine(root.path(), config);
    let upload = Upload::create(&engine, "/f");
    assert_eq!(upload.send(FILE).rejection(), (408, "0x80070112", "0x7", "8"));
    assert_eq!(upload.send(FILE).status, 200);
    assert_eq!(application.requests().len(), 2);
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
