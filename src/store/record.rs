//! The record of a session: what a store keeps of it besides its bytes.

use std::io;

use serde::{Deserialize, Serialize};

use super::path::Destination;
use crate::proto::{Context, HResult, SessionId};

/// The format version of a record. Version 1 had no outcome: a program that ignores the field would deliver
/// an upload that the host application rejected.
const FORMAT: u32 = 2;
/// The oldest format version that can be read.
const OLDEST_FORMAT: u32 = 1;

/// The progress of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionPhase {
    /// Bytes are missing, or all have arrived and the file is not delivered yet.
    Receiving,
    /// The file is at its destination.
    Delivered,
}

/// The record of a session. It is written when the session is created and when a field changes, never per fragment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The session.
    pub id: SessionId,
    /// Where the file is delivered.
    pub destination: Destination,
    /// The path of the remote name, if the host application chose another destination.
    #[serde(default)]
    pub remote: Option<Destination>,
    /// The URL of the remote name as requested by Create-Session. At least its path; scheme and host if known.
    #[serde(default)]
    pub url: Option<String>,
    /// The query of the remote name; part of the session's identity (PROTOCOL 4.7).
    pub query: Option<String>,
    /// The user that created the session, if the transport identified one.
    pub owner: Option<String>,
    /// Length of the whole file in bytes, from the first Fragment.
    pub total: Option<u64>,
    /// When the session was created, in milliseconds since 1970.
    pub created_ms: u64,
    /// The progress of the session.
    pub phase: SessionPhase,
    /// The host application's verdict on the complete upload. Its callback is not called again.
    #[serde(default)]
    pub outcome: Option<Outcome>,
}

impl SessionRecord {
    /// Encodes the record as stores keep it: JSON that begins with the format version.
    ///
    /// # Errors
    ///
    /// Returns an error if the record cannot be encoded, which does not happen for any valid record.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(&VersionedRecord { version: FORMAT, record: self })?)
    }

    /// Decodes a record of this format version or an older one.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] if the bytes are not a record, or if its format is newer.
    pub fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        let FormatVersion { version } = serde_json::from_slice(bytes).map_err(invalid)?;
        if !(OLDEST_FORMAT..=FORMAT).contains(&version) {
            let message = format!(
                "the record has format {version}; this version of bitsup reads {OLDEST_FORMAT} to {FORMAT}"
            );
            return Err(invalid(message));
        }
        serde_json::from_slice(bytes).map_err(invalid)
    }

    /// Returns the path of the remote name, which every packet of the session has to name (PROTOCOL 4.7).
    pub fn remote(&self) -> &Destination {
        self.remote.as_ref().unwrap_or(&self.destination)
    }

    /// Returns a hash of what the packets of the session have in common besides its id: the owner, and the path and query
    /// of the remote name.
    pub fn identity(&self) -> u128 {
        identity(self.owner.as_deref(), self.remote(), self.query.as_deref())
    }

    /// Redirects the file to another destination than its remote name; `None` changes nothing.
    pub fn redirect(&mut self, destination: Option<Destination>) {
        if let Some(destination) = destination {
            let original = std::mem::replace(&mut self.destination, destination);
            self.remote.get_or_insert(original);
        }
    }

    /// Returns whether the received bytes are no longer needed: the file was delivered, or the host application accepted
    /// the upload without keeping the file.
    pub fn is_done(&self) -> bool {
        self.phase == SessionPhase::Delivered
            || matches!(self.outcome, Some(Outcome::Accepted { keep: false, .. }))
    }
}

/// Computes [`SessionRecord::identity`] from its parts. The results are stored, so later versions must compute the same.
pub(crate) fn identity(owner: Option<&str>, remote: &Destination, query: Option<&str>) -> u128 {
    let text = serde_json::json!([owner, remote.segments(), query]).to_string();
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, text.as_bytes()).as_u128()
}

/// A record with its format version.
#[derive(Serialize)]
struct VersionedRecord<'a> {
    version: u32,
    #[serde(flatten)]
    record: &'a SessionRecord,
}

/// The field that every format version has.
#[derive(Deserialize)]
struct FormatVersion {
    version: u32,
}

/// Makes the error for data that is not a valid record.
pub(super) fn invalid(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// The host application's verdict on a complete upload (PROTOCOL 5.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The application accepted the upload.
    Accepted {
        /// Whether the file is delivered to its destination.
        keep: bool,
        /// The reply for the client.
        reply: ReplyKind,
    },
    /// The application rejected the upload permanently, with status 403.
    Refused {
        /// The HRESULT for the client.
        hresult: HResult,
        /// The error context for the client.
        context: Context,
    },
}

/// The reply that the client receives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyKind {
    /// No reply.
    None,
    /// The reply that the store holds for the session.
    Stored,
    /// A fixed URL.
    Url(String),
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// By Close-Session, after the upload was complete.
    Closed,
    /// By Cancel-Session, or by the host application.
    Cancelled,
}

/// A session that was closed or cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedSession {
    /// How it ended.
    pub end: SessionEnd,
    /// Its [`SessionRecord::identity`].
    pub identity: u128,
}

/// A session found in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// The session's record.
    pub record: SessionRecord,
    /// When the session was last written or [used](super::SharedStore::touch), in milliseconds since 1970.
    pub modified_ms: u64,
}

/// The sessions that a store contains.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredSessions {
    /// The readable sessions, in no particular order.
    pub sessions: Vec<StoredSession>,
    /// Sessions that cannot be used, for example because they are damaged or were written by a newer version. The store
    /// keeps them; the server should log them, so that an administrator can remove them.
    pub unreadable: Vec<UnreadableSession>,
    /// What the store found among its own files and did not create, each with its location. The store leaves it alone;
    /// the server should log it.
    pub foreign: Vec<String>,
}

impl StoredSessions {
    /// Adds an entry.
    pub fn push(&mut self, entry: StoreEntry) {
        match entry {
            StoreEntry::Session(stored) => self.sessions.push(stored),
            StoreEntry::Unreadable(session) => self.unreadable.push(session),
            StoreEntry::Foreign(location) => self.foreign.push(location),
        }
    }

    /// Returns all entries.
    pub fn into_entries(self) -> impl Iterator<Item = StoreEntry> {
        let sessions = self.sessions.into_iter().map(StoreEntry::Session);
        let unreadable = self.unreadable.into_iter().map(StoreEntry::Unreadable);
        sessions.chain(unreadable).chain(self.foreign.into_iter().map(StoreEntry::Foreign))
    }
}

/// An entry of [`StoredSessions`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreEntry {
    /// A readable session.
    Session(StoredSession),
    /// A session that cannot be used.
    Unreadable(UnreadableSession),
    /// The location of something that the store did not create.
    Foreign(String),
}

/// A session that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableSession {
    /// The id, by which the session can be removed.
    pub id: SessionId,
    /// Why it cannot be used.
    pub reason: String,
}
