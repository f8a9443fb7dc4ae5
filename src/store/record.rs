//! What a store remembers of a session besides its bytes.

use std::io;

use serde::{Deserialize, Serialize};

use super::path::Destination;
use crate::proto::{Context, HResult, SessionId};

/// The layout of a record in bytes. Layout 1 had no outcome: a version that does not know of one would deliver
/// what the application refused.
const FORMAT: u32 = 2;
/// The oldest layout that is read.
const OLDEST: u32 = 1;

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
    /// The path of the remote name, when the application chose another destination.
    #[serde(default)]
    pub remote: Option<Destination>,
    /// The URL of the remote name as Create-Session had it; as much of it as was known, a path at least.
    #[serde(default)]
    pub url: Option<String>,
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
    /// What the application said of the complete upload; it is not asked again.
    #[serde(default)]
    pub outcome: Option<Outcome>,
}

impl SessionRecord {
    /// The record as stores keep it: JSON that begins with the number of its layout.
    ///
    /// Errors: none that could be caused.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(&Stamped { version: FORMAT, record: self })?)
    }

    /// Reads what [`Self::to_bytes`] made, of this version or an older one.
    ///
    /// Errors: `InvalidData` for what is no record, or one of a newer version.
    pub fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        let Stamp { version } = serde_json::from_slice(bytes).map_err(invalid)?;
        if !(OLDEST..=FORMAT).contains(&version) {
            let message =
                format!("it has format {version}; this version of bitsup reads {OLDEST} to {FORMAT}");
            return Err(invalid(message));
        }
        serde_json::from_slice(bytes).map_err(invalid)
    }

    /// The path of the remote name: what packets of the session must name (PROTOCOL 4.7).
    pub fn remote(&self) -> &Destination {
        self.remote.as_ref().unwrap_or(&self.destination)
    }

    /// Sends the file elsewhere than the remote name says; `None` changes nothing.
    pub fn choose(&mut self, destination: Option<Destination>) {
        if let Some(destination) = destination {
            let former = std::mem::replace(&mut self.destination, destination);
            self.remote.get_or_insert(former);
        }
    }

    /// Whether the received bytes are of no further use: delivered, or not to be delivered.
    pub fn is_done(&self) -> bool {
        self.phase == SessionPhase::Delivered
            || matches!(self.outcome, Some(Outcome::Accepted { keep: false, .. }))
    }
}

/// A record with the number of its layout.
#[derive(Serialize)]
struct Stamped<'a> {
    version: u32,
    #[serde(flatten)]
    record: &'a SessionRecord,
}

/// What every layout begins with.
#[derive(Deserialize)]
struct Stamp {
    version: u32,
}

/// Says that a record is none.
pub(super) fn invalid(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// What the application behind the server said of a complete upload (PROTOCOL 5.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It took it.
    Accepted {
        /// Whether the file goes to its destination.
        keep: bool,
        /// What the client gets back.
        reply: ReplyKind,
    },
    /// It refused for good, with status 403.
    Refused {
        /// The HRESULT for the client.
        hresult: HResult,
        /// Who refused.
        context: Context,
    },
}

/// What the client gets back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyKind {
    /// Nothing.
    None,
    /// The reply that the store holds beside the session.
    Stored,
    /// A static URL.
    Url(String),
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
