//! The receiving side of the protocol, for one virtual directory. No socket, no thread, no clock of its own:
//! requests come in through an [`Exchange`], time through a [`Clock`], bytes leave through a [`Store`].

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::log::Logger;
use crate::proto::{Headers, SessionId, limits};
use crate::store::Store;

/// What a Fragment does that begins before and ends behind the next expected offset (PROTOCOL 11.1 #4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// Only its new bytes are stored, as the Win32 documentation has it.
    #[default]
    Trim,
    /// It is answered 416, as the specification has it.
    Reject,
}

/// When a complete file becomes visible (PROTOCOL 11.1 #5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Finalize {
    /// With the last fragment, before its Ack.
    #[default]
    LastFragment,
    /// With Close-Session, before its Ack.
    Close,
}

/// How an engine behaves.
#[derive(Clone)]
pub struct EngineConfig {
    /// Where bytes go.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where the engine says what it does.
    pub logger: Logger,
    /// Longest file taken, in bytes.
    pub max_upload_size: u64,
    /// Longest fragment taken, in bytes.
    pub max_fragment_size: u64,
    /// Sessions one owner may have at a time; sessions without an owner are not counted. 0: no limit.
    pub max_sessions_per_owner: u64,
    /// Sessions in all. 0: no limit.
    pub max_sessions: u64,
    /// How long a session lives without a successful packet.
    pub session_timeout: Duration,
    /// Whether an upload may replace a file.
    pub allow_overwrite: bool,
    /// What overlapping fragments do.
    pub overlap: Overlap,
    /// When files become visible.
    pub finalize: Finalize,
}

impl EngineConfig {
    /// The defaults, over that store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            clock: Arc::new(SystemClock),
            logger: Logger::default(),
            max_upload_size: u64::MAX,
            max_fragment_size: u64::MAX,
            max_sessions_per_owner: limits::SESSIONS_PER_USER,
            max_sessions: 0,
            session_timeout: Duration::from_millis(limits::SESSION_TIMEOUT_MS),
            allow_overwrite: false,
            overlap: Overlap::default(),
            finalize: Finalize::default(),
        }
    }
}

/// One virtual directory. A clone is the same engine.
///
/// Threads: all methods may be called concurrently.
#[derive(Clone)]
pub struct Engine {}

/// Everything of a request but its body.
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    /// The method token.
    pub method: String,
    /// The request target, below the engine's mount point.
    pub target: String,
    /// The header fields.
    pub headers: Headers,
    /// Who is at the other end, for the log.
    pub peer: Option<String>,
    /// The authenticated user, when there is one.
    pub owner: Option<String>,
}

/// What an exchange wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// So many more bytes of the body, in pieces of any size.
    Body(u64),
    /// [`Exchange::finish`]. A body that is not wanted is the transport's to drain or to cut off.
    Finish,
}

/// What a clean-up did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// How many sessions ended for want of activity.
    pub expired: u64,
    /// After how long the next session can expire, if there is one.
    pub next: Option<Duration>,
}

impl Engine {
    /// An engine with the sessions that its store holds.
    pub fn new(_config: EngineConfig) -> Result<Self, Error> {
        unimplemented!()
    }
    /// Takes a request and decides what to do with its body.
    pub fn begin(&self, _head: RequestHead) -> Exchange {
        unimplemented!()
    }
    /// Ends sessions that were idle for too long.
    pub fn tick(&self) -> Result<Tick, Error> {
        unimplemented!()
    }
    /// How many sessions there are.
    pub fn session_count(&self) -> u64 {
        unimplemented!()
    }
    /// Ends a session and discards it; whether it was there.
    pub fn end_session(&self, _id: SessionId) -> Result<bool, Error> {
        unimplemented!()
    }
    /// Switches uploads on or off; off discards all sessions.
    pub fn set_enabled(&self, _enabled: bool) -> Result<(), Error> {
        unimplemented!()
    }
}

/// One request on its way through the engine. Dropping it early means that the connection was lost: what
/// was stored stays.
pub struct Exchange {}

impl Exchange {
    /// What comes next.
    pub fn want(&self) -> Want {
        unimplemented!()
    }
    /// Takes bytes of the body, at most as many as wanted.
    pub fn body(&mut self, _data: &[u8]) -> Want {
        unimplemented!()
    }
    /// The answer.
    pub fn finish(self) -> Response {
        unimplemented!()
    }
}

/// An answer; it has no body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Header fields, without `Content-Length`, `Date`, `Connection` and `Server`.
    pub headers: Vec<(&'static str, String)>,
    /// Whether the connection must be closed after it.
    pub close: bool,
}

impl Response {
    /// The reason phrase of the status.
    pub fn reason(&self) -> &'static str {
        unimplemented!()
    }
}
