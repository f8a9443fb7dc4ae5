//! The listening socket. It is armed only while there is room for another connection.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::registration::{Interest, Reactor, Registered};
use crate::error::{Error, Status};
use crate::log::{Level, Logger};
use crate::server::observability::LOG_TARGET;

/// The listener's key in the reactor; connections have keys from 1.
pub(crate) const LISTENER_KEY: usize = 0;
/// How long to wait before accepting again after an error such as `EMFILE`. The socket stays readable, so
/// retrying immediately would be a busy loop.
const RETRY_DELAY: Duration = Duration::from_millis(100);
/// Length of the kernel's accept queue. After a power failure all clients of a site reconnect at once.
const BACKLOG: i32 = 4096;
/// Maximum connections accepted before ready connections are served.
const MAX_ACCEPTS: usize = 64;
/// How many calls of [`Listener::accept`] empty a full accept queue.
pub(crate) const ACCEPT_ROUNDS: usize = BACKLOG as usize / MAX_ACCEPTS + 1;

/// Accepts connections.
pub(crate) struct Listener {
    socket: Registered<TcpListener>,
    reactor: Arc<Reactor>,
    max_connections: usize,
    logger: Logger,
    state: ListenerState,
}

/// Whether the socket is armed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ListenerState {
    Armed,
    /// Not armed before this time, because the process has run out of descriptors or memory.
    Paused(Instant),
    /// Not armed before a connection closes.
    Full,
}

impl Listener {
    pub fn new(
        reactor: &Arc<Reactor>,
        socket: TcpListener,
        max_connections: usize,
        logger: Logger,
    ) -> io::Result<Self> {
        let socket = Registered::new(reactor, socket, LISTENER_KEY)?;
        socket.arm(Interest::Read)?;
        Ok(Self {
            socket,
            reactor: Arc::clone(reactor),
            max_connections,
            logger,
            state: ListenerState::Armed,
        })
    }

    /// Accepts waiting connections, then arms the socket again unless the maximum number of connections is reached.
    /// Returns whether more may be waiting and could be accepted now.
    pub fn accept(&mut self, mut take: impl FnMut(TcpStream, SocketAddr)) -> bool {
        for _ in 0..MAX_ACCEPTS {
            if self.is_full() {
                self.state = ListenerState::Full;
                return false;
            }
            match self.socket.accept() {
                Ok((stream, peer)) => take(stream, peer),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.arm();
                    return false;
                }
                // The client disconnected while it was queued; others may be waiting.
                Err(error)
                    if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
                Err(error) => {
                    self.pause(&error);
                    return false;
                }
            }
        }
        self.arm();
        true
    }

    /// Arms the socket again if its pause is over or there is room again.
    pub fn resume(&mut self, now: Instant) {
        let over = match self.state {
            ListenerState::Armed => false,
            ListenerState::Paused(until) => until <= now,
            ListenerState::Full => !self.is_full(),
        };
        if over {
            self.arm();
        }
    }

    /// Returns when to call [`Self::resume`] if no connection closes before.
    pub fn resumes_at(&self) -> Option<Instant> {
        match self.state {
            ListenerState::Paused(until) => Some(until),
            ListenerState::Armed | ListenerState::Full => None,
        }
    }

    fn is_full(&self) -> bool {
        let full = self.reactor.open() >= self.max_connections;
        self.reactor.wake_on_close(full);
        // A connection may have closed before `wake_on_close` took effect.
        full && self.reactor.open() >= self.max_connections
    }

    fn arm(&mut self) {
        match self.socket.arm(Interest::Read) {
            Ok(()) => self.state = ListenerState::Armed,
            Err(error) => self.pause(&error),
        }
    }

    fn pause(&mut self, error: &io::Error) {
        if !matches!(self.state, ListenerState::Paused(_)) {
            self.logger
                .log(Level::Warn, LOG_TARGET, || format!("cannot accept connections, retrying: {error}"));
        }
        self.state =
            Instant::now().checked_add(RETRY_DELAY).map_or(ListenerState::Armed, ListenerState::Paused);
    }
}

/// Binds the first address of `host` that can be bound.
///
/// # Errors
///
/// [`Status::Resolve`] if `host` has no address, [`Status::Denied`] or [`Status::Io`] if none can be bound.
pub(crate) fn bind(host: &str, port: u16) -> Result<TcpListener, Error> {
    let resolved = (host, port).to_socket_addrs().map_err(|error| {
        let message =
            format!("cannot resolve `{host}`: {error}; use a host name or an address of this machine");
        Error::new(Status::Resolve, message).with_source(error)
    })?;
    let mut failure = None;
    for address in resolved {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = Some(bind_error(address, error)),
        }
    }
    Err(failure.unwrap_or_else(|| Error::new(Status::Resolve, format!("`{host}` has no address"))))
}

/// Uses a duplicate of a socket that listens already.
///
/// # Errors
///
/// Fails if the socket cannot be duplicated or is not a listening socket.
pub(crate) fn inherit(listener: &TcpListener) -> Result<TcpListener, Error> {
    let taken = listener.try_clone().and_then(|listener| prepare(&listener).map(|()| listener));
    taken.map_err(|error| Error::io("cannot listen on the inherited socket", error))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    prepare(&listener)?;
    Ok(listener)
}

fn prepare(listener: &TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    // A second `listen` sets the backlog, which the standard library does not expose.
    Ok(rustix::net::listen(listener, BACKLOG)?)
}

fn bind_error(address: SocketAddr, error: io::Error) -> Error {
    let advice = match error.kind() {
        ErrorKind::AddrInUse => "another program listens there; choose another port, or 0 for any free port",
        ErrorKind::AddrNotAvailable => "this machine does not have that address; choose one of its addresses",
        ErrorKind::PermissionDenied => "this user may not bind that port; choose a port from 1024 up",
        _ => "choose another address or port",
    };
    let status = match error.kind() {
        ErrorKind::PermissionDenied => Status::Denied,
        _ => Status::Io,
    };
    Error::new(status, format!("cannot listen on {address}: {error}; {advice}")).with_source(error)
}
