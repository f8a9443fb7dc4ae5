//! The bytes that the client sends, and how it handles HTTP responses and broken connections.

use std::time::{Duration, Instant};

use bitsup::Status;
use bitsup::client::{Client, ClientConfig, Job, Source};
use bitsup::proto::HResult;
use bitsup::upload::RetryPolicy;
use test_support::process;
use test_support::scripted::{Received, serve};

/// A configuration that never retries.
fn no_retry() -> ClientConfig {
    ClientConfig::default().no_progress_timeout(Duration::ZERO)
}

/// A configuration that retries almost immediately.
fn quick_retry() -> ClientConfig {
    let delay = Duration::from_millis(1);
    let retry = RetryPolicy::default().first_delay(delay).max_delay(delay).max_attempts(None);
    ClientConfig::default().retry(retry)
}

fn job(config: ClientConfig, url: &str, data: &[u8]) -> Job {
    Client::new(config).unwrap().job(url, Source::from_bytes(data)).unwrap()
}

/// Uploads `data` to a server that accepts everything, and returns the requests it received.
fn upload(config: ClientConfig, data: &[u8]) -> Vec<Received> {
    let (url, server) = serve(|peer| peer.finish_upload());
    job(config, &format!("{url}/dir/file.bin?x=1"), data).run().unwrap();
    server.join().unwrap()
}

#[test]
fn cli_01_method_target_and_version_of_every_packet() {
    let requests = upload(no_retry(), b"hello");
    let packets: Vec<_> = requests.iter().map(Received::packet).collect();
    assert_eq!(packets, ["Create-Session", "Fragment", "Close-Session"]);
    for request in &requests {
        assert_eq!(request.line(), "BITS_POST /dir/file.bin?x=1 HTTP/1.1");
    }
    assert_eq!(requests[1].body, b"hello");
}

#[test]
fn cli_02_one_content_length_on_every_packet() {
    let requests = upload(no_retry(), b"hello");
    let lengths: Vec<_> = requests.iter().map(|request| request.all("Content-Length")).collect();
    assert_eq!(lengths, [["0"], ["5"], ["0"]]);
    let empty = upload(no_retry(), b"");
    assert_eq!(empty[1].packet(), "Fragment");
    assert!(empty.iter().all(|request| request.all("Content-Length") == ["0"]));
}

#[test]
fn cli_41_packets_neither_use_nor_request_encodings() {
    for request in upload(no_retry(), b"hello") {
        for name in ["Transfer-Encoding", "Content-Encoding", "Accept-Encoding", "Expect", "TE", "Cookie"] {
            assert_eq!(request.all(name), [""; 0], "{name} in {}", request.head);
        }
    }
}

#[test]
fn every_packet_has_accept_host_and_user_agent() {
    let requests = upload(no_retry().user_agent("Tester/1"), b"hello");
    for request in &requests {
        assert_eq!((request.get("Accept"), request.get("User-Agent")), ("*/*", "Tester/1"));
        assert!(request.get("Host").starts_with("127.0.0.1:"));
    }
}

#[test]
fn custom_header_fields_are_on_every_packet() {
    let headers = vec![("X-Tenant".to_owned(), "7".to_owned()), ("Accept".to_owned(), "text/x".to_owned())];
    for request in upload(no_retry().headers(headers), b"hello") {
        assert_eq!((request.get("X-Tenant"), request.get("Accept")), ("7", "text/x"));
    }
}

#[test]
fn protocol_header_fields_cannot_be_set() {
    for (name, value) in [
        ("Content-Length", "1"),
        ("BITS-Packet-Type", "Ping"),
        ("transfer-encoding", "chunked"),
        ("a b", "c"),
        ("a", "b\r\nc: d"),
    ] {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let error = Client::new(no_retry().headers(headers)).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument, "{name}");
        assert!(error.message().contains(name), "{error}");
    }
    let error = Client::new(no_retry().user_agent("a\nb")).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
}

#[test]
fn proxy_environment_variables_are_ignored() {
    let names = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    let test = "http::cli_01_method_target_and_version_of_every_packet";
    process::run(process::rerun(test).envs(names.map(|name| (name, "http://127.0.0.1:9"))), test);
}

#[test]
fn one_connection_serves_a_whole_job() {
    let config = no_retry().fragment_size(10_000);
    let requests = upload(config, &[7; 100_000]);
    assert_eq!(requests.len(), 12);
    assert!(requests.iter().all(|request| request.connection == 1));
}

#[test]
fn a_large_body_arrives_unchanged() {
    let data: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
    let config = no_retry().fragment_size(data.len() as u64);
    let requests = upload(config, &data);
    assert!(requests[1].body == data);
}

#[test]
fn an_error_page_is_drained_and_the_connection_reused() {
    let page = "x".repeat(1000);
    for framing in [
        format!("Content-Length: 1000\r\n\r\n{page}"),
        format!("Transfer-Encoding: chunked\r\n\r\n3e8\r\n{page}\r\n0\r\n\r\n"),
    ] {
        let (url, server) = serve(move |peer| {
            peer.request();
            peer.raw(&format!("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n{framing}"));
            peer.finish_upload()
        });
        job(quick_retry(), &format!("{url}/f"), b"hello").run().unwrap();
        assert!(server.join().unwrap().iter().all(|request| request.connection == 1));
    }
}

#[test]
fn an_endless_error_page_closes_the_connection_without_delay() {
    for framing in ["Content-Length: 9999999999", "Connection: close", "X-None: 1"] {
        let (url, server) = serve(move |peer| {
            peer.request();
            peer.raw(&format!("HTTP/1.1 502 Bad Gateway\r\n{framing}\r\n\r\n<html>"));
            peer.wait_for_hang_up();
            peer.finish_upload()
        });
        let start = Instant::now();
        job(quick_retry(), &format!("{url}/f"), b"hello").run().unwrap();
        assert!(start.elapsed() < Duration::from_millis(900), "{framing}");
        assert!(server.join().unwrap().iter().all(|request| request.connection == 2));
    }
}

