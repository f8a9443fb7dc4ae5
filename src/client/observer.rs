//! Callbacks of a running job.

use std::time::Duration;

use crate::error::{Error, Status};

/// The state of a job. The numbers are part of the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(i32)]
pub enum JobState {
    /// Created and not run yet.
    #[default]
    Ready = 0,
    /// Ping or Create-Session is being sent.
    Connecting = 1,
    /// Fragments are being sent.
    Transferring = 2,
    /// Waiting before the next attempt.
    Waiting = 3,
    /// Stopped by [`JobControl::suspend`](super::JobControl::suspend); can be run again.
    Suspended = 4,
    /// The server has the whole file; its reply is being fetched.
    FetchingReply = 5,
    /// The server has the whole file; Close-Session is next or being sent.
    Transferred = 6,
    /// The upload is complete.
    Closed = 7,
    /// The upload was cancelled.
    Cancelled = 8,
    /// Failed. Running the job again may succeed if the error was transient.
    Failed = 9,
}

/// How much of the source has been uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Progress {
    /// Number of acknowledged bytes. Decreases if the server requests bytes again.
    pub sent: u64,
    /// Length of the source in bytes.
    pub total: u64,
}

/// Whether the run continues after a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Continue.
    Continue,
    /// End the run with [`Status::Callback`](crate::Status::Callback); the job can be run again.
    Abort,
}

/// Receives the events of a job, on the thread that runs it. All methods have an empty default.
///
/// # Examples
///
/// ```
/// use bitsup::client::{Flow, Observer, Progress};
///
/// struct PrintProgress;
///
/// impl Observer for PrintProgress {
///     fn progress(&mut self, progress: Progress) -> Flow {
///         println!("{} of {} bytes", progress.sent, progress.total);
///         Flow::Continue
///     }
/// }
/// ```
pub trait Observer: Send {
    /// Called when the number of acknowledged bytes has changed.
    fn progress(&mut self, _progress: Progress) -> Flow {
        Flow::Continue
    }
    /// Called when `received` bytes of a download have been written to the file, of `total` if the server
    /// sent the length. `received` decreases if the file changed on the server and the download starts again.
    fn reply_progress(&mut self, _received: u64, _total: Option<u64>) -> Flow {
        Flow::Continue
    }
    /// Called when the state of the job has changed.
    fn state(&mut self, _from: JobState, _to: JobState) {}
    /// Called when a request failed and will be retried after `delay`, which the callback may change.
    /// `attempt` is the number of consecutive failures.
    fn retry(&mut self, _cause: &Error, _attempt: u32, _delay: &mut Duration) -> Flow {
        Flow::Continue
    }
}

/// The error of a run that a callback ended.
pub(super) fn aborted() -> Error {
    Error::new(Status::Callback, "a callback ended the run: run the job again to continue")
}
