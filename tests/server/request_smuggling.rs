//! Request smuggling: an ambiguous request is rejected and its connection closed, and after a rejection no body is
//! parsed as a request.

use std::io::Write;
use std::sync::Arc;

use bitsup::engine::{Engine, EngineConfig};
use bitsup::server::Server;
use bitsup::store::MemoryStore;
use test_support::raw_http::{RawHttp, create, fragment, packet, ping, serve, serve_anything};

/// The longest unwanted body that the server drains.
const MAX_DRAINED: usize = 16 << 20;

/// Sends a request followed by another one, and asserts that there is one response before the connection is closed.
fn assert_closed(server: &Server, request: &[u8], status: u16) {
    let shown = String::from_utf8_lossy(&request[..request.len().min(300)]).into_owned();
    let mut http = RawHttp::connect(server);
    // The server may respond and close before all of this is written.
    let _ = http.socket.write_all(&[request, ping("/smuggled").as_bytes()].concat());
    let response = http.response();
    assert_eq!((response.status, response.closes()), (status, true), "{shown:?}: {}", response.text);
    http.assert_closed();
}

/// Sends a request followed by another one, and asserts that each of them gets its response.
fn assert_framed(server: &Server, request: &str, status: u16) {
    let mut http = RawHttp::connect(server);
    http.send(request.to_owned() + &packet("Nonsense", "/next", &[], 0));
    assert_eq!(http.response().status, status, "{request:?}");
    assert_eq!(http.response().status, 400, "{request:?}");
}

fn with_field(field: &str) -> String {
    packet("Ping", "/a", &[field], 0)
}

fn with_length(line: &str) -> String {
    ping("/a").replace("Content-Length: 0", line)
}

#[test]
fn invalid_or_repeated_lengths_are_rejected() {
    let server = serve_anything();
    let lines = [
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 0",
        "Content-Length: 0\r\ncontent-length: 0",
        "Content-Length: 5, 5",
        "Content-Length: 5,0",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 0x5",
        "Content-Length: 5e0",
        "Content-Length: 5.0",
        "Content-Length: 5_0",
        "Content-Length: 5;0",
        "Content-Length: \"5\"",
        "Content-Length: 5 5",
        "Content-Length: five",
        "Content-Length: \u{0665}",
        "Content-Length: ",
        "Content-Length: 18446744073709551616",
        "Content-Length: 99999999999999999999999999",
        "Content-Length: \u{b}5",
        "Content-Length: 5\u{c}",
        "Content-Length : 5",
        "Content-Length\t: 5",
        " Content-Length: 5",
        "\tContent-Length: 5",
        "Content-Length: \r\n 5",
        "Content-Length: 5\r\n\t0",
        "Content-Length:\n5",
        "Content-Length\r: 5",
        "Content-Length\0: 5",
        "Content-Length: 5\0",
        "Content Length: 5",
        "Content-Length; 5",
        "Content-Length",
    ];
    lines.iter().for_each(|line| assert_closed(&server, with_length(line).as_bytes(), 400));
}

#[test]
fn transfer_encodings_in_any_spelling_are_rejected() {
    let server = serve_anything();
    for value in [
        "chunked",
        "Chunked",
        "identity",
        "gzip",
        "gzip, chunked",
        "chunked, identity",
        "xchunked",
        "\"chunked\"",
        "chunked;q=1",
        "'chunked'",
        "",
        "\tchunked",
        "chunked ",
        "x\r\nTransfer-Encoding: chunked",
    ] {
        for name in ["Transfer-Encoding", "transfer-encoding", "TRANSFER-ENCODING"] {
            let both = with_field(&format!("{name}: {value}")) + "0\r\n\r\n";
            assert_closed(&server, both.as_bytes(), 411);
            let alone = both.replace("Content-Length: 0\r\n", "");
            assert_closed(&server, alone.as_bytes(), 411);
        }
    }
    for line in [
        "Transfer-Encoding : chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding\t: chunked",
        "Transfer-Encoding:\r\n chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding: chunked\0",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "Transfer\u{a0}Encoding: chunked",
    ] {
        assert_closed(&server, (with_field(line) + "0\r\n\r\n").as_bytes(), 400);
    }
}

#[test]
fn folded_lines_and_wrong_line_ends_are_rejected() {
    let server = serve_anything();
    for line in [
        "X: a\r\n b",
        "X: a\r\n\tb",
        "X: a\nY: b",
        "X: a\rY: b",
        "X: \0",
        "\0",
        "X\u{1}: a",
        ": a",
        "X@: a",
        "(X): a",
    ] {
        assert_closed(&server, with_field(line).as_bytes(), 400);
    }
    let request = ping("/a");
    for request in [
        request.replace("\r\n", "\n"),
        request.replacen("\r\n", "\n", 1),
        request.replacen("\r\n", "\r", 1),
        request.replacen("\r\n", "\r\r\n", 1),
        request.replace("\r\n\r\n", "\n\n"),
        request.replace("\r\n\r\n", "\r\n\n"),
        format!("\n{request}"),
        format!("\r{request}"),
        format!(" {request}"),
        format!("\0{request}"),
    ] {
        assert_closed(&server, request.as_bytes(), 400);
    }
}

