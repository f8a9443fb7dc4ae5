//! The sending side of the protocol as a machine without I/O: it says what to send and is told what came
//! back and what time it is.

use std::time::Duration;

use crate::error::Error;
use crate::proto::{Ack, PacketKind, limits};

/// When and how often a failed request is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Base of the first delay; doubles with each further failure. The delay drawn is random, up to the base.
    pub first_delay: Duration,
    /// Longest base.
    pub max_delay: Duration,
    /// Failures in a row after which to give up; `None`: only the no-progress timeout counts.
    pub max_attempts: Option<u32>,
}

/// How an upload behaves.
#[derive(Debug, Clone)]
pub struct UploadOptions {
    /// Length of every fragment in bytes; `None` adapts it to the line.
    pub fragment_size: Option<u64>,
    /// Bytes per second the caller will send at most; only used to plan fragments that finish in time.
    pub rate_limit: Option<u64>,
    /// When to try again.
    pub retry: RetryPolicy,
    /// How long the upload may make no progress, counted from the first failure. Zero: the first transient
    /// failure is final.
    pub no_progress_timeout: Duration,
    /// Sent as `Content-Name` where it may be.
    pub content_name: Option<String>,
}

impl Default for UploadOptions {
    fn default() -> Self {
        let retry = RetryPolicy {
            first_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            max_attempts: None,
        };
        Self {
            fragment_size: None,
            rate_limit: None,
            retry,
            no_progress_timeout: Duration::from_secs(600),
            content_name: None,
        }
    }
}

/// A request the machine wants sent, in full but for the transport's own headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which packet it is.
    pub kind: PacketKind,
    /// The absolute URL to send it to.
    pub url: String,
    /// Protocol headers, in the order to send them; no `Content-Length`.
    pub headers: Vec<(&'static str, String)>,
    /// Offset and length of the source's bytes to send as the body; length 0 for all packets but Fragment.
    pub offset: u64,
    /// See `offset`.
    pub length: u64,
}

/// What the machine wants.
#[derive(Debug, Clone)]
pub enum Action {
    /// Send this, then call [`Upload::answered`] or [`Upload::failed`].
    Send(Request),
    /// Wait so long, then ask again. `cause` is why, `attempt` counts failures in a row from 1.
    Wait {
        /// How long.
        delay: Duration,
        /// Why.
        cause: Error,
        /// How many failures in a row, this one included.
        attempt: u32,
    },
    /// The file is there and the session closed, or, after a cancel, the session is gone.
    Done,
    /// The upload cannot go on.
    Failed(Error),
}

/// The part of an upload that survives the process: serialisable, opaque, versioned.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ResumeState {
    // the fields are the machine's own
}

/// The machine.
#[derive(Debug)]
pub struct Upload {}

impl Upload {
    /// A new upload of `total` bytes to `url` (absolute, http or https). `seed` feeds the jitter.
    pub fn new(_url: &str, _total: u64, _options: UploadOptions, _seed: u64) -> Result<Self, Error> {
        let _ = limits::MIN_FRAGMENT;
        unimplemented!()
    }
    /// Continues a former upload: begins with a Ping (CLI-27). The caller has checked that the source is
    /// the same.
    pub fn resume(
        _url: &str,
        _total: u64,
        _options: UploadOptions,
        _state: &ResumeState,
        _seed: u64,
    ) -> Result<Self, Error> {
        unimplemented!()
    }
    /// What to do now.
    pub fn next(&mut self, _now_ms: u64) -> Action {
        unimplemented!()
    }
    /// The request was answered.
    pub fn answered(&mut self, _now_ms: u64, _ack: &Ack) {
        unimplemented!()
    }
    /// The request was not answered: a transport error (transient) or a source error (final).
    pub fn failed(&mut self, _now_ms: u64, _error: Error) {
        unimplemented!()
    }
    /// From now on: Cancel-Session, until acknowledged.
    pub fn cancel(&mut self) {
        unimplemented!()
    }
    /// What to keep for [`Self::resume`].
    pub fn state(&self) -> ResumeState {
        unimplemented!()
    }
    /// Acknowledged bytes. May shrink after a rewind.
    pub fn sent(&self) -> u64 {
        unimplemented!()
    }
    /// The session, byte for byte as the server named it.
    pub fn session_id(&self) -> Option<&str> {
        unimplemented!()
    }
    /// Whether all bytes are acknowledged and only Close-Session is owed.
    pub fn is_transferred(&self) -> bool {
        unimplemented!()
    }
}
