//! What an operator gets to see of sessions, and whether the store can be used.

use serde::Serialize;

use super::session::Session;
use super::{Engine, Shared, store_error};
use crate::error::{Error, Status};
use crate::proto::SessionId;
use crate::store::{Destination, Outcome, SessionPhase, SessionRecord, StoreError};

/// A session at one moment. Names in it come from clients: whoever shows them escapes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionInfo {
    /// The session.
    pub id: SessionId,
    /// Where the file goes, below the root.
    pub target: Destination,
    /// Who made the session, when somebody knew.
    pub owner: Option<String>,
    /// How far it is.
    pub state: SessionState,
    /// Bytes that are held or were delivered; `None` when the store cannot tell.
    pub received: Option<u64>,
    /// Length of the whole file, once a fragment said it.
    pub total: Option<u64>,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
    /// When the last packet of it was taken, in milliseconds since 1970.
    pub last_active_ms: u64,
}

/// How far a session is. Which one it is:
///
/// | record | bytes | state |
/// |---|---|---|
/// | delivered | | `Delivered` |
/// | taken by the application, which keeps no file | | `Taken` |
/// | refused by the application | | `Refused` |
/// | open, a request with the application | all | `Asking` |
/// | open | all | `Received` |
/// | open | some | `Receiving` |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Bytes are missing.
    Receiving,
    /// All bytes are there, and the file is not yet at its destination.
    Received,
    /// All bytes are there, and the application is being asked. A look from outside the server cannot tell this
    /// from `Received`.
    Asking,
    /// The file is at its destination; Close-Session is to come.
    Delivered,
    /// The application took the bytes, and there will be no file.
    Taken,
    /// The application refused the upload for good.
    Refused,
}

impl SessionState {
    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Received => "received",
            Self::Asking => "asking",
            Self::Delivered => "delivered",
            Self::Taken => "taken",
            Self::Refused => "refused",
        }
    }
}

impl SessionInfo {
    /// What a record says, with what it does not say: how many bytes the store holds, and when the session was
    /// in use.
    pub fn new(record: &SessionRecord, held: Option<u64>, last_active_ms: u64) -> Self {
        let received = if record.is_done() { record.total } else { held };
        let state = match (&record.phase, &record.outcome) {
            (SessionPhase::Delivered, _) => SessionState::Delivered,
            (_, Some(Outcome::Accepted { keep: false, .. })) => SessionState::Taken,
            (_, Some(Outcome::Refused { .. })) => SessionState::Refused,
            _ if record.total.is_some() && received == record.total => SessionState::Received,
            _ => SessionState::Receiving,
        };
        Self {
            id: record.id,
            target: record.destination.clone(),
            owner: record.owner.clone(),
            state,
            received,
            total: record.total,
            created_ms: record.created_ms,
            last_active_ms,
        }
    }
}

impl Engine {
    /// All sessions as they are now, the oldest first. It looks at each for a moment, so it is for operators and
    /// not for every packet; with a shared store, the sessions of all servers.
    ///
    /// Errors: the store cannot list its sessions, or one cannot be looked at.
    pub fn sessions(&self) -> Result<Vec<SessionInfo>, Error> {
        self.0.catch_up()?;
        let mut infos = Vec::new();
        for session in self.0.registry.all() {
            infos.extend(self.0.info(&session).map_err(|error| store_error(session.id, error))?);
        }
        infos.sort_by_key(|info| (info.created_ms, info.id));
        Ok(infos)
    }

    /// Whether bytes could be stored now.
    ///
    /// Errors: why not.
    pub fn check_store(&self) -> Result<(), Error> {
        let checked = self.0.config.store.probe();
        checked.map_err(|error| {
            let status = match error {
                StoreError::NoSpace(_) => Status::NoSpace,
                StoreError::Denied(_) => Status::Denied,
                _ => Status::Io,
            };
            Error::new(status, format!("the store cannot be written: {error}")).with_source(error)
        })
    }
}

impl Shared {
    /// `None` for a session that ended.
    fn info(&self, session: &Session) -> Result<Option<SessionInfo>, StoreError> {
        let state = session.enter(self)?;
        if state.ended {
            return Ok(None);
        }
        let held = match state.record.is_done() {
            true => None,
            false => self.config.store.read(session.id).map(|content| content.length()).ok(),
        };
        let mut info = SessionInfo::new(&state.record, held, session.last_active_ms());
        if info.state == SessionState::Received && state.note.away.is_some() {
            info.state = SessionState::Asking;
        }
        Ok(Some(info))
    }
}
