//! Events of sessions, for logs and metrics.

use std::time::Duration;

use super::hooks::EndReason;
use crate::proto::SessionId;

/// Something that happened to a session.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SessionEvent<'a> {
    /// What happened.
    pub kind: SessionEventKind,
    /// The session.
    pub session: SessionId,
    /// The user that created the session, if known.
    pub owner: Option<&'a str>,
    /// The client address of the request that caused the event, if a request did.
    pub peer: Option<&'a str>,
    /// The path of the session's URL, percent-encoded and including the mount point; never the query.
    pub path: &'a str,
    /// Length of the whole file in bytes; `None` before the first Fragment.
    pub total: Option<u64>,
}

/// What can happen to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEventKind {
    /// A Create-Session packet created the session.
    Created,
    /// A newer request took over from one whose body was still arriving.
    TakenOver,
    /// All bytes of its file have arrived.
    Received,
    /// [`Hooks::on_received`](super::hooks::Hooks::on_received) returned.
    Notified {
        /// The status that the application rejected the upload with; `None` if it accepted.
        refused: Option<u16>,
        /// The duration of the call, by the engine's clock.
        took: Duration,
    },
    /// The session ended.
    Ended(EndReason),
}

/// Receives the events of sessions.
///
/// Threads: called concurrently, possibly while the engine holds locks. An implementation must neither call the
/// engine nor block.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use bitsup::engine::{Engine, EngineConfig, SessionEvent, SessionListener};
/// use bitsup::store::MemoryStore;
///
/// struct PrintEvents;
///
/// impl SessionListener for PrintEvents {
///     fn on_session(&self, event: &SessionEvent<'_>) {
///         println!("session {}: {:?}", event.session, event.kind);
///     }
/// }
///
/// let engine = Engine::new(EngineConfig::new(Arc::new(MemoryStore::default())))?;
/// let listener = Arc::new(PrintEvents);
/// engine.subscribe(&listener);
/// # Ok::<(), bitsup::Error>(())
/// ```
pub trait SessionListener: Send + Sync {
    /// Called right after the event.
    fn on_session(&self, event: &SessionEvent<'_>);
}
