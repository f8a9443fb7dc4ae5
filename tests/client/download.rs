//! Resuming downloads with ranges (PROTOCOL 7.2, 12.11).

use bitsup::Status;
use bitsup::proto::HResult;
use test_support::scripted::{Received, ScriptedServer};

use crate::downloads::{Download, no_retry, retry_at_once, run_download};

const TAG: (&str, &str) = ("ETag", "\"v1\"");
const MODIFIED: (&str, &str) = ("Last-Modified", "Mon, 18 Jun 2007 21:12:01 GMT");
const MODIFIED_LATER: (&str, &str) = ("Last-Modified", "Mon, 18 Jun 2007 21:12:02 GMT");

/// Downloads ten bytes from a server that closes the connection after four, then runs `script`.
fn interrupted_download(
    fields: &'static [(&'static str, &'static str)],
    script: impl FnOnce(&mut ScriptedServer) -> Vec<Received> + Send + 'static,
) -> Download {
    run_download(retry_at_once(), move |peer| {
        let first = peer.get();
        peer.resource_head("200 OK", fields, 10);
        peer.raw("0123");
        peer.close();
        let mut requests = vec![first];
        requests.extend(script(peer));
        requests
    })
}

#[test]
fn dl_01_a_whole_file_is_requested_without_a_range() {
    let download = run_download(no_retry(), |peer| {
        let request = peer.get();
        peer.resource("200 OK", &[TAG, MODIFIED], "0123456789");
        vec![request]
    });
    assert_eq!(download.content(), "0123456789");
    let request = &download.requests[0];
    assert_eq!(request.line(), "GET /dir/r?x=1 HTTP/1.1");
    assert_eq!((request.get("Accept"), request.get("Accept-Encoding")), ("*/*", "identity"));
    for name in ["Range", "If-Range", "If-Unmodified-Since", "BITS-Packet-Type"] {
        assert_eq!(request.get(name), "", "{name}");
    }
}

#[test]
fn an_interrupted_download_resumes_where_it_stopped() {
    type Case = (&'static [(&'static str, &'static str)], [&'static str; 2]);
    const CASES: [Case; 3] = [
        (&[TAG, MODIFIED], ["\"v1\"", ""]),
        (&[("ETag", "W/\"v1\""), MODIFIED], ["", MODIFIED.1]),
        (&[MODIFIED], ["", MODIFIED.1]),
    ];
    for (fields, [if_range, if_unmodified]) in CASES {
        let download = interrupted_download(fields, move |peer| {
            let request = peer.get();
            let range = [fields, &[("Content-Range", "bytes 4-9/10")]].concat();
            peer.resource("206 Partial Content", &range, "456789");
            vec![request]
        });
        assert_eq!(download.content(), "0123456789");
        assert_eq!(download.ranges(), ["", "bytes=4-"]);
        let request = &download.requests[1];
        assert_eq!(
            (request.get("If-Range"), request.get("If-Unmodified-Since")),
            (if_range, if_unmodified),
            "{fields:?}"
        );
    }
}

#[test]
fn without_a_strong_validator_the_download_restarts() {
    for fields in [&[][..], &[("ETag", "W/\"v1\"")]] {
        let download = interrupted_download(fields, |peer| {
            let request = peer.get();
            peer.resource("200 OK", &[], "abcdefghij");
            vec![request]
        });
        assert_eq!(download.content(), "abcdefghij");
        assert_eq!(download.ranges(), ["", ""]);
    }
}

#[test]
fn a_server_may_return_less_than_the_requested_range() {
    let download = interrupted_download(&[TAG], |peer| {
        let mut requests = Vec::new();
        for (range, body) in [("bytes 4-4/10", "4"), ("bytes 5-7/10", "567"), ("bytes 8-9/10", "89")] {
            requests.push(peer.get());
            peer.resource("206 Partial Content", &[TAG, ("Content-Range", range)], body);
        }
        requests
    });
    assert_eq!(download.content(), "0123456789");
    assert_eq!(download.ranges(), ["", "bytes=4-", "bytes=5-", "bytes=8-"]);
}

#[test]
fn dl_02_a_whole_file_instead_of_a_range_is_an_error_and_the_next_attempt_restarts() {
    let whole = |peer: &mut ScriptedServer| {
        let request = peer.get();
        peer.resource("200 OK", &[("ETag", "\"v2\"")], "abcdefghijk");
        peer.close();
        request
    };
    let download = interrupted_download(&[TAG], move |peer| vec![whole(peer), whole(peer)]);
    assert_eq!(download.content(), "abcdefghijk");
    assert_eq!(download.ranges(), ["", "bytes=4-", ""]);
}

#[test]
fn dl_03_a_changed_file_is_fetched_from_the_beginning() {
    const CHANGES: [(&str, &[(&str, &str)]); 4] = [
        ("206 Partial Content", &[("Content-Range", "bytes 4-9/10"), MODIFIED_LATER]),
        ("206 Partial Content", &[("Content-Range", "bytes 4-9/10"), MODIFIED, ("ETag", "\"v2\"")]),
        ("412 Precondition Failed", &[]),
        ("416 Range Not Satisfiable", &[("Content-Range", "bytes */3")]),
    ];
    for (status, fields) in CHANGES {
        let download = interrupted_download(&[TAG, MODIFIED], move |peer| {
            let ranged = peer.get();
            peer.resource(status, fields, "xxxxxx");
            peer.close();
            let whole = peer.get();
            peer.resource("200 OK", &[MODIFIED_LATER], "abc");
            vec![ranged, whole]
        });
        assert_eq!(download.content(), "abc", "{status} {fields:?}");
        assert_eq!(download.ranges(), ["", "bytes=4-", ""]);
    }
}

#[test]
fn dl_04_a_changed_total_length_is_an_error() {
    let download = interrupted_download(&[TAG, MODIFIED], |peer| {
        let request = peer.get();
        peer.resource("206 Partial Content", &[TAG, MODIFIED, ("Content-Range", "bytes 4-9/11")], "456789");
        vec![request]
    });
    let error = download.error();
    assert_eq!((error.status(), error.is_transient()), (Status::Protocol, false), "{error}");
    assert_eq!(error.hresult(), Some(HResult::BG_E_INVALID_SERVER_RESPONSE));
    assert!(error.message().contains("different total length"), "{error}");
}

#[test]
fn a_range_that_was_not_requested_is_rejected() {
    for range in ["bytes 0-5/10", "bytes 4-8/10", "bytes 4-9/*", "nonsense"] {
        let download = interrupted_download(&[TAG], move |peer| {
            let request = peer.get();
            peer.resource("206 Partial Content", &[TAG, ("Content-Range", range)], "456789");
            peer.close();
            let whole = peer.get();
            peer.resource("200 OK", &[TAG], "0123456789");
            vec![request, whole]
        });
        assert_eq!(download.content(), "0123456789");
        assert_eq!(download.ranges(), ["", "bytes=4-", ""], "{range}");
    }
    let download = run_download(no_retry(), |peer| {
        let request = peer.get();
        peer.resource("206 Partial Content", &[("Content-Range", "bytes 0-3/10")], "0123");
        vec![request]
    });
    assert_eq!(download.error().status(), Status::Protocol);
}
