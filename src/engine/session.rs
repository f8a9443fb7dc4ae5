//! One session: what never changes, what does, and whose turn it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};

use super::event::SessionEventKind;
use super::guard::Guard;
use super::hooks::EndReason;
use super::note::{Away, Note, Turn};
use super::{LOG, Shared, dispatch};
use crate::log::Level;
use crate::proto::{Fault, SessionId};
use crate::store::{Destination, SessionRecord, StoreError};

/// How often the other servers of a farm are told that a session is in use, in milliseconds.
const TELL_EVERY_MS: u64 = 1000;

/// A session in the table.
///
/// Every request takes a turn before it does anything; the newest turn owns the session. Whoever holds an
/// older one finds the door closed at its next step: so a request that comes after a dead connection goes
/// ahead at once, and two bodies never mix (PROTOCOL 4.8).
///
/// The one exception is a request that is *away*, with the application: its step ends when the application
/// says so, whoever comes meanwhile. The lock is open then; requests of the session wait for its return,
/// everybody else looks and goes on.
///
/// When the store is shared all of this holds among the servers that share it: a step also takes the
/// session's [`SessionLock`], and what is here is but a copy, brought up to date with it.
pub(super) struct Session {
    pub(super) id: SessionId,
    /// The path of the remote name.
    pub(super) remote: Destination,
    pub(super) query: Option<String>,
    pub(super) owner: Option<String>,
    last_active_ms: AtomicU64,
    /// When the others were told last.
    told_ms: AtomicU64,
    /// The turn of the request here whose body is coming in; 0 for none.
    at_body: AtomicU64,
    state: Mutex<State>,
    /// Signalled when a request returns, and when waiting for it has become pointless.
    pub(super) changed: Condvar,
}

/// What changes, under the session's lock.
pub(super) struct State {
    pub(super) record: SessionRecord,
    /// The session was removed while somebody waited for the lock.
    pub(super) ended: bool,
    pub(super) note: Note,
    /// The request that is away is one of this engine.
    pub(super) is_ours: bool,
    /// The version of the record, when another server may change it.
    pub(super) version: Option<u64>,
}

impl Session {
    pub(super) fn new(record: SessionRecord, last_active_ms: u64) -> Self {
        Self {
            id: record.id,
            remote: record.remote().clone(),
            query: record.query.clone(),
            owner: record.owner.clone(),
            last_active_ms: AtomicU64::new(last_active_ms),
            told_ms: AtomicU64::new(last_active_ms),
            at_body: AtomicU64::new(0),
            state: Mutex::new(State {
                record,
                ended: false,
                note: Note::default(),
                is_ours: false,
                version: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// Becomes the session's newest request. The one that waited before it need not any longer.
    ///
    /// Errors: the store's; a session that ended is found so by [`Self::lock`].
    pub(super) fn take_turn(&self, shared: &Shared) -> Result<Turn, Fault> {
        let next = self.enter(shared).and_then(|mut state| {
            let turn = state.next_turn()?;
            let behind = self.at_body.swap(0, Ordering::SeqCst) != 0 && !state.ended;
            Ok((turn, behind.then(|| state.record.clone())))
        });
        let (turn, taken_over) = next.map_err(|error| dispatch::store_fault(shared, &error))?;
        if let Some(record) = taken_over {
            shared.tell(&record, None, SessionEventKind::TakenOver);
        }
        Ok(turn)
    }

    /// Whether no newer request is known to have taken the session over.
    ///
    /// Errors: one has. Its sender is the same client, which has given the older connection up; 503, because
    /// a 4xx would be final for whoever still listens.
    pub(super) fn check_turn(&self, turn: Turn) -> Result<(), Fault> {
        self.state().check_turn(turn)
    }

    /// Locks the session for one step of a request, when no request is away any more.
    ///
    /// Errors: the session ended, or a newer request has taken it over.
    pub(super) fn lock<'a>(&'a self, shared: &'a Shared, turn: Turn) -> Result<Guard<'a>, Fault> {
        self.admit(shared, turn, self.enter(shared))?.when_back(turn)
    }

    /// As [`Self::lock`], but `None` at once while the application has the complete file: that can take
    /// minutes, and there is a body to be read meanwhile.
    pub(super) fn lock_unless_received<'a>(
        &'a self,
        shared: &'a Shared,
        turn: Turn,
    ) -> Result<Option<Guard<'a>>, Fault> {
        let state = self.admit(shared, turn, self.enter(shared))?;
        match state.note.away {
            Some(Away::Received) => Ok(None),
            _ => state.when_back(turn).map(Some),
        }
    }

    /// Locks the session against every request, newer ones included. `None` when it ended, or ends as soon as
    /// the request that is away returns.
    pub(super) fn seize<'a>(
        &'a self,
        shared: &'a Shared,
        reason: EndReason,
    ) -> Result<Option<Guard<'a>>, StoreError> {
        let mut state = self.enter(shared)?;
        if state.note.away.is_some() && !state.ended {
            state.note.doomed.get_or_insert(reason);
            state.next_turn()?;
            return Ok(None);
        }
        state.next_turn()?;
        Ok(Some(state).filter(|state| !state.ended))
    }

