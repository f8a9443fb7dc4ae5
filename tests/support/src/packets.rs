//! Packets sent directly to an engine, and its responses.

use bitsup::engine::{Engine, RequestHead, Want};
use bitsup::proto::{Headers, names};

/// A response with its body.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Response {
    /// A header field that the response must have.
    pub fn get(&self, name: &str) -> &str {
        self.field(name).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Status, HRESULT, context and next offset of a rejection; `-` for a missing field.
    pub fn refusal(&self) -> (u16, &str, &str, &str) {
        let get = |name| self.field(name).unwrap_or("-");
        (self.status, get(names::ERROR), get(names::ERROR_CONTEXT), get(names::RECEIVED_CONTENT_RANGE))
    }
}

/// One session of one file.
#[derive(Clone)]
pub struct Peer {
    pub engine: Engine,
    pub path: &'static str,
    pub id: String,
}

impl Peer {
    /// Makes a session for that path.
    pub fn create(engine: &Engine, path: &'static str) -> Self {
        let mut peer = Self { engine: engine.clone(), path, id: String::new() };
        let ack = peer.packet("Create-Session", &[(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID)], &[]);
        assert_eq!(ack.status, 200);
        peer.id = ack.get(names::SESSION_ID).to_owned();
        peer
    }

    /// Sends the whole of a file as one Fragment.
    pub fn whole(&self, content: &[u8]) -> Response {
        let range = format!("bytes 0-{}/{}", content.len() - 1, content.len());
        self.packet("Fragment", &[(names::CONTENT_RANGE, &range)], content)
    }

    pub fn close(&self) -> Response {
        self.packet("Close-Session", &[], &[])
    }

    pub fn cancel(&self) -> Response {
        self.packet("Cancel-Session", &[], &[])
    }

    pub fn packet(&self, kind: &str, fields: &[(&str, &str)], body: &[u8]) -> Response {
        let length = body.len().to_string();
        let plain =
            [(names::PACKET_TYPE, kind), (names::SESSION_ID, &self.id), (names::CONTENT_LENGTH, &length)];
        send(&self.engine, names::METHOD, self.path, &[&plain, fields].concat(), body)
    }
}

/// Sends a GET or HEAD for the path of a URL.
pub fn read(engine: &Engine, method: &str, url: &str, fields: &[(&str, &str)]) -> Response {
    let path = url.strip_prefix("http://host").unwrap();
    send(engine, method, path, fields, &[])
}

fn send(engine: &Engine, method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Response {
    let headers = [(names::HOST, "host")].iter().chain(fields).copied().collect();
    let (method, target) = (method.to_owned(), target.to_owned());
    exchange(engine, RequestHead::new(method, target).headers(headers), body)
}

/// Passes one request to an engine, with as much of `body` as it wants, and reads the whole response.
pub fn exchange(engine: &Engine, head: RequestHead, body: &[u8]) -> Response {
    let mut exchange = engine.begin(head);
    if let Want::Body(count) = exchange.want() {
        exchange.body(&body[..usize::try_from(count).unwrap()]);
    }
    let mut response = exchange.finish();
    let length = response.body_left();
    let mut body = vec![0; usize::try_from(length).unwrap() + 1];
    let mut filled = 0;
    loop {
        match response.read_body(&mut body[filled..]).unwrap() {
            0 => break,
            count => filled += count,
        }
    }
    assert_eq!(filled as u64, length);
    body.truncate(filled);
    Response { status: response.status, headers: response.headers.iter().cloned().collect(), body }
}
