//! Session locks between the processes that share a root: an advisory lock on a file in the session's directory, which
//! the kernel releases when its holder dies.

use std::fs::File;
use std::io;

use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::{Errno, pread, pwrite, retry_on_intr};

use super::file_lock::FileLock;
use super::files::open_file;
use super::options::Durability;
use super::session::SessionDir;
use crate::proto::SessionId;
use crate::store::{MAX_SHARED_STATE, SessionLock, StoreError};

/// The file that is locked for a step of a request. It contains the shared state, padded with spaces.
const LOCK: &str = "lock";
/// The file that is locked while a callback to the host application is in progress.
const CALLBACK: &str = "away";

/// A session directory with its [`LOCK`] held.
#[derive(Debug)]
pub struct DirSessionLock {
    session: SessionDir,
    lock: FileLock,
    state: Vec<u8>,
}

impl DirSessionLock {
    /// Locks the session. `Busy` if it is locked, `NotFound` if there is no such session.
    pub fn try_acquire(
        sessions: &OwnedFd,
        id: SessionId,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        let session = SessionDir::open(sessions, id, durability)?;
        let lock = match FileLock::acquire(open_lock(&session)?, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Err(StoreError::Busy),
            lock => lock.map_err(io::Error::from)?,
        };
        // If the last holder has removed the session, its record is gone.
        session.check()?;
        let state = read_state(lock.file())?;
        Ok(Self { session, lock, state })
    }

    fn open_callback(&self, flags: OFlags) -> io::Result<File> {
        open_file(self.session.directory(), CALLBACK, OFlags::RDWR | flags, Mode::RUSR | Mode::WUSR)
    }
}

impl SessionLock for DirSessionLock {
    fn state(&self) -> &[u8] {
        &self.state
    }

    fn write_state(&mut self, state: &[u8]) -> Result<(), StoreError> {
        // One write within a page, so that a crash leaves either the old state or the new one.
        let mut page = [b' '; MAX_SHARED_STATE];
        let target = page.get_mut(..state.len()).ok_or_else(|| invalid("the shared state is too long"))?;
        target.copy_from_slice(state);
        let written = retry_on_intr(|| pwrite(self.lock.file(), &page, 0)).map_err(io::Error::from)?;
        if written < page.len() {
            return Err(io::Error::from(io::ErrorKind::StorageFull).into());
        }
        self.state = state.to_vec();
        Ok(())
    }

    fn mark_callback(&self) -> Result<Box<dyn Send>, StoreError> {
        let callback = self.open_callback(OFlags::CREATE)?;
        let lock =
            FileLock::acquire(callback, FlockOperation::NonBlockingLockExclusive).map_err(io::Error::from)?;
        Ok(Box::new(lock))
    }

    fn callback_in_progress(&self) -> Result<bool, StoreError> {
        let callback = match self.open_callback(OFlags::empty()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            result => result?,
        };
        match FileLock::acquire(callback, FlockOperation::NonBlockingLockExclusive) {
            Ok(_) => Ok(false),
            Err(Errno::WOULDBLOCK) => Ok(true),
            Err(errno) => Err(io::Error::from(errno).into()),
        }
    }
}

/// Opens the lock file, and creates it when the session is locked for the first time.
fn open_lock(session: &SessionDir) -> io::Result<File> {
    let open = |flags| open_file(session.directory(), LOCK, OFlags::RDWR | flags, Mode::RUSR | Mode::WUSR);
    match open(OFlags::empty()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Do not create files in a directory that is being removed.
            session.check()?;
            open(OFlags::CREATE)
        }
        result => result,
    }
}

/// Reads the shared state. After a power failure the file may contain zeros, which count as no state.
fn read_state(lock: &File) -> io::Result<Vec<u8>> {
    let mut page = [0; MAX_SHARED_STATE];
    let length = retry_on_intr(|| pread(lock, &mut page, 0))?;
    let (state, _) = page.split_at(length.min(MAX_SHARED_STATE));
    let end = state.iter().rposition(|byte| !b" \0".contains(byte)).map_or(0, |last| last.saturating_add(1));
    let (state, _) = state.split_at(end);
    Ok(state.to_vec())
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}
