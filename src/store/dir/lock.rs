//! Advisory locks on files.

use std::fs::File;

use rustix::fs::{FlockOperation, flock};
use rustix::io::retry_on_intr;

/// A file that is locked until this is dropped or the process dies.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Takes the lock, exclusive or shared, and waits for it or not, as the operation says.
    pub fn take(file: File, operation: FlockOperation) -> rustix::io::Result<Self> {
        retry_on_intr(|| flock(&file, operation))?;
        Ok(Self(file))
    }

    /// The locked file.
    pub fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave it to a child process that another thread is starting at this moment.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}
