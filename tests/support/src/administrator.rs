//! A client of the server's administration interface.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A response with its body.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Response {
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Returns the host and port of an administration URL.
pub fn authority(url: &str) -> &str {
    url.strip_prefix("http://").unwrap().trim_end_matches('/')
}

pub fn get(url: &str, path: &str) -> Response {
    request(url, &format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", authority(url)))
}

/// Sends a request and reads until the connection is closed.
pub fn request(url: &str, request: &str) -> Response {
    let mut socket = TcpStream::connect(authority(url)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not a response: {text:?}"));
    let status = head.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
    let response = Response { status, head: head.to_owned(), body: body.to_owned() };
    let length: usize = response.field("Content-Length").unwrap().parse().unwrap();
    assert!(response.body.is_empty() || response.body.len() == length, "{response:?}");
    response
}
