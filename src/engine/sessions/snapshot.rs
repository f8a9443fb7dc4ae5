//! What an administrator sees of a session.

use serde::Serialize;

use super::session::Session;
use crate::proto::SessionId;
use crate::store::{Destination, Outcome, SessionPhase, SessionRecord, StoreError};

/// A session at one moment. `target` and `owner` come from clients: escape them before showing them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session.
    pub id: SessionId,
    /// The destination of the file, relative to the root.
    pub target: Destination,
    /// The user that created the session, if known.
    pub owner: Option<String>,
    /// How far the session is.
    pub state: SessionState,
    /// Bytes that are held or were delivered; `None` if the store cannot tell.
    pub received: Option<u64>,
    /// Length of the whole file in bytes; `None` before the first Fragment.
    pub total: Option<u64>,
    /// When the session was created, in milliseconds since 1970-01-01 UTC.
    pub created_ms: u64,
    /// When the last packet of the session was accepted, in milliseconds since 1970-01-01 UTC.
    pub last_active_ms: u64,
}

/// How far a session is.
///
/// | Record | Bytes | State |
/// |---|---|---|
/// | delivered | | `Delivered` |
/// | accepted by the application, file not kept | | `Taken` |
/// | refused by the application | | `Refused` |
/// | open, callback in progress | all | `Asking` |
/// | open | all | `Received` |
/// | open | some | `Receiving` |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Bytes are missing.
    Receiving,
    /// All bytes are stored, and the file is not at its destination yet.
    Received,
    /// All bytes are stored, and a callback of the application is in progress. Only the server itself can tell
    /// this from `Received`.
    Asking,
    /// The file is at its destination; only Close-Session is missing.
    Delivered,
    /// The application accepted the bytes and there will be no file.
    Taken,
    /// The application refused the upload for good.
    Refused,
}

impl SessionState {
    /// The state's name, as in JSON.
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
    /// Combines a record with what it does not contain: how many bytes the store holds (`None` if unknown), and
    /// the time of the last activity in milliseconds since 1970-01-01 UTC.
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

    /// Describes a session as it is now; `None` if it has ended.
    pub(in crate::engine) fn of(session: &Session) -> Result<Option<Self>, StoreError> {
        let guard = session.lock()?;
        if guard.ended {
            return Ok(None);
        }
        let held = if guard.record.is_done() {
            None
        } else {
            session.context().config.store.read(session.id).map(|content| content.length()).ok()
        };
        let mut info = Self::new(&guard.record, held, session.last_active_ms());
        if info.state == SessionState::Received && guard.shared.callback.is_some() {
            info.state = SessionState::Asking;
        }
        Ok(Some(info))
    }
}
