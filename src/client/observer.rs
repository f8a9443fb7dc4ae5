//! What a job tells while it runs.

use crate::error::Error;

/// Where a job is. The numbers are part of the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(i32)]
pub enum JobState {
    /// Not run yet.
    #[default]
    Ready = 0,
    /// Ping or Create-Session is under way.
    Connecting = 1,
    /// Fragments are under way.
    Transferring = 2,
    /// Waits before the next try.
    Waiting = 3,
    /// Stopped by [`super::JobControl::suspend`]; can be run again.
    Suspended = 4,
    /// The server has the whole file; its reply is being fetched.
    FetchingReply = 5,
    /// The server has the whole file; Close-Session is under way.
    Transferred = 6,
    /// Complete.
    Closed = 7,
    /// Cancelled.
    Cancelled = 8,
    /// Failed; can be run again when the error was transient.
    Failed = 9,
}

/// Acknowledged bytes and the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Acknowledged bytes; may shrink after a rewind.
    pub sent: u64,
    /// Length of the source.
    pub total: u64,
}

/// Whether to go on after a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// End the run with [`crate::Status::Callback`]; the job can be run again.
    Abort,
}

/// Is told what a job does, on the thread inside [`super::Job::run`].
pub trait Observer: Send {
    /// Bytes were acknowledged.
    fn progress(&mut self, _progress: Progress) -> Flow {
        Flow::Continue
    }
    /// Bytes of the reply were received, of `total` where the server has said how many there are. Less than
    /// before when the reply changed and is fetched anew.
    fn reply_progress(&mut self, _received: u64, _total: Option<u64>) -> Flow {
        Flow::Continue
    }
    /// The job's state changed.
    fn state(&mut self, _from: JobState, _to: JobState) {}
    /// A request failed and will be tried again after `delay`, which may be changed.
    fn retry(&mut self, _cause: &Error, _attempt: u32, _delay: &mut std::time::Duration) -> Flow {
        Flow::Continue
    }
}
