//! The lock of a session: taken for a step, open while the application is asked.

use std::ops::{Deref, DerefMut};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use super::Shared;
use super::hooks::EndReason;
use super::note::{Away, Note, Turn};
use super::session::{Session, State};
use crate::proto::Fault;
use crate::store::{SessionLock, SharedStore, StoreError};

/// How often a request looks whether one that is away at another server of a farm has returned: soon at
/// first, then less and less often.
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LAST_LOOK: Duration = Duration::from_millis(250);

/// The session's lock, for one step.
pub(super) struct Guard<'a> {
    // Given back first: the next thread must find it free.
    hold: Option<Box<dyn SessionLock>>,
    state: MutexGuard<'a, State>,
    session: &'a Session,
    shared: &'a Shared,
}

impl<'a> Guard<'a> {
    pub(super) fn new(
        session: &'a Session,
        shared: &'a Shared,
        state: MutexGuard<'a, State>,
    ) -> Result<Self, StoreError> {
        let mut guard = Self { hold: None, state, session, shared };
        if let Some(farm) = shared.config.store.shared()
            && !guard.ended
        {
            guard.join(farm)?;
        }
        Ok(guard)
    }

    /// Holds the session among the servers that share it, and learns what they did to it.
    fn join(&mut self, farm: &dyn SharedStore) -> Result<(), StoreError> {
        let hold = match farm.lock(self.session.id) {
            Err(StoreError::NotFound) => return self.find_ended(),
            result => result?,
        };
        let note = Note::parse(hold.state())?;
        if self.version != Some(note.version) {
            let Some(stored) = farm.find(self.session.id)? else { return self.find_ended() };
            self.record = stored.record;
            self.version = Some(note.version);
        }
        let has_died = note.away.is_some() && !self.is_ours && !hold.callback_in_progress()?;
        self.note = note;
        self.hold = Some(hold);
        if has_died {
            self.note.away = None;
            self.publish()?;
        }
        Ok(())
    }

    /// Another server ended the session.
    fn find_ended(&mut self) -> Result<(), StoreError> {
        self.ended = true;
        self.session.changed.notify_all();
        Ok(())
    }

    /// Lets the others know of the note.
    fn publish(&mut self) -> Result<(), StoreError> {
        let Self { hold: Some(hold), state, .. } = self else { return Ok(()) };
        hold.write_state(&state.note.to_bytes()?)
    }

    pub(super) fn next_turn(&mut self) -> Result<Turn, StoreError> {
        self.note.turn = self.note.turn.next();
        self.publish()?;
        self.session.changed.notify_all();
        Ok(self.note.turn)
    }

    /// Lets the others know that the record is about to be replaced. Comes first: whoever reads the old one
    /// again, because this process died in between, is not wrong.
    pub(super) fn announce(&mut self) -> Result<(), StoreError> {
        if self.hold.is_none() {
            return Ok(());
        }
        self.note.version = self.note.version.wrapping_add(1);
        self.version = Some(self.note.version);
        self.publish()
    }

    /// Keeps the application's rejection for all requests that came until now: they waited for it.
    pub(super) fn reject(&mut self, fault: &Fault) -> Result<(), StoreError> {
        self.note.reject(fault);
        self.publish()
    }

    /// Opens the lock while the application is asked. Dropped without a return, as by a panic, it leaves the
    /// session as it was.
    pub(super) fn mark_callback(mut self, away: Away) -> Result<Absence<'a>, StoreError> {
        let lock = self.hold.as_ref().map(|hold| hold.mark_callback()).transpose()?;
        self.note.away = Some(away);
        self.publish()?;
        self.is_ours = true;
        Ok(Absence { session: self.session, shared: self.shared, lock })
    }

    /// Waits until no request is away, or a newer one has come.
    pub(super) fn when_back(self, turn: Turn) -> Result<Self, Fault> {
        let (session, shared) = (self.session, self.shared);
        let mut state = self;
        let mut pause = FIRST_LOOK;
        while state.note.away.is_some() {
            state = session.admit(shared, turn, state.wait(pause))?;
            pause = pause.saturating_mul(2).min(LAST_LOOK);
        }
        Ok(state)
    }

    /// Opens the lock until something changed here. What changes at another server must be looked for.
    fn wait(self, pause: Duration) -> Result<Self, StoreError> {
        let Self { hold, state, session, shared } = self;
        drop(hold);
        let state = match shared.config.store.shared() {
            None => session.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(_) => session.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0,
        };
        Self::new(session, shared, state)
    }
}

impl Deref for Guard<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

/// The time that a request is with the application.
pub(super) struct Absence<'a> {
    session: &'a Session,
    shared: &'a Shared,
    /// Says so to the other servers of a farm.
    lock: Option<Box<dyn Send>>,
}

impl<'a> Absence<'a> {
    /// Locks the session again; and why it is to end now, if somebody wanted that meanwhile.
    pub(super) fn back(mut self) -> Result<(Guard<'a>, Option<EndReason>), StoreError> {
        let mut state = self.session.enter(self.shared)?;
        self.lock = None;
        state.is_ours = false;
        state.note.away = None;
        self.session.changed.notify_all();
        // What its drop does is done, without opening the lock in between.
        std::mem::forget(self);
        let doomed = state.note.doomed;
        Ok((state, doomed))
    }
}

impl Drop for Absence<'_> {
    fn drop(&mut self) {
        self.lock = None;
        let mut state = self.session.state();
        state.is_ours = false;
        state.note.away = None;
        self.session.changed.notify_all();
    }
}
