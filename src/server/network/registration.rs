//! Sockets under the operating system's poller. The one unsafe call of the server lies here, behind a type
//! that keeps its promise.

use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use polling::{AsSource, Event, Events, Poller};

use super::addresses::AddressPermit;

/// What a socket is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Bytes, a connection to accept, or the end.
    Read,
    /// Room for bytes to send.
    Write,
}

/// The operating system's poller, and how many connections are open.
pub(crate) struct Reactor {
    poller: Poller,
    open: AtomicUsize,
    wake_on_close: AtomicBool,
}

impl Reactor {
    pub fn new() -> io::Result<Arc<Self>> {
        let poller = Poller::new()?;
        Ok(Arc::new(Self { poller, open: AtomicUsize::new(0), wake_on_close: AtomicBool::new(false) }))
    }

    /// Waits until a watched socket is ready, [`Self::wake`] is called, or it is `until`.
    pub fn wait(&self, events: &mut Events, until: Option<Instant>) -> io::Result<()> {
        events.clear();
        match until {
            Some(until) => self.poller.wait_deadline(events, until),
            None => self.poller.wait(events, None),
        }
        .map(drop)
    }

    /// Ends the current or the next wait.
    pub fn wake(&self) {
        // Fails only when the poller's own descriptor is broken, and then `wait` fails and says so.
        let _ = self.poller.notify();
    }

    /// How many connections there are, parked or not.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Whether each closing of a connection ends the wait. Set it first and read [`Self::open`] after it:
    /// then no closing goes by unseen.
    pub fn wake_on_close(&self, report: bool) {
        self.wake_on_close.store(report, Ordering::SeqCst);
    }
}

/// A permit among the open connections, and among those of its address.
pub(crate) struct ConnectionGuard {
    reactor: Arc<Reactor>,
    _permit: Option<AddressPermit>,
}

impl ConnectionGuard {
    pub fn take(reactor: &Arc<Reactor>, permit: Option<AddressPermit>) -> Self {
        reactor.open.fetch_add(1, Ordering::SeqCst);
        Self { reactor: Arc::clone(reactor), _permit: permit }
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.reactor.open.fetch_sub(1, Ordering::SeqCst);
        if self.reactor.wake_on_close.load(Ordering::SeqCst) {
            self.reactor.wake();
        }
    }
}

/// A socket that is known to the poller for as long as it lives.
pub(crate) struct Registered<S: AsSource> {
    socket: S,
    key: usize,
    reactor: Arc<Reactor>,
}

impl<S: AsSource> Registered<S> {
    /// Makes it known under `key`; it reports nothing before it is armed.
    #[allow(unsafe_code)]
    pub fn new(reactor: &Arc<Reactor>, socket: S, key: usize) -> io::Result<Self> {
        // SAFETY: the poller must forget the socket before the socket is closed. `socket` never leaves this
        // value, and the value's `drop` runs before that of its fields and makes the poller forget it.
        unsafe { reactor.poller.add(&socket.source(), Event::none(key))? };
        Ok(Self { socket, key, reactor: Arc::clone(reactor) })
    }

    pub fn key(&self) -> usize {
        self.key
    }

    /// Reports the socket once when it is ready.
    pub fn arm(&self, interest: Interest) -> io::Result<()> {
        let (readable, writable) = (interest == Interest::Read, interest == Interest::Write);
        self.reactor.poller.modify(&self.socket, Event::new(self.key, readable, writable))
    }
}

impl<S: AsSource> Deref for Registered<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.socket
    }
}

impl<S: AsSource> Drop for Registered<S> {
    fn drop(&mut self) {
        // A socket that the poller does not know any more is what is wanted.
        let _ = self.reactor.poller.delete(&self.socket);
    }
}
