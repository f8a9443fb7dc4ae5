//! The state of an engine: its context and its sessions. Adds, finds, expires and ends sessions.
//!
//! The sessions that the store contains at the start are loaded into the table once. Until that is complete, an unknown
//! session is looked up in the store. If other servers share the store, the table is a cache: an unknown session is always
//! looked up, and every clean-up refreshes the table.

use std::collections::HashSet;
use std::ops::{ControlFlow, Deref};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::callbacks::calls;
use super::callbacks::event::SessionEventKind;
use super::callbacks::hooks::EndReason;
use super::config::EngineConfig;
use super::context::EngineContext;
use super::request::RequestHead;
use super::sessions::registry::{Registry, RegistryLookup};
use super::sessions::session::{Session, SessionGuard};
use crate::error::{Error, Status};
use crate::log::Level;
use crate::proto::{Fault, SessionId};
use crate::store::{EndedSession, SessionEnd, SessionRecord, StoreEntry, StoreError, StoredSessions};

/// How often the table is refreshed if the store is shared, so that sessions which other servers ended do not
/// accumulate.
const REFRESH_INTERVAL: Duration = Duration::from_secs(60);

/// What all clones of an engine and their exchanges share. It dereferences to its context.
pub(super) struct EngineState {
    context: Arc<EngineContext>,
    registry: Registry,
    /// Locked while the sessions of the store are loaded.
    loading: Mutex<()>,
}

/// The result of a clean-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tick {
    /// The number of sessions that expired.
    pub expired: u64,
    /// The time until the next call is due: when the next session can expire, or within 60 s if the store is
    /// shared or a session was skipped. `None` if there are no sessions and the store is not shared.
    pub next: Option<Duration>,
    /// The number of sessions that have expired but are held, by another request or by another server that shares the
    /// store. The next call tries again.
    pub skipped: u64,
}

/// What became of a session that may have expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expiry {
    Live,
    Ended,
    /// It is held. Whether it has expired is known only if it is idle.
    Skipped {
        is_idle: bool,
    },
}

impl Deref for EngineState {
    type Target = EngineContext;

    fn deref(&self) -> &EngineContext {
        &self.context
    }
}

impl EngineState {
    /// Creates the state without the sessions of the store.
    pub(super) fn new(config: EngineConfig) -> Self {
        Self {
            context: Arc::new(EngineContext::new(config)),
            registry: Registry::default(),
            loading: Mutex::new(()),
        }
    }

    /// Whether [`Self::load`] has loaded all sessions.
    pub(super) fn is_loaded(&self) -> bool {
        self.registry.is_loaded()
    }

