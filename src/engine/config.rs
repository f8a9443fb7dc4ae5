//! How an engine behaves.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::log::Logger;
use crate::proto::limits;
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
