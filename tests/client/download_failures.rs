//! Downloads that fail, or take their time (PROTOCOL 7.2, 12.11).

use std::fs;
use std::time::Duration;

use bitsup::Status;
use bitsup::client::{Client, Flow, Observer, Source};
use test_support::scripted::{ScriptedServer, serve};

use crate::downloads::{download, no_retry, quick};

const TAG: (&str, &str) = ("ETag", "\"v1\"");

#[test]
fn dl_05_a_challenge_that_cannot_be_met_is_reported() {
    for (status, line) in [(401, "401 Unauthorized"), (407, "407 Proxy Authentication Required")] {
        let done = download(quick(), move |peer| {
            let request = peer.get();
            peer.resource(line, &[("WWW-Authenticate", "Basic")], "");
            vec![request]
        });
        let error = done.error();
        assert_eq!((error.http_status(), error.is_transient()), (Some(status), false));
        assert!(error.message().contains("credentials"), "{error}");
    }
}

#[test]
fn dl_06_neither_the_answer_nor_its_next_bytes_may_take_for_ever() {
    for begins in [false, true] {
        let config = no_retry().response_timeout(Duration::from_millis(60));
        let done = download(config, move |peer| {
            let request = peer.get();
            if begins {
                peer.resource_head("200 OK", &[TAG], 10);
                peer.raw("0123");
            }
            peer.wait_for_hang_up();
            vec![request]
        });
        let error = done.error();
        assert!(error.status() == Status::Timeout && error.is_transient(), "{error}");
    }
}

#[test]
fn a_slow_body_takes_the_time_it_takes() {
    let config = no_retry().response_timeout(Duration::from_millis(200));
    let done = download(config, |peer| {
        let request = peer.get();
        peer.resource_head("200 OK", &[], 10);
        for digit in "0123456789".chars() {
            // The pace of the server, not a wait for anything.
            std::thread::sleep(Duration::from_millis(50));
            peer.raw(&digit.to_string());
        }
        vec![request]
    });
    assert_eq!(done.content(), "0123456789");
}

#[test]
fn an_answer_whose_end_nobody_could_see_is_refused() {
    let done = download(no_retry(), |peer| {
        let request = peer.get();
        peer.raw("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123");
        peer.close();
        vec![request]
    });
    assert_eq!((done.error().status(), done.error().is_transient()), (Status::Protocol, false));
}

