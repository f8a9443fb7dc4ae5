//! A scripted server over raw sockets, so that tests control the exact bytes.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the server waits for the client before the test fails.
const TIMEOUT: Duration = Duration::from_secs(5);

pub const GUID: &str = "{7df0354d-249b-430f-820d-3d2a9bef4931}";

/// Starts a server on a loopback port and runs `script` on a thread. Returns the URL without a path, and the thread,
/// which returns the result of the script.
pub fn serve<T: Send + 'static>(
    script: impl FnOnce(&mut ScriptedServer) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    let thread = std::thread::spawn(move || {
        script(&mut ScriptedServer { listener, stream: None, connections: 0, pending: Vec::new() })
    });
    (url, thread)
}

/// The server as the script controls it. It serves one connection at a time.
pub struct ScriptedServer {
    listener: TcpListener,
    stream: Option<TcpStream>,
    pub connections: usize,
    /// Bytes received after the last request.
    pending: Vec<u8>,
}

/// A request as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The request line and header lines as they were received.
    pub head: String,
    pub body: Vec<u8>,
    /// The number of its connection, from 1.
    pub connection: usize,
}

impl Received {
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    /// Returns all values of a header field.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    /// Returns the value of a header field, or `""`. Panics if it is repeated.
    pub fn get(&self, name: &str) -> &str {
        let values = self.all(name);
        assert!(values.len() <= 1, "{name} is repeated: {}", self.head);
        values.first().copied().unwrap_or("")
    }

    pub fn packet(&self) -> &str {
        self.get("BITS-Packet-Type")
    }
}

impl ScriptedServer {
    /// Returns the address of the server.
    pub fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    /// Reads the next request with its body.
    pub fn request(&mut self) -> Received {
        let mut received = self.head();
        let length = received.get("Content-Length").parse().expect("a Content-Length on every packet");
        received.body = self.body(length);
        received
    }

    /// Reads the head of the next request.
    pub fn head(&mut self) -> Received {
        loop {
            if let Some(end) = find(&self.pending, b"\r\n\r\n") {
                let rest = self.pending.split_off(end + 4);
                let head = String::from_utf8(std::mem::replace(&mut self.pending, rest)).unwrap();
                return Received { head, body: Vec::new(), connection: self.connections };
            }
            if self.read_more() == 0 {
                assert!(self.pending.is_empty(), "the client closed the connection within a head");
                self.stream = None;
            }
        }
    }

    /// Reads the next request, which must be a GET without a body or length.
    pub fn get(&mut self) -> Received {
        let received = self.head();
        assert!(
            received.line().starts_with("GET ") && received.get("Content-Length").is_empty(),
            "{received:?}"
        );
        received
    }

    /// Reads the next `length` bytes of a body.
    pub fn body(&mut self, length: usize) -> Vec<u8> {
        while self.pending.len() < length {
            assert!(self.read_more() > 0, "the client closed the connection within a body");
        }
        let rest = self.pending.split_off(length);
        std::mem::replace(&mut self.pending, rest)
    }

    /// Sends an Ack with additional header fields.
    pub fn ack(&mut self, status: &str, fields: &[(&str, &str)]) {
        let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.raw(&format!(
            "HTTP/1.1 {status}\r\nPragma: no-cache\r\nBITS-Packet-Type: Ack\r\n{fields}Content-Length: 0\r\n\r\n"
        ));
    }

    /// Acknowledges Create-Session.
    pub fn ack_create(&mut self, session: &str) {
        self.ack("200 OK", &[("BITS-Protocol", GUID), ("BITS-Session-Id", session)]);
    }

    /// Acknowledges a Fragment.
    pub fn ack_fragment(&mut self, next_offset: u64) {
        self.ack("200 OK", &[("BITS-Received-Content-Range", &next_offset.to_string())]);
    }

    /// Acknowledges the last Fragment of an upload-reply job.
    pub fn ack_last(&mut self, total: u64, reply_url: &str) {
        let total = total.to_string();
        self.ack("200 OK", &[("BITS-Received-Content-Range", &total), ("BITS-Reply-URL", reply_url)]);
    }

    /// Accepts a whole upload in one fragment, and responds with the reply URL.
    pub fn accept_upload(&mut self, reply_url: &str) {
        self.request();
        self.ack_create("{S}");
        let length = self.request().body.len() as u64;
        self.ack_last(length, reply_url);
    }

    /// Responds to a GET.
    pub fn resource(&mut self, status: &str, fields: &[(&str, &str)], body: &str) {
        self.resource_head(status, fields, body.len());
        self.raw(body);
    }

    /// Responds to a GET with the head only.
    pub fn resource_head(&mut self, status: &str, fields: &[(&str, &str)], length: usize) {
        let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.raw(&format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n"));
    }

    /// Accepts the rest of an upload, up to Close-Session or Cancel-Session. Returns the requests.
    pub fn finish_upload(&mut self) -> Vec<Received> {
        let mut requests = Vec::new();
        loop {
            let request = self.request();
            match request.packet() {
                "Create-Session" => self.ack_create("{S}"),
                "Fragment" => {
                    let range = request.get("Content-Range").to_owned();
                    let last = range.split(['-', '/']).nth(1).unwrap().parse::<u64>().unwrap();
                    let is_empty = request.get("Content-Length") == "0";
                    self.ack_fragment(if is_empty { 0 } else { last + 1 });
                }
                _ => self.ack("200 OK", &[]),
            }
            let is_end = matches!(request.packet(), "Close-Session" | "Cancel-Session");
            requests.push(request);
            if is_end {
                return requests;
            }
        }
    }

    /// Sends bytes as they are. Ignores errors, because the client may have closed the connection.
    pub fn raw(&mut self, bytes: &str) {
        let _ = self.stream().write_all(bytes.as_bytes());
    }

    /// Closes the connection.
    pub fn close(&mut self) {
        self.stream = None;
        self.pending.clear();
    }

    /// Waits for a connection without reading from it.
    pub fn accept(&mut self) {
        self.stream();
    }

    /// Waits, without reading, until the socket buffers are full.
    pub fn wait_until_full(&mut self) {
        let mut before = 0;
        loop {
            std::thread::sleep(Duration::from_millis(20));
            let now = rustix::io::ioctl_fionread(self.stream()).unwrap();
            if now > 0 && now == before {
                return;
            }
            before = now;
        }
    }

    /// Waits until the client closes the connection.
    pub fn wait_for_hang_up(&mut self) {
        while self.read_more() > 0 {
            self.pending.clear();
        }
        self.close();
    }

    fn read_more(&mut self) -> usize {
        let mut buffer = vec![0; 64 * 1024];
        let read = match self.stream().read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            other => other.expect("the client sends before the timeout"),
        };
        self.pending.extend(&buffer[..read]);
        read
    }

    fn stream(&mut self) -> &mut TcpStream {
        if self.stream.is_none() {
            let start = Instant::now();
            let stream = loop {
                match self.listener.accept() {
                    Ok((stream, _)) => break stream,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        assert!(start.elapsed() < TIMEOUT, "no connection before the timeout");
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    Err(error) => panic!("{error}"),
                }
            };
            stream.set_nonblocking(false).unwrap();
            stream.set_read_timeout(Some(TIMEOUT)).unwrap();
            stream.set_nodelay(true).unwrap();
            self.connections += 1;
            self.stream = Some(stream);
        }
        self.stream.as_mut().unwrap()
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
