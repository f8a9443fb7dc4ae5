//! The table of an engine's sessions, with the limits on their number.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::session::Session;
use crate::engine::context::EngineContext;
use crate::proto::{Fault, SessionId};
use crate::store::StoredSession;

/// The `Retry-After` sent to a client that reached a session limit, in seconds.
const RETRY_AFTER: u32 = 60;

/// All sessions of an engine. Until those of the store are loaded, the ones that are known so far.
#[derive(Default)]
pub(in crate::engine) struct Registry(Mutex<SessionTable>);

struct SessionTable {
    sessions: HashMap<SessionId, Arc<Session>>,
    /// The number of sessions of each owner that has any.
    owners: HashMap<String, u64>,
    /// Until the sessions of the store are loaded: those that were removed from the table. One of them may have been
    /// read from the store before its removal, and must not return to the table.
    removed: Option<HashSet<SessionId>>,
}

impl Default for SessionTable {
    fn default() -> Self {
        Self { sessions: HashMap::new(), owners: HashMap::new(), removed: Some(HashSet::new()) }
    }
}

/// What the table knows of a session.
pub(in crate::engine) enum RegistryLookup {
    /// It is in the table.
    Known(Arc<Session>),
    /// It is not. The store may have it, because its sessions are not loaded yet.
    NotLoaded,
    /// It is not, and all sessions are loaded.
    Unknown,
}

impl Registry {
    /// Adds a session found in the store, unless the table already contains it. Returns the session in the table; `None`
    /// if it has ended since it was found.
    pub(in crate::engine) fn adopt(
        &self,
        context: &Arc<EngineContext>,
        stored: StoredSession,
    ) -> Option<Arc<Session>> {
        let mut table = self.table();
        if let Some(session) = table.sessions.get(&stored.record.id) {
            return Some(Arc::clone(session));
        }
        let has_ended = match &table.removed {
            Some(removed) => removed.contains(&stored.record.id),
            // Other servers may have created it.
            None => context.shared_store().is_none(),
        };
        if has_ended {
            return None;
        }
        // A time in the future was written before the system's clock was set back; the session has to expire nevertheless.
        let modified_ms = stored.modified_ms.min(context.now_ms());
        let session = Arc::new(Session::new(context, stored.record, modified_ms));
        table.insert(Arc::clone(&session));
        Some(session)
    }

    /// Notes that the table contains all sessions of the store.
    pub(in crate::engine) fn mark_loaded(&self) {
        self.table().removed = None;
    }

    pub(in crate::engine) fn is_loaded(&self) -> bool {
        self.table().removed.is_none()
    }

    /// Adds a new session (SES-05).
    ///
    /// # Errors
    ///
    /// 503 if a session limit is reached.
    pub(in crate::engine) fn insert(&self, session: &Arc<Session>) -> Result<(), Fault> {
        let config = &session.context().config;
        let mut table = self.table();
        if config.max_sessions > 0 && table.sessions.len() as u64 >= config.max_sessions {
            return Err(Fault::unavailable("the maximum number of sessions is reached", RETRY_AFTER));
        }
        let owned = session.owner.as_ref().and_then(|owner| table.owners.get(owner)).copied().unwrap_or(0);
        if config.max_sessions_per_owner > 0 && owned >= config.max_sessions_per_owner {
            return Err(Fault::unavailable(
                "the maximum number of sessions per user is reached",
                RETRY_AFTER,
            ));
        }
        table.insert(Arc::clone(session));
        Ok(())
    }

    pub(in crate::engine) fn get(&self, id: SessionId) -> RegistryLookup {
        let table = self.table();
        match (table.sessions.get(&id), &table.removed) {
            (Some(session), _) => RegistryLookup::Known(Arc::clone(session)),
            (None, Some(_)) => RegistryLookup::NotLoaded,
            (None, None) => RegistryLookup::Unknown,
        }
    }

    pub(in crate::engine) fn remove(&self, session: &Session) {
        self.table().remove(session);
    }

    pub(in crate::engine) fn all(&self) -> Vec<Arc<Session>> {
        self.table().sessions.values().cloned().collect()
    }

    pub(in crate::engine) fn count(&self) -> u64 {
        self.table().sessions.len() as u64
    }

    fn table(&self) -> MutexGuard<'_, SessionTable> {
        // No call that changes the maps panics, so they are consistent even if the lock is poisoned.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionTable {
    fn insert(&mut self, session: Arc<Session>) {
        if let Some(owner) = &session.owner {
            let owned = self.owners.entry(owner.clone()).or_default();
            *owned = owned.saturating_add(1);
        }
        self.sessions.insert(session.id, session);
    }

    fn remove(&mut self, session: &Session) {
        if let Some(removed) = &mut self.removed {
            removed.insert(session.id);
        }
        if self.sessions.remove(&session.id).is_none() {
            return;
        }
        if let Some(owner) = &session.owner
            && let Some(owned) = self.owners.get_mut(owner)
        {
            debug_assert!(*owned > 0, "owners without sessions are removed");
            *owned = owned.saturating_sub(1);
            if *owned == 0 {
                self.owners.remove(owner);
            }
        }
    }
}
