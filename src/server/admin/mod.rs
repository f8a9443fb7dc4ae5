//! The operator's listener: health, sessions and a page, read-only, apart from the address that clients use.
//!
//! It has a thread and a poller of its own, so that it answers while every worker is busy, and neither can take
//! connections from the other. Each connection carries one request.

mod connection;
mod route;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use std::{io, mem};

use polling::Events;

use super::head::Head;
use super::listener::{self, Listener};
use super::watch::Watch;
use super::{LOG, Metrics, Shared};
use crate::error::Error;
use crate::log::Level;
use connection::{Connection, Next};
use route::Answer;

/// Most connections at a time; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;

/// Where operators reach a server. There are no users and no TLS: whoever reaches it sees the names of sessions
/// and their owners, so it should be an address of loopback or of a network of operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Host name or address to listen on.
    pub host: String,
    /// Port; 0 picks a free one.
    pub port: u16,
}

impl AdminConfig {
    /// Errors: as for the address of a server.
    pub(super) fn bind(&self) -> Result<Bound, Error> {
        Ok(Bound { socket: listener::bind(&self.host, self.port)?, host: self.host.clone() })
    }
}

/// An address that nobody serves yet.
pub(super) struct Bound {
    socket: TcpListener,
    host: String,
}

/// What answers are made from.
pub(super) struct Sources {
    pub shared: Arc<Shared>,
    pub metrics: Metrics,
}

/// A running listener. Dropping it tells it to end, and does not wait.
pub(super) struct Admin {
    signal: Arc<Signal>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

/// How the thread is told to end.
struct Signal {
    watch: Arc<Watch>,
    ended: AtomicBool,
}

impl Admin {
    /// Answers from now on.
    ///
    /// Errors: the system's, out of descriptors or threads.
    pub fn start(bound: Bound, sources: Sources) -> io::Result<Self> {
        let Bound { socket, host } = bound;
        let address = socket.local_addr()?;
        let watch = Watch::new()?;
        let logger = sources.shared.site.logger.clone();
        let listener = Listener::new(&watch, socket, MAX_CONNECTIONS, logger)?;
        let signal = Arc::new(Signal { watch, ended: AtomicBool::new(false) });
        let desk = Desk {
            sources,
            signal: Arc::clone(&signal),
            names: Names::new(&host, address.ip()),
            listener,
            connections: HashMap::new(),
            next_key: listener::KEY,
        };
        let thread = thread::Builder::new().name("bitsup-admin".into()).spawn(move || desk.run())?;
        Ok(Self { signal, address, thread: Some(thread) })
    }

    /// The URL of the page.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Whether the caller is this listener's thread, which it is in a callback of a store.
    pub fn is_current(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.thread().id() == thread::current().id())
    }

    /// Ends it and waits for its thread.
    pub fn stop(&mut self) {
        self.signal.end();
        if let Some(thread) = self.thread.take() {
            // If it panicked, it has ended as well.
            let _ = thread.join();
        }
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.signal.end();
    }
}

impl Signal {
    fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.watch.wake();
    }
}

/// What the thread owns.
struct Desk {
    sources: Sources,
    signal: Arc<Signal>,
    names: Names,
    listener: Listener,
    connections: HashMap<usize, Connection>,
    next_key: usize,
}

impl Desk {
    fn run(mut self) {
        let mut events = Events::new();
        let signal = Arc::clone(&self.signal);
        while !signal.ended.load(Ordering::SeqCst) {
            let now = Instant::now();
            self.connections.retain(|_, connection| connection.deadline() > now);
            self.listener.resume(now);
            let deadlines = self.connections.values().map(Connection::deadline);
            let until = deadlines.chain(self.listener.resumes_at()).min();
            if let Err(error) = signal.watch.wait(&mut events, until) {
                let logger = &self.sources.shared.site.logger;
                logger.log(Level::Error, LOG, || format!("the operator's listener failed: {error}"));
                return;
            }
            for event in events.iter() {
                match event.key {
                    listener::KEY => self.accept(),
                    key => self.drive(key),
                }
            }
        }
    }

    fn accept(&mut self) {
        let Self { listener, connections, next_key, signal, sources, .. } = self;
        listener.accept(|stream: TcpStream, peer| {
            *next_key = next_key.checked_add(1).filter(|key| *key < usize::MAX).unwrap_or(1);
            match Connection::new(&signal.watch, stream, *next_key) {
                Ok(connection) => mem::drop(connections.insert(*next_key, connection)),
                Err(error) => {
                    let logger = &sources.shared.site.logger;
                    logger.log(Level::Warn, LOG, || format!("operator {peer} not served: {error}"));
                }
            }
        });
    }

    fn drive(&mut self, key: usize) {
        let Some(mut connection) = self.connections.remove(&key) else { return };
        let (sources, names) = (&self.sources, &self.names);
        let answer = |head: &Head| match names.allow(head) {
            true => route::answer(head, sources),
            false => Answer::text(421, "This server has another name. Ask it by its address.\n"),
        };
        if let Ok(Next::Wait(interest)) = connection.drive(answer)
            && connection.arm(interest).is_ok()
        {
            self.connections.insert(key, connection);
        }
    }
}

/// By which names the listener lets itself be asked. A page of somebody else's could give its own name this
/// machine's address and have the operator's browser read what is here; the browser then names that page's
/// host. Only loopback is behind such a browser alone.
enum Names {
    Any,
    Local(String),
}

impl Names {
    fn new(host: &str, address: IpAddr) -> Self {
        match address.to_canonical().is_loopback() {
            true => Self::Local(host.to_ascii_lowercase()),
            false => Self::Any,
        }
    }

    fn allow(&self, head: &Head) -> bool {
        let Self::Local(own) = self else { return true };
        let asked = head.headers.get("Host").unwrap_or_default().to_ascii_lowercase();
        if asked.parse::<SocketAddr>().is_ok() || asked.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            return true;
        }
        let name = asked.rsplit_once(':').map_or(asked.as_str(), |(name, _)| name);
        name == "localhost" || name == own
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::{Parsed, parse};
    use super::*;

    #[test]
    fn a_foreign_name_for_loopback_is_refused() {
        let allows = |names: &Names, host: &str| {
            let text = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let Parsed::Complete(head, _) = parse(text.as_bytes(), &mut 0, connection::LIMITS) else {
                panic!("{host}")
            };
            names.allow(&head)
        };
        let local = Names::new("ops.test", IpAddr::from([127, 0, 0, 1]));
        for host in
            ["127.0.0.1", "127.0.0.1:80", "[::1]:80", "[::1]", "localhost:1", "LocalHost", "ops.test:9"]
        {
            assert!(allows(&local, host), "{host}");
        }
        for host in ["evil.test", "evil.test:80", "127.0.0.1.evil.test", "localhost.evil.test:80", ""] {
            assert!(!allows(&local, host), "{host}");
        }
        assert!(allows(&Names::new("0.0.0.0", IpAddr::from([0, 0, 0, 0])), "ops.example:80"));
    }
}
