//! The session table, with the limits that are counted in it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::config::EngineConfig;
use super::session::Session;
use crate::proto::{Fault, SessionId};
use crate::store::StoredSession;

/// Seconds after which a client that met a session limit may ask again.
const RETRY_AFTER: u32 = 60;

/// All sessions of an engine.
#[derive(Default)]
pub(super) struct Registry(Mutex<Table>);

#[derive(Default)]
struct Table {
    sessions: HashMap<SessionId, Arc<Session>>,
    owners: HashMap<String, u64>,
}

impl Registry {
    /// Adds a session that a store held, unless it is there by now; the one that is there.
    pub(super) fn adopt(&self, stored: StoredSession) -> Arc<Session> {
        let mut table = self.table();
        if let Some(session) = table.sessions.get(&stored.record.id) {
            return Arc::clone(session);
        }
        let session = Arc::new(Session::new(stored.record, stored.modified_ms));
        table.insert(Arc::clone(&session));
        session
    }

    /// Adds a new session unless a limit is reached (SES-05).
    pub(super) fn admit(&self, session: &Arc<Session>, config: &EngineConfig) -> Result<(), Fault> {
        let mut table = self.table();
        let count = u64::try_from(table.sessions.len()).unwrap_or(u64::MAX);
        if config.max_sessions > 0 && count >= config.max_sessions {
            return Err(Fault::unavailable("the server has as many sessions as it may", RETRY_AFTER));
        }
        let owned = session.owner.as_ref().and_then(|owner| table.owners.get(owner)).copied().unwrap_or(0);
        if config.max_sessions_per_owner > 0 && owned >= config.max_sessions_per_owner {
            return Err(Fault::unavailable("the user has as many sessions as it may", RETRY_AFTER));
        }
        table.insert(Arc::clone(session));
        Ok(())
    }

    pub(super) fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.table().sessions.get(&id).cloned()
    }

    pub(super) fn remove(&self, session: &Session) {
        self.table().remove(session);
    }

    pub(super) fn all(&self) -> Vec<Arc<Session>> {
        self.table().sessions.values().cloned().collect()
    }

    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.table().sessions.len()).unwrap_or(u64::MAX)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Both maps are changed by calls that do not panic, so a poisoned lock guards whole data.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn insert(&mut self, session: Arc<Session>) {
        if let Some(owner) = &session.owner {
            let owned = self.owners.entry(owner.clone()).or_default();
            *owned = owned.saturating_add(1);
        }
        self.sessions.insert(session.id, session);
    }

    fn remove(&mut self, session: &Session) {
        if self.sessions.remove(&session.id).is_none() {
            return;
        }
        if let Some(owner) = &session.owner
            && let Some(owned) = self.owners.get_mut(owner)
        {
            *owned = owned.saturating_sub(1);
            if *owned == 0 {
                self.owners.remove(owner);
            }
        }
    }
}
