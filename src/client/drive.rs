//! The blocking loop of a job over the machine of [`crate::upload`].

use std::time::{Duration, Instant};

use super::job::Job;
use super::observer::{Flow, JobState, Progress};
use super::state_file::Saved;
use crate::clock::Clock;
use crate::error::{Error, Status};
use crate::log::Level;
use crate::proto::{Ack, PacketKind};
use crate::upload::{Action, Request, ResumeState, Upload, UploadOptions};

/// How often the state is written while nothing but the offset changes.
pub(super) const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a cancelled run may take to tell the server, counted from the call; the run ends within 250 ms.
const CANCEL_GRACE: Duration = Duration::from_millis(150);

/// What was done.
pub(super) enum Acted {
    /// A request was sent, or a reply fetched; with success or not.
    Sent,
    /// Nothing; a pause has begun.
    Paused,
    /// Nothing; nothing is left to do.
    Ended,
}

impl Job {
    /// The machine that goes on where the job is: that of the last step, or one that asks the server first.
    pub(super) fn take_up(&mut self) -> Result<Upload, Error> {
        if let Some(machine) = self.stepped.take() {
            return Ok(machine);
        }
        let machine = self.fresh()?;
        self.show(&machine);
        if machine.sent() > 0 {
            self.tell_progress()?;
        }
        Ok(machine)
    }

    /// A machine that goes on from what is kept, without a pause.
    pub(super) fn fresh(&mut self) -> Result<Upload, Error> {
        self.pause = (Instant::now(), Duration::ZERO);
        self.machine()
    }

    /// Makes the next machine another one than that of the last step: what it is made from changes.
    pub(super) fn put_down(&mut self) {
        if let Some(machine) = self.stepped.take() {
            self.keep(&machine, Duration::ZERO);
        }
    }

    /// A machine that goes on from what is kept.
    pub(super) fn machine(&self) -> Result<Upload, Error> {
        let options = UploadOptions {
            fragment_size: self.config.fragment_size,
            rate_limit: self.control.rate.get(),
            retry: self.config.retry,
            no_progress_timeout: self.config.no_progress_timeout,
            content_name: self.content_name.clone(),
            reply: self.reply_path.is_some(),
        };
        let (url, total, seed) = (&self.url, self.source.total(), fastrand::u64(..));
        let Some(state) = &self.saved else { return Upload::new(url, total, options, seed) };
        let mut machine = Upload::resume(url, total, options, state, seed)?;
        if !self.is_reply_in_place() {
            machine.fetch_reply_again();
        }
        Ok(machine)
    }

    /// Uploads to the end or to the first error that is final; either way, what was reached is kept.
    pub(super) fn upload(&mut self, mut machine: Upload) -> Result<(), Error> {
        let outcome = self.drive(&mut machine);
        if outcome.is_err() {
            self.keep(&machine, Duration::ZERO);
        }
        outcome
    }

    /// Does what the machine says until it is done.
    pub(super) fn drive(&mut self, machine: &mut Upload) -> Result<(), Error> {
        while !matches!(self.act(machine)?, Acted::Ended) {}
        Ok(())
    }

    /// Does the next thing that the machine says, when the pause before it is over.
    pub(super) fn act(&mut self, machine: &mut Upload) -> Result<Acted, Error> {
        let (since, pause) = self.pause;
        self.control.interrupt.wait(pause.saturating_sub(since.elapsed()))?;
        machine.limit_rate(self.control.rate.get());
        match machine.next(self.now_ms()) {
            Action::Send(request) => self.exchange(machine, &request).map(|()| Acted::Sent),
            Action::FetchReply(places) => self.fetch_reply(machine, &places).map(|()| Acted::Sent),
            Action::Wait { delay, cause, attempt } => {
                self.begin_pause(delay, &cause, attempt).map(|()| Acted::Paused)
            }
            Action::Done => Ok(Acted::Ended),
            Action::Failed(error) => Err(error),
        }
    }

    /// Tells the server of a cancel, as far as that goes within the grace. When it does not, the state stays
    /// as it was, for [`Job::cancel`].
    pub(super) fn last_words(&mut self) {
        self.control.interrupt.allow(CANCEL_GRACE);
        let Ok(mut machine) = self.machine() else { return };
        machine.cancel();
        loop {
            match machine.next(self.now_ms()) {
                Action::Send(request) => match self.send(&request) {
                    Ok(ack) => machine.answered(self.now_ms(), &ack),
                    Err(error) => machine.failed(self.now_ms(), error),
                },
                Action::Done => {
                    self.forget_reply();
                    return self.forget();
                }
                // A cancelled upload has no use for a reply.
                Action::FetchReply(_) => return,
                Action::Wait { cause: error, .. } | Action::Failed(error) => {
                    return self
                        .log(Level::Warn, || format!("the server could not be told of the cancel: {error}"));
                }
            }
        }
    }

