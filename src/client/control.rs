//! The part of a job that other threads see.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::interrupt::{Interrupt, Stop};
use super::observer::{JobState, Progress};
use super::source::Source;
use super::state_file::{Saved, SavedReply};
use super::throttle::Rate;
use crate::error::{Error, Status};
use crate::upload::ResumeState;

/// Watches and stops a job from any thread. A clone controls the same job.
///
/// Threads: all methods may be called concurrently, also from within an [`super::Observer`].
#[derive(Debug, Clone)]
pub struct JobControl {
    pub(super) interrupt: Interrupt,
    pub(super) rate: Rate,
    url: Arc<str>,
    source: Arc<Source>,
    view: Arc<Mutex<View>>,
}

/// What can be seen.
#[derive(Debug, Default)]
struct View {
    state: JobState,
    progress: Progress,
    session_id: Option<String>,
    reply_url: Option<String>,
    /// What another job could continue; nothing when the upload is over.
    resumable: Option<(ResumeState, Option<SavedReply>)>,
}

impl JobControl {
    pub(super) fn new(url: &Arc<str>, source: &Arc<Source>, rate_limit: Option<u64>) -> Self {
        let rate = Rate::default();
        rate.set(rate_limit);
        Self {
            interrupt: Interrupt::default(),
            rate,
            url: url.clone(),
            source: source.clone(),
            view: Arc::default(),
        }
    }

    /// Ends the run within 250 ms with [`crate::Status::Suspended`]; the session stays for the next run.
    /// Asked for before a run, it ends that run as it begins.
    pub fn suspend(&self) {
        self.interrupt.ask(Stop::Suspend);
    }

    /// Ends the run within 250 ms with [`crate::Status::Cancelled`]. Cancel-Session is tried once; when it
    /// was not acknowledged in that time, [`super::Job::cancel`] can still deliver it. Asked for before a
    /// run, it ends that run as it begins.
    pub fn cancel(&self) {
        self.interrupt.ask(Stop::Cancel);
    }

    /// Most bytes per second from now on, the request under way included; `None`: no limit.
    ///
    /// Errors: [`Status::InvalidArgument`] for 0.
    pub fn set_rate_limit(&self, bytes_per_second: Option<u64>) -> Result<(), Error> {
        if bytes_per_second == Some(0) {
            return Err(Error::new(Status::InvalidArgument, "the rate limit is 0; it must be more"));
        }
        self.rate.set(bytes_per_second);
        Ok(())
    }

    /// What [`super::Job::import`] continues from, in this process or another: all that was acknowledged by
    /// now. It names the session, which is all it takes to disturb the upload, so keep it private. It goes
    /// stale as the upload goes on, but remains good for continuing it. Only one job should do that.
    ///
    /// Errors: [`Status::InvalidState`] when the upload is complete or cancelled; those of the file system when
    /// the source cannot be looked at.
    pub fn export(&self) -> Result<Vec<u8>, Error> {
        let resumable = self.view().resumable.clone();
        let over =
            || Error::new(Status::InvalidState, "the upload is over; there is no state to continue from");
        let (upload, reply) = resumable.ok_or_else(over)?;
        let saved = Saved::new(self.url.to_string(), self.source.id()?, upload, reply);
        saved.encode().map_err(|error| Error::io("cannot write down the state of the job", error))
    }

    /// Where the job is.
    pub fn state(&self) -> JobState {
        self.view().state
    }

    /// How far the job is.
    pub fn progress(&self) -> Progress {
        self.view().progress
    }

    /// The session, byte for byte as the server named it.
    pub fn session_id(&self) -> Option<String> {
        self.view().session_id.clone()
    }

    /// Where the reply of an upload-reply job is expected: an absolute URL. `None` until the server has said so.
    pub fn reply_url(&self) -> Option<String> {
        self.view().reply_url.clone()
    }

    /// Sets the state and returns the former one.
    pub(super) fn set_state(&self, state: JobState) -> JobState {
        std::mem::replace(&mut self.view().state, state)
    }

    /// Sets the progress and returns the former one.
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

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
