//! What the listener refuses by itself: heads that are none, or that two readers could understand
//! differently. Each answer is the last on its connection.

use std::io::Write;

use test_support::raw_http::{RawHttp, create, packet, ping, serve_anything};

/// Sends a request with another one in its shadow; there must be one answer, and then the end.
fn assert_refused(request: &str, status: u16) {
    let server = serve_anything();
    let mut http = RawHttp::connect(&server);
    // The server may have answered and closed before the second half of this is written.
    let _ = http.socket.write_all((request.to_owned() + &ping("/smuggled")).as_bytes());
    let answer = http.response();
    assert_eq!((answer.status, answer.closes()), (status, true), "{request:?}: {}", answer.text);
    assert!(status == 411 || !answer.text.contains("BITS-"), "{}", answer.text);
    http.assert_closed();
}

#[test]
fn ambiguous_requests_are_rejected() {
    let fields = [
        "Host: b",
        "Content-Length: 4",
        "Content-Length: 0",
        "Content-Length : 4",
        " folded",
        "X: a\n Y: b",
        "X: a\r\tfolded",
        "X: \0",
        "X: a\rContent-Length: 4",
        "no colon",
        ": nothing",
        "X@: y",
    ];
    for field in fields {
        assert_refused(&packet("Ping", "/a", &[field], 0), 400);
    }
    for length in ["", "-1", "+1", "0x4", "4,4", "4 4", "1e3", "18446744073709551616", "four"] {
        assert_refused(&ping("/a").replace("Content-Length: 0", &format!("Content-Length: {length}")), 400);
    }
    assert_refused(&ping("/a").replace("Host: test\r\n", ""), 400);
}

#[test]
fn bare_line_feeds_are_rejected() {
    assert_refused(&ping("/a").replace("\r\n", "\n"), 400);
    assert_refused(&ping("/a").replacen("\r\n", "\n", 1), 400);
}

#[test]
fn requests_that_are_not_http_are_rejected() {
    for garbage in
        ["\u{16}\u{3}\u{1}\0\u{2}", "GET /\r\n\r\n", "hello\r\n\r\n", "BITS_POST  /a HTTP/1.1\r\n\r\n"]
    {
        assert_refused(garbage, 400);
    }
}

#[test]
fn other_http_versions_are_rejected() {
    for version in ["HTTP/1.0", "HTTP/2.0", "HTTP/0.9"] {
        assert_refused(&ping("/a").replace("HTTP/1.1", version), 505);
    }
    assert_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
}

#[test]
fn gen_10_a_chunked_request_closes_the_connection() {
    let chunked = |fields: &[&str]| packet("Ping", "/a", fields, 0);
    let smuggled = chunked(&["Transfer-Encoding: chunked"]) + "0\r\n\r\n";
    assert_refused(&smuggled, 411);
    assert_refused(&smuggled.replace("Content-Length: 0\r\n", ""), 411);
    assert_refused(&chunked(&["Transfer-Encoding: identity"]), 411);
}

#[test]
fn gen_09_a_request_without_a_length_closes_the_connection() {
    assert_refused(&create("/a").replace("Content-Length: 0\r\n", ""), 411);
}

#[test]
fn oversized_heads_are_rejected() {
    assert_refused(&packet("Ping", "/a", &["X: y"; 100], 0), 431);
    assert_refused(&packet("Ping", "/a", &[&"x".repeat(1 << 16)], 0), 431);
    assert_refused(&format!("BITS_POST /{}", "a".repeat(1 << 16)), 431);
}
