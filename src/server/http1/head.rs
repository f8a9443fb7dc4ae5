//! Parses request heads, and rejects those that another HTTP implementation could understand differently.

use crate::proto::range::decimal;
use crate::proto::{Headers, names};

/// Limits of a request head; a head over a limit gets 431.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadLimits {
    /// Maximum total bytes.
    pub bytes: usize,
    /// Maximum header fields.
    pub fields: usize,
}

/// A valid, unambiguous request head.
#[derive(Debug)]
pub(crate) struct HttpHead {
    pub method: String,
    pub target: String,
    pub headers: Headers,
    /// Length of the body that follows, in bytes.
    pub body: u64,
    /// The connection is closed after this request: the client asked for it, or the end of the body is unknown.
    pub close: bool,
    pub expect: Expect,
}

/// The `Expect` field of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// No expectation: the body follows at once.
    Nothing,
    /// The client waits for `100 Continue` or the final response.
    Continue,
    /// An unsupported expectation.
    Unknown,
}

/// The result of parsing the bytes received so far.
#[derive(Debug)]
pub(crate) enum HeadParse {
    /// The head is incomplete.
    Partial,
    /// A complete head and its length in bytes.
    Complete(HttpHead, usize),
    /// An invalid head, which gets a response with this status. The next request cannot be located.
    Rejected(u16),
}

/// Parses the head at the start of `input`. An earlier call found the first `scanned` bytes valid but incomplete, so
/// they are not scanned again; this keeps the cost of a head that arrives byte by byte linear.
pub(crate) fn parse(input: &[u8], scanned: &mut usize, limits: HeadLimits) -> HeadParse {
    match end(input, scanned, limits) {
        Ok(None) => HeadParse::Partial,
        Ok(Some(end)) => match head(input.split_at(end).0, limits) {
            Ok(head) => HeadParse::Complete(head, end),
            Err(status) => HeadParse::Rejected(status),
        },
        Err(status) => HeadParse::Rejected(status),
    }
}

/// Returns the length of the head. Unlike `httparse`, it rejects a bare CR or LF, and NUL.
fn end(input: &[u8], scanned: &mut usize, limits: HeadLimits) -> Result<Option<usize>, u16> {
    let from = scanned.saturating_sub(3);
    let unscanned = input.split_at(from).1;
    let found = unscanned.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|at| at.saturating_add(4));
    let head = unscanned.split_at(found.unwrap_or(unscanned.len())).0;
    let unpaired = |pair: &[u8]| matches!(pair, [a, b] if (*a == b'\r') != (*b == b'\n'));
    if input.starts_with(b"\n") || head.contains(&0) || head.windows(2).any(unpaired) {
        return Err(400);
    }
    if from.saturating_add(head.len()) > limits.bytes {
        return Err(431);
    }
    *scanned = input.len();
    Ok(found.map(|at| from.saturating_add(at)))
}

fn head(bytes: &[u8], limits: HeadLimits) -> Result<HttpHead, u16> {
    // The limit may be arbitrarily large, so it must not determine the size of an allocation.
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let mut fields = vec![httparse::EMPTY_HEADER; limits.fields.min(lines)];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Ok(_) => return Err(400),
        Err(httparse::Error::TooManyHeaders) => return Err(431),
        Err(httparse::Error::Version) if ends_with_http_version(bytes) => return Err(505),
        Err(_) => return Err(400),
    }
    if request.version != Some(1) {
        return Err(505);
    }
    let headers: Headers = request.headers.iter().map(|field| (field.name, field.value)).collect();
    if !has_one_host(&headers) {
        return Err(400);
    }
    let (Some(method), Some(target)) = (request.method, request.path) else { return Err(400) };
    let chunked = headers.all(names::TRANSFER_ENCODING).next().is_some();
    let announced = content_length(&headers)?;
    Ok(HttpHead {
        method: method.to_owned(),
        target: target.to_owned(),
        body: if chunked { 0 } else { announced },
        close: chunked || requests_close(&headers),
        expect: expect(&headers),
        headers,
    })
}

/// Whether the request line ends with an HTTP version.
fn ends_with_http_version(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    line.rsplit(|byte| *byte == b' ').next().is_some_and(|word| word.starts_with(b"HTTP/"))
}

/// Whether there is exactly one `Host` field, with a host, an optional port, or an empty value (RFC 9112, 3.2). Other
/// values could be understood differently by a proxy.
fn has_one_host(headers: &Headers) -> bool {
    let is_host = |value: &[u8]| {
        value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(byte))
    };
    let mut hosts = headers.all(names::HOST);
    hosts.next().is_some_and(is_host) && hosts.next().is_none()
}

/// Returns the announced length. Repeated fields are rejected even if they agree, because a proxy may have merged or
/// dropped one.
fn content_length(headers: &Headers) -> Result<u64, u16> {
    let mut values = headers.all(names::CONTENT_LENGTH);
    match (values.next(), values.next()) {
        (None, _) => Ok(0),
        (Some(value), None) => std::str::from_utf8(value).ok().and_then(decimal).ok_or(400),
        _ => Err(400),
    }
}

