//! Continuing an earlier upload, from a state file or an exported state.

use std::path::Path;

use super::Job;
use crate::client::observer::JobState;
use crate::client::state_file::{SavedJob, StateFile};
use crate::error::{Error, Status};
use crate::log::Level;

impl Job {
    /// Saves the state of the job in a file, and continues from it if it already has the state of the same upload.
    ///
    /// The file is locked as long as the job exists, and removed when the job is complete or cancelled. If it has the
    /// state of another source or URL, or cannot be read, a warning is logged and the upload starts from the
    /// beginning. The directories above the file are created.
    ///
    /// # Errors
    ///
    /// [`Status::Busy`] if another job uses the file; [`Status::InvalidArgument`] if it is the source; and those of
    /// the file system.
    pub fn set_state_path(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let mut file = StateFile::open(path)?;
        if file.identity().is_ok_and(|identity| self.source.is_file_with(identity)) {
            let message =
                format!("invalid state file {}: it is the source, use another file", path.display());
            return Err(Error::new(Status::InvalidArgument, message));
        }
        let source = self.source.id()?;
        self.park_machine();
        let loaded = file.load().and_then(|saved| saved.map(|saved| self.adopt(saved)).transpose());
        self.state_file = Some((file, source));
        if let Err(reason) = &loaded {
            self.log(Level::Warn, || {
                format!("ignoring the state in {}, starting from the beginning: {reason}", path.display())
            });
        }
        if loaded != Ok(Some(())) {
            self.save_current();
        }
        Ok(())
    }

    /// Continues from a state that [`JobControl::export`](crate::client::JobControl::export) returned for a
    /// job with the same URL and source, in this process or another. The next run first checks with the
    /// server whether the session still exists.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if `state` belongs to another URL or source, was written by a newer version, or is
    /// damaged; [`Status::InvalidState`] if the job was run before or already has a state.
    pub fn import(&mut self, state: &[u8]) -> Result<(), Error> {
        self.park_machine();
        if self.control.state() != JobState::Ready || self.saved.is_some() {
            let message = "the job already has a state: import into a new job before running it";
            return Err(Error::new(Status::InvalidState, message));
        }
        SavedJob::decode(state).and_then(|saved| self.adopt(saved)).map_err(|reason| {
            Error::new(Status::InvalidArgument, format!("cannot continue from the state: {reason}"))
        })?;
        self.save_current();
        Ok(())
    }

    /// Continues from a saved state. On error, returns the reason and leaves the job unchanged.
    fn adopt(&mut self, saved: SavedJob) -> Result<(), String> {
        let source = self.source.id().map_err(|error| error.to_string())?;
        if *saved.url != *self.url {
            return Err("it belongs to another URL".to_owned());
        }
        if !saved.source.matches(&source) {
            return Err("it belongs to another source".to_owned());
        }
        let previous =
            (self.saved.replace(saved.upload), std::mem::replace(&mut self.saved_reply, saved.reply));
        let outcome = self.build_machine().map_err(|error| error.to_string()).and_then(|machine| {
            if machine.is_cancelling() {
                return Err("it belongs to a cancelled upload".to_owned());
            }
            self.publish(&machine);
            Ok(())
        });
        if outcome.is_err() {
            (self.saved, self.saved_reply) = previous;
        }
        outcome
    }

    /// Writes the current state, if any, to the state file.
    fn save_current(&mut self) {
        if let Some(state) = self.saved.clone() {
            self.save(state, true);
        }
    }
}
