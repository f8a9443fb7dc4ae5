//! The reply of an upload-reply job.

use std::path::Path;
use std::time::Duration;

use super::Job;
use crate::client::download::{DownloadObserver, PartialDownload, PartialFile, fetch};
use crate::client::observer::{Flow, JobState, aborted};
use crate::client::state_file::SavedReply;
use crate::error::{Error, Status};
use crate::log::Level;
use crate::upload::{ReplyUrl, UploadMachine};

impl Job {
    /// Makes this an upload-reply job: the server's reply is downloaded to `path` before the session is closed.
    ///
    /// An incomplete reply is at `path` with `.part` appended, a file that belongs to this job as long as it exists.
    /// Once complete, it replaces the file at `path`.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if `path` is a directory or the source; [`Status::Busy`] if another job uses the
    /// file; [`Status::NotFound`], [`Status::Denied`] and others if the file cannot be created.
    pub fn set_reply_path(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        if self.source.is_at(path) {
            let message =
                format!("invalid reply path {}: it is the source, use another file", path.display());
            return Err(Error::new(Status::InvalidArgument, message));
        }
        let part = PartialFile::open(path)?;
        self.park_machine();
        self.reply_path = Some(part.target().to_owned());
        self.partial_reply = Some(part);
        Ok(())
    }

    /// Fetches the reply from the first URL that has it, and reports the outcome to the machine.
    pub(super) fn fetch_reply(
        &mut self,
        machine: &mut UploadMachine,
        urls: &[ReplyUrl],
    ) -> Result<(), Error> {
        self.set_state(JobState::FetchingReply);
        self.publish(machine);
        self.save_if_due(machine, Duration::ZERO);
        match self.receive_reply(machine, urls) {
            Ok(()) => machine.reply_fetched(),
            Err(error) => {
                self.control.interrupt.check()?;
                self.log(Level::Debug, || format!("cannot fetch the reply: {error}"));
                machine.on_failure(self.now_ms(), error);
            }
        }
        Ok(())
    }

    /// Whether the reply, if already fetched, is at the path that this run wants it at.
    pub(super) fn is_reply_in_place(&self) -> bool {
        match (&self.reply_path, &self.saved_reply) {
            (Some(wanted), Some(saved)) => wanted.to_string_lossy() == saved.path,
            (Some(_), None) => false,
            (None, _) => true,
        }
    }

    /// Deletes the incomplete reply, because the job is cancelled.
    pub(super) fn discard_reply(&mut self) {
        let saved = self.saved_reply.take();
        // A job that is only resumed to cancel it has no reply path of its own.
        let part = self.partial_reply.take().or_else(|| PartialFile::open(Path::new(&saved?.path)).ok());
        if let Some(part) = part {
            part.discard();
        }
    }

    fn receive_reply(&mut self, machine: &mut UploadMachine, urls: &[ReplyUrl]) -> Result<(), Error> {
        let mut part = match (self.partial_reply.take(), &self.reply_path) {
            (Some(part), _) => part,
            (None, Some(path)) => PartialFile::open(path)?,
            (None, None) => return Err(Error::new(Status::InvalidState, "the job has no reply path")),
        };
        let saved = self.saved_reply.as_ref().filter(|saved| saved.path == part.target().to_string_lossy());
        let outcome = part.resume(saved.map(|saved| saved.partial.clone())).and_then(|()| {
            self.fetch_from(machine, urls, &mut part)?;
            part.deliver()
        });
        if outcome.is_err() {
            self.partial_reply = Some(part);
        }
        outcome
    }

    /// Tries the URLs in turn, as long as a server cannot be reached or does not have the reply. If none has it, a
    /// transient error takes precedence.
    fn fetch_from(
        &mut self,
        machine: &mut UploadMachine,
        urls: &[ReplyUrl],
        part: &mut PartialFile,
    ) -> Result<(), Error> {
        let http = self.http.clone();
        let mut failure = None::<Error>;
        for url in urls {
            let path = part.target().to_string_lossy().into_owned();
            let mut receiver = ReplyReceiver { job: self, machine, path };
            let Err(error) = fetch(&http, url, part, &mut receiver) else { return Ok(()) };
            let is_absent = matches!(error.http_status(), Some(404 | 410));
            let is_unreachable = matches!(error.status(), Status::Resolve | Status::Connect);
            if !is_absent && !is_unreachable {
                return Err(error);
            }
            self.control.interrupt.check()?;
            failure = failure.filter(Error::is_transient).or(Some(error));
        }
        Err(failure.unwrap_or_else(|| Error::new(Status::Protocol, "the server sent no reply URL")))
    }
}

/// Forwards the progress of a reply to the machine, the observer and the state file.
struct ReplyReceiver<'a> {
    job: &'a mut Job,
    machine: &'a mut UploadMachine,
    path: String,
}

impl DownloadObserver for ReplyReceiver<'_> {
    fn checkpoint(&mut self, partial: &PartialDownload) {
        self.job.saved_reply = Some(SavedReply { path: self.path.clone(), partial: partial.clone() });
        self.job.save(self.machine.state(), true);
    }

    fn received(&mut self, received: u64, total: Option<u64>, is_new_maximum: bool) -> Result<(), Error> {
        if is_new_maximum {
            self.machine.reply_progressed();
        }
        match self.job.observer.as_mut().map(|observer| observer.reply_progress(received, total)) {
            Some(Flow::Abort) => Err(aborted()),
            Some(Flow::Continue) | None => Ok(()),
        }
    }
}
