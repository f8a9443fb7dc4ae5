//! GET and HEAD of a reply: multiple ranges and conditional requests (RFC 9110).

use std::sync::Arc;

use bitsup::engine::{Engine, EngineConfig, Hooks, RequestHead, Upload, Verdict};
use bitsup::proto::names;
use bitsup::store::MemoryStore;
use test_support::packets::{PacketClient, Response, read};

/// Replies with the bytes 0 to 99.
struct HundredBytes;

impl Hooks for HundredBytes {
    fn on_received(&self, _: &Upload<'_>, verdict: &mut Verdict) {
        verdict.set_reply_bytes((0..100).collect::<Vec<u8>>());
    }
}

/// Returns an engine with a reply, and the URL of the reply.
fn engine_with_reply() -> (Engine, String) {
    let config = EngineConfig::new(Arc::new(MemoryStore::default())).hooks(Arc::new(HundredBytes));
    let engine = Engine::new(config).unwrap();
    let url = PacketClient::create(&engine, "/a").send_file(b"x").get(names::REPLY_URL).to_owned();
    (engine, url)
}

/// Returns the range and bytes of each part of a multipart body.
fn parts(response: &Response) -> Vec<(String, Vec<u8>)> {
    let boundary = response.get(names::CONTENT_TYPE).strip_prefix("multipart/byteranges; boundary=").unwrap();
    let mut rest = response.body.as_slice();
    let mut parts = Vec::new();
    loop {
        let (before, after) = split(rest, format!("--{boundary}").as_bytes());
        match parts.last_mut() {
            None => assert!(before.is_empty()),
            Some((_, bytes)) => *bytes = before.strip_suffix(b"\r\n").unwrap().to_vec(),
        }
        if after == b"--\r\n" {
            return parts;
        }
        let (head, body) = split(after, b"\r\n\r\n");
        let head = std::str::from_utf8(head).unwrap();
        assert!(head.contains("\r\nContent-Type: application/octet-stream"), "{head}");
        let range = head.split("Content-Range: ").nth(1).unwrap();
        parts.push((range.split("\r\n").next().unwrap().to_owned(), Vec::new()));
        rest = body;
    }
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> (&'a [u8], &'a [u8]) {
    let found = bytes.windows(at.len()).position(|window| window == at).unwrap();
    (&bytes[..found], &bytes[found + at.len()..])
}

#[test]
fn rpl_05_multiple_ranges_are_sent_in_the_requested_order() {
    let (engine, url) = engine_with_reply();
    let response = read(&engine, "GET", &url, &[(names::RANGE, "bytes=90-, 0-9,5-5,200-")]);
    assert_eq!(response.status, 206);
    let expected = [("bytes 90-99/100", 90..100), ("bytes 0-9/100", 0..10), ("bytes 5-5/100", 5..6)];
    let expected = expected.map(|(range, bytes)| (range.to_owned(), bytes.collect::<Vec<u8>>()));
    assert_eq!(parts(&response), expected);

    let head = read(&engine, "HEAD", &url, &[(names::RANGE, "bytes=90-, 0-9,5-5,200-")]);
    assert_eq!((head.status, head.body.len()), (206, 0));
}

#[test]
fn more_than_sixteen_ranges_get_the_whole_reply() {
    let (engine, url) = engine_with_reply();
    let ranges = format!("bytes={}", vec!["1-2"; 17].join(","));
    let response = read(&engine, "GET", &url, &[(names::RANGE, &ranges)]);
    assert_eq!((response.status, response.body.len()), (200, 100));
}

#[test]
fn conditional_requests() {
    const PAST: &str = "Thu, 01 Jan 1970 00:00:00 GMT";
    const FUTURE: &str = "Fri, 31 Dec 2100 23:59:59 GMT";
    let (engine, url) = engine_with_reply();
    let plain = read(&engine, "GET", &url, &[]);
    let (tag, date) = (plain.get(names::ETAG).to_owned(), plain.get(names::LAST_MODIFIED).to_owned());
    let table: &[(&str, &str, u16)] = &[
        (names::IF_MATCH, &tag, 206),
        (names::IF_MATCH, "*", 206),
        (names::IF_MATCH, &format!("\"x\", {tag}"), 206),
        (names::IF_MATCH, "\"x\"", 412),
        (names::IF_MATCH, &format!("W/{tag}"), 412),
        (names::IF_NONE_MATCH, &tag, 304),
        (names::IF_NONE_MATCH, &format!("W/{tag}"), 304),
        (names::IF_NONE_MATCH, "*", 304),
        (names::IF_NONE_MATCH, "\"x\"", 206),
        (names::IF_UNMODIFIED_SINCE, &date, 206),
        (names::IF_UNMODIFIED_SINCE, FUTURE, 206),
        (names::IF_UNMODIFIED_SINCE, PAST, 412),
        (names::IF_UNMODIFIED_SINCE, "never", 206),
        (names::IF_MODIFIED_SINCE, &date, 304),
        (names::IF_MODIFIED_SINCE, PAST, 206),
        (names::IF_RANGE, &tag, 206),
        (names::IF_RANGE, &date, 206),
        (names::IF_RANGE, "\"x\"", 200),
        (names::IF_RANGE, &format!("W/{tag}"), 200),
        (names::IF_RANGE, PAST, 200),
        (names::IF_RANGE, "never", 200),
    ];
    for (name, value, status) in table {
        let response = read(&engine, "GET", &url, &[(names::RANGE, "bytes=10-19"), (name, value)]);
        let length = match status {
            200 => 100,
            206 => 10,
            _ => 0,
        };
        assert_eq!((response.status, response.body.len()), (*status, length), "{name}: {value}");
    }
}

#[test]
fn the_first_of_two_conflicting_conditions_applies() {
    let (engine, url) = engine_with_reply();
    let tag = read(&engine, "GET", &url, &[]).get(names::ETAG).to_owned();
    let both = [(names::IF_MATCH, "\"x\""), (names::IF_NONE_MATCH, tag.as_str())];
    assert_eq!(read(&engine, "GET", &url, &both).status, 412);
    let tag_wins =
        [(names::IF_MATCH, tag.as_str()), (names::IF_UNMODIFIED_SINCE, "Thu, 01 Jan 1970 00:00:00 GMT")];
    assert_eq!(read(&engine, "GET", &url, &tag_wins).status, 200);
}

#[test]
fn a_reply_can_be_read_to_its_end_after_its_session_ended() {
    let (engine, _) = engine_with_reply();
    let client = PacketClient::create(&engine, "/b");
    let url = client.send_file(b"x").get(names::REPLY_URL).to_owned();
    let target = url.strip_prefix("http://host").unwrap().to_owned();
    let head = RequestHead::new("GET", target);
    let mut response = engine.begin(head).finish();
    assert_eq!(response.read_body(&mut [0; 60]).unwrap(), 60);
    assert_eq!(client.close().status, 200);
    let mut rest = [0; 60];
    assert_eq!(response.read_body(&mut rest).unwrap(), 40);
    assert_eq!(rest[..40], (60..100).collect::<Vec<u8>>());
    assert_eq!(response.read_body(&mut rest).unwrap(), 0);
    assert_eq!(read(&engine, "GET", &url, &[]).status, 404);
}
