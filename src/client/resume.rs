//! Continuing what another job began: from a state file, or from an exported state.

use std::path::Path;

use super::job::Job;
use super::observer::JobState;
use super::state_file::{Saved, StateFile};
use crate::error::{Error, Status};
use crate::log::Level;

impl Job {
    /// Keeps the state of the job in that file and continues from it when it holds the state of the same
    /// job. The file is locked while the job lives and removed when the job is complete or cancelled. The
    /// state of another source or URL, or one that cannot be read, is dropped, and the upload starts anew.
    ///
    /// Errors: [`Status::Busy`] when another job holds the file; those of the file system.
    pub fn set_state_path(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let mut file = StateFile::open(path)?;
        if file.identity().is_ok_and(|identity| self.source.is(identity)) {
            let message = format!("{} is the source; name another state file", path.display());
            return Err(Error::new(Status::InvalidArgument, message));
        }
        let source = self.source.id()?;
        self.put_down();
        let found = file.load().and_then(|saved| saved.map(|saved| self.adopt(saved)).transpose());
        self.file = Some((file, source));
        if let Err(why) = &found {
            self.log(Level::Warn, || {
                format!("the state in {} is dropped and the upload starts anew: {why}", path.display())
            });
        }
        if found != Ok(Some(())) {
            self.write_down();
        }
        Ok(())
    }

    /// Continues from what [`super::JobControl::export`] gave out for a job with the same URL and source, in
    /// this process or another. The first request of the next run asks whether the session is still there.
    ///
    /// Errors: [`Status::InvalidArgument`] when `state` is of another URL or source, of a newer version, or
    /// damaged; [`Status::InvalidState`] when the job was begun before, or has the state of another one.
    pub fn import(&mut self, state: &[u8]) -> Result<(), Error> {
        self.put_down();
        if self.control.state() != JobState::Ready || self.saved.is_some() {
            let message = "the job has a state of its own; import into a new job, before it is run";
            return Err(Error::new(Status::InvalidState, message));
        }
        Saved::decode(state).and_then(|saved| self.adopt(saved)).map_err(|why| {
            Error::new(Status::InvalidArgument, format!("the state cannot be continued from: {why}"))
        })?;
        self.write_down();
        Ok(())
    }

    /// Errors say why this job cannot continue from that; then nothing has changed.
    fn adopt(&mut self, saved: Saved) -> Result<(), String> {
        let source = self.source.id().map_err(|error| error.to_string())?;
        if *saved.url != *self.url {
            return Err("it is of another URL".to_owned());
        }
        if saved.source != source {
            return Err("it is of another source".to_owned());
        }
        let former =
            (self.saved.replace(saved.upload), std::mem::replace(&mut self.saved_reply, saved.reply));
        let outcome = self.machine().map_err(|error| error.to_string()).and_then(|machine| {
            match machine.is_cancelling() {
                true => Err("it is of an upload that was cancelled".to_owned()),
                false => Ok(self.show(&machine)),
            }
        });
        if outcome.is_err() {
            (self.saved, self.saved_reply) = former;
        }
        outcome.map(drop)
    }

    /// Puts in the state file what the job knew before it had one, or learnt elsewhere.
    fn write_down(&mut self) {
        if let Some(state) = self.saved.clone() {
            self.save(state, true);
        }
    }
}
