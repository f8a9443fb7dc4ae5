//! Drivers of the vectors: directly through an engine's exchanges, or over a socket through an HTTP server, with or
//! without TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bitsup::engine::{Engine, Exchange, RequestHead, Want};
use bitsup::proto::{Headers, names};
use bitsup::server::{Server, ServerConfig};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::certificates::Authority;

/// A request with its body.
#[derive(Debug, Clone)]
pub struct Message {
    pub method: String,
    pub target: String,
    pub version: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub owner: Option<String>,
}

/// A response with its body.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub close: bool,
}

impl Response {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A request of which only a part of the body was sent.
pub enum Hanging {
    Exchange(Box<Exchange>),
    Socket(Box<dyn Stream>),
}

/// An HTTP server that embeds an engine.
pub trait Host {
    fn address(&self) -> SocketAddr;

    /// Stops the server as abruptly as possible.
    fn stop(&mut self);
}

impl Host for Server {
    fn address(&self) -> SocketAddr {
        self.local_addr()
    }

    fn stop(&mut self) {
        Server::stop(self, Duration::ZERO).unwrap();
    }
}

/// A socket, or TLS over it.
pub trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// How requests reach the engine.
pub enum Driver {
    Engine(Engine),
    /// One connection for all packets, or a new one for each.
    Socket {
        host: Box<dyn Host>,
        fresh: bool,
        kept: Option<Box<dyn Stream>>,
        /// The client's configuration, with TLS.
        tls: Option<Arc<ClientConfig>>,
    },
}

impl Driver {
    pub fn listener(engine: Engine, fresh: bool) -> Self {
        let config = ServerConfig::default().mount("/", engine);
        Self::Socket { host: Box::new(Server::start(config).unwrap()), fresh, kept: None, tls: None }
    }

    /// Starts a listener with TLS, with one connection for all packets.
    pub fn tls_listener(engine: Engine) -> Self {
        let authority = Authority::new();
        let config = ServerConfig::default().mount("/", engine).tls(authority.server().config());
        let tls = Some(authority.client_config());
        Self::Socket { host: Box::new(Server::start(config).unwrap()), fresh: false, kept: None, tls }
    }

    pub fn send(&mut self, message: &Message) -> Response {
        match self {
            Self::Engine(engine) => {
                let mut exchange = begin(engine, message);
                feed(&mut exchange, &message.body);
                finish(exchange)
            }
            Self::Socket { host, fresh, kept, tls } => {
                let mut socket = kept.take().unwrap_or_else(|| connect(&**host, tls.as_ref()));
                write(&mut *socket, message, message.body.len());
                let response = read(&mut *socket, &message.method);
                if response.close {
                    assert_eq!(socket.read(&mut [0; 1]).unwrap_or(0), 0, "the connection is not closed");
                } else if !*fresh {
                    *kept = Some(socket);
                }
                response
            }
        }
    }

    /// Sends the head and the first `count` bytes of the body.
    pub fn hang(&mut self, message: &Message, count: usize) -> Hanging {
        match self {
            Self::Engine(engine) => {
                let mut exchange = begin(engine, message);
                exchange.body(&message.body[..count]);
                Hanging::Exchange(Box::new(exchange))
            }
            Self::Socket { host, tls, .. } => {
                let mut socket = connect(&**host, tls.as_ref());
                write(&mut *socket, message, count);
                Hanging::Socket(socket)
            }
        }
    }
}

impl Hanging {
    /// Sends the rest of the body and reads the response.
    pub fn complete(self, rest: &[u8]) -> Response {
        match self {
            Self::Exchange(mut exchange) => {
                feed(&mut exchange, rest);
                finish(*exchange)
            }
            Self::Socket(mut socket) => {
                socket.write_all(rest).unwrap();
                read(&mut *socket, names::METHOD)
            }
        }
    }
}

fn begin(engine: &Engine, message: &Message) -> Exchange {
    let host = ("Host".to_owned(), "vector".to_owned());
    let headers: Headers = [host].into_iter().chain(message.headers.iter().cloned()).collect();
    let mut head =
        RequestHead::new(message.method.clone(), message.target.clone()).headers(headers).peer("vector");
    head.owner.clone_from(&message.owner);
    engine.begin(head)
}

/// Feeds a body in uneven pieces, as a network would.
fn feed(exchange: &mut Exchange, body: &[u8]) {
    let mut rest = body;
    for piece in [1, 7, 4096].into_iter().chain(std::iter::repeat(1 << 20)) {
        let Want::Body(_) = exchange.want() else { return };
        if rest.is_empty() {
            return;
        }
        let (now, later) = rest.split_at(piece.min(rest.len()));
        exchange.body(now);
        rest = later;
    }
}

fn finish(exchange: Exchange) -> Response {
    let mut response = exchange.finish();
    let mut headers: Vec<_> =
        response.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    headers.push(("Content-Length".to_owned(), response.content_length().to_string()));
    let mut body = Vec::new();
    // An odd size, so that the last read is short.
    let mut piece = [0; 997];
    loop {
        match response.read_body(&mut piece).unwrap() {
            0 => break,
            count => body.extend_from_slice(&piece[..count]),
        }
    }
    Response { status: response.status, headers, body, close: response.close }
}

fn connect(host: &dyn Host, tls: Option<&Arc<ClientConfig>>) -> Box<dyn Stream> {
    let socket = TcpStream::connect(host.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.set_nodelay(true).unwrap();
    let Some(tls) = tls else { return Box::new(socket) };
    let client = ClientConnection::new(Arc::clone(tls), "127.0.0.1".try_into().unwrap()).unwrap();
    Box::new(StreamOwned::new(client, socket))
}

fn write(socket: &mut dyn Stream, message: &Message, body: usize) {
    let mut text = format!("{} {} {}\r\nHost: vector\r\n", message.method, message.target, message.version);
    for (name, value) in &message.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(&message.body[..body]);
    // Ignores errors, because the server may respond and close before it has read everything.
    let _ = socket.write_all(&bytes);
}

/// Reads one response. Skips an interim 100.
fn read(socket: &mut dyn Stream, method: &str) -> Response {
    loop {
        let head = read_head(socket);
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap();
        assert!(status_line.starts_with("HTTP/1.1 "), "GEN-01: {status_line}");
        let status: u16 = status_line[9..12].parse().unwrap();
        if status == 100 {
            continue;
        }
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut response = Response { status, headers, body: Vec::new(), close: false };
        if method != "HEAD" && status != 304 {
            let length = response.get("Content-Length").unwrap().parse().unwrap();
            response.body.resize(length, 0);
            socket.read_exact(&mut response.body).unwrap();
        }
        response.close = response.get("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        return response;
    }
}

fn read_head(socket: &mut dyn Stream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        let count = socket.read(&mut byte).unwrap();
        assert_eq!(count, 1, "the connection ended in the head: {:?}", String::from_utf8_lossy(&head));
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}
