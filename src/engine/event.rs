//! What becomes of sessions, for whoever keeps records of it.

use std::time::Duration;

use super::Shared;
use super::address;
use super::exchange::RequestHead;
use super::hooks::EndReason;
use crate::proto::{SessionId, Target};
use crate::store::SessionRecord;

/// Something that happened to a session.
#[derive(Debug, Clone, Copy)]
pub struct SessionEvent<'a> {
    /// What it was.
    pub kind: SessionEventKind,
    /// The session.
    pub session: SessionId,
    /// To whom it belongs.
    pub owner: Option<&'a str>,
    /// Whose request led to it, if it was one.
    pub peer: Option<&'a str>,
    /// The path of its URL, percent-encoded, mount point included; never the query string.
    pub path: &'a str,
    /// Length of the whole file, once that is known.
    pub total: Option<u64>,
}

/// What can happen to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEventKind {
    /// A Create-Session made it.
    Created,
    /// A newer request went ahead of one that was still at its body.
    TakenOver,
    /// All bytes of its file are there.
    Received,
    /// The application was asked about the file.
    Notified {
        /// The status that it refused the upload with; `None` when it took it.
        refused: Option<u16>,
        /// How long it took, by the engine's clock.
        took: Duration,
    },
    /// It is gone.
    Ended(EndReason),
}

/// Hears of sessions.
///
/// Threads: called concurrently. Locks of the engine may be held: a listener must neither call the engine nor wait.
pub trait SessionListener: Send + Sync {
    /// It has just happened.
    fn on_session(&self, event: &SessionEvent<'_>);
}

impl Shared {
    /// Tells all that listen.
    pub(super) fn tell(&self, record: &SessionRecord, head: Option<&RequestHead>, kind: SessionEventKind) {
        let listeners = self.listeners();
        if listeners.is_empty() {
            return;
        }
        let url = record.url.clone().unwrap_or_else(|| address::of_record(record));
        let event = SessionEvent {
            kind,
            session: record.id,
            owner: record.owner.as_deref(),
            peer: head.and_then(|head| head.peer.as_deref()),
            path: Target::parse(address::local(&url)).map_or("/", |target| target.path),
            total: record.total,
        };
        listeners.iter().for_each(|listener| listener.on_session(&event));
    }
}
