//! Downloads in ranges (PROTOCOL 7.2, 12.11).

use bitsup::Status;
use bitsup::proto::HResult;
use test_support::scripted::{Received, ScriptedServer};

use crate::downloads::{Done, download, no_retry, quick};

const TAG: (&str, &str) = ("ETag", "\"v1\"");
const TIME: (&str, &str) = ("Last-Modified", "Mon, 18 Jun 2007 21:12:01 GMT");
const LATER: (&str, &str) = ("Last-Modified", "Mon, 18 Jun 2007 21:12:02 GMT");

/// Downloads ten bytes from a server that hangs up after four and then plays the script.
fn broken_off(
    fields: &'static [(&'static str, &'static str)],
    script: impl FnOnce(&mut ScriptedServer) -> Vec<Received> + Send + 'static,
) -> Done {
    download(quick(), move |peer| {
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
fn dl_01_the_whole_file_in_one_go_has_no_range() {
    let done = download(no_retry(), |peer| {
        let request = peer.get();
        peer.resource("200 OK", &[TAG, TIME], "0123456789");
        vec![request]
    });
    assert_eq!(done.content(), "0123456789");
    let request = &done.requests[0];
    assert_eq!(request.line(), "GET /dir/r?x=1 HTTP/1.1");
    assert_eq!((request.get("Accept"), request.get("Accept-Encoding")), ("*/*", "identity"));
    for name in ["Range", "If-Range", "If-Unmodified-Since", "BITS-Packet-Type"] {
        assert_eq!(request.get(name), "", "{name}");
    }
}

#[test]
fn a_download_that_broke_off_goes_on_where_it_was() {
    type Case = (&'static [(&'static str, &'static str)], [&'static str; 2]);
    const CASES: [Case; 3] = [
        (&[TAG, TIME], ["\"v1\"", ""]),
        (&[("ETag", "W/\"v1\""), TIME], ["", TIME.1]),
        (&[TIME], ["", TIME.1]),
    ];
    for (fields, [if_range, if_unmodified]) in CASES {
        let done = broken_off(fields, move |peer| {
            let request = peer.get();
            let range = [fields, &[("Content-Range", "bytes 4-9/10")]].concat();
            peer.resource("206 Partial Content", &range, "456789");
            vec![request]
        });
        assert_eq!(done.content(), "0123456789");
        assert_eq!(done.ranges(), ["", "bytes=4-"]);
        let request = &done.requests[1];
        assert_eq!(
            (request.get("If-Range"), request.get("If-Unmodified-Since")),
            (if_range, if_unmodified),
            "{fields:?}"
        );
    }
}

#[test]
fn without_a_strong_validator_it_begins_anew() {
    for fields in [&[][..], &[("ETag", "W/\"v1\"")]] {
        let done = broken_off(fields, |peer| {
            let request = peer.get();
            peer.resource("200 OK", &[], "abcdefghij");
            vec![request]
        });
        assert_eq!(done.content(), "abcdefghij");
        assert_eq!(done.ranges(), ["", ""]);
    }
}

#[test]
fn a_server_may_give_less_than_was_asked_for() {
    let done = broken_off(&[TAG], |peer| {
        let mut requests = Vec::new();
        for (range, body) in [("bytes 4-4/10", "4"), ("bytes 5-7/10", "567"), ("bytes 8-9/10", "89")] {
            requests.push(peer.get());
            peer.resource("206 Partial Content", &[TAG, ("Content-Range", range)], body);
        }
        requests
    });
    assert_eq!(done.content(), "0123456789");
    assert_eq!(done.ranges(), ["", "bytes=4-", "bytes=5-", "bytes=8-"]);
}

#[test]
fn dl_02_a_whole_file_where_a_part_was_asked_for_is_an_error_and_the_next_try_begins_anew() {
    let whole = |peer: &mut ScriptedServer| {
        let request = peer.get();
        peer.resource("200 OK", &[("ETag", "\"v2\"")], "abcdefghijk");
        peer.close();
        request
    };
    let done = broken_off(&[TAG], move |peer| vec![whole(peer), whole(peer)]);
    assert_eq!(done.content(), "abcdefghijk");
    assert_eq!(done.ranges(), ["", "bytes=4-", ""]);
}

#[test]
fn dl_03_a_file_that_changed_is_fetched_from_the_beginning() {
    const CHANGES: [(&str, &[(&str, &str)]); 4] = [
        ("206 Partial Content", &[("Content-Range", "bytes 4-9/10"), LATER]),
        ("206 Partial Content", &[("Content-Range", "bytes 4-9/10"), TIME, ("ETag", "\"v2\"")]),
        ("412 Precondition Failed", &[]),
        ("416 Range Not Satisfiable", &[("Content-Range", "bytes */3")]),
    ];
    for (status, fields) in CHANGES {
        let done = broken_off(&[TAG, TIME], move |peer| {
            let ranged = peer.get();
            peer.resource(status, fields, "xxxxxx");
            peer.close();
            let whole = peer.get();
            peer.resource("200 OK", &[LATER], "abc");
            vec![ranged, whole]
        });
        assert_eq!(done.content(), "abc", "{status} {fields:?}");
        assert_eq!(done.ranges(), ["", "bytes=4-", ""]);
    }
}

#[test]
fn dl_04_a_total_length_that_changes_is_an_error() {
    let done = broken_off(&[TAG, TIME], |peer| {
        let request = peer.get();
        peer.resource("206 Partial Content", &[TAG, TIME, ("Content-Range", "bytes 4-9/11")], "456789");
        vec![request]
    });
    let error = done.error();
    assert_eq!((error.status(), error.is_transient()), (Status::Protocol, false), "{error}");
    assert_eq!(error.hresult(), Some(HResult::BG_E_INVALID_SERVER_RESPONSE));
    assert!(error.message().contains("different total length"), "{error}");
}

#[test]
fn a_part_that_was_not_asked_for_is_not_believed() {
    for range in ["bytes 0-5/10", "bytes 4-8/10", "bytes 4-9/*", "nonsense"] {
        let done = broken_off(&[TAG], move |peer| {
            let request = peer.get();
            peer.resource("206 Partial Content", &[TAG, ("Content-Range", range)], "456789");
            peer.close();
            let whole = peer.get();
            peer.resource("200 OK", &[TAG], "0123456789");
            vec![request, whole]
        });
        assert_eq!(done.content(), "0123456789");
        assert_eq!(done.ranges(), ["", "bytes=4-", ""], "{range}");
    }
    let done = download(no_retry(), |peer| {
        let request = peer.get();
        peer.resource("206 Partial Content", &[("Content-Range", "bytes 0-3/10")], "0123");
        vec![request]
    });
    assert_eq!(done.error().status(), Status::Protocol);
}
