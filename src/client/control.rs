//! The part of a job that other threads see.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::interrupt::{Interrupt, Stop};
use super::observer::{JobState, Progress};

/// Watches and stops a job from any thread. A clone controls the same job.
///
/// Threads: all methods may be called concurrently, also from within an [`super::Observer`].
#[derive(Debug, Clone, Default)]
pub struct JobControl {
    pub(super) interrupt: Interrupt,
    view: Arc<Mutex<View>>,
}

/// What can be seen.
#[derive(Debug, Default)]
struct View {
    state: JobState,
    progress: Progress,
    session_id: Option<String>,
    reply_url: Option<String>,
}

impl JobControl {
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

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
