//! Where connections wait that have nothing to do: for bytes, for room to send, or for their time to run out.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::conn::Connection;
use super::watch::{Interest, Watch};

/// Longest sleep of the poller while a connection is with a worker. Most deadlines are further away than
/// this, so that parking seldom has to wake the poller to tell it of an earlier one.
const NAP: Duration = Duration::from_secs(1);

/// The parked connections and their deadlines.
pub(super) struct Parking {
    watch: Arc<Watch>,
    state: Mutex<State>,
}

struct State {
    stage: Stage,
    /// Connections by key, each with its deadline.
    parked: HashMap<usize, (Option<Instant>, Box<Connection>)>,
    /// The same deadlines in their order.
    deadlines: BTreeSet<(Instant, usize)>,
    /// When the poller looks at the deadlines again by itself.
    next_look: Option<Instant>,
}

/// Which connections may park.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// All.
    Open,
    /// Those with a request under way.
    Draining,
    /// None.
    Closed,
}

impl Parking {
    pub fn new(watch: Arc<Watch>) -> Self {
        let (parked, deadlines) = (HashMap::new(), BTreeSet::new());
        let state = State { stage: Stage::Open, parked, deadlines, next_look: None };
        Self { watch, state: Mutex::new(state) }
    }

    /// Parks a connection until it is ready or `deadline` has come. One that may not park is closed.
    pub fn park(&self, conn: Box<Connection>, interest: Interest, deadline: Option<Instant>) {
        let key = conn.key();
        let mut state = self.lock();
        // Armed under the lock: whoever hears that it is ready finds it in the map.
        if !state.admits(&conn) || conn.arm(interest).is_err() {
            drop(state);
            return drop(conn);
        }
        state.deadlines.extend(deadline.map(|deadline| (deadline, key)));
        state.parked.insert(key, (deadline, conn));
        let early = deadline.is_some_and(|deadline| state.next_look.is_none_or(|look| deadline < look));
        drop(state);
        if early {
            self.watch.wake();
        }
    }

    /// The connection that an event is for, unless somebody else has taken it.
    pub fn take(&self, key: usize) -> Option<Box<Connection>> {
        self.lock().remove(key)
    }

    /// A connection whose deadline has come.
    pub fn take_expired(&self, now: Instant) -> Option<Box<Connection>> {
        let mut state = self.lock();
        let (deadline, key) = *state.deadlines.first()?;
        if deadline <= now { state.remove(key) } else { None }
    }

    /// When the poller has to look at the deadlines again, if nothing else happens; `soonest` is what else it
    /// has to wake up for.
    pub fn next_look(&self, now: Instant, soonest: Option<Instant>) -> Option<Instant> {
        let mut state = self.lock();
        let deadline = state.deadlines.first().map(|(deadline, _)| *deadline);
        let out = self.watch.open() > state.parked.len();
        let nap = if out { now.checked_add(NAP) } else { None };
        state.next_look = [deadline, nap, soonest].into_iter().flatten().min();
        state.next_look
    }

    /// Closes the connections that have no request under way, now and in future.
    pub fn drain(&self) {
        let mut state = self.lock();
        state.stage = Stage::Draining;
        let idle: Vec<usize> =
            state.parked.values().filter(|(_, c)| c.is_idle()).map(|(_, c)| c.key()).collect();
        let closed: Vec<_> = idle.into_iter().map(|key| state.remove(key)).collect();
        drop(state);
        drop(closed);
    }

    /// Closes all connections, now and in future.
    pub fn close(&self) {
        let mut state = self.lock();
        state.stage = Stage::Closed;
        let closed = std::mem::take(&mut state.parked);
        state.deadlines.clear();
        drop(state);
        drop(closed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn admits(&self, conn: &Connection) -> bool {
        match self.stage {
            Stage::Open => true,
            Stage::Draining => !conn.is_idle(),
            Stage::Closed => false,
        }
    }

    fn remove(&mut self, key: usize) -> Option<Box<Connection>> {
        let (deadline, conn) = self.parked.remove(&key)?;
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, key));
        }
        Some(conn)
    }
}
