//! The driver: carries out the actions of the upload machine, and saves its state.

use std::time::{Duration, Instant};

use super::Job;
use crate::client::observer::{Flow, JobState, Progress, aborted};
use crate::client::state_file::SavedJob;
use crate::clock::Clock;
use crate::error::{Error, Status};
use crate::log::Level;
use crate::proto::{Ack, PacketKind};
use crate::upload::{Action, ResumeState, UploadMachine, UploadOptions, UploadRequest};

/// How often the state is saved while only the offset changes.
pub(super) const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a cancelled run may take to notify the server, counted from the call. The run ends within 250 ms.
const CANCEL_GRACE: Duration = Duration::from_millis(150);

/// What [`Job::act`] did.
pub(super) enum DriveOutcome {
    /// Sent a request or fetched a reply, successfully or not.
    Sent,
    /// Began a wait.
    Waiting,
    /// Nothing: the upload has ended.
    Ended,
}

impl Job {
    /// Returns the machine that continues the job: that of the last step, or a new one that first asks the
    /// server for the state of the session.
    pub(super) fn resume_machine(&mut self) -> Result<UploadMachine, Error> {
        if let Some(machine) = self.paused.take() {
            return Ok(machine);
        }
        let machine = self.start_machine()?;
        self.publish(&machine);
        if machine.sent() > 0 {
            self.report_progress()?;
        }
        Ok(machine)
    }

    /// Builds a machine from the saved state and ends the current wait.
    pub(super) fn start_machine(&mut self) -> Result<UploadMachine, Error> {
        self.wait = (Instant::now(), Duration::ZERO);
        self.build_machine()
    }

    /// Saves and drops the machine of the last step, because its settings are about to change.
    pub(super) fn park_machine(&mut self) {
        if let Some(machine) = self.paused.take() {
            self.save_if_due(&machine, Duration::ZERO);
        }
    }

    /// Builds a machine from the saved state.
    pub(super) fn build_machine(&self) -> Result<UploadMachine, Error> {
        let mut options = UploadOptions::default()
            .fragment_size(self.config.fragment_size)
            .rate_limit(self.control.rate.get())
            .retry(self.config.retry)
            .no_progress_timeout(self.config.no_progress_timeout)
            .reply(self.reply_path.is_some());
        options.content_name.clone_from(&self.content_name);
        let (url, total, seed) = (&self.url, self.source.total(), fastrand::u64(..));
        let Some(state) = &self.saved else { return UploadMachine::new(url, total, options, seed) };
        let mut machine = UploadMachine::resume(url, total, options, state, seed)?;
        if !self.is_reply_in_place() {
            machine.fetch_reply_again();
        }
        Ok(machine)
    }

    /// Uploads to the end, or to the first final error, and saves the progress.
    pub(super) fn upload(&mut self, mut machine: UploadMachine) -> Result<(), Error> {
        let outcome = self.drive(&mut machine);
        if outcome.is_err() {
            self.save_if_due(&machine, Duration::ZERO);
        }
        outcome
    }

    /// Carries out the actions of the machine until it is done.
    pub(super) fn drive(&mut self, machine: &mut UploadMachine) -> Result<(), Error> {
        while !matches!(self.act(machine)?, DriveOutcome::Ended) {}
        Ok(())
    }

    /// Waits for the end of the current wait, then carries out the next action of the machine.
    pub(super) fn act(&mut self, machine: &mut UploadMachine) -> Result<DriveOutcome, Error> {
        let (since, wait) = self.wait;
        self.control.interrupt.wait(wait.saturating_sub(since.elapsed()))?;
        machine.set_rate_limit(self.control.rate.get());
        match machine.next_action(self.now_ms()) {
            Action::Send(request) => self.exchange(machine, &request).map(|()| DriveOutcome::Sent),
            Action::FetchReply(urls) => self.fetch_reply(machine, &urls).map(|()| DriveOutcome::Sent),
            Action::Wait { delay, cause, attempt } => {
                self.begin_wait(delay, &cause, attempt).map(|()| DriveOutcome::Waiting)
            }
            Action::Done => Ok(DriveOutcome::Ended),
            Action::Failed(error) => Err(error),
        }
    }

    /// Tries to send Cancel-Session within [`CANCEL_GRACE`]. If that fails, the state is kept for [`Job::cancel`].
    pub(super) fn best_effort_cancel(&mut self) {
        self.control.interrupt.postpone_stop(CANCEL_GRACE);
        let Ok(mut machine) = self.build_machine() else { return };
        machine.cancel();
        loop {
            match machine.next_action(self.now_ms()) {
                Action::Send(request) => match self.send(&request) {
                    Ok(ack) => machine.on_response(self.now_ms(), &ack),
                    Err(error) => machine.on_failure(self.now_ms(), error),
                },
                Action::Done => {
                    self.discard_reply();
                    return self.discard_state();
                }
                // A cancelled upload does not need its reply.
                Action::FetchReply(_) => return,
                Action::Wait { cause: error, .. } | Action::Failed(error) => {
                    return self.log(Level::Warn, || format!("cannot cancel the session: {error}"));
                }
            }
        }
    }