#[test]
fn invalid_request_lines_are_rejected() {
    let server = serve_anything();
    let rest = ping("/a").split_once("\r\n").unwrap().1.to_owned();
    for (line, status) in [
        ("BITS_POST  /a HTTP/1.1", 400),
        ("BITS_POST /a  HTTP/1.1", 505),
        ("BITS_POST\t/a\tHTTP/1.1", 400),
        ("BITS_POST /a HTTP/1.1 ", 400),
        ("BITS_POST /a b HTTP/1.1", 505),
        ("BITS_POST /a", 400),
        ("BITS_POST", 400),
        ("BITS_POST /a http/1.1", 400),
        ("BITS_POST /a HTTP/1,1", 505),
        ("BITS POST /a HTTP/1.1", 505),
        ("BITS_POST /a\0b HTTP/1.1", 400),
        ("BITS_POST /a HTTP/1.0", 505),
        ("BITS_POST /a HTTP/2.0", 505),
        ("(BITS_POST) /a HTTP/1.1", 400),
    ] {
        assert_closed(&server, format!("{line}\r\n{rest}").as_bytes(), status);
    }
    assert_closed(&server, format!("BITS_POST /{} HTTP/1.1\r\n{rest}", "a".repeat(1 << 16)).as_bytes(), 431);
    assert_closed(&server, with_field(&format!("X: {}", "x".repeat(1 << 16))).as_bytes(), 431);
    assert_closed(&server, packet("Ping", "/a", &["X: y"; 200], 0).as_bytes(), 431);
}

#[test]
fn invalid_or_repeated_hosts_are_rejected() {
    let server = serve_anything();
    let host = |line: &str| ping("/a").replace("Host: test\r\n", line);
    for line in [
        "",
        "Host: test\r\nHost: test\r\n",
        "Host: test\r\nhost: other\r\n",
        "Host: test, other\r\n",
        "Host: test other\r\n",
        "Host: test/other\r\n",
        "Host: user@test\r\n",
        "Host: http://test\r\n",
        "Host: test\\other\r\n",
        "Host: test?x\r\n",
        "Host: test#x\r\n",
        "Host: \"test\"\r\n",
        "Host: t\u{e4}st\r\n",
        "Host : test\r\n",
    ] {
        assert_closed(&server, host(line).as_bytes(), 400);
    }
    for line in ["Host:\r\n", "HOST: test\r\n", "Host: test:80\r\n", "Host: [::1]:80\r\n", "Host: a_b\r\n"] {
        assert_framed(&server, &host(line), 200);
    }
}

/// RFC 9112, 3.2: the absolute form stands for its path; a target without a path gets 404.
#[test]
fn targets_are_unambiguous() {
    let server = serve(&MemoryStore::new(u64::MAX), |_| {});
    for (target, status) in [
        ("http://test/a", 200),
        ("HTTP://other:80/a", 200),
        ("https://test/a", 200),
        ("test:80", 404),
        ("*", 404),
        ("a", 404),
        ("ftp://test/a", 404),
        ("http:///a", 404),
    ] {
        assert_framed(&server, &ping(target), status);
    }
}

#[test]
fn harmless_fields_do_not_change_the_framing() {
    let server = serve_anything();
    for field in [
        "Upgrade: h2c\r\nConnection: Upgrade",
        "Upgrade: websocket",
        "HTTP2-Settings: AAMAAABkAAQAAP__",
        "Trailer: Content-Length",
        "TE: trailers, chunked",
        "Content_Length: 5",
        "X-Content-Length: 5",
        "Content-Encoding: chunked",
        "Expect: 100-continue",
        "X-HTTP-Method-Override: GET",
        "Keep-Alive: timeout=5, max=1000",
    ] {
        assert_framed(&server, &with_field(field), 200);
    }
    for line in ["Content-Length: 0000", "Content-Length:0", "Content-Length: \t 0 \t"] {
        assert_framed(&server, &with_length(line), 200);
    }
    // A Ping has no body, but the server must skip the five bytes that this one announces.
    assert_framed(&server, &(with_length("Content-Length: 0005") + "12345"), 400);
    assert_framed(&server, &format!("\r\n\r\n{}", ping("/a")), 200);
}

#[test]
fn rejected_expectations_do_not_shift_the_next_request() {
    let server = serve_anything();
    for expectation in ["miracles", "100-continue, miracles", "200-ok", ""] {
        let request = packet("Ping", "/a", &[&format!("Expect: {expectation}")], 5) + "12345";
        assert_framed(&server, &request, 417);
    }
    // The server cannot know whether the body follows after the client gets this response.
    let with_body = packet("Nonsense", "/a", &["Expect: 100-continue"], 5) + "12345";
    assert_closed(&server, with_body.as_bytes(), 400);
}