fn requests_close(headers: &Headers) -> bool {
    let mut options = headers.all("Connection").flat_map(|value| value.split(|byte| *byte == b','));
    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

fn expect(headers: &Headers) -> Expect {
    headers.all("Expect").fold(Expect::Nothing, |before, value| {
        if before != Expect::Unknown && value.eq_ignore_ascii_case(b"100-continue") {
            Expect::Continue
        } else {
            Expect::Unknown
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_BYTES: usize = 64 * 1024;
    const LIMITS: HeadLimits = HeadLimits { bytes: MAX_BYTES, fields: 100 };
    const LINE: &str = "BITS_POST /a HTTP/1.1\r\n";

    fn parse_all(text: &str) -> HeadParse {
        parse(text.as_bytes(), &mut 0, LIMITS)
    }

    fn complete(fields: &str) -> HttpHead {
        match parse_all(&format!("{LINE}Host: x\r\n{fields}\r\n")) {
            HeadParse::Complete(head, _) => head,
            other => panic!("{fields:?}: {other:?}"),
        }
    }

    fn rejected(text: &str) -> u16 {
        match parse_all(text) {
            HeadParse::Rejected(status) => status,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn a_head_may_arrive_in_any_pieces() {
        let text = format!("{LINE}Host: x\r\nContent-Length: 5\r\n\r\nhello");
        let mut scanned = 0;
        for length in 0..text.len() - 5 {
            let parsed = parse(&text.as_bytes()[..length], &mut scanned, LIMITS);
            assert!(matches!(parsed, HeadParse::Partial), "{length}: {parsed:?}");
        }
        let HeadParse::Complete(head, length) = parse(text.as_bytes(), &mut scanned, LIMITS) else {
            panic!()
        };
        assert_eq!((head.body, length), (5, text.len() - 5));
        assert_eq!((head.method.as_str(), head.target.as_str()), ("BITS_POST", "/a"));
    }

    #[test]
    fn ambiguous_heads_are_rejected() {
        let fields = [
            "",
            "Host: x\r\nHost: x\r\n",
            "Host: x, y\r\n",
            "Host: x/y\r\n",
            "Host: x@y\r\n",
            "Host: x\\y\r\n",
            "Host: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
            "Host: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
            "Host: x\r\nContent-Length: 1, 1\r\n",
            "Host: x\r\nContent-Length: +1\r\n",
            "Host: x\r\nContent-Length: -1\r\n",
            "Host: x\r\nContent-Length: 0x1\r\n",
            "Host: x\r\nContent-Length:\r\n",
            "Host: x\r\nContent-Length: 18446744073709551616\r\n",
            "Host: x\r\nContent-Length : 1\r\n",
            "Host: x\r\n Content-Length: 1\r\n",
            "Host: x\r\nA: 1\r\n folded\r\n",
            "Host: x\nA: 1\r\n",
            "Host: x\r\nA: 1\n\r\n",
            "Host: x\r\nA: 1\rB: 2\r\n",
            "Host: x\r\nA: \0\r\n",
            "Host: x\r\nno colon\r\n",
            "Host: x\r\n: no name\r\n",
            "Host: x\r\nA\u{1}: 1\r\n",
        ];
        for fields in fields {
            assert_eq!(rejected(&format!("{LINE}{fields}\r\n")), 400, "{fields:?}");
        }
    }

    #[test]
    fn garbage_is_rejected_without_waiting_for_its_end() {
        for text in ["\n", "GET / HTTP/1.1\n", "\u{16}\u{3}\u{1}\0", "GET /\r\r"] {
            assert_eq!(rejected(text), 400, "{text:?}");
        }
        for text in
            ["GET /\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1x\r\n\r\n", "hello you there\r\n\r\n"]
        {
            assert_eq!(rejected(text), 400, "{text:?}");
        }
    }

    #[test]
    fn only_http_1_1_is_supported() {
        for version in ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/3", "HTTP/1.2"] {
            assert_eq!(rejected(&format!("BITS_POST /a {version}\r\nHost: x\r\n\r\n")), 505, "{version}");
        }
    }

    #[test]
    fn bytes_and_fields_are_limited() {
        let overhead = format!("{LINE}Host: x\r\nA: \r\n\r\n").len();
        assert_eq!(complete(&format!("A: {}\r\n", "a".repeat(MAX_BYTES - overhead))).body, 0);
        let over = format!("{LINE}Host: x\r\nA: {}\r\n\r\n", "a".repeat(MAX_BYTES - overhead + 1));
        assert_eq!(rejected(&over), 431);
        assert_eq!(rejected(&over[..MAX_BYTES + 1]), 431);
        assert_eq!(complete(&"A: b\r\n".repeat(99)).body, 0);
        assert_eq!(rejected(&format!("{LINE}Host: x\r\n{}\r\n", "A: b\r\n".repeat(100))), 431);
    }

    #[test]
    fn bytes_after_the_head_are_ignored() {
        let text = format!("{LINE}Host: x\r\n\r\n\0\n\r body");
        assert!(matches!(parse_all(&text), HeadParse::Complete(_, length) if length == text.len() - 8));
    }

    #[test]
    fn the_connection_closes_on_request_and_after_unknown_framing() {
        assert!(!complete("Connection: Keep-Alive\r\n").close);
        assert!(complete("Connection: keep-alive, CLOSE\r\n").close);
        let chunked = complete("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n");
        assert_eq!((chunked.close, chunked.body), (true, 0));
    }

    #[test]
    fn only_100_continue_is_supported() {
        assert_eq!(complete("").expect, Expect::Nothing);
        assert_eq!(complete("Expect: 100-Continue\r\n").expect, Expect::Continue);
        assert_eq!(complete("Expect: 200-maybe\r\n").expect, Expect::Unknown);
        assert_eq!(complete("Expect: 100-continue\r\nExpect: 200-maybe\r\n").expect, Expect::Unknown);
        assert_eq!(complete("Expect: 200-maybe\r\nExpect: 100-continue\r\n").expect, Expect::Unknown);
    }
}
