//! Requests that the listener rejects itself: malformed heads, and heads that two parsers could read differently. Each
//! response is the last on its connection.

use std::io::Write;

use test_support::raw_http::{RawHttp, create, packet, ping, serve_anything};

/// Sends a request followed by another one, and asserts that there is one response before the connection is closed.
fn assert_rejected(request: &str, status: u16) {
    let server = serve_anything();
    let mut http = RawHttp::connect(&server);
    // The server may respond and close before all of this is written.
    let _ = http.socket.write_all((request.to_owned() + &ping("/smuggled")).as_bytes());
    let response = http.response();
    assert_eq!((response.status, response.closes()), (status, true), "{request:?}: {}", response.text);
    assert!(status == 411 || !response.text.contains("BITS-"), "{}", response.text);
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
        assert_rejected(&packet("Ping", "/a", &[field], 0), 400);
    }
    for length in ["", "-1", "+1", "0x4", "4,4", "4 4", "1e3", "18446744073709551616", "four"] {
        assert_rejected(&ping("/a").replace("Content-Length: 0", &format!("Content-Length: {length}")), 400);
    }
    assert_rejected(&ping("/a").replace("Host: test\r\n", ""), 400);
}

#[test]
fn bare_line_feeds_are_rejected() {
    assert_rejected(&ping("/a").replace("\r\n", "\n"), 400);
    assert_rejected(&ping("/a").replacen("\r\n", "\n", 1), 400);
}

#[test]
fn requests_that_are_not_http_are_rejected() {
    for garbage in
        ["\u{16}\u{3}\u{1}\0\u{2}", "GET /\r\n\r\n", "hello\r\n\r\n", "BITS_POST  /a HTTP/1.1\r\n\r\n"]
    {
        assert_rejected(garbage, 400);
    }
}

#[test]
fn other_http_versions_are_rejected() {
    for version in ["HTTP/1.0", "HTTP/2.0", "HTTP/0.9"] {
        assert_rejected(&ping("/a").replace("HTTP/1.1", version), 505);
    }
    assert_rejected("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
}

#[test]
fn gen_10_a_chunked_request_closes_the_connection() {
    let chunked = |fields: &[&str]| packet("Ping", "/a", fields, 0);
    let smuggled = chunked(&["Transfer-Encoding: chunked"]) + "0\r\n\r\n";
    assert_rejected(&smuggled, 411);
    assert_rejected(&smuggled.replace("Content-Length: 0\r\n", ""), 411);
    assert_rejected(&chunked(&["Transfer-Encoding: identity"]), 411);
}

#[test]
fn gen_09_a_request_without_a_length_closes_the_connection() {
    assert_rejected(&create("/a").replace("Content-Length: 0\r\n", ""), 411);
}

#[test]
fn oversized_heads_are_rejected() {
    assert_rejected(&packet("Ping", "/a", &["X: y"; 100], 0), 431);
    assert_rejected(&packet("Ping", "/a", &[&"x".repeat(1 << 16)], 0), 431);
    assert_rejected(&format!("BITS_POST /{}", "a".repeat(1 << 16)), 431);
}