    /// Drops what was kept: the job is over.
    pub(super) fn forget(&mut self) {
        self.saved = None;
        self.control.set_resumable(None);
        if let Some((file, _)) = self.file.take() {
            file.remove();
        }
    }

    pub(super) fn enter(&mut self, state: JobState) {
        let former = self.control.set_state(state);
        if former != state {
            self.log(Level::Info, || format!("{}: {former:?} to {state:?}", self.url));
            if let Some(observer) = &mut self.observer {
                observer.state(former, state);
            }
        }
    }

    /// Lets other threads see where the machine is; `true` when bytes were acknowledged or lost since.
    pub(super) fn show(&self, machine: &Upload) -> bool {
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

    fn exchange(&mut self, machine: &mut Upload, request: &Request) -> Result<(), Error> {
        match request.kind {
            PacketKind::Ping | PacketKind::CreateSession => self.enter(JobState::Connecting),
            PacketKind::Fragment => self.enter(JobState::Transferring),
            PacketKind::CloseSession => self.enter(JobState::Transferred),
            PacketKind::CancelSession => {}
        }
        if request.kind != PacketKind::CancelSession {
            self.keep(machine, SAVE_INTERVAL);
        }
        match self.send(request) {
            Ok(ack) => {
                self.log(Level::Debug, || format!("{}: {}", request.kind.name(), ack.status));
                machine.answered(self.now_ms(), &ack);
            }
            Err(error) => {
                self.control.interrupt.check()?;
                // The source's reader asked to stop, as an observer may: the session stays for the next run.
                if error.status() == Status::Callback {
                    return Err(error);
                }
                self.log(Level::Debug, || format!("{}: {error}", request.kind.name()));
                machine.failed(self.now_ms(), error);
            }
        }
        match self.show(machine) {
            true => self.tell_progress(),
            false => Ok(()),
        }
    }

    /// Sends one request. A source that changed must not make it to the server as a complete file, so it is
    /// looked at before its bytes are sent and before the session is closed.
    fn send(&mut self, request: &Request) -> Result<Ack, Error> {
        if matches!(request.kind, PacketKind::Fragment | PacketKind::CloseSession) {
            self.source.check()?;
        }
        self.http.send(request, &self.source, Some(&mut self.throttle))
    }

    fn begin_pause(&mut self, planned: Duration, cause: &Error, attempt: u32) -> Result<(), Error> {
        self.enter(JobState::Waiting);
        self.log(Level::Info, || format!("attempt {attempt} failed, next in {planned:?}: {cause}"));
        let mut delay = planned;
        if let Some(observer) = &mut self.observer
            && observer.retry(cause, attempt, &mut delay) == Flow::Abort
        {
            return Err(aborted());
        }
        self.pause = (Instant::now(), delay);
        Ok(())
    }

    fn tell_progress(&mut self) -> Result<(), Error> {
        let progress = self.control.progress();
        match self.observer.as_mut().map(|observer| observer.progress(progress)) {
            Some(Flow::Abort) => Err(aborted()),
            Some(Flow::Continue) | None => Ok(()),
        }
    }

    /// Keeps the machine's state: at once when more than the offset changed, else when what is kept is older
    /// than `age`. A job without a session has nothing to keep.
    pub(super) fn keep(&mut self, machine: &Upload, age: Duration) {
        let state = machine.state();
        let is_step = match &self.saved {
            Some(saved) => state.is_new_step(saved),
            None => machine.session_id().is_some(),
        };
        let is_due =
            self.saved.as_ref().is_some_and(|saved| *saved != state) && self.saved_at.elapsed() >= age;
        if is_step || is_due {
            self.save(state, is_step);
        }
    }

    /// With `sync`, the state outlives a loss of power.
    pub(super) fn save(&mut self, state: ResumeState, sync: bool) {
        if let Some((file, source)) = &mut self.file {
            let (url, reply) = (self.url.to_string(), self.saved_reply.clone());
            if let Err(error) = file.save(&Saved::new(url, source.clone(), state.clone(), reply), sync) {
                self.log(Level::Warn, || format!("cannot write the state file: {error}"));
            }
        }
        self.control.set_resumable(Some((state.clone(), self.saved_reply.clone())));
        self.saved = Some(state);
        self.saved_at = Instant::now();
    }

    /// The machine's clock.
    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }
}

pub(super) fn aborted() -> Error {
    Error::new(Status::Callback, "a callback asked to stop; run the job again to go on")
}
