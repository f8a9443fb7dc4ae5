//! The reply of an upload-reply job: from its URL to its path.

use std::path::Path;
use std::time::Duration;

use super::drive::aborted;
use super::job::Job;
use super::observer::{Flow, JobState};
use super::part::{Part, Partial};
use super::ranges::{self, Witness};
use super::state_file::SavedReply;
use crate::error::{Error, Status};
use crate::log::Level;
use crate::upload::{ReplyUrl, Upload};

impl Job {
    /// Makes this an upload-reply job: the server's reply goes to `path` before the session is closed. Until
    /// it is whole it is `path` with `.part` behind it, which is this job's while it lives; then it replaces
    /// what is at `path`.
    ///
    /// Errors: [`Status::InvalidArgument`] when `path` is a directory or the source; [`Status::Busy`] when
    /// another job has the file; [`Status::NotFound`] or [`Status::Denied`] when no file can be made there,
    /// and others of the file system.
    pub fn set_reply_path(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        if self.source.is_at(path) {
            let message = format!("{} is the source; name another file for the reply", path.display());
            return Err(Error::new(Status::InvalidArgument, message));
        }
        let part = Part::open(path)?;
        self.put_down();
        self.reply_path = Some(part.target().to_owned());
        self.part = Some(part);
        Ok(())
    }

    /// Fetches the reply from the first place that has it, and tells the machine.
    pub(super) fn fetch_reply(&mut self, machine: &mut Upload, places: &[ReplyUrl]) -> Result<(), Error> {
        self.enter(JobState::FetchingReply);
        self.show(machine);
        self.keep(machine, Duration::ZERO);
        match self.receive_reply(machine, places) {
            Ok(()) => machine.reply_fetched(),
            Err(error) => {
                self.control.interrupt.check()?;
                self.log(Level::Debug, || format!("the reply: {error}"));
                machine.failed(self.now_ms(), error);
            }
        }
        Ok(())
    }

    /// Whether a reply that was fetched is where this run wants it.
    pub(super) fn is_reply_in_place(&self) -> bool {
        match (&self.reply_path, &self.saved_reply) {
            (Some(wanted), Some(saved)) => wanted.to_string_lossy() == saved.path,
            (Some(_), None) => false,
            (None, _) => true,
        }
    }

    /// Drops what there is of the reply: the job is cancelled.
    pub(super) fn forget_reply(&mut self) {
        let saved = self.saved_reply.take();
        // A job that only cancels was not told where the reply goes.
        let part = self.part.take().map(Ok).or_else(|| Some(Part::open(Path::new(&saved?.path))));
        if let Some(Ok(part)) = part {
            part.discard();
        }
    }

    fn receive_reply(&mut self, machine: &mut Upload, places: &[ReplyUrl]) -> Result<(), Error> {
        let mut part = match (self.part.take(), &self.reply_path) {
            (Some(part), _) => part,
            (None, Some(path)) => Part::open(path)?,
            (None, None) => return Err(Error::new(Status::InvalidState, "the job has no reply path")),
        };
        let kept = self.saved_reply.as_ref().filter(|saved| saved.path == part.target().to_string_lossy());
        let outcome = part.resume(kept.map(|saved| saved.partial.clone())).and_then(|()| {
            self.fetch_from(machine, places, &mut part)?;
            part.deliver()
        });
        if outcome.is_err() {
            self.part = Some(part);
        }
        outcome
    }

    /// A place is left for the next one when it does not have the reply or cannot be reached. When none has
    /// it, the error that may pass counts.
    fn fetch_from(
        &mut self,
        machine: &mut Upload,
        places: &[ReplyUrl],
        part: &mut Part,
    ) -> Result<(), Error> {
        let http = self.http.clone();
        let mut failure = None::<Error>;
        for place in places {
            let path = part.target().to_string_lossy().into_owned();
            let mut witness = Receiver { job: self, machine, path };
            let Err(error) = ranges::fetch(&http, place, part, &mut witness) else { return Ok(()) };
            let is_absent = matches!(error.http_status(), Some(404 | 410));
            let is_unreachable = matches!(error.status(), Status::Resolve | Status::Connect);
            if !is_absent && !is_unreachable {
                return Err(error);
            }
            self.control.interrupt.check()?;
            failure = failure.filter(Error::is_transient).or(Some(error));
        }
        Err(failure.unwrap_or_else(|| Error::new(Status::Protocol, "the reply is nowhere")))
    }
}

/// Tells the machine, the observer and the state file.
struct Receiver<'a> {
    job: &'a mut Job,
    machine: &'a mut Upload,
    path: String,
}

impl Witness for Receiver<'_> {
    fn keep(&mut self, partial: &Partial) {
        self.job.saved_reply = Some(SavedReply { path: self.path.clone(), partial: partial.clone() });
        self.job.save(self.machine.state(), true);
    }

    fn received(&mut self, received: u64, total: Option<u64>, is_record: bool) -> Result<(), Error> {
        if is_record {
            self.machine.reply_progressed();
        }
        match self.job.observer.as_mut().map(|observer| observer.reply_progress(received, total)) {
            Some(Flow::Abort) => Err(aborted()),
            Some(Flow::Continue) | None => Ok(()),
        }
    }
}