    /// Drops the saved state and removes the state file, because the job has ended.
    pub(super) fn discard_state(&mut self) {
        self.saved = None;
        self.control.set_resumable(None);
        if let Some((file, _)) = self.state_file.take() {
            file.remove();
        }
    }

    pub(super) fn set_state(&mut self, state: JobState) {
        let previous = self.control.set_state(state);
        if previous != state {
            self.log(Level::Info, || format!("{}: {previous:?} to {state:?}", self.url));
            if let Some(observer) = &mut self.observer {
                observer.state(previous, state);
            }
        }
    }

    /// Publishes the state of the machine to [`super::JobControl`]. Returns whether the progress changed.
    pub(super) fn publish(&self, machine: &UploadMachine) -> bool {
        let progress = Progress { sent: machine.sent(), total: self.source.total() };
        self.control.set_session_id(machine.session_id());
        self.control.set_reply_url(machine.reply_url());
        if !machine.is_cancelling() {
            self.control.set_resumable(Some((machine.state(), self.saved_reply.clone())));
        }
        self.control.set_progress(progress) != progress
    }

    pub(super) fn log(&self, level: Level, message: impl FnOnce() -> String) {
        self.config.logger.log(level, "client", message);
    }

    /// Sends a request and reports the response, or the failure, to the machine.
    fn exchange(&mut self, machine: &mut UploadMachine, request: &UploadRequest) -> Result<(), Error> {
        match request.kind {
            PacketKind::Ping | PacketKind::CreateSession => self.set_state(JobState::Connecting),
            PacketKind::Fragment => self.set_state(JobState::Transferring),
            PacketKind::CloseSession => self.set_state(JobState::Transferred),
            PacketKind::CancelSession => {}
        }
        if request.kind != PacketKind::CancelSession {
            self.save_if_due(machine, SAVE_INTERVAL);
        }
        match self.send(request) {
            Ok(ack) => {
                self.log(Level::Debug, || format!("{}: {}", request.kind.name(), ack.status));
                machine.on_response(self.now_ms(), &ack);
            }
            Err(error) => {
                self.control.interrupt.check()?;
                // The source's reader ended the run, as an observer can: the session is kept for the next run.
                if error.status() == Status::Callback {
                    return Err(error);
                }
                self.log(Level::Debug, || format!("{}: {error}", request.kind.name()));
                machine.on_failure(self.now_ms(), error);
            }
        }
        if self.publish(machine) { self.report_progress() } else { Ok(()) }
    }

    /// Sends a request. The source is checked for changes before each Fragment, and before the last byte, so that a
    /// mixture of two versions never becomes a complete file.
    fn send(&mut self, request: &UploadRequest) -> Result<Ack, Error> {
        if request.kind == PacketKind::Fragment {
            self.source.check_unchanged()?;
        }
        self.http.send(request, &self.source, Some(&mut self.throttle))
    }

    fn begin_wait(&mut self, planned: Duration, cause: &Error, attempt: u32) -> Result<(), Error> {
        self.set_state(JobState::Waiting);
        self.log(Level::Info, || format!("attempt {attempt} failed, next attempt in {planned:?}: {cause}"));
        let mut delay = planned;
        if let Some(observer) = &mut self.observer
            && observer.retry(cause, attempt, &mut delay) == Flow::Abort
        {
            return Err(aborted());
        }
        self.wait = (Instant::now(), delay);
        Ok(())
    }

    fn report_progress(&mut self) -> Result<(), Error> {
        let progress = self.control.progress();
        match self.observer.as_mut().map(|observer| observer.progress(progress)) {
            Some(Flow::Abort) => Err(aborted()),
            Some(Flow::Continue) | None => Ok(()),
        }
    }

    /// Saves the state of the machine if more than the offset changed, or if the offset changed and the saved state
    /// is older than `max_age`. Without a session there is nothing to save.
    pub(super) fn save_if_due(&mut self, machine: &UploadMachine, max_age: Duration) {
        let state = machine.state();
        let requires_save = match &self.saved {
            Some(saved) => state.requires_save(saved),
            None => machine.session_id().is_some(),
        };
        let is_due =
            self.saved.as_ref().is_some_and(|saved| *saved != state) && self.saved_at.elapsed() >= max_age;
        if requires_save || is_due {
            self.save(state, requires_save);
        }
    }

    /// Saves the state. With `sync`, it survives a power failure.
    pub(super) fn save(&mut self, state: ResumeState, sync: bool) {
        if let Some((file, source)) = &mut self.state_file {
            let (url, reply) = (self.url.to_string(), self.saved_reply.clone());
            if let Err(error) = file.save(&SavedJob::new(url, source.clone(), state.clone(), reply), sync) {
                self.log(Level::Warn, || format!("cannot write the state file: {error}"));
            }
        }
        self.control.set_resumable(Some((state.clone(), self.saved_reply.clone())));
        self.saved = Some(state);
        self.saved_at = Instant::now();
    }

    /// The clock of the machine.
    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }
}
