//! The handle through which other threads watch and stop a job.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::client::interrupt::{Interrupt, StopReason};
use crate::client::observer::{JobState, Progress};
use crate::client::source::Source;
use crate::client::state_file::{SavedJob, SavedReply};
use crate::client::throttle::RateLimit;
use crate::error::{Error, Status};
use crate::upload::ResumeState;

/// Watches and stops a [`Job`](super::Job) from any thread. Clones control the same job.
///
/// All methods may be called from several threads at once, and from within an
/// [`Observer`](crate::client::Observer).
///
/// # Examples
///
/// ```no_run
/// use std::thread;
/// use std::time::Duration;
///
/// use bitsup::client::{Client, ClientConfig, Source};
///
/// let client = Client::new(ClientConfig::default())?;
/// let mut job = client.job("https://server/uploads/backup.tar", Source::from_file("backup.tar")?)?;
/// let control = job.control();
/// thread::spawn(move || {
///     thread::sleep(Duration::from_secs(60));
///     control.suspend();
/// });
/// job.run()?; // fails with `Status::Suspended` after a minute
/// # Ok::<(), bitsup::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct JobControl {
    pub(super) interrupt: Interrupt,
    pub(super) rate: RateLimit,
    url: Arc<str>,
    source: Arc<Source>,
    view: Arc<Mutex<JobView>>,
}

/// The part of a job that other threads can see.
#[derive(Debug, Default)]
struct JobView {
    state: JobState,
    progress: Progress,
    session_id: Option<String>,
    reply_url: Option<String>,
    /// What another job can continue from; `None` once the upload has ended.
    resumable: Option<(ResumeState, Option<SavedReply>)>,
}

impl JobControl {
    pub(super) fn new(url: &Arc<str>, source: &Arc<Source>, rate_limit: Option<u64>) -> Self {
        let rate = RateLimit::default();
        rate.set(rate_limit);
        Self {
            interrupt: Interrupt::default(),
            rate,
            url: url.clone(),
            source: source.clone(),
            view: Arc::default(),
        }
    }

    /// Ends the run within 250 ms with [`Status::Suspended`]. The session is kept for the next run. If the job is not
    /// running, its next run ends as soon as it begins.
    pub fn suspend(&self) {
        self.interrupt.request(StopReason::Suspend);
    }

    /// Ends the run within 250 ms with [`Status::Cancelled`]. Cancel-Session is sent once; if the server does not
    /// acknowledge it in that time, [`Job::cancel`](super::Job::cancel) can send it again. If the job is not running,
    /// its next run ends as soon as it begins.
    pub fn cancel(&self) {
        self.interrupt.request(StopReason::Cancel);
    }

    /// Limits the rate to `bytes_per_second`, effective immediately; `None` removes the limit.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if the limit is 0.
    pub fn set_rate_limit(&self, bytes_per_second: Option<u64>) -> Result<(), Error> {
        if bytes_per_second == Some(0) {
            return Err(Error::new(Status::InvalidArgument, "invalid rate limit 0: it must be positive"));
        }
        self.rate.set(bytes_per_second);
        Ok(())
    }

    /// Returns the state from which [`Job::import`](super::Job::import) continues, in this process or another.
    ///
    /// It remains usable as the upload proceeds. Only one job should continue the upload at a time. The state
    /// contains the session id, with which anyone could interfere with the upload, so keep it private.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`] if the upload is complete or cancelled; an error of the file system if the source
    /// cannot be inspected.
    pub fn export(&self) -> Result<Vec<u8>, Error> {
        let resumable = self.view().resumable.clone();
        let ended = || Error::new(Status::InvalidState, "the upload has ended and cannot be continued");
        let (upload, reply) = resumable.ok_or_else(ended)?;
        let saved = SavedJob::new(self.url.to_string(), self.source.id()?, upload, reply);
        saved.encode().map_err(|error| Error::io("cannot serialize the state of the job", error))
    }

    /// Returns the state of the job.
    pub fn state(&self) -> JobState {
        self.view().state
    }

    /// Returns how much of the source has been uploaded.
    pub fn progress(&self) -> Progress {
        self.view().progress
    }

    /// Returns the session id, exactly as the server sent it; `None` without a session.
    pub fn session_id(&self) -> Option<String> {
        self.view().session_id.clone()
    }

    /// Returns the absolute URL of the reply of an upload-reply job; `None` until the server has sent it.
    pub fn reply_url(&self) -> Option<String> {
        self.view().reply_url.clone()
    }

    /// Sets the state and returns the previous one.
    pub(super) fn set_state(&self, state: JobState) -> JobState {
        std::mem::replace(&mut self.view().state, state)
    }

    /// Sets the progress and returns the previous one.
    pub(super) fn set_progress(&self, progress: Progress) -> Progress {
        std::mem::replace(&mut self.view().progress, progress)
    }

    pub(super) fn set_session_id(&self, session_id: Option<&str>) {
        let mut view = self.view();
        if view.session_id.as_deref() != session_id {
            view.session_id = session_id.map(str::to_owned);
        }
    }

    pub(super) fn set_reply_url(&self, reply_url: Option<String>) {
        self.view().reply_url = reply_url;
    }

    pub(super) fn set_resumable(&self, resumable: Option<(ResumeState, Option<SavedReply>)>) {
        self.view().resumable = resumable;
    }

    fn view(&self) -> MutexGuard<'_, JobView> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
