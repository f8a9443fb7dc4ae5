//! One session: what never changes, what does, and whose turn it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::hooks::EndReason;
use crate::proto::{Fault, SessionId};
use crate::store::{Destination, SessionRecord};

/// A session in the table.
///
/// Every request takes a turn before it does anything; the newest turn owns the session. Whoever holds an
/// older one finds the door closed at its next step: so a request that comes after a dead connection goes
/// ahead at once, and two bodies never mix (PROTOCOL 4.8).
///
/// The one exception is a request that is *away*, with the application: its step ends when the application
/// says so, whoever comes meanwhile. The lock is open then; requests of the session wait for its return,
/// everybody else looks and goes on.
pub(super) struct Session {
    pub(super) id: SessionId,
    /// The path of the remote name.
    pub(super) remote: Destination,
    pub(super) query: Option<String>,
    pub(super) owner: Option<String>,
    turn: AtomicU64,
    last_active_ms: AtomicU64,
    state: Mutex<State>,
    /// Signalled when a request returns, and when waiting for it has become pointless.
    changed: Condvar,
}

/// What changes, under the session's lock.
pub(super) struct State {
    pub(super) record: SessionRecord,
    /// The session was removed while somebody waited for the lock.
    pub(super) ended: bool,
    /// The last rejection of the application, for all turns up to this one: they waited for the answer.
    pub(super) rejected: Option<(Turn, Fault)>,
    /// A request is with the application.
    away: Option<Away>,
    /// The session ends as soon as that request returns.
    doomed: Option<EndReason>,
}

/// What the application is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Away {
    /// That some bytes arrived.
    Progress,
    /// That all bytes are there.
    Received,
}

/// The right to act on a session until the next request comes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn(u64);

pub(super) type Guard<'a> = MutexGuard<'a, State>;

impl Session {
    pub(super) fn new(record: SessionRecord, last_active_ms: u64) -> Self {
        Self {
            id: record.id,
            remote: record.remote().clone(),
            query: record.query.clone(),
            owner: record.owner.clone(),
            turn: AtomicU64::new(0),
            last_active_ms: AtomicU64::new(last_active_ms),
            state: Mutex::new(State { record, ended: false, rejected: None, away: None, doomed: None }),
            changed: Condvar::new(),
        }
    }

    /// Becomes the session's newest request. The one that waited before it need not any longer.
    pub(super) fn take_turn(&self) -> Turn {
        let turn = Turn(self.turn.fetch_add(1, Ordering::SeqCst).wrapping_add(1));
        // Under the lock, so that nobody is between looking at the turn and waiting.
        let _state = self.wait();
        self.changed.notify_all();
        turn
    }

    /// The newest turn taken so far.
    pub(super) fn newest(&self) -> Turn {
        Turn(self.turn.load(Ordering::SeqCst))
    }

    /// Whether no newer request has taken the session over.
    ///
    /// Errors: one has. Its sender is the same client, which has given the older connection up; 503, because
    /// a 4xx would be final for whoever still listens.
    pub(super) fn check_turn(&self, turn: Turn) -> Result<(), Fault> {
        match self.newest() == turn {
            true => Ok(()),
            false => Err(Fault::unavailable("a newer request of the session took over", 1)),
        }
    }

    /// Locks the session for one step of a request, when no request is away any more.
    ///
    /// Errors: the session ended, or a newer request has taken it over.
    pub(super) fn lock(&self, turn: Turn) -> Result<Guard<'_>, Fault> {
        let mut state = self.wait();
        loop {
            state = self.admit(state, turn)?;
            if state.away.is_none() {
                return Ok(state);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As [`Self::lock`], but `None` at once while the application has the complete file: that can take
    /// minutes, and there is a body to be read meanwhile.
    pub(super) fn lock_unless_received(&self, turn: Turn) -> Result<Option<Guard<'_>>, Fault> {
        let state = self.admit(self.wait(), turn)?;
        if state.away == Some(Away::Received) {
            return Ok(None);
        }
        drop(state);
        self.lock(turn).map(Some)
    }

    /// Locks the session against every request, newer ones included. `None` when it ended, or ends as soon as
    /// the request that is away returns.
    pub(super) fn seize(&self, reason: EndReason) -> Option<Guard<'_>> {
        self.take_turn();
        let mut state = self.wait();
        if state.away.is_some() && !state.ended {
            state.doomed.get_or_insert(reason);
            self.changed.notify_all();
            return None;
        }
        Some(state).filter(|state| !state.ended)
    }

    /// Whether a request is with the application.
    pub(super) fn is_away(&self) -> bool {
        self.wait().away.is_some()
    }

    /// Whether the session was to end with the return of a request, and did not: the store failed, or the
    /// application panicked.
    pub(super) fn is_overdue(&self) -> bool {
        let state = self.wait();
        state.doomed.is_some() && state.away.is_none()
    }

    /// Looks at the record.
    pub(super) fn look<T>(&self, look: impl FnOnce(&SessionRecord) -> T) -> T {
        look(&self.wait().record)
    }

    /// Opens the lock while the application is asked. Dropped without a return, as by a panic, it leaves the
    /// session as it was.
    pub(super) fn leave<'a>(&'a self, mut state: Guard<'a>, away: Away) -> Absence<'a> {
        state.away = Some(away);
        drop(state);
        Absence(self)
    }

    fn admit<'a>(&self, state: Guard<'a>, turn: Turn) -> Result<Guard<'a>, Fault> {
        if state.ended || state.doomed.is_some() {
            return Err(Fault::session_not_found());
        }
        self.check_turn(turn).map(|()| state)
    }

    fn wait(&self) -> Guard<'_> {
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

/// The time that a request is with the application.
pub(super) struct Absence<'a>(&'a Session);

impl<'a> Absence<'a> {
    /// Locks the session again; and why it is to end now, if somebody wanted that meanwhile.
    pub(super) fn back(self) -> (Guard<'a>, Option<EndReason>) {
        let session = self.0;
        // What it does is done here, without opening the lock in between.
        std::mem::forget(self);
        let mut state = session.wait();
        state.away = None;
        session.changed.notify_all();
        let doomed = state.doomed;
        (state, doomed)
    }
}

impl Drop for Absence<'_> {
    fn drop(&mut self) {
        self.0.wait().away = None;
        self.0.changed.notify_all();
    }
}
