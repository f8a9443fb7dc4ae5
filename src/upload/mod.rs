//! The sending side of the protocol as a machine without I/O: it says what to send and is told what came
//! back and what time it is.
//!
//! [`Upload`] is fed by a loop that owns the connection and the source. Files: `machine` says what to send,
//! `answer` takes what came back, `judge` holds the table of what answers mean, `plan` the length of
//! fragments, `retry` the delays, `state` what survives the process, `destination` the check of the URL, `host`
//! the farm's server, `reply` what comes back.

mod answer;
mod destination;
mod host;
mod judge;
mod machine;
mod plan;
mod reply;
mod retry;
mod state;

use std::time::Duration;

pub use judge::check_ping;
pub use machine::Upload;
#[cfg(feature = "client")]
pub(crate) use machine::gave_up;
#[cfg(feature = "client")]
pub(crate) use retry::{Decision, Retry};
pub use state::ResumeState;

use crate::error::Error;
use crate::proto::PacketKind;

/// How long a Cancel-Session is sent again at most (PROTOCOL 6.8).
const CANCEL_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// When and how often a failed request is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Base of the first delay; doubles with each further failure. The delay is drawn at random between half
    /// the base and the base.
    pub first_delay: Duration,
    /// Longest base.
    pub max_delay: Duration,
    /// Failures in a row after which to give up; `None`: only the no-progress timeout counts.
    pub max_attempts: Option<u32>,
}

/// How an upload behaves.
#[derive(Debug, Clone)]
pub struct UploadOptions {
    /// Length of every fragment in bytes, until the server refuses one as too long; `None` adapts it to the
    /// line.
    pub fragment_size: Option<u64>,
    /// Bytes per second the caller will send at most; only used to plan fragments that finish in time. A
    /// chosen `fragment_size` is cut to that, too.
    pub rate_limit: Option<u64>,
    /// When to try again.
    pub retry: RetryPolicy,
    /// How long the upload may make no progress, counted from the first failure. Zero: the first transient
    /// failure is final.
    pub no_progress_timeout: Duration,
    /// Sent as `Content-Name` where it may be.
    pub content_name: Option<String>,
    /// An upload-reply job: the server has a reply, which is fetched before the session is closed.
    pub reply: bool,
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
            reply: false,
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
    /// Whose server `url` is at.
    pub trust: Trust,
}

/// Whose server a URL is at, and so what it may be told by way of authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// That of the upload's URL, which the user chose.
    Own,
    /// That of the host id, which the user's server chose.
    Named,
    /// One that the upload did not go to.
    Foreign,
}

/// One place where a reply may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyUrl {
    /// Absolute, http or https.
    pub url: String,
    /// Whose server it is at.
    pub trust: Trust,
}

/// What the machine wants.
#[derive(Debug, Clone)]
pub enum Action {
    /// Send this, then call [`Upload::answered`] or [`Upload::failed`].
    Send(Request),
    /// Fetch the reply from the first of these places that has it and put it in safety, then call
    /// [`Upload::reply_fetched`] or [`Upload::failed`].
    FetchReply(Vec<ReplyUrl>),
    /// Wait so long, then ask again.
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
