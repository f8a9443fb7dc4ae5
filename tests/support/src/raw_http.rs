//! A server to test, and a client that sends bytes and reads one answer at a time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitsup::engine::{Engine, EngineConfig};
use bitsup::proto::names;
use bitsup::server::{Server, ServerConfig};
use bitsup::store::MemoryStore;

/// Longer than anything takes; a test that waits for it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An engine over a store in memory.
pub fn engine(store: &MemoryStore) -> Engine {
    Engine::new(EngineConfig::new(Arc::new(store.clone()))).unwrap()
}

/// A server on a free port, with one engine at `/`; `adjust` changes the configuration.
pub fn serve(store: &MemoryStore, adjust: impl FnOnce(&mut ServerConfig)) -> Server {
    let mut config = ServerConfig::default().mount("/", engine(store));
    adjust(&mut config);
    Server::start(config).unwrap()
}

/// A server over a store of its own, which is left to itself.
pub fn serve_anything() -> Server {
    serve(&MemoryStore::new(u64::MAX), |_| {})
}

/// Waits until nobody listens there any more.
pub fn wait_until_refused(address: SocketAddr) {
    let began = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(began.elapsed() < PATIENCE, "{address} still accepts connections");
    }
}

/// A connection, over a socket or over what is laid over one.
pub struct RawHttp<S = TcpStream> {
    pub socket: S,
    /// Bytes that were read behind the last answer.
    rest: Vec<u8>,
}

/// An answer, which never has a body.
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
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self::over(socket)
    }

    /// Sends requests, reads no answer, and says what came of it: all buffers are full and nothing has
    /// moved for `time` (`WouldBlock`), or the server has closed the connection.
    pub fn stuff(&mut self, request: &str, time: Duration) -> ErrorKind {
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

    /// Whether nothing arrives within `time`.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.socket.set_read_timeout(Some(time)).unwrap();
        let nothing =
            matches!(self.socket.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
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

    /// Sends, and reads the answer.
    pub fn request(&mut self, bytes: impl AsRef<[u8]>) -> Response {
        self.send(bytes);
        self.response()
    }

    /// Reads one answer and holds it to what every answer has in common (GEN-01, GEN-03).
    pub fn response(&mut self) -> Response {
        let text = self.head();
        let answer = Response::new(text);
        assert_eq!(answer.field("Content-Length"), Some("0"), "{}", answer.text);
        assert!(answer.field("Date").is_some_and(|date| date.ends_with(" GMT")), "{}", answer.text);
        assert!(
            answer.field("Server").is_some_and(|server| server.starts_with("bitsup/")),
            "{}",
            answer.text
        );
        answer
    }

    /// Reads `HTTP/1.1 100 Continue`, and nothing more.
    pub fn continued(&mut self) {
        assert_eq!(self.head(), "HTTP/1.1 100 Continue\r\n\r\n");
    }

    /// Asserts that the server closes the connection in good order and without a further byte.
    pub fn assert_closed(&mut self) {
        assert_eq!(self.read_to_end().unwrap(), "", "more than was expected");
    }

    /// Asserts that the connection is gone, if need be by a reset, without a further byte.
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
                Err(error) => panic!("no answer: {error}; so far: {:?}", String::from_utf8_lossy(&self.rest)),
            };
            assert_ne!(
                count,
                0,
                "closed instead of an answer; so far: {:?}",
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

    /// The value of a header field.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.text.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Whether the server says that it will close.
    pub fn closes(&self) -> bool {
        self.field("Connection").is_some_and(|value| value == "close")
    }

    /// The session that a Create-Session Ack names.
    pub fn session(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text);
        self.field(names::SESSION_ID).unwrap().to_owned()
    }
}

/// A packet as Windows sends it; `fields` are whole lines without their ends.
pub fn packet(kind: &str, path: &str, fields: &[&str], body: usize) -> String {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    format!(
        "BITS_POST {path} HTTP/1.1\r\nAccept: */*\r\nBITS-Packet-Type: {kind}\r\n{fields}\
         User-Agent: Microsoft BITS/7.8\r\nHost: test\r\nContent-Length: {body}\r\n\
         Connection: Keep-Alive\r\n\r\n"
    )
}

/// The shortest request there is; it gets an answer of five times its length.
pub const TINY: &str = "GET / HTTP/1.1\r\nHost:\r\n\r\n";

pub fn ping(path: &str) -> String {
    packet("Ping", path, &[], 0)
}

pub fn create(path: &str) -> String {
    packet("Create-Session", path, &[&format!("BITS-Supported-Protocols: {}", names::PROTOCOL_GUID)], 0)
}

/// The head of a Fragment of `length` bytes from `first` on; `more` are further fields.
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
