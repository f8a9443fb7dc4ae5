//! Information about a session, for administration.

use serde::Serialize;

use super::session::Session;
use crate::proto::SessionId;
use crate::store::{Destination, Outcome, SessionPhase, SessionRecord, StoreError};

/// A session at one moment. `target` and `owner` come from clients: escape them before displaying them.
///
/// # Examples
///
/// ```
/// # fn example(engine: &bitsup::engine::Engine) -> Result<(), bitsup::Error> {
/// for info in engine.sessions()? {
///     println!("{} is {}: {:?} of {:?} bytes", info.id, info.state.name(), info.received, info.total);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session.
    pub id: SessionId,
    /// The destination of the file, relative to the root.
    pub target: Destination,
    /// The user that created the session, if known.
    pub owner: Option<String>,
    /// The session's progress.
    pub state: SessionState,
    /// Bytes received; `None` if unknown.
    pub received: Option<u64>,
    /// Length of the whole file in bytes; `None` before the first Fragment.
    pub total: Option<u64>,
    /// When the session was created, in milliseconds since 1970-01-01 UTC.
    pub created_ms: u64,
    /// When the last packet of the session was accepted, in milliseconds since 1970-01-01 UTC.
    pub last_active_ms: u64,
}

/// The progress of a session.
///
/// | Record | Bytes | State |
/// |---|---|---|
/// | delivered | | `Delivered` |
/// | accepted by the application, file not kept | | `Consumed` |
/// | refused by the application | | `Refused` |
/// | open, callback in progress | all | `Notifying` |
/// | open | all | `Received` |
/// | open | some | `Receiving` |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Bytes are missing.
    Receiving,
    /// All bytes are stored, and the file is not at its destination yet.
    Received,
    /// All bytes are stored, and a callback of the application is in progress. Only the running server
    /// reports this state; read from the store's files, the session is `Received`.
    Notifying,
    /// The file is at its destination; only Close-Session is missing.
    Delivered,
    /// The application accepted the upload and chose not to keep the file.
    Consumed,
    /// The application rejected the upload with a final status.
    Refused,
}

impl SessionState {
    /// Returns the state's name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Received => "received",
            Self::Notifying => "notifying",
            Self::Delivered => "delivered",
            Self::Consumed => "consumed",
            Self::Refused => "refused",
        }
    }
}

impl SessionInfo {
    /// Creates the information from a record, the number of bytes in the store (`None` if unknown), and the
    /// time of the last activity in milliseconds since 1970-01-01 UTC.
    pub fn new(record: &SessionRecord, held: Option<u64>, last_active_ms: u64) -> Self {
        let received = if record.is_done() { record.total } else { held };
        let state = match (&record.phase, &record.outcome) {
            (SessionPhase::Delivered, _) => SessionState::Delivered,
            (_, Some(Outcome::Accepted { keep: false, .. })) => SessionState::Consumed,
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
        let guard = match (session.try_lock(), session.context().shared_store()) {
            // The record that its holder wrote last: the holder may be a server that has stopped.
            (Err(StoreError::Busy), Some(_)) => {
                let stored = session.context().config.store.find(session.id)?;
                return Ok(stored.map(|stored| Self::unlocked(session, &stored.record)));
            }
            (Err(StoreError::Busy), None) => session.lock()?,
            (guard, _) => guard?,
        };
        if guard.ended {
            return Ok(None);
        }
        let mut info = Self::unlocked(session, &guard.record);
        if info.state == SessionState::Received && guard.shared.callback.is_some() {
            info.state = SessionState::Notifying;
        }
        Ok(Some(info))
    }

    /// Describes a session with that record.
    fn unlocked(session: &Session, record: &SessionRecord) -> Self {
        let held = if record.is_done() {
            None
        } else {
            session.context().config.store.read(session.id).map(|content| content.length()).ok()
        };
        Self::new(record, held, session.last_active_ms())
    }
}