    /// Loads the sessions of the store, as long as `proceed` returns `true`. Logs what it cannot load. Returns whether all
    /// sessions are loaded.
    ///
    /// # Errors
    ///
    /// The store cannot list its sessions.
    pub(super) fn load(&self, proceed: &mut dyn FnMut() -> bool) -> Result<bool, Error> {
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_loaded() {
            return Ok(true);
        }
        let mut is_complete = true;
        let visited = self.config.store.visit_sessions(&mut |entry| {
            match entry {
                StoreEntry::Session(stored) => drop(self.registry.adopt(&self.context, stored)),
                StoreEntry::Unreadable(session) => self.log(Level::Error, || {
                    format!("skipped a session that cannot be read: {}: {}", session.id, session.reason)
                }),
                StoreEntry::Foreign(location) => self.log(Level::Warn, || {
                    format!("ignored {location}: it does not belong to the store; move it elsewhere")
                }),
            }
            is_complete = proceed();
            if is_complete { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        visited.map_err(list_error)?;
        if is_complete {
            self.registry.mark_loaded();
        }
        Ok(is_complete)
    }

    /// Creates a session that is not in the table yet.
    pub(super) fn new_session(&self, record: SessionRecord, now_ms: u64) -> Arc<Session> {
        Arc::new(Session::new(&self.context, record, now_ms))
    }

    /// All sessions of the table.
    pub(super) fn sessions(&self) -> Vec<Arc<Session>> {
        self.registry.all()
    }

    /// The number of sessions in the table.
    pub(super) fn session_count(&self) -> u64 {
        self.registry.count()
    }

    /// The session with that id, whichever server created it.
    pub(super) fn session(&self, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        let is_shared = self.shared_store().is_some();
        match self.registry.get(id) {
            RegistryLookup::Known(session) if !is_shared || !session.has_ended() => return Ok(Some(session)),
            RegistryLookup::Known(session) => self.registry.remove(&session),
            RegistryLookup::Unknown if !is_shared => return Ok(None),
            RegistryLookup::Unknown | RegistryLookup::NotLoaded => {}
        }
        Ok(self.config.store.find(id)?.and_then(|stored| self.registry.adopt(&self.context, stored)))
    }

    /// How a session ended that is no longer in the table; `None` if that is not known.
    pub(super) fn ended(&self, id: SessionId) -> Option<EndedSession> {
        self.config.store.ended(id).unwrap_or_else(|error| {
            self.log(Level::Warn, || format!("cannot find out how session {id} ended: {error}"));
            None
        })
    }

    /// The session with that id, unless it has expired.
    pub(super) fn live_session(&self, id: SessionId) -> Result<Option<Arc<Session>>, Fault> {
        let found = self.session(id).map_err(|error| self.store_fault(&error))?;
        let Some(session) = found else { return Ok(None) };
        let expiry = self.expire(&session).unwrap_or_else(|error| {
            self.log(Level::Error, || error.to_string());
            Expiry::Ended
        });
        Ok((expiry != Expiry::Ended).then_some(session))
    }

    /// Adds a new session to the table. If the store is shared, sessions that other servers ended are forgotten
    /// before a limit is enforced.
    ///
    /// # Errors
    ///
    /// A session limit is reached.
    pub(super) fn insert(&self, session: &Arc<Session>) -> Result<(), Fault> {
        let inserted = self.registry.insert(session);
        if inserted.is_ok() || self.shared_store().is_none() {
            return inserted;
        }
        self.refresh().map_err(|error| {
            self.log(Level::Error, || error.to_string());
            Fault::internal("the store failed")
        })?;
        self.registry.insert(session)
    }

    /// Removes from the table a session that the store could not create.
    pub(super) fn forget(&self, session: &Session) {
        self.registry.remove(session);
    }

    /// Updates the table from a shared store.
    pub(super) fn refresh(&self) -> Result<(), Error> {
        if self.shared_store().is_none() {
            return Ok(());
        }
        let known = self.registry.all();
        let found = self.stored_sessions()?;
        let unreadable = found.unreadable.iter().map(|session| session.id);
        let stored: HashSet<SessionId> =
            found.sessions.iter().map(|stored| stored.record.id).chain(unreadable).collect();
        // A session that is being created may be missing here; it is found again when its first packet arrives.
        known.iter().filter(|session| !stored.contains(&session.id)).for_each(|session| {
            self.registry.remove(session);
        });
        for stored in found.sessions {
            let modified_ms = stored.modified_ms;
            if let Some(session) = self.registry.adopt(&self.context, stored) {
                session.record_activity(modified_ms);
            }
        }
        Ok(())
    }

    /// Expires idle sessions, and loads or refreshes the table.
    ///
    /// # Errors
    ///
    /// The last failure; the other sessions are handled.
    pub(super) fn clean_up(&self) -> Result<Tick, Error> {
        let loaded = if self.is_loaded() { self.refresh() } else { self.load(&mut || true).map(drop) };
        let mut failure = loaded.and_then(|()| self.collect_orphans()).err();
        let next = self.shared_store().map(|_| REFRESH_INTERVAL);
        let mut tick = Tick { expired: 0, next, skipped: 0 };
        for session in self.sessions() {
            match self.expire(&session) {
                Ok(Expiry::Ended) => tick.expired = tick.expired.saturating_add(1),
                Ok(Expiry::Skipped { is_idle: true }) => {
                    tick.skipped = tick.skipped.saturating_add(1);
                    tick.next = Some(tick.next.map_or(REFRESH_INTERVAL, |next| next.min(REFRESH_INTERVAL)));
                    self.log(Level::Info, || {
                        format!("{} has expired but is in use: the next clean-up tries again", session.id)
                    });
                }
                Ok(Expiry::Live | Expiry::Skipped { is_idle: false }) => {
                    let left = Some(session.time_left()).filter(|left| !left.is_zero());
                    tick.next = [tick.next, left].into_iter().flatten().min();
                }
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(tick), Err)
    }

    /// Ends a session that is idle or overdue, unless it is held. Never waits.
    fn expire(&self, session: &Session) -> Result<Expiry, Error> {
        let is_idle = session.is_idle().map_err(|error| session_error(session.id, error))?;
        match session.is_due(is_idle) {
            Ok(true) => {}
            Ok(false) => return Ok(Expiry::Live),
            Err(StoreError::Busy) => return Ok(Expiry::Skipped { is_idle }),
            Err(error) => return Err(session_error(session.id, error)),
        }
        match self.end(session, EndReason::Expired) {
            Ok(()) => Ok(Expiry::Ended),
            Err(error) if error.status() == Status::Busy => Ok(Expiry::Skipped { is_idle }),
            Err(error) => Err(error),
        }
    }

    /// Ends a session at once, even during a request. If a callback is in progress, the request that made it
    /// ends the session when the callback returns.
    pub(super) fn end(&self, session: &Session, reason: EndReason) -> Result<(), Error> {
        let ended = match session.lock_exclusive(reason) {
            Ok(Some(guard)) => self.remove(session, guard, None, reason),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        ended.map_err(|error| {
            let (status, advice) = match error {
                StoreError::Busy => (Status::Busy, ": try again later"),
                _ => (Status::Io, ""),
            };
            Error::new(status, format!("cannot remove session {}: {error}{advice}", session.id))
                .with_source(error)
        })
    }

    /// Ends the waits that are in progress for sessions.
    pub(super) fn abort_waits(&self) {
        self.context.abort_waits();
        self.sessions().iter().for_each(|session| session.wake());
    }

    /// Removes a session from the store first and from the table second, so that a failed removal can be
    /// repeated. Then calls the application.
    pub(super) fn remove(
        &self,
        session: &Session,
        mut guard: SessionGuard<'_>,
        head: Option<&RequestHead>,
        reason: EndReason,
    ) -> Result<(), StoreError> {
        let record = guard.record.clone();
        let store = &self.config.store;
        let held = match record.total {
            // Only hooks are interested.
            _ if self.config.hooks.is_none() => 0,
            Some(total) if record.is_done() => total,
            // A session whose data cannot be opened holds nothing that could be used.
            _ => store.open(session.id).map_or(0, |sink| sink.received()),
        };
        let end = match reason {
            EndReason::Closed => Some(SessionEnd::Closed),
            EndReason::Cancelled => Some(SessionEnd::Cancelled),
            EndReason::Expired | EndReason::Failed => None,
        };
        match end {
            Some(end) => store.retire(&record, end)?,
            None => store.remove(session.id)?,
        }
        guard.mark_ended();
        self.registry.remove(session);
        drop(guard);
        self.log(Level::Info, || format!("{} {}", session.id, reason.name()));
        self.emit(&record, head, SessionEventKind::Ended(reason));
        calls::ended(self, &record, head, held, reason);
        Ok(())
    }

    /// Removes from a shared store what crashed servers created or removed halfway.
    fn collect_orphans(&self) -> Result<(), Error> {
        self.shared_store().map_or(Ok(()), |store| store.collect_orphans())
    }

    fn stored_sessions(&self) -> Result<StoredSessions, Error> {
        self.config.store.sessions().map_err(list_error)
    }
}

fn list_error(error: StoreError) -> Error {
    Error::new(Status::Io, format!("cannot list the sessions of the store: {error}")).with_source(error)
}

/// The error for a session whose state cannot be read.
pub(super) fn session_error(id: SessionId, error: StoreError) -> Error {
    Error::new(Status::Io, format!("cannot read the state of session {id}: {error}")).with_source(error)
}
