//! The administration page: health, sessions and metrics, read-only, on an address of its own.
//!
//! It has its own thread and reactor, so that it responds while all workers are busy, and so that its connections do not
//! count as clients. Each connection serves one request.

mod connection;
mod host_check;
mod routes;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use std::{io, mem};

use polling::Events;

use super::config::AdminConfig;
use super::http1::head::HttpHead;
use super::network::listener::{self, LISTENER_KEY, Listener};
use super::network::registration::Reactor;
use super::observability::LOG_TARGET;
use crate::error::Error;
use crate::log::Level;
use connection::{AdminConnection, AdminNext};
use host_check::HostCheck;
use routes::AdminResponse;
pub(crate) use routes::AdminSources;

/// Maximum connections; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;

/// The bound address of the administration page, which is not served yet.
pub(crate) struct BoundAdmin {
    socket: TcpListener,
    host: String,
}

impl BoundAdmin {
    /// Binds the address.
    ///
    /// # Errors
    ///
    /// Fails like [`listener::bind`].
    pub fn bind(config: &AdminConfig) -> Result<Self, Error> {
        Ok(Self { socket: listener::bind(&config.host, config.port)?, host: config.host.clone() })
    }
}

/// The running listener of the administration page. Dropping it stops the listener without waiting for its
/// thread.
pub(crate) struct AdminServer {
    signal: Arc<StopSignal>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

/// The signal that ends the thread.
struct StopSignal {
    reactor: Arc<Reactor>,
    ended: AtomicBool,
}

impl AdminServer {
    /// Starts serving.
    ///
    /// # Errors
    ///
    /// Fails if the system is out of descriptors or threads.
    pub fn start(bound: BoundAdmin, sources: AdminSources) -> io::Result<Self> {
        let BoundAdmin { socket, host } = bound;
        let address = socket.local_addr()?;
        let reactor = Reactor::new()?;
        let logger = sources.context.logger.clone();
        let listener = Listener::new(&reactor, socket, MAX_CONNECTIONS, logger)?;
        let signal = Arc::new(StopSignal { reactor, ended: AtomicBool::new(false) });
        let admin_loop = AdminLoop {
            sources,
            signal: Arc::clone(&signal),
            host_check: HostCheck::new(&host, address.ip()),
            listener,
            connections: HashMap::new(),
            next_key: LISTENER_KEY,
        };
        let thread = thread::Builder::new().name("bitsup-admin".into()).spawn(move || admin_loop.run())?;
        Ok(Self { signal, address, thread: Some(thread) })
    }

    /// Returns the URL of the page.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Whether the caller runs on this listener's thread, as callbacks of a store may do.
    pub fn is_current(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.thread().id() == thread::current().id())
    }

    /// Ends the listener and waits for its thread.
    pub fn stop(&mut self) {
        self.signal.end();
        if let Some(thread) = self.thread.take() {
            // An error only means that the thread panicked; it has ended anyway.
            let _ = thread.join();
        }
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        self.signal.end();
    }
}

impl StopSignal {
    fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.reactor.wake();
    }
}

/// The state of the thread.
struct AdminLoop {
    sources: AdminSources,
    signal: Arc<StopSignal>,
    host_check: HostCheck,
    listener: Listener,
    connections: HashMap<usize, AdminConnection>,
    next_key: usize,
}

impl AdminLoop {
    fn run(mut self) {
        let mut events = Events::new();
        let signal = Arc::clone(&self.signal);
        while !signal.ended.load(Ordering::SeqCst) {
            let now = Instant::now();
            self.connections.retain(|_, connection| connection.deadline() > now);
            self.listener.resume(now);
            let deadlines = self.connections.values().map(AdminConnection::deadline);
            let until = deadlines.chain(self.listener.resumes_at()).min();
            if let Err(error) = signal.reactor.wait(&mut events, until) {
                let logger = &self.sources.context.logger;
                logger.log(Level::Error, LOG_TARGET, || {
                    format!("cannot wait for sockets, stopping the administration page: {error}")
                });
                return;
            }
            for event in events.iter() {
                match event.key {
                    LISTENER_KEY => self.accept(),
                    key => self.drive(key),
                }
            }
        }
    }

    fn accept(&mut self) {
        let Self { listener, connections, next_key, signal, sources, .. } = self;
        listener.accept(|stream: TcpStream, peer| {
            *next_key = next_key.checked_add(1).filter(|key| *key < usize::MAX).unwrap_or(1);
            match AdminConnection::new(&signal.reactor, stream, *next_key) {
                Ok(connection) => mem::drop(connections.insert(*next_key, connection)),
                Err(error) => {
                    let logger = &sources.context.logger;
                    logger.log(Level::Warn, LOG_TARGET, || {
                        format!("cannot serve {peer} on the administration page: {error}")
                    });
                }
            }
        });
    }

    fn drive(&mut self, key: usize) {
        let Some(mut connection) = self.connections.remove(&key) else { return };
        let (sources, host_check) = (&self.sources, &self.host_check);
        let respond = |head: &HttpHead| {
            if host_check.allow(head) {
                routes::respond(head, sources)
            } else {
                AdminResponse::text(
                    421,
                    "Misdirected request: use the address of this server, localhost or its configured name as Host.\n",
                )
            }
        };
        if let Ok(AdminNext::Wait(interest)) = connection.drive(respond)
            && connection.arm(interest).is_ok()
        {
            self.connections.insert(key, connection);
        }
    }
}