#[test]
fn cli_42_a_redirect_is_reported_and_not_followed() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.raw("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n");
    });
    let error = job(quick_retry(), &format!("{url}/f"), b"hello").run().unwrap_err();
    server.join().unwrap();
    assert_eq!((error.status(), error.http_status()), (Status::HttpStatus, Some(302)));
    assert!(!error.is_transient());
}

#[test]
fn an_unsolicited_100_continue_is_ignored() {
    let (url, server) = serve(|peer| {
        peer.head();
        peer.raw("HTTP/1.1 100 Continue\r\n\r\n");
        peer.ack_create("{S}");
        peer.finish_upload()
    });
    job(no_retry(), &format!("{url}/f"), b"hello").run().unwrap();
    server.join().unwrap();
}

#[test]
fn cli_37_an_http_1_0_response_is_a_permanent_error() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.raw("HTTP/1.0 200 OK\r\nBITS-Packet-Type: Ack\r\nContent-Length: 0\r\n\r\n");
    });
    let error = job(quick_retry(), &format!("{url}/f"), b"hello").run().unwrap_err();
    server.join().unwrap();
    assert_eq!(error.status(), Status::Protocol);
    assert_eq!(error.hresult(), Some(HResult::BG_E_INSUFFICIENT_HTTP_SUPPORT));
    assert!(!error.is_transient());
}

#[test]
fn a_response_that_is_not_http_is_a_transient_error() {
    for garbage in ["SSH-2.0-OpenSSH_9.2p1\r\n", "\0\u{1}\u{2}\u{3}garbage\r\n\r\n"] {
        let (url, server) = serve(move |peer| {
            peer.request();
            peer.raw(garbage);
            peer.close();
        });
        let error = job(no_retry(), &format!("{url}/f"), b"hello").run().unwrap_err();
        server.join().unwrap();
        assert_eq!((error.status(), error.hresult()), (Status::Protocol, Some(HResult(0x8007_2F78))));
        assert!(error.is_transient() && error.message().contains("127.0.0.1"), "{error}");
    }
}

#[test]
fn an_endless_response_head_is_an_error() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.raw(&format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(200_000)));
    });
    let error = job(no_retry(), &format!("{url}/f"), b"hello").run().unwrap_err();
    server.join().unwrap();
    assert_eq!((error.status(), error.is_transient()), (Status::Protocol, true), "{error}");
}

#[test]
fn cli_38_a_connection_cut_during_the_response_is_a_disconnect() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.raw("HTTP/1.1 200 OK\r\nBITS-Pack");
        peer.close();
    });
    let error = job(no_retry(), &format!("{url}/f"), b"hello").run().unwrap_err();
    server.join().unwrap();
    assert_eq!((error.status(), error.hresult()), (Status::Disconnected, Some(HResult(0x8020_002E))));
    assert!(error.is_transient());
}

#[test]
fn cli_38_after_a_cut_during_the_body_a_ping_and_the_same_fragment_follow() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.head();
        peer.body(100_000);
        peer.close();
        peer.finish_upload()
    });
    let config = quick_retry().fragment_size(2_000_000);
    job(config, &format!("{url}/f"), &[7; 2_000_000]).run().unwrap();
    let requests = server.join().unwrap();
    assert_eq!(requests[0].packet(), "Ping");
    assert_eq!(requests[1].get("Content-Range"), "bytes 0-1999999/2000000");
}

#[test]
fn cli_16_a_413_is_read_even_if_the_server_closes_during_the_body() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.head();
        peer.raw("HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        peer.close();
        peer.finish_upload()
    });
    let config = no_retry().fragment_size(8_000_000);
    job(config, &format!("{url}/f"), &vec![7; 8_000_000]).run().unwrap();
    assert!(server.join().unwrap().iter().any(|request| request.body.len() == 4_000_000));
}

#[test]
fn html_error_pages_of_a_proxy_are_reported_with_their_status() {
    for (status, line) in [(404, "404 Not Found"), (403, "403 Forbidden"), (502, "502 Bad Gateway")] {
        let (url, server) = serve(move |peer| {
            peer.request();
            peer.raw(&format!(
                "HTTP/1.1 {line}\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"
            ));
        });
        let error = job(no_retry(), &format!("{url}/f"), b"hello").run().unwrap_err();
        server.join().unwrap();
        assert_eq!((error.http_status(), error.is_transient()), (Some(status), status == 502));
    }
}

// B-UPLOAD-06
#[test]
fn ping_reports_whether_the_server_speaks_bits() {
    let client = Client::new(no_retry()).unwrap();
    let (url, server) = serve(|peer| {
        let ping = peer.request();
        peer.ack("200 OK", &[]);
        peer.request();
        peer.ack("501 Not Implemented", &[("BITS-Error", "0x80070005")]);
        peer.close();
        peer.request();
        peer.raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        ping
    });
    let url = format!("{url}/f");
    client.ping(&url).unwrap();
    let error = client.ping(&url).unwrap_err();
    assert_eq!((error.http_status(), error.hresult()), (Some(501), Some(HResult::E_ACCESSDENIED)));
    let error = client.ping(&url).unwrap_err();
    assert_eq!(error.hresult(), Some(HResult::BG_E_INVALID_SERVER_RESPONSE));
    let ping = server.join().unwrap();
    assert_eq!((ping.packet(), ping.get("Content-Length")), ("Ping", "0"));
}
