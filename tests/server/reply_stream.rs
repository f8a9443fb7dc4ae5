//! Downloads of replies: of any size and speed, without occupying a thread.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bitsup::engine::{Engine, EngineConfig, Hooks, Upload, Verdict};
use bitsup::server::{Server, ServerConfig};
use bitsup::store::{DirOptions, DirStore};

/// More than the socket buffers hold.
const LENGTH: usize = 6000 * 4093;
const GUID: &str = "{7df0354d-249b-430f-820d-3d2a9bef4931}";

/// Replies with a large file.
struct LargeReply;

impl Hooks for LargeReply {
    fn on_received(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        let path = upload.reply_path.unwrap();
        std::fs::write(path, content()).unwrap();
        verdict.set_reply_file(path);
    }
}

fn content() -> Vec<u8> {
    // The length of the repeated block is prime, so that a shift by any buffer size changes the content.
    (0..4093).map(|i| (i ^ (i >> 8)) as u8).collect::<Vec<u8>>().repeat(LENGTH / 4093)
}

struct ReplyServer {
    server: Server,
    _root: tempfile::TempDir,
    /// The path of the reply.
    reply: String,
}

impl ReplyServer {
    /// Starts a server with one worker, and uploads a file that gets a large reply.
    fn new(read_timeout: Duration) -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = DirStore::open(root.path(), DirOptions::default()).unwrap();
        let config = EngineConfig::new(Arc::new(store)).hooks(Arc::new(LargeReply));
        let config = ServerConfig::default()
            .mount("/up/", Engine::new(config).unwrap())
            .max_workers(1)
            .read_timeout(read_timeout);
        let mut replies = Self { server: Server::start(config).unwrap(), _root: root, reply: String::new() };
        let mut socket = replies.connect();
        let create = format!("BITS-Packet-Type: Create-Session\r\nBITS-Supported-Protocols: {GUID}\r\n");
        let head = request(&mut socket, "BITS_POST", "/up/a", &format!("{create}Content-Length: 0\r\n\r\n"));
        let id = field(&head, "BITS-Session-Id");
        let fragment = format!(
            "BITS-Packet-Type: Fragment\r\nBITS-Session-Id: {id}\r\nContent-Range: bytes 0-0/1\r\nContent-Length: 1\r\n\r\nx"
        );
        let head = request(&mut socket, "BITS_POST", "/up/a", &fragment);
        let url = field(&head, "BITS-Reply-URL");
        assert!(url.starts_with("http://example:8/up/BITS-Sessions/Replies/%7B"), "{url}");
        replies.reply = url["http://example:8".len()..].to_owned();
        replies
    }

    fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.server.local_addr()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }
}

/// Sends a request and reads the head of the response.
fn request(socket: &mut TcpStream, method: &str, target: &str, rest: &str) -> String {
    socket.write_all(format!("{method} {target} HTTP/1.1\r\nHost: example:8\r\n{rest}").as_bytes()).unwrap();
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn field(head: &str, name: &str) -> String {
    let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name}: {head}")).to_owned()
}

#[test]
fn a_slow_reader_occupies_no_thread_and_gets_every_byte() {
    let replies = ReplyServer::new(Duration::from_secs(10));
    let (mut slow, mut quick) = (replies.connect(), replies.connect());
    let head = request(&mut slow, "GET", &replies.reply, "\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(field(&head, "Content-Length"), LENGTH.to_string());
    // A worker that waited for the slow reader could not serve these.
    for _ in 0..3 {
        let head = request(&mut quick, "HEAD", &replies.reply, "\r\n");
        assert_eq!(field(&head, "Content-Length"), LENGTH.to_string());
    }
    let mut body = vec![0; LENGTH];
    slow.read_exact(&mut body).unwrap();
    assert!(body == content());
    let head = request(&mut slow, "GET", &replies.reply, "Range: bytes=5-9\r\n\r\n");
    assert_eq!(field(&head, "Content-Range"), format!("bytes 5-9/{LENGTH}"));
    slow.read_exact(&mut body[..5]).unwrap();
    assert_eq!(body[..5], content()[5..10], "the connection must stay usable after a large body");
}

#[test]
fn a_reader_that_stops_times_out() {
    let replies = ReplyServer::new(Duration::from_millis(100));
    let mut socket = replies.connect();
    request(&mut socket, "GET", &replies.reply, "\r\n");
    // Nothing is read until the timeout; then the connection ends without the rest of the body.
    let mut server = replies.server;
    server.stop(Duration::from_secs(10)).unwrap();
    let mut rest = Vec::new();
    let result = socket.read_to_end(&mut rest);
    assert!(result.is_err() || rest.len() < LENGTH, "{} bytes", rest.len());
}
