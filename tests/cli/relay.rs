//! A line between a client and a server that breaks once, when so many bytes came back.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long a test may take to get to the break.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Passes bytes both ways, on any number of connections.
pub struct Relay {
    address: SocketAddr,
    line: Arc<Line>,
    broken: Receiver<()>,
    mend: Sender<()>,
}

struct Line {
    server: SocketAddr,
    requests: Mutex<Vec<u8>>,
    /// `None` from the break on.
    before_break: Mutex<Option<BeforeBreak>>,
}

struct BeforeBreak {
    /// Bytes that may yet come back.
    left: usize,
    broken: Sender<()>,
    mended: Receiver<()>,
}

impl Relay {
    /// A line to the server that breaks behind `limit` bytes of answers.
    pub fn start(server: SocketAddr, limit: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ((breaks, broken), (mend, mended)) = (channel(), channel());
        let before_break = BeforeBreak { left: limit, broken: breaks, mended };
        let requests = Mutex::default();
        let line = Arc::new(Line { server, requests, before_break: Mutex::new(Some(before_break)) });
        let listening = Arc::clone(&line);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let line = Arc::clone(&listening);
                thread::spawn(move || line.serve(&client));
            }
        });
        Self { address, line, broken, mend }
    }

    pub fn url_of(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns at the break: until it is mended, nothing more comes back.
    pub fn wait_for_break(&self) {
        self.broken.recv_timeout(TIMEOUT).expect("too few bytes came back");
    }

    /// Ends the connection that broke; from now on everything passes.
    pub fn mend(&self) {
        self.mend.send(()).unwrap();
    }

    /// The values of a header field in all requests so far.
    pub fn values(&self, name: &str) -> Vec<String> {
        let requests = String::from_utf8_lossy(&self.line.requests.lock().unwrap()).into_owned();
        let fields = requests.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.into()).collect()
    }
}

impl Line {
    /// Passes bytes until one side ends, and then ends the other.
    fn serve(&self, client: &TcpStream) {
        let Ok(server) = TcpStream::connect(self.server) else { return };
        let end = || [client, &server].map(|side| drop(side.shutdown(Shutdown::Both)));
        thread::scope(|scope| {
            scope.spawn(|| {
                self.pass_requests(client, &server);
                end();
            });
            self.pass_answers(&server, client);
            end();
        });
    }

    fn pass_requests(&self, mut client: &TcpStream, mut server: &TcpStream) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = client.read(&mut buffer) {
            self.requests.lock().unwrap().extend(&buffer[..read]);
            if server.write_all(&buffer[..read]).is_err() {
                return;
            }
        }
    }

    fn pass_answers(&self, mut server: &TcpStream, mut client: &TcpStream) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = server.read(&mut buffer) {
            let passes = self.before_break.lock().unwrap().as_ref().map_or(read, |line| line.left.min(read));
            if client.write_all(&buffer[..passes]).is_err() || self.breaks_behind(passes) {
                return;
            }
        }
    }

    /// Whether the line breaks behind these bytes; if so, only once it is mended.
    fn breaks_behind(&self, passed: usize) -> bool {
        let mut before_break = self.before_break.lock().unwrap();
        let Some(line) = before_break.as_mut() else { return false };
        line.left -= passed;
        let Some(BeforeBreak { broken, mended, .. }) = before_break.take_if(|line| line.left == 0) else {
            return false;
        };
        drop(before_break);
        broken.send(()).unwrap();
        let _ = mended.recv();
        true
    }
}
