//! The session table when other servers share the store: a copy that is brought up to date.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::session::Session;
use super::{LOG, Shared};
use crate::error::{Error, Status};
use crate::log::Level;
use crate::proto::{Fault, SessionId};
use crate::store::StoreError;

/// After how long the table is brought up to date at the latest, so that sessions which others ended do not
/// pile up in it.
const NEXT_LOOK: Duration = Duration::from_secs(60);

impl Shared {
    /// The session of that id, whichever server made it.
    pub(super) fn session(&self, id: SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        let known = self.registry.get(id);
        let Some(farm) = self.config.store.shared() else { return Ok(known) };
        match known {
            Some(session) if !session.has_ended() => return Ok(Some(session)),
            Some(session) => self.registry.remove(&session),
            None => {}
        }
        Ok(farm.find(id)?.map(|stored| self.registry.adopt(stored)))
    }

    /// Adds a new session unless a limit is reached. What counts is what the table knows; before it refuses,
    /// it forgets what others ended.
    pub(super) fn admit(&self, session: &Arc<Session>) -> Result<(), Fault> {
        let admitted = self.registry.admit(session, &self.config);
        if admitted.is_ok() || self.config.store.shared().is_none() {
            return admitted;
        }
        self.catch_up().map_err(|error| {
            self.config.logger.log(Level::Error, LOG, || error.to_string());
            Fault::internal("the store failed")
        })?;
        self.registry.admit(session, &self.config)
    }

    /// Brings the table up to date with the store, when others share it.
    pub(super) fn catch_up(&self) -> Result<(), Error> {
        if self.config.store.shared().is_none() {
            return Ok(());
        }
        let known = self.registry.all();
        let found = self.config.store.sessions().map_err(|error| {
            Error::new(Status::Io, format!("cannot read the sessions of the store: {error}"))
                .with_source(error)
        })?;
        let unreadable = found.unreadable.iter().map(|session| session.id);
        let there: HashSet<SessionId> =
            found.sessions.iter().map(|stored| stored.record.id).chain(unreadable).collect();
        // One that is being made now may be taken for gone; it is found when its first packet comes.
        known.iter().filter(|session| !there.contains(&session.id)).for_each(|session| {
            self.registry.remove(session);
        });
        for stored in found.sessions {
            let modified_ms = stored.modified_ms;
            self.registry.adopt(stored).was_active(modified_ms);
        }
        Ok(())
    }

    /// Removes what servers that died left half-made.
    pub(super) fn collect_orphans(&self) -> Result<(), Error> {
        self.config.store.shared().map_or(Ok(()), |farm| farm.collect_orphans())
    }

    /// When the table is to be brought up to date again.
    pub(super) fn next_look(&self) -> Option<Duration> {
        self.config.store.shared().map(|_| NEXT_LOOK)
    }

    /// Whether a session was idle for too long. What other servers did counts.
    pub(super) fn is_idle(&self, session: &Session) -> Result<bool, StoreError> {
        if self.time_left(session).is_zero()
            && let Some(farm) = self.config.store.shared()
            && let Some(stored) = farm.find(session.id)?
        {
            session.was_active(stored.modified_ms);
        }
        Ok(self.time_left(session).is_zero())
    }
}