#[test]
fn garbage_after_a_request_is_rejected_after_its_response() {
    let server = serve_anything();
    for garbage in ["garbage\r\n\r\n", "\0", "\n", "0\r\n\r\n", "\u{16}\u{3}\u{1}\0\u{2}"] {
        let mut http = RawHttp::connect(&server);
        http.send(ping("/a") + garbage);
        assert_eq!(http.response().status, 200);
        let response = http.response();
        assert_eq!((response.status, response.closes()), (400, true), "{garbage:?}");
        http.assert_closed();
    }
}

/// A server, a function that returns the head of a request with a body of a given length, and the status of its rejection.
type Rejection = (Server, Box<dyn Fn(usize) -> String>, u16);

fn serve_engine(adjust: impl FnOnce(&mut EngineConfig)) -> (Server, Engine) {
    let mut config = EngineConfig::new(Arc::new(MemoryStore::new(u64::MAX)));
    adjust(&mut config);
    let engine = Engine::new(config).unwrap();
    (serve(&MemoryStore::new(0), |config| config.mounts = vec![("/".into(), engine.clone())]), engine)
}

/// Returns a case for every status that can reject a request with a body.
fn rejections() -> Vec<Rejection> {
    const UNKNOWN: &str = "{00000000-0000-0000-0000-000000000000}";
    let plain = || serve_engine(|_| {}).0;
    let gap = plain();
    let session = RawHttp::connect(&gap).request(create("/a")).session();
    let (small, _) = serve_engine(|config| config.max_upload_size = 0);
    let small_session = RawHttp::connect(&small).request(create("/a")).session();
    let (off, engine) = serve_engine(|_| {});
    engine.set_enabled(false).unwrap();
    let users = serve(&MemoryStore::new(0), |config| config.users.add("anna", "secret").unwrap());
    let elsewhere = serve(&MemoryStore::new(0), |config| config.mounts = vec![("/up".into(), engine)]);
    let unknown = |length| fragment("/a", UNKNOWN, 0, length, length, &[]);
    vec![
        (plain(), Box::new(|length| packet("Nonsense", "/a", &[], length)), 400),
        (users, Box::new(unknown), 401),
        (elsewhere, Box::new(unknown), 404),
        (plain(), Box::new(move |length| unknown(length).replacen("BITS_POST", "PUT", 1)), 405),
        (gap, Box::new(move |length| fragment("/a", &session, 7, length, 1 << 40, &[])), 416),
        (plain(), Box::new(|length| packet("Ping", "/a", &["Expect: miracles"], length)), 417),
        (plain(), Box::new(unknown), 500),
        (small, Box::new(move |length| fragment("/a", &small_session, 0, length, 1 << 40, &[])), 500),
        (off, Box::new(unknown), 501),
    ]
}

#[test]
fn no_rejection_lets_a_body_be_parsed_as_a_request() {
    // The body consists of requests: if it were parsed, they would get responses.
    let bait = ping("/bait");
    let longest = bait.repeat((MAX_DRAINED + 1) / bait.len() + 1);
    for (server, head, status) in rejections() {
        for length in [1, bait.len(), 70_000, MAX_DRAINED, MAX_DRAINED + 1] {
            let mut http = RawHttp::connect(&server);
            let next = ping("/next").replacen("BITS_POST", "PUT", 1);
            let request = [head(length).as_bytes(), &longest.as_bytes()[..length], next.as_bytes()].concat();
            // A server that closes need not read all of it.
            let _ = http.socket.write_all(&request);
            let response = http.response();
            assert_eq!(
                (response.status, response.closes()),
                (status, length > MAX_DRAINED),
                "{length}: {}",
                response.text
            );
            if response.closes() {
                http.assert_gone();
            } else {
                let expected = if matches!(status, 401 | 404) { status } else { 405 };
                assert_eq!(http.response().status, expected, "the next request must be the PUT");
            }
        }
    }
}

#[test]
fn a_rejected_or_trimmed_fragment_does_not_shift_the_next_request() {
    let server = serve_anything();
    let mut http = RawHttp::connect(&server);
    let session = http.request(create("/a")).session();
    let bait = ping("/bait");
    let total = 100 * bait.len();
    let body = bait.repeat(2);
    for (first, status) in [(0, 200), (bait.len() / 2, 200), (0, 416), (total - body.len(), 416)] {
        http.send(fragment("/a", &session, first, body.len(), total, &[]) + &body);
        http.send(packet("Nonsense", "/next", &[], 0));
        assert_eq!(http.response().status, status, "{first}");
        assert_eq!(http.response().status, 400);
    }
}
