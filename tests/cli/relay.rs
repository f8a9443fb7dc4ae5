//! A TCP relay between a client and a server that stops once, after a number of response bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Maximum time until the relay stops.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Relays any number of connections.
pub struct Relay {
    address: SocketAddr,
    link: Arc<Link>,
    broken: Receiver<()>,
    restore: Sender<()>,
}

struct Link {
    server: SocketAddr,
    requests: Mutex<Vec<u8>>,
    /// `None` after the break.
    before_break: Mutex<Option<BeforeBreak>>,
}

struct BeforeBreak {
    /// Response bytes until the break.
    remaining: usize,
    broken: Sender<()>,
    restored: Receiver<()>,
}

impl Relay {
    /// Starts a relay to `server` that stops after `limit` response bytes.
    pub fn start(server: SocketAddr, limit: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ((break_sender, broken), (restore, restored)) = (channel(), channel());
        let before_break = BeforeBreak { remaining: limit, broken: break_sender, restored };
        let requests = Mutex::default();
        let link = Arc::new(Link { server, requests, before_break: Mutex::new(Some(before_break)) });
        let listening = Arc::clone(&link);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let link = Arc::clone(&listening);
                thread::spawn(move || link.serve(&client));
            }
        });
        Self { address, link, broken, restore }
    }

    pub fn url_of(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Waits for the break. Nothing more is relayed to the client until [`Relay::restore`].
    pub fn wait_for_break(&self) {
        self.broken.recv_timeout(TIMEOUT).expect("too few response bytes were relayed");
    }

    /// Closes the connection that stopped. From now on everything is relayed.
    pub fn restore(&self) {
        self.restore.send(()).unwrap();
    }

    /// The values of a header field in all requests so far.
    pub fn values(&self, name: &str) -> Vec<String> {
        let requests = String::from_utf8_lossy(&self.link.requests.lock().unwrap()).into_owned();
        let fields = requests.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.into()).collect()
    }
}

impl Link {
    /// Relays bytes until one side closes the connection, then closes the other.
    fn serve(&self, client: &TcpStream) {
        let Ok(server) = TcpStream::connect(self.server) else { return };
        let end = || [client, &server].map(|side| drop(side.shutdown(Shutdown::Both)));
        thread::scope(|scope| {
            scope.spawn(|| {
                self.pass_requests(client, &server);
                end();
            });
            self.pass_responses(&server, client);
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

    fn pass_responses(&self, mut server: &TcpStream, mut client: &TcpStream) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = server.read(&mut buffer) {
            let allowed =
                self.before_break.lock().unwrap().as_ref().map_or(read, |link| link.remaining.min(read));
            if client.write_all(&buffer[..allowed]).is_err() || self.break_after(allowed) {
                return;
            }
        }
    }

    /// Counts relayed response bytes. At the break, waits for [`Relay::restore`] and returns `true`.
    fn break_after(&self, passed: usize) -> bool {
        let mut before_break = self.before_break.lock().unwrap();
        let Some(link) = before_break.as_mut() else { return false };
        link.remaining -= passed;
        let Some(BeforeBreak { broken, restored, .. }) = before_break.take_if(|link| link.remaining == 0)
        else {
            return false;
        };
        drop(before_break);
        broken.send(()).unwrap();
        let _ = restored.recv();
        true
    }
}
