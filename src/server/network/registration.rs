//! Readiness of sockets. The only unsafe call of the server, registering a socket with the poller, is here;
//! [`Registered`] upholds its contract.

use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use polling::{AsSource, Event, Events, Poller};

use super::addresses::AddressPermit;

/// The readiness to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Bytes to read, a connection to accept, or the end of the stream.
    Read,
    /// Room in the send buffer.
    Write,
}

/// The operating system's poller, and the number of open connections.
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

    /// Waits until an armed socket is ready, [`Self::wake`] is called, or `until` has passed.
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
        // Fails only if the poller's own descriptor is broken; then `wait` reports it.
        let _ = self.poller.notify();
    }

    /// Returns the number of open connections, parked or in use.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Sets whether the end of a connection ends the wait. Set it before reading [`Self::open`], so that no close is
    /// missed.
    pub fn wake_on_close(&self, report: bool) {
        self.wake_on_close.store(report, Ordering::SeqCst);
    }
}

/// Counts a connection as open until it is dropped, and holds the permit of its address.
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

/// A socket that is registered with the poller until it is dropped.
pub(crate) struct Registered<S: AsSource> {
    socket: S,
    key: usize,
    reactor: Arc<Reactor>,
}

impl<S: AsSource> Registered<S> {
    /// Registers `socket` under `key`; no event is reported before it is armed.
    #[allow(unsafe_code)]
    pub fn new(reactor: &Arc<Reactor>, socket: S, key: usize) -> io::Result<Self> {
        // SAFETY: the socket must be removed from the poller before it is closed. `socket` is never moved out of
        // this value, whose `drop` removes it from the poller and runs before the drop of its fields.
        unsafe { reactor.poller.add(&socket.source(), Event::none(key))? };
        Ok(Self { socket, key, reactor: Arc::clone(reactor) })
    }

    pub fn key(&self) -> usize {
        self.key
    }

    /// Reports one event when the socket is ready.
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
        // An error means that the socket is not registered any more.
        let _ = self.reactor.poller.delete(&self.socket);
    }
}
