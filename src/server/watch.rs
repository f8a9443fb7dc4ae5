//! Sockets under the operating system's poller. The one unsafe call of the server lies here, behind a type
//! that keeps its promise.

use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use polling::{AsSource, Event, Events, Poller};

use super::addresses::Place;

/// What a socket is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interest {
    /// Bytes, a connection to accept, or the end.
    Read,
    /// Room for bytes to send.
    Write,
}

/// The operating system's poller, and how many connections are open.
pub(super) struct Watch {
    poller: Poller,
    open: AtomicUsize,
    report_closings: AtomicBool,
}

impl Watch {
    pub fn new() -> io::Result<Arc<Self>> {
        let poller = Poller::new()?;
        Ok(Arc::new(Self { poller, open: AtomicUsize::new(0), report_closings: AtomicBool::new(false) }))
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
    pub fn report_closings(&self, report: bool) {
        self.report_closings.store(report, Ordering::SeqCst);
    }
}

/// A place among the open connections, and among those of its address.
pub(super) struct Slot {
    watch: Arc<Watch>,
    _place: Option<Place>,
}

impl Slot {
    pub fn take(watch: &Arc<Watch>, place: Option<Place>) -> Self {
        watch.open.fetch_add(1, Ordering::SeqCst);
        Self { watch: Arc::clone(watch), _place: place }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.watch.open.fetch_sub(1, Ordering::SeqCst);
        if self.watch.report_closings.load(Ordering::SeqCst) {
            self.watch.wake();
        }
    }
}

/// A socket that is known to the poller for as long as it lives.
pub(super) struct Watched<S: AsSource> {
    socket: S,
    key: usize,
    watch: Arc<Watch>,
}

impl<S: AsSource> Watched<S> {
    /// Makes it known under `key`; it reports nothing before it is armed.
    #[allow(unsafe_code)]
    pub fn new(watch: &Arc<Watch>, socket: S, key: usize) -> io::Result<Self> {
        // SAFETY: the poller must forget the socket before the socket is closed. `socket` never leaves this
        // value, and the value's `drop` runs before that of its fields and makes the poller forget it.
        unsafe { watch.poller.add(&socket.source(), Event::none(key))? };
        Ok(Self { socket, key, watch: Arc::clone(watch) })
    }

    pub fn key(&self) -> usize {
        self.key
    }

    /// Reports the socket once when it is ready.
    pub fn arm(&self, interest: Interest) -> io::Result<()> {
        let (readable, writable) = (interest == Interest::Read, interest == Interest::Write);
        self.watch.poller.modify(&self.socket, Event::new(self.key, readable, writable))
    }
}

impl<S: AsSource> Deref for Watched<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.socket
    }
}

impl<S: AsSource> Drop for Watched<S> {
    fn drop(&mut self) {
        // A socket that the poller does not know any more is what is wanted.
        let _ = self.watch.poller.delete(&self.socket);
    }
}
