//! What a store remembers of a session besides its bytes.

use serde::{Deserialize, Serialize};

use super::path::Destination;
use crate::proto::SessionId;

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionPhase {
    /// Bytes are missing, or all are there and not yet delivered.
    Receiving,
    /// The file is at its destination.
    Delivered,
}

/// The record of a session; written when the session is made and when something here changes, never per
/// fragment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The session.
    pub id: SessionId,
    /// Where the file goes.
    pub destination: Destination,
    /// The query of the remote name; part of the session's identity (PROTOCOL 4.7).
    pub query: Option<String>,
    /// Who made the session, when the transport knows.
    pub owner: Option<String>,
    /// Length of the whole file, as the first Fragment said it.
    pub total: Option<u64>,
    /// When the session was made, in milliseconds since 1970.
    pub created_ms: u64,
    /// How far the session is.
    pub phase: SessionPhase,
}

/// A session found in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// Its record.
    pub record: SessionRecord,
    /// When something was last written to it, in milliseconds since 1970.
    pub modified_ms: u64,
}

/// What a store finds when it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredSessions {
    /// The sessions, in no particular order.
    pub sessions: Vec<StoredSession>,
    /// What looks like sessions and cannot be read: damaged, or written by a newer version. They are kept
    /// until somebody removes them; the owner of the store should say so in its log.
    pub unreadable: Vec<UnreadableSession>,
}

/// A session whose record cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableSession {
    /// Its id, by which it can be removed.
    pub id: SessionId,
    /// What is wrong with which file.
    pub reason: String,
}