    /// Whether a request is with the application.
    pub(super) fn callback_in_progress(&self, shared: &Shared) -> Result<bool, StoreError> {
        Ok(self.enter(shared)?.note.away.is_some())
    }

    /// Whether the session was to end with the return of a request, and did not: the store failed, the
    /// application panicked, or a server of the farm died.
    pub(super) fn is_overdue(&self, shared: &Shared) -> Result<bool, StoreError> {
        let state = self.enter(shared)?;
        Ok(state.note.doomed.is_some() && state.note.away.is_none())
    }

    /// Whether the session is known to have ended.
    pub(super) fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// Looks at the record, unless the session ended.
    pub(super) fn look<T>(
        &self,
        shared: &Shared,
        look: impl FnOnce(&SessionRecord) -> T,
    ) -> Result<Option<T>, StoreError> {
        let state = self.enter(shared)?;
        Ok((!state.ended).then(|| look(&state.record)))
    }

    /// Restarts the session timer.
    pub(super) fn touch(&self, shared: &Shared) {
        let now_ms = shared.now_ms();
        self.last_active_ms.store(now_ms, Ordering::Relaxed);
        let Some(farm) = shared.config.store.shared() else { return };
        if now_ms.saturating_sub(self.told_ms.load(Ordering::Relaxed)) < TELL_EVERY_MS {
            return;
        }
        self.told_ms.store(now_ms, Ordering::Relaxed);
        match farm.touch(self.id, now_ms) {
            // The session ended meanwhile.
            Ok(()) | Err(StoreError::NotFound) => {}
            Err(error) => shared.config.logger.log(Level::Warn, LOG, || {
                format!("{}: the other servers cannot be told that it is in use: {error}", self.id)
            }),
        }
    }

    /// Learns when another server used the session.
    pub(super) fn was_active(&self, then_ms: u64) {
        self.last_active_ms.fetch_max(then_ms, Ordering::Relaxed);
    }

    pub(super) fn last_active_ms(&self) -> u64 {
        self.last_active_ms.load(Ordering::Relaxed)
    }

    /// Locks the session, whatever it is doing.
    pub(super) fn enter<'a>(&'a self, shared: &'a Shared) -> Result<Guard<'a>, StoreError> {
        Guard::new(self, shared, self.state())
    }

    pub(super) fn admit<'a>(
        &self,
        shared: &Shared,
        turn: Turn,
        entered: Result<Guard<'a>, StoreError>,
    ) -> Result<Guard<'a>, Fault> {
        let state = entered.map_err(|error| dispatch::store_fault(shared, &error))?;
        if state.ended || state.note.doomed.is_some() {
            return Err(Fault::session_not_found());
        }
        state.check_turn(turn).map(|()| state)
    }

    /// As [`Self::state`], but `None` while the session is in a step.
    pub(super) fn state_between_steps(&self) -> Option<MutexGuard<'_, State>> {
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the record whole: it is replaced, never changed in place.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request whose body is coming in, unless a newer one has taken the session over.
pub(super) struct AtBody {
    session: Arc<Session>,
    turn: Turn,
}

impl AtBody {
    pub(super) fn begin(session: &Arc<Session>, turn: Turn) -> Self {
        session.at_body.store(turn.number(), Ordering::SeqCst);
        Self { session: Arc::clone(session), turn }
    }
}

impl Drop for AtBody {
    fn drop(&mut self) {
        // Should a newer request have come, there is nothing to take back.
        let _ =
            self.session.at_body.compare_exchange(self.turn.number(), 0, Ordering::SeqCst, Ordering::SeqCst);
    }
}

impl State {
    fn check_turn(&self, turn: Turn) -> Result<(), Fault> {
        match self.note.turn == turn {
            true => Ok(()),
            false => Err(Fault::unavailable("a newer request of the session took over", 1)),
        }
    }
}
