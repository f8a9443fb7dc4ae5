//! Downloads that fail, are slow, or are retried (PROTOCOL 7.2, 12.11).

use std::fs;
use std::time::Duration;

use bitsup::Status;
use bitsup::client::{Client, Flow, Observer, Source};
use test_support::scripted::{ScriptedServer, serve};

use crate::downloads::{no_retry, retry_at_once, run_download};

const TAG: (&str, &str) = ("ETag", "\"v1\"");

#[test]
fn dl_05_a_challenge_without_credentials_is_reported() {
    for (status, line) in [(401, "401 Unauthorized"), (407, "407 Proxy Authentication Required")] {
        let download = run_download(retry_at_once(), move |peer| {
            let request = peer.get();
            peer.resource(line, &[("WWW-Authenticate", "Basic")], "");
            vec![request]
        });
        let error = download.error();
        assert_eq!((error.http_status(), error.is_transient()), (Some(status), false));
        assert!(error.message().contains("credentials"), "{error}");
    }
}

#[test]
fn dl_06_the_response_and_each_read_of_its_body_have_a_timeout() {
    for has_started in [false, true] {
        let config = no_retry().response_timeout(Duration::from_millis(60));
        let download = run_download(config, move |peer| {
            let request = peer.get();
            if has_started {
                peer.resource_head("200 OK", &[TAG], 10);
                peer.raw("0123");
            }
            peer.wait_for_hang_up();
            vec![request]
        });
        let error = download.error();
        assert!(error.status() == Status::Timeout && error.is_transient(), "{error}");
    }
}

#[test]
fn a_slow_body_may_take_longer_than_the_response_timeout() {
    let config = no_retry().response_timeout(Duration::from_millis(200));
    let download = run_download(config, |peer| {
        let request = peer.get();
        peer.resource_head("200 OK", &[], 10);
        for digit in "0123456789".chars() {
            // Simulates a slow server.
            std::thread::sleep(Duration::from_millis(50));
            peer.raw(&digit.to_string());
        }
        vec![request]
    });
    assert_eq!(download.content(), "0123456789");
}

#[test]
fn a_response_without_length_or_chunks_is_rejected() {
    let download = run_download(no_retry(), |peer| {
        let request = peer.get();
        peer.raw("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123");
        peer.close();
        vec![request]
    });
    assert_eq!((download.error().status(), download.error().is_transient()), (Status::Protocol, false));
}

