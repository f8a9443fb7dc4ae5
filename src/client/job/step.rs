//! Running a job step by step: for host applications with an event loop, and for those that close the session
//! themselves.

use std::time::Duration;

use super::Job;
use super::driver::{DriveOutcome, SAVE_INTERVAL};
use crate::client::observer::JobState;
use crate::error::{Error, Status};
use crate::upload::UploadMachine;

impl Job {
    /// Sends at most one request, or fetches the reply, and returns the state of the job.
    ///
    /// Steps end at [`JobState::Transferred`]; [`Job::close`] then closes the session. [`Job::run`] can be
    /// called at any time to complete the upload.
    ///
    /// | State returned | What the next step does |
    /// |---|---|
    /// | `Connecting` | requests a session, or sends the first fragment |
    /// | `Transferring` | sends a fragment, or fetches the reply |
    /// | `Waiting` | waits for the rest of the delay that was passed to the observer, then sends again |
    /// | `Transferred` | nothing |
    /// | `Closed` | nothing |
    /// | an error | the same as [`Job::run`] after that error |
    ///
    /// # Errors
    ///
    /// As for [`Job::run`]. [`ClientConfig::timeout`](crate::client::ClientConfig::timeout) applies to each
    /// step.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use bitsup::client::{Client, ClientConfig, JobState, Source};
    /// # let client = Client::new(ClientConfig::default())?;
    /// let mut job = client.job("https://server/uploads/file", Source::from_bytes("content"))?;
    /// while job.step()? != JobState::Transferred {
    ///     // Process other events.
    /// }
    /// job.close()?;
    /// # Ok::<(), bitsup::Error>(())
    /// ```
    pub fn step(&mut self) -> Result<JobState, Error> {
        if self.is_complete()? {
            return Ok(JobState::Closed);
        }
        self.control.interrupt.begin(self.config.timeout);
        let outcome = self.resume_machine().and_then(|machine| self.advance(machine));
        if outcome.is_ok() {
            // Ends the deadline of this step. A stop that another thread requested stays in effect.
            self.control.interrupt.begin(None);
        }
        match outcome.and_then(|()| Ok(self.control.interrupt.check()?)) {
            Ok(()) => Ok(self.control.state()),
            Err(error) => {
                self.park_machine();
                self.finish(Err(error)).map(|()| JobState::Failed)
            }
        }
    }

    /// Closes the session of an upload that [`Job::step`] has brought to [`JobState::Transferred`], retrying
    /// like [`Job::run`]. It corresponds to `IBackgroundCopyJob::Complete` of BITS.
    ///
    /// Until this call, the server keeps the session and the reply. Does nothing if the job is already
    /// complete.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`] if the server does not have the whole file, or the reply is not fetched; and those of
    /// [`Job::run`].
    pub fn close(&mut self) -> Result<(), Error> {
        if self.is_complete()? {
            return Ok(());
        }
        let machine = self.resume_machine()?;
        if !machine.is_transferred() {
            self.paused = Some(machine);
            let message = "the upload is not transferred yet: continue with steps, or run the job";
            return Err(Error::new(Status::InvalidState, message));
        }
        self.control.interrupt.begin(self.config.timeout);
        let outcome = self.upload(machine);
        self.finish(outcome)
    }

    /// Carries out actions of the machine until the next one would be a second request.
    fn advance(&mut self, mut machine: UploadMachine) -> Result<(), Error> {
        let mut has_sent = false;
        let outcome = loop {
            if machine.is_transferred() {
                self.set_state(JobState::Transferred);
                break Ok(());
            }
            if has_sent && machine.is_request_due() {
                break Ok(());
            }
            match self.act(&mut machine) {
                Ok(DriveOutcome::Sent) => has_sent = true,
                Ok(DriveOutcome::Waiting | DriveOutcome::Ended) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        match outcome {
            Ok(()) => {
                self.save_if_due(&machine, SAVE_INTERVAL);
                self.paused = Some(machine);
            }
            Err(_) => self.save_if_due(&machine, Duration::ZERO),
        }
        outcome
    }
}