#[test]
fn chunks_are_taken_and_their_end_is_missed() {
    let chunked = |peer: &mut ScriptedServer, body: &str| {
        let request = peer.get();
        peer.raw(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
        peer.close();
        request
    };
    let done = download(quick(), move |peer| {
        vec![chunked(peer, "4\r\n0123\r\n"), chunked(peer, "4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n")]
    });
    assert_eq!(done.content(), "0123456789");
}

#[test]
fn what_was_coded_on_the_way_is_refused() {
    let done = download(no_retry(), |peer| {
        let request = peer.get();
        peer.resource("200 OK", &[("Content-Encoding", "gzip")], "0123");
        vec![request]
    });
    assert!(done.error().message().contains("Content-Encoding"), "{}", done.error());
}

#[test]
fn an_empty_file_is_a_file() {
    let done = download(no_retry(), |peer| {
        let request = peer.get();
        peer.resource("200 OK", &[], "");
        vec![request]
    });
    assert_eq!(done.content(), "");
}

#[test]
fn errors_that_may_pass_are_waited_for_and_others_are_not() {
    let done = download(quick(), |peer| {
        let mut requests = Vec::new();
        for status in ["503 Service Unavailable", "408 Request Timeout", "429 Too Many Requests", "500 Oops"]
        {
            requests.push(peer.get());
            peer.resource(status, &[], "");
        }
        requests.push(peer.get());
        peer.resource("200 OK", &[], "abc");
        requests
    });
    assert_eq!((done.content().as_str(), done.requests.len()), ("abc", 5));
    for status in ["302 Found", "403 Forbidden", "404 Not Found", "501 Not Implemented"] {
        let done = download(quick(), move |peer| {
            let request = peer.get();
            peer.resource(status, &[("Location", "/elsewhere")], "");
            vec![request]
        });
        assert_eq!((done.requests.len(), done.error().is_transient()), (1, false), "{status}");
    }
}

/// Writes down how long it is to wait, and does not.
struct Hasty(std::sync::mpsc::Sender<Duration>);

impl Observer for Hasty {
    fn retry(&mut self, _: &bitsup::Error, _: u32, delay: &mut Duration) -> Flow {
        self.0.send(std::mem::take(delay)).unwrap();
        Flow::Continue
    }
}

/// Is busy once, and asks for patience.
fn busy_once(peer: &mut ScriptedServer) {
    peer.get();
    peer.resource("503 Service Unavailable", &[("Retry-After", "77")], "");
    peer.get();
    peer.resource("200 OK", &[], "abc");
}

#[test]
fn a_server_that_asks_for_patience_gets_it() {
    let place = tempfile::tempdir().unwrap();
    let (told, heard) = std::sync::mpsc::channel();
    let client = Client::new(quick()).unwrap();
    let (url, server) = serve(busy_once);
    client.download(&url, place.path().join("file"), Some(Box::new(Hasty(told.clone())))).unwrap();
    server.join().unwrap();

    let (url, server) = serve(|peer| {
        peer.accept_upload("r");
        busy_once(peer);
        peer.request();
        peer.ack("200 OK", &[]);
    });
    let mut job = client.job(&format!("{url}/f"), Source::from_bytes("hello")).unwrap();
    job.set_reply_path(place.path().join("reply")).unwrap();
    job.set_observer(Box::new(Hasty(told)));
    job.run().unwrap();
    server.join().unwrap();
    assert_eq!(heard.iter().take(2).collect::<Vec<_>>(), [Duration::from_secs(77); 2]);
}

#[test]
fn dl_06_sending_a_request_may_take_as_long_as_its_answer() {
    // Over before a request is sent.
    let packets = no_retry().request_timeout(Duration::from_nanos(1));
    let done = download(packets, |peer| {
        let request = peer.get();
        peer.resource("200 OK", &[], "abc");
        vec![request]
    });
    assert_eq!(done.content(), "abc");
}

/// Writes down what it is told, and ends a download of so many bytes.
struct Watcher(std::sync::mpsc::Sender<(u64, Option<u64>)>, u64);

impl Observer for Watcher {
    fn reply_progress(&mut self, received: u64, total: Option<u64>) -> Flow {
        self.0.send((received, total)).unwrap();
        if received >= self.1 { Flow::Abort } else { Flow::Continue }
    }
}

#[test]
fn the_observer_hears_of_bytes_and_can_end_it() {
    for (limit, ends_well) in [(11, true), (10, false)] {
        let (url, server) = serve(|peer| {
            peer.get();
            peer.resource("200 OK", &[TAG], "0123456789");
        });
        let place = tempfile::tempdir().unwrap();
        let (told, heard) = std::sync::mpsc::channel();
        let client = Client::new(no_retry()).unwrap();
        let path = place.path().join("file");
        let outcome = client.download(&format!("{url}/r"), &path, Some(Box::new(Watcher(told, limit))));
        server.join().unwrap();
        assert_eq!((outcome.is_ok(), path.exists()), (ends_well, ends_well));
        if let Err(error) = outcome {
            assert_eq!(error.status(), Status::Callback);
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        }
        assert_eq!(heard.try_iter().last(), Some((10, Some(10))));
    }
}

#[test]
fn a_run_has_a_time_limit() {
    let config = quick().timeout(Duration::from_millis(80));
    let done = download(config, |peer| {
        let request = peer.get();
        peer.wait_for_hang_up();
        vec![request]
    });
    assert_eq!(done.error().status(), Status::Timeout);
}
