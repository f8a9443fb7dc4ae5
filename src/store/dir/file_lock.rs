//! Advisory file locks.

use std::fs::File;

use rustix::fs::{FlockOperation, flock};
use rustix::io::retry_on_intr;

/// A locked file. Unlocked when it is dropped or when the process dies.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Locks the file, exclusively or shared, as `operation` says. All callers pass one that does not block: the holder
    /// may be a process that has stopped.
    pub fn acquire(file: File, operation: FlockOperation) -> rustix::io::Result<Self> {
        retry_on_intr(|| flock(&file, operation))?;
        Ok(Self(file))
    }

    /// Returns the locked file.
    pub fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing is not enough: a child process that another thread is starting now may have inherited the descriptor.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}