#[test]
fn chunked_bodies_are_accepted_and_truncation_is_detected() {
    let chunked = |peer: &mut ScriptedServer, body: &str| {
        let request = peer.get();
        peer.raw(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
        peer.close();
        request
    };
    let download = run_download(retry_at_once(), move |peer| {
        vec![chunked(peer, "4\r\n0123\r\n"), chunked(peer, "4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n")]
    });
    assert_eq!(download.content(), "0123456789");
}

#[test]
fn an_encoded_reply_is_rejected() {
    let download = run_download(no_retry(), |peer| {
        let request = peer.get();
        peer.resource("200 OK", &[("Content-Encoding", "gzip")], "0123");
        vec![request]
    });
    assert!(download.error().message().contains("Content-Encoding"), "{}", download.error());
}

#[test]
fn an_empty_file_is_downloaded() {
    let download = run_download(no_retry(), |peer| {
        let request = peer.get();
        peer.resource("200 OK", &[], "");
        vec![request]
    });
    assert_eq!(download.content(), "");
}

#[test]
fn transient_errors_are_retried_and_permanent_ones_are_not() {
    let download = run_download(retry_at_once(), |peer| {
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
    assert_eq!((download.content().as_str(), download.requests.len()), ("abc", 5));
    for status in ["302 Found", "403 Forbidden", "404 Not Found", "501 Not Implemented"] {
        let download = run_download(retry_at_once(), move |peer| {
            let request = peer.get();
            peer.resource(status, &[("Location", "/elsewhere")], "");
            vec![request]
        });
        assert_eq!((download.requests.len(), download.error().is_transient()), (1, false), "{status}");
    }
}

/// Sends each retry delay to a channel and replaces it by zero.
struct SkipDelays(std::sync::mpsc::Sender<Duration>);

impl Observer for SkipDelays {
    fn retry(&mut self, _: &bitsup::Error, _: u32, delay: &mut Duration) -> Flow {
        self.0.send(std::mem::take(delay)).unwrap();
        Flow::Continue
    }
}

/// Responds 503 with Retry-After once, then 200.
fn busy_once(peer: &mut ScriptedServer) {
    peer.get();
    peer.resource("503 Service Unavailable", &[("Retry-After", "77")], "");
    peer.get();
    peer.resource("200 OK", &[], "abc");
}

#[test]
fn retry_after_is_respected() {
    let directory = tempfile::tempdir().unwrap();
    let (sender, delays) = std::sync::mpsc::channel();
    let client = Client::new(retry_at_once()).unwrap();
    let (url, server) = serve(busy_once);
    client.download(&url, directory.path().join("file"), Some(Box::new(SkipDelays(sender.clone())))).unwrap();
    server.join().unwrap();

    let (url, server) = serve(|peer| {
        peer.accept_upload("r");
        busy_once(peer);
        peer.request();
        peer.ack("200 OK", &[]);
    });
    let mut job = client.job(&format!("{url}/f"), Source::from_bytes("hello")).unwrap();
    job.set_reply_path(directory.path().join("reply")).unwrap();
    job.set_observer(Box::new(SkipDelays(sender)));
    job.run().unwrap();
    server.join().unwrap();
    let range = Duration::from_secs(77)..=Duration::from_secs(77 + 8);
    assert!(delays.iter().take(2).filter(|delay| range.contains(delay)).count() == 2);
}

#[test]
fn dl_06_the_request_timeout_does_not_apply_to_downloads() {
    // Would expire before any request is sent.
    let config = no_retry().request_timeout(Duration::from_nanos(1));
    let download = run_download(config, |peer| {
        let request = peer.get();
        peer.resource("200 OK", &[], "abc");
        vec![request]
    });
    assert_eq!(download.content(), "abc");
}

/// Sends progress to a channel, and aborts once this many bytes have arrived.
struct AbortAt(std::sync::mpsc::Sender<(u64, Option<u64>)>, u64);

impl Observer for AbortAt {
    fn reply_progress(&mut self, received: u64, total: Option<u64>) -> Flow {
        self.0.send((received, total)).unwrap();
        if received >= self.1 { Flow::Abort } else { Flow::Continue }
    }
}

#[test]
fn the_observer_gets_progress_and_can_abort() {
    for (limit, succeeds) in [(11, true), (10, false)] {
        let (url, server) = serve(|peer| {
            peer.get();
            peer.resource("200 OK", &[TAG], "0123456789");
        });
        let directory = tempfile::tempdir().unwrap();
        let (sender, progress) = std::sync::mpsc::channel();
        let client = Client::new(no_retry()).unwrap();
        let path = directory.path().join("file");
        let outcome = client.download(&format!("{url}/r"), &path, Some(Box::new(AbortAt(sender, limit))));
        server.join().unwrap();
        assert_eq!((outcome.is_ok(), path.exists()), (succeeds, succeeds));
        if let Err(error) = outcome {
            assert_eq!(error.status(), Status::Callback);
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        }
        assert_eq!(progress.try_iter().last(), Some((10, Some(10))));
    }
}

#[test]
fn a_download_has_a_total_timeout() {
    let config = retry_at_once().timeout(Duration::from_millis(80));
    let download = run_download(config, |peer| {
        let request = peer.get();
        peer.wait_for_hang_up();
        vec![request]
    });
    assert_eq!(download.error().status(), Status::Timeout);
}
