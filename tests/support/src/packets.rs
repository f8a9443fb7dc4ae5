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
    /// Returns a header field. Panics if it is missing.
    pub fn get(&self, name: &str) -> &str {
        self.field(name).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Returns the status, HRESULT, context and next offset of a rejection; `-` for a missing field.
    pub fn rejection(&self) -> (u16, &str, &str, &str) {
        let get = |name| self.field(name).unwrap_or("-");
        (self.status, get(names::ERROR), get(names::ERROR_CONTEXT), get(names::RECEIVED_CONTENT_RANGE))
    }
}

/// A client with one session.
#[derive(Clone)]
pub struct PacketClient {
    pub engine: Engine,
    pub path: &'static str,
    pub id: String,
}

impl PacketClient {
    /// Creates a session for this path.
    pub fn create(engine: &Engine, path: &'static str) -> Self {
        let mut client = Self { engine: engine.clone(), path, id: String::new() };
        let ack = client.packet("Create-Session", &[(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID)], &[]);
        assert_eq!(ack.status, 200);
        client.id = ack.get(names::SESSION_ID).to_owned();
        client
    }

    /// Sends a whole file in one Fragment.
    pub fn send_file(&self, content: &[u8]) -> Response {
        let range = format!("bytes 0-{}/{}", content.len() - 1, content.len());
        self.packet("Fragment", &[(names::CONTENT_RANGE, &range)], content)
    }

    pub fn close(&self) -> Response {
        self.packet("Close-Session", &[], &[])
    }

    pub fn cancel(&self) -> Response {
        self.packet("Cancel-Session", &[], &[])
    }

    /// Sends a packet of the session with additional header fields.
    pub fn packet(&self, kind: &str, fields: &[(&str, &str)], body: &[u8]) -> Response {
        let length = body.len().to_string();
        let common =
            [(names::PACKET_TYPE, kind), (names::SESSION_ID, &self.id), (names::CONTENT_LENGTH, &length)];
        send(&self.engine, names::METHOD, self.path, &[&common, fields].concat(), body)
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

/// Passes one request to an engine, with as much of `body` as it wants. Returns the whole response.
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
