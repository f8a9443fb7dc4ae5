//! Encodes responses.

use std::time::SystemTime;

use crate::engine::{Response, reason};

/// The interim response to `Expect: 100-continue`.
pub(crate) const CONTINUE_RESPONSE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

const SERVER_FIELD: &str = concat!("bitsup/", env!("CARGO_PKG_VERSION"));

/// Encodes the head of a response; `close` adds `Connection: close`.
pub(crate) fn encode(response: &Response, close: bool) -> Vec<u8> {
    let fields = response.headers.iter().map(|(name, value)| (*name, value.as_str()));
    encode_head(response.status, fields, response.content_length(), close)
}

/// Like [`encode`], for the given fields and length of the body.
pub(crate) fn encode_head<'a>(
    status: u16,
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    content_length: u64,
    close: bool,
) -> Vec<u8> {
    let date = httpdate::fmt_http_date(SystemTime::now());
    let mut text = String::with_capacity(512);
    let mut line = |parts: [&str; 3]| {
        parts.iter().for_each(|part| text.push_str(part));
        text.push_str("\r\n");
    };
    line(["HTTP/1.1 ", &format!("{status} "), reason(status)]);
    line(["Date", ": ", &date]);
    line(["Server", ": ", SERVER_FIELD]);
    for (name, value) in fields {
        line([name, ": ", value]);
    }
    line(["Content-Length", ": ", &content_length.to_string()]);
    if close {
        line(["Connection", ": ", "close"]);
    }
    line(["", "", ""]);
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gen_01_gen_03_a_response_is_http_1_1_and_has_no_body() {
        let mut response = Response::plain(416);
        response.headers.push(("BITS-Packet-Type", "Ack".into()));
        let text = String::from_utf8(encode(&response, false)).unwrap();
        let (status, rest) = text.split_once("\r\n").unwrap();
        assert_eq!(status, "HTTP/1.1 416 Range Not Satisfiable");
        assert!(rest.contains("\r\nBITS-Packet-Type: Ack\r\nContent-Length: 0\r\n\r\n"), "{rest}");
        assert!(rest.starts_with("Date: ") && rest.contains(" GMT\r\nServer: bitsup/"), "{rest}");
    }

    #[test]
    fn the_last_response_closes_the_connection() {
        let text = String::from_utf8(encode(&Response::plain(400), true)).unwrap();
        assert!(text.ends_with("Content-Length: 0\r\nConnection: close\r\n\r\n"), "{text}");
    }
}
