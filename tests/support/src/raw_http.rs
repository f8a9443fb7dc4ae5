//! A server to test, and a client that sends bytes and reads one response at a time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitsup::engine::{Engine, EngineConfig};
use bitsup::proto::names;
use bitsup::server::{Server, ServerConfig};
use bitsup::store::MemoryStore;

/// Longer than any operation takes; a test that reaches it fails.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// Returns an engine over a memory store.
pub fn engine(store: &MemoryStore) -> Engine {
    Engine::new(EngineConfig::new(Arc::new(store.clone()))).unwrap()
}

/// Starts a server on a free port with one engine at `/`. `adjust` changes the configuration.
pub fn serve(store: &MemoryStore, adjust: impl FnOnce(&mut ServerConfig)) -> Server {
    let mut config = ServerConfig::default().mount("/", engine(store));
    adjust(&mut config);
    Server::start(config).unwrap()
}

/// Starts a server with its own memory store.
pub fn serve_anything() -> Server {
    serve(&MemoryStore::new(u64::MAX), |_| {})
}

/// Waits until connections to the address are refused.
pub fn wait_until_refused(address: SocketAddr) {
    let began = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(began.elapsed() < TIMEOUT, "{address} still accepts connections");
    }
}

/// A connection over a socket or a TLS stream.
pub struct RawHttp<S = TcpStream> {
    pub socket: S,
    /// Bytes received after the last response.
    rest: Vec<u8>,
}

/// A response without a body.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// The whole head.
    pub text: String,
}

impl RawHttp {
    pub fn connect(server: &Server) -> Self {
        Self::connect_to(server.local_addr())
    }

    pub fn connect_to(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        socket.set_write_timeout(Some(TIMEOUT)).unwrap();
        Self::over(socket)
    }

    /// Sends requests without reading responses until an error. Returns its kind: `WouldBlock` if all buffers are
    /// full and nothing moved for `time`, or another one if the server closed the connection.
    pub fn send_until_blocked(&mut self, request: &str, time: Duration) -> ErrorKind {
        rustix::net::sockopt::set_socket_recv_buffer_size(&self.socket, 4096).unwrap();
        self.socket.set_write_timeout(Some(time)).unwrap();
        let many = request.repeat(1000);
        let mut at = 0;
        loop {
            match self.socket.write(&many.as_bytes()[at..]) {
                Ok(count) => at = (at + count) % many.len(),
                Err(error) => return error.kind(),
            }
        }
    }

    /// Returns whether nothing arrives within `time`.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.socket.set_read_timeout(Some(time)).unwrap();
        let nothing =
            matches!(self.socket.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        self.socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        nothing
    }
}

impl<S: Read + Write> RawHttp<S> {
    pub fn over(socket: S) -> Self {
        Self { socket, rest: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).unwrap();
        self.socket.flush().unwrap();
    }

    /// Sends a request and reads the response.
    pub fn request(&mut self, bytes: impl AsRef<[u8]>) -> Response {
        self.send(bytes);
        self.response()
    }

    /// Reads one response, and checks what every response must have (GEN-01, GEN-03).
    pub fn response(&mut self) -> Response {
        let text = self.head();
        let response = Response::new(text);
        assert_eq!(response.field("Content-Length"), Some("0"), "{}", response.text);
        assert!(response.field("Date").is_some_and(|date| date.ends_with(" GMT")), "{}", response.text);
        assert!(
            response.field("Server").is_some_and(|server| server.starts_with("bitsup/")),
            "{}",
            response.text
        );
        response
    }

    /// Reads `HTTP/1.1 100 Continue`.
    pub fn read_continue(&mut self) {
        assert_eq!(self.head(), "HTTP/1.1 100 Continue\r\n\r\n");
    }

    /// Asserts that the server closes the connection without a reset and without further bytes.
    pub fn assert_closed(&mut self) {
        assert_eq!(self.read_to_end().unwrap(), "", "unexpected bytes");
    }

    /// Asserts that the server closes or resets the connection without further bytes.
    pub fn assert_gone(&mut self) {
        match self.read_to_end() {
            Ok(rest) => assert_eq!(rest, ""),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "not closed: {error}"),
        }
    }

    fn read_to_end(&mut self) -> io::Result<String> {
        let read = self.socket.read_to_end(&mut self.rest);
        let rest = String::from_utf8_lossy(&self.rest).into_owned();
        read.map(|_| rest)
    }

    fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = self.rest.drain(..at + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            let mut piece = [0; 4096];
            let count = match self.socket.read(&mut piece) {
                Ok(count) => count,
                Err(error) => {
                    panic!("no response: {error}; so far: {:?}", String::from_utf8_lossy(&self.rest))
                }
            };
            assert_ne!(
                count,
                0,
                "closed instead of a response; so far: {:?}",
                String::from_utf8_lossy(&self.rest)
            );
            self.rest.extend_from_slice(&piece[..count]);
        }
    }
}

impl Response {
    fn new(text: String) -> Self {
        let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).map(str::parse);
        let Some(Ok(status)) = status else { panic!("no HTTP/1.1 status line: {text:?}") };
        Self { status, text }
    }

    /// Returns the value of a header field.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.text.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns whether the response has `Connection: close`.
    pub fn closes(&self) -> bool {
        self.field("Connection").is_some_and(|value| value == "close")
    }

    /// Returns the session id of a Create-Session Ack.
    pub fn session(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text);
        self.field(names::SESSION_ID).unwrap().to_owned()
    }
}

/// Returns the head of a packet as Windows sends it. `fields` are header lines without line ends.
pub fn packet(kind: &str, path: &str, fields: &[&str], body: usize) -> String {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    format!(
        "BITS_POST {path} HTTP/1.1\r\nAccept: */*\r\nBITS-Packet-Type: {kind}\r\n{fields}\
         User-Agent: Microsoft BITS/7.8\r\nHost: test\r\nContent-Length: {body}\r\n\
         Connection: Keep-Alive\r\n\r\n"
    )
}

/// The shortest valid request. The response is about five times as long.
pub const TINY: &str = "GET / HTTP/1.1\r\nHost:\r\n\r\n";

pub fn ping(path: &str) -> String {
    packet("Ping", path, &[], 0)
}

pub fn create(path: &str) -> String {
    packet("Create-Session", path, &[&format!("BITS-Supported-Protocols: {}", names::PROTOCOL_GUID)], 0)
}

/// Returns the head of a Fragment of `length` bytes from offset `first`. `more` are additional fields.
pub fn fragment(
    path: &str,
    session: &str,
    first: usize,
    length: usize,
    total: usize,
    more: &[&str],
) -> String {
    let id = format!("BITS-Session-Id: {session}");
    let range = format!("Content-Range: bytes {first}-{}/{total}", first + length - 1);
    packet("Fragment", path, &[&[id.as_str(), range.as_str()], more].concat(), length)
}

pub fn close(path: &str, session: &str) -> String {
    packet("Close-Session", path, &[&format!("BITS-Session-Id: {session}")], 0)
}
