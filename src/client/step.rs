//! A job in steps: for hosts with a loop of their own, and for those who acknowledge a complete upload themselves.

use std::time::Duration;

use super::drive::{Acted, SAVE_INTERVAL};
use super::job::Job;
use super::observer::JobState;
use crate::error::{Error, Status};
use crate::upload::Upload;

impl Job {
    /// Sends one request at most, or fetches the reply, and says where the job is then. Steps lead to
    /// [`JobState::Transferred`], where they send nothing and [`Job::close`] goes on; [`Job::run`] goes on from
    /// anywhere.
    ///
    /// | Outcome | What the next step does |
    /// |---|---|
    /// | `Connecting` | asks the server for a session, or sends the first fragment |
    /// | `Transferring` | sends a fragment, or fetches the reply |
    /// | `Waiting` | waits for the rest of the delay that the observer was told, then sends again |
    /// | `Transferred` | nothing |
    /// | `Closed` | nothing |
    /// | an error | what a run after the same error of a run does |
    ///
    /// Errors: those of [`Job::run`]. [`super::ClientConfig::timeout`] counts for each step.
    pub fn step(&mut self) -> Result<JobState, Error> {
        if self.is_complete()? {
            return Ok(JobState::Closed);
        }
        self.control.interrupt.begin(self.config.timeout);
        let outcome = self.take_up().and_then(|machine| self.advance(machine));
        if outcome.is_ok() {
            // The time of this step is over; what other threads asked for is not.
            self.control.interrupt.begin(None);
        }
        match outcome.and_then(|()| Ok(self.control.interrupt.check()?)) {
            Ok(()) => Ok(self.control.state()),
            Err(error) => {
                self.put_down();
                self.end(Err(error)).map(|()| JobState::Failed)
            }
        }
    }

    /// Acknowledges an upload that steps have led to [`JobState::Transferred`], as BITS' Complete does: closes
    /// the session, retrying as [`Job::run`] does. Until then the server keeps the session, and the reply
    /// with it. A complete job is complete.
    ///
    /// Errors: [`Status::InvalidState`] when the server does not have the whole file, or its reply is still to
    /// be fetched; those of [`Job::run`].
    pub fn close(&mut self) -> Result<(), Error> {
        if self.is_complete()? {
            return Ok(());
        }
        let machine = self.take_up()?;
        if !machine.is_transferred() {
            self.stepped = Some(machine);
            let message = "the upload is not transferred; take more steps, or run the job";
            return Err(Error::new(Status::InvalidState, message));
        }
        self.control.interrupt.begin(self.config.timeout);
        let outcome = self.upload(machine);
        self.end(outcome)
    }

    /// Lets the machine do one thing, and what follows from it without a request.
    fn advance(&mut self, mut machine: Upload) -> Result<(), Error> {
        let mut has_sent = false;
        let outcome = loop {
            if machine.is_transferred() {
                self.enter(JobState::Transferred);
                break Ok(());
            }
            if has_sent && machine.is_request_due() {
                break Ok(());
            }
            match self.act(&mut machine) {
                Ok(Acted::Sent) => has_sent = true,
                Ok(Acted::Paused | Acted::Ended) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        match outcome {
            Ok(()) => {
                self.keep(&machine, SAVE_INTERVAL);
                self.stepped = Some(machine);
            }
            Err(_) => self.keep(&machine, Duration::ZERO),
        }
        outcome
    }
}
