//! The uploading client: blocking jobs over HTTP.

use std::path::Path;
use std::time::Duration;

use crate::error::Error;
use crate::log::Logger;
use crate::proto::limits;
use crate::upload::{RetryPolicy, UploadOptions};

/// How a client behaves; shared by its jobs.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Length of every fragment in bytes; `None` adapts it to the line.
    pub fragment_size: Option<u64>,
    /// Most bytes per second of one job; `None`: no limit.
    pub rate_limit: Option<u64>,
    /// When failed requests are tried again.
    pub retry: RetryPolicy,
    /// How long a job may make no progress, counted from its first failure.
    pub no_progress_timeout: Duration,
    /// How long a whole run may take; `None`: as long as it makes progress.
    pub timeout: Option<Duration>,
    /// How long connecting may take, name resolution included.
    pub connect_timeout: Duration,
    /// How long sending one request may take.
    pub request_timeout: Duration,
    /// How long its answer may take.
    pub response_timeout: Duration,
    /// The `User-Agent`.
    pub user_agent: String,
    /// Header fields added to every request.
    pub headers: Vec<(String, String)>,
    /// Where the client says what it does.
    pub logger: Logger,
}

impl Default for ClientConfig {
    fn default() -> Self {
        let upload = UploadOptions::default();
        Self {
            fragment_size: None,
            rate_limit: None,
            retry: upload.retry,
            no_progress_timeout: upload.no_progress_timeout,
            timeout: None,
            connect_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_millis(limits::REQUEST_TIMEOUT_MS),
            response_timeout: Duration::from_millis(limits::RESPONSE_TIMEOUT_MS),
            user_agent: concat!("bitsup/", env!("CARGO_PKG_VERSION")).into(),
            headers: Vec::new(),
            logger: Logger::default(),
        }
    }
}

/// Makes jobs. A clone is the same client.
///
/// Threads: all methods may be called concurrently.
#[derive(Debug, Clone)]
pub struct Client {}

impl Client {
    /// A client; errors when a value of the configuration is out of its domain.
    pub fn new(_config: ClientConfig) -> Result<Self, Error> {
        unimplemented!()
    }
    /// Sends one Ping, without retry.
    pub fn ping(&self, _url: &str) -> Result<(), Error> {
        unimplemented!()
    }
    /// A job that uploads `source` to `url`. Nothing is sent before [`Job::run`].
    pub fn job(&self, _url: &str, _source: Source) -> Result<Job, Error> {
        unimplemented!()
    }
}

/// What a job sends. Bytes at one offset are the same however often they are read.
#[derive(Debug)]
pub struct Source {}

impl Source {
    /// A regular file. Size and modification time are taken now; a change during the upload ends the job
    /// with [`crate::Status::SourceChanged`].
    pub fn from_file(_path: impl AsRef<Path>) -> Result<Self, Error> {
        unimplemented!()
    }
    /// Bytes in memory.
    pub fn from_bytes(_data: impl Into<Vec<u8>>) -> Self {
        unimplemented!()
    }
    /// Length in bytes.
    pub fn total(&self) -> u64 {
        unimplemented!()
    }
}

/// Where a job is. The numbers are part of the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum JobState {
    /// Not run yet.
    Ready = 0,
    /// Ping or Create-Session is under way.
    Connecting = 1,
    /// Fragments are under way.
    Transferring = 2,
    /// Waits before the next try.
    Waiting = 3,
    /// Stopped by [`JobControl::suspend`]; can be run again.
    Suspended = 4,
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

/// Is told what a job does, on the thread inside [`Job::run`].
pub trait Observer: Send {
    /// Bytes were acknowledged.
    fn progress(&mut self, _progress: Progress) -> Flow {
        Flow::Continue
    }
    /// The job's state changed.
    fn state(&mut self, _from: JobState, _to: JobState) {}
    /// A request failed and will be tried again after `delay`, which may be changed.
    fn retry(&mut self, _cause: &Error, _attempt: u32, _delay: &mut Duration) -> Flow {
        Flow::Continue
    }
}

/// One upload.
pub struct Job {}

impl Job {
    /// Sets who is told.
    pub fn set_observer(&mut self, _observer: Box<dyn Observer>) {
        unimplemented!()
    }
    /// Sets the name sent as `Content-Name`; by default the source file's leaf name.
    pub fn set_content_name(&mut self, _name: &str) {
        unimplemented!()
    }
    /// Keeps the state of the job in that file and continues from it when it holds the state of the same
    /// job. The file is locked while the job lives and removed when the job is complete or cancelled.
    pub fn set_state_path(&mut self, _path: impl AsRef<Path>) -> Result<(), Error> {
        unimplemented!()
    }
    /// Uploads until the session is closed, retrying by itself. Running an ended job again continues it.
    pub fn run(&mut self) -> Result<(), Error> {
        unimplemented!()
    }
    /// Sends Cancel-Session for the session of the job (a resumed one included), retrying as run does.
    pub fn cancel(&mut self) -> Result<(), Error> {
        unimplemented!()
    }
    /// The handle for other threads.
    pub fn control(&self) -> JobControl {
        unimplemented!()
    }
}

/// Watches and stops a job from any thread. A clone controls the same job.
#[derive(Debug, Clone)]
pub struct JobControl {}

impl JobControl {
    /// Ends the run within 250 ms with [`crate::Status::Suspended`]; the session stays for the next run.
    pub fn suspend(&self) {
        unimplemented!()
    }
    /// Ends the run within 250 ms with [`crate::Status::Cancelled`]. Cancel-Session is tried once; when it
    /// was not acknowledged in that time, [`Job::cancel`] can still deliver it.
    pub fn cancel(&self) {
        unimplemented!()
    }
    /// Where the job is.
    pub fn state(&self) -> JobState {
        unimplemented!()
    }
    /// How far the job is.
    pub fn progress(&self) -> Progress {
        unimplemented!()
    }
    /// The session, byte for byte as the server named it.
    pub fn session_id(&self) -> Option<String> {
        unimplemented!()
    }
}
