//! One session: what never changes, what does, and whose turn it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::proto::{Fault, SessionId};
use crate::store::{Destination, SessionRecord};

/// A session in the table.
///
/// Every request takes a turn before it does anything; the newest turn owns the session. Whoever holds an
/// older one finds the door closed at its next step: so a request that comes after a dead connection goes
/// ahead at once, and two bodies never mix (PROTOCOL 4.8).
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) destination: Destination,
    pub(super) query: Option<String>,
    pub(super) owner: Option<String>,
    turn: AtomicU64,
    last_active_ms: AtomicU64,
    state: Mutex<State>,
}

/// What changes, under the session's lock.
pub(super) struct State {
    pub(super) record: SessionRecord,
    /// The session was removed while somebody waited for the lock.
    pub(super) ended: bool,
}

/// The right to act on a session until the next request comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn(u64);

impl Session {
    pub(super) fn new(record: SessionRecord, last_active_ms: u64) -> Self {
        Self {
            id: record.id,
            destination: record.destination.clone(),
            query: record.query.clone(),
            owner: record.owner.clone(),
            turn: AtomicU64::new(0),
            last_active_ms: AtomicU64::new(last_active_ms),
            state: Mutex::new(State { record, ended: false }),
        }
    }

    /// Becomes the session's newest request.
    pub(super) fn take_turn(&self) -> Turn {
        Turn(self.turn.fetch_add(1, Ordering::SeqCst).wrapping_add(1))
    }

    /// Locks the session for one step of a request.
    ///
    /// Errors: the session ended, or a newer request has taken it over. Its sender is the same client, which
    /// has given the older connection up; 503, because a 4xx would be final for whoever still listens.
    pub(super) fn lock(&self, turn: Turn) -> Result<MutexGuard<'_, State>, Fault> {
        let state = self.wait();
        match (state.ended, self.turn.load(Ordering::SeqCst) == turn.0) {
            (true, _) => Err(Fault::session_not_found()),
            (false, false) => Err(Fault::unavailable("a newer request of the session took over", 1)),
            (false, true) => Ok(state),
        }
    }

    /// Locks the session against every request, newer ones included; `None` when it ended.
    pub(super) fn seize(&self) -> Option<MutexGuard<'_, State>> {
        self.take_turn();
        Some(self.wait()).filter(|state| !state.ended)
    }

    fn wait(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the record whole: it is replaced, never changed in place.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Restarts the session timer.
    pub(super) fn touch(&self, now_ms: u64) {
        self.last_active_ms.store(now_ms, Ordering::Relaxed);
    }

    pub(super) fn last_active_ms(&self) -> u64 {
        self.last_active_ms.load(Ordering::Relaxed)
    }
}
