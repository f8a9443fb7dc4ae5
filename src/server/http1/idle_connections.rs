//! Holds the connections that wait: for bytes, for room to send, or for their deadline.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::HttpConnection;
use crate::server::network::registration::{Interest, Reactor};

/// Maximum sleep of the event loop while a worker drives a connection. Most deadlines are later than this, so that
/// parking a connection seldom has to wake the event loop for an earlier deadline.
const MAX_SLEEP: Duration = Duration::from_secs(1);

/// The parked connections with their deadlines.
pub(crate) struct IdleConnections {
    reactor: Arc<Reactor>,
    state: Mutex<IdleState>,
}

struct IdleState {
    admission: IdleAdmission,
    /// Connections by key, each with its deadline.
    parked: HashMap<usize, (Option<Instant>, Box<HttpConnection>)>,
    /// The same deadlines, sorted.
    deadlines: BTreeSet<(Instant, usize)>,
    /// When the event loop checks the deadlines next.
    next_check: Option<Instant>,
}

/// Which connections may park.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IdleAdmission {
    /// All connections.
    Open,
    /// Connections with a request in progress.
    Draining,
    /// No connections.
    Closed,
}

impl IdleConnections {
    pub fn new(reactor: Arc<Reactor>) -> Self {
        let (parked, deadlines) = (HashMap::new(), BTreeSet::new());
        let state = IdleState { admission: IdleAdmission::Open, parked, deadlines, next_check: None };
        Self { reactor, state: Mutex::new(state) }
    }

    /// Parks a connection until it is ready or its deadline has passed; closes it if it may not park.
    pub fn park(&self, conn: Box<HttpConnection>, interest: Interest, deadline: Option<Instant>) {
        let key = conn.key();
        let mut state = self.lock();
        // Armed under the lock, so that the event loop finds it in the map when it is ready.
        if !state.admits(&conn) || conn.arm(interest).is_err() {
            drop(state);
            return drop(conn);
        }
        state.deadlines.extend(deadline.map(|deadline| (deadline, key)));
        state.parked.insert(key, (deadline, conn));
        let early = deadline.is_some_and(|deadline| state.next_check.is_none_or(|check| deadline < check));
        drop(state);
        if early {
            self.reactor.wake();
        }
    }

    /// Takes the connection that an event is for; `None` if it was taken already.
    pub fn take(&self, key: usize) -> Option<Box<HttpConnection>> {
        self.lock().remove(key)
    }

    /// Takes a connection whose deadline has passed.
    pub fn take_expired(&self, now: Instant) -> Option<Box<HttpConnection>> {
        let mut state = self.lock();
        let (deadline, key) = *state.deadlines.first()?;
        if deadline <= now { state.remove(key) } else { None }
    }

    /// Returns when the event loop has to check the deadlines again; `soonest` is the earliest other time at which it
    /// has to wake up.
    pub fn next_check(&self, now: Instant, soonest: Option<Instant>) -> Option<Instant> {
        let mut state = self.lock();
        let deadline = state.deadlines.first().map(|(deadline, _)| *deadline);
        let out = self.reactor.open() > state.parked.len();
        let max_sleep = if out { now.checked_add(MAX_SLEEP) } else { None };
        state.next_check = [deadline, max_sleep, soonest].into_iter().flatten().min();
        state.next_check
    }

    /// Passes the connections without a request in progress to `drive`; from now on, such connections are closed when
    /// they are parked. They are driven once more because a request may have arrived that was not read yet: closing its
    /// connection would reset it.
    pub fn drain(&self, drive: impl FnMut(Box<HttpConnection>)) {
        let mut state = self.lock();
        state.admission = IdleAdmission::Draining;
        let idle: Vec<usize> =
            state.parked.values().filter(|(_, c)| c.is_idle()).map(|(_, c)| c.key()).collect();
        let idle: Vec<_> = idle.into_iter().filter_map(|key| state.remove(key)).collect();
        drop(state);
        idle.into_iter().for_each(drive);
    }

    /// Closes all connections, now and when they are parked.
    pub fn close(&self) {
        let mut state = self.lock();
        state.admission = IdleAdmission::Closed;
        let closed = std::mem::take(&mut state.parked);
        state.deadlines.clear();
        drop(state);
        drop(closed);
    }

    fn lock(&self) -> MutexGuard<'_, IdleState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IdleState {
    fn admits(&self, conn: &HttpConnection) -> bool {
        match self.admission {
            IdleAdmission::Open => true,
            IdleAdmission::Draining => !conn.is_idle(),
            IdleAdmission::Closed => false,
        }
    }

    fn remove(&mut self, key: usize) -> Option<Box<HttpConnection>> {
        let (deadline, conn) = self.parked.remove(&key)?;
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, key));
        }
        Some(conn)
    }
}
