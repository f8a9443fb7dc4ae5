//! A scripted web application: an HTTP server on its own threads that records the exact bytes of its requests.

mod derived;
mod pattern;
mod response;

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

pub use derived::{NotifyMode, derived};
pub use pattern::pattern;
pub use response::Response;
use response::Then;

/// How long the application waits for bytes of the client.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A running application. Stops and closes its connections when dropped.
pub struct Application {
    address: SocketAddr,
    shared: Arc<Shared>,
}

type Script = dyn Fn(&Request) -> Response + Send + Sync;

struct Shared {
    script: Box<Script>,
    requests: Mutex<Vec<Request>>,
    connections: Mutex<Vec<Weak<TcpStream>>>,
    stopped: AtomicBool,
}

/// A request as it was received.
#[derive(Debug, Clone)]
pub struct Request {
    /// The request line and header lines, with the empty line.
    pub head: String,
    /// Empty when the script is called, because only the head was read.
    pub body: Vec<u8>,
    /// The number of its connection, from 1.
    pub connection: usize,
    /// The number of this request, from 1.
    pub number: usize,
}

impl Request {
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    /// Returns the names of all header fields as they were spelled.
    pub fn names(&self) -> Vec<&str> {
        self.fields().map(|(name, _)| name).collect()
    }

    /// Returns the value of a header field. Panics if it is repeated.
    pub fn get(&self, name: &str) -> Option<&str> {
        let values: Vec<_> = self.fields().filter(|(n, _)| n.eq_ignore_ascii_case(name)).collect();
        assert!(values.len() <= 1, "{name} is repeated: {}", self.head);
        values.first().map(|(_, value)| *value)
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.head.lines().skip(1).filter_map(|line| line.split_once(": "))
    }
}

impl Application {
    /// Starts an application that calls `script` for the response to each request.
    pub fn start(script: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::start_at(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    /// Starts an application on an existing listener.
    pub fn start_at(
        listener: TcpListener,
        script: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            requests: Mutex::default(),
            connections: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let listening = Arc::clone(&shared);
        thread::spawn(move || listening.listen(&listener));
        Self { address, shared }
    }

    /// Returns the absolute URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Returns all requests whose head was received, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Returns the only request. Panics if there were more or none.
    pub fn request(&self) -> Request {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }

    /// Returns the number of accepted connections.
    pub fn connections(&self) -> usize {
        self.shared.connections.lock().unwrap().len()
    }

    /// Closes all current connections. New ones are still accepted.
    pub fn hang_up(&self) {
        for connection in self.shared.connections.lock().unwrap().iter().filter_map(Weak::upgrade) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.hang_up();
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener, which then stops.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        while let Ok((stream, _)) = listener.accept()
            && !self.stopped.load(Ordering::SeqCst)
        {
            stream.set_read_timeout(Some(TIMEOUT)).unwrap();
            stream.set_nodelay(true).unwrap();
            let stream = Arc::new(stream);
            let mut connections = self.connections.lock().unwrap();
            connections.push(Arc::downgrade(&stream));
            let number = connections.len();
            drop(connections);
            let shared = Arc::clone(self);
            thread::spawn(move || shared.serve(&stream, number));
        }
    }

    /// Serves a connection until it is closed, by a reset if there are unread bytes.
    fn serve(&self, mut stream: &TcpStream, connection: usize) {
        let mut pending = Vec::new();
        while let Some(head) = read_head(stream, &mut pending) {
            let (number, response) = self.record(head, connection);
            if response.read_body && !self.read_body(stream, &mut pending, number) {
                return;
            }
            let body = || self.requests.lock().unwrap()[number - 1].body.clone();
            if response.play(stream, body).is_err() {
                return;
            }
            match response.then {
                Then::Keep => {}
                Then::Close => return,
                Then::Reset => {
                    return rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
                }
                Then::Hang => {
                    while stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
                    return;
                }
            }
        }
    }

    fn record(&self, head: String, connection: usize) -> (usize, Response) {
        let mut requests = self.requests.lock().unwrap();
        let number = requests.len() + 1;
        let request = Request { head, body: Vec::new(), connection, number };
        requests.push(request.clone());
        drop(requests);
        (number, (self.script)(&request))
    }

    /// Reads the body of a request. Returns whether it was complete.
    fn read_body(&self, mut stream: &TcpStream, pending: &mut Vec<u8>, number: usize) -> bool {
        let request = self.requests.lock().unwrap()[number - 1].clone();
        let length = request.get("Content-Length").unwrap_or_else(|| panic!("no length: {request:?}"));
        let length = length.parse().unwrap();
        let mut buffer = vec![0; 256 * 1024];
        while pending.len() < length {
            match stream.read(&mut buffer) {
                Ok(read) if read > 0 => pending.extend(&buffer[..read]),
                _ => return false,
            }
        }
        let rest = pending.split_off(length);
        self.requests.lock().unwrap()[number - 1].body = std::mem::replace(pending, rest);
        true
    }
}

fn read_head(mut stream: &TcpStream, pending: &mut Vec<u8>) -> Option<String> {
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(end) = pending.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = pending.split_off(end + 4);
            return Some(String::from_utf8_lossy(&std::mem::replace(pending, rest)).into_owned());
        }
        match stream.read(&mut buffer) {
            Ok(0) => return None,
            Ok(read) => pending.extend(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}
