//! Several processes over one root. A session is held by an advisory lock on a file of its directory, which
//! the kernel gives back when its holder dies.

use std::fs::File;
use std::io;

use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::{Errno, pread, pwrite, retry_on_intr};

use super::lock::Lock;
use super::session::SessionDir;
use super::{Durability, open_file};
use crate::proto::SessionId;
use crate::store::shared::MAX_SHARED_STATE;
use crate::store::{SessionLock, StoreError};

/// The file that is locked for a step; it holds the note, filled up with spaces.
const LOCK: &str = "lock";
/// The file that is locked while a request is with the application.
const AWAY: &str = "away";

/// A session directory whose [`LOCK`] is held.
#[derive(Debug)]
pub struct DirSessionLock {
    session: SessionDir,
    lock: Lock,
    note: Vec<u8>,
}

impl DirSessionLock {
    /// Waits for the lock; `NotFound` when there is no such session.
    pub fn take(sessions: &OwnedFd, id: SessionId, durability: Durability) -> io::Result<Self> {
        let session = SessionDir::open(sessions, id, durability)?;
        let lock = Lock::take(open_lock(&session)?, FlockOperation::LockExclusive)?;
        // Whoever removed the session while this one waited began with the record.
        session.check()?;
        let note = read_note(lock.file())?;
        Ok(Self { session, lock, note })
    }

    fn open_away(&self, flags: OFlags) -> io::Result<File> {
        open_file(self.session.directory(), AWAY, OFlags::RDWR | flags, Mode::RUSR | Mode::WUSR)
    }
}

impl SessionLock for DirSessionLock {
    fn state(&self) -> &[u8] {
        &self.note
    }

    fn write_state(&mut self, note: &[u8]) -> Result<(), StoreError> {
        // One write within a page, so that a process that dies leaves the old note or the new one.
        let mut page = [b' '; MAX_SHARED_STATE];
        let place = page.get_mut(..note.len()).ok_or_else(|| invalid("the note is too long"))?;
        place.copy_from_slice(note);
        let written = retry_on_intr(|| pwrite(self.lock.file(), &page, 0)).map_err(io::Error::from)?;
        if written < page.len() {
            return Err(io::Error::from(io::ErrorKind::StorageFull).into());
        }
        self.note = note.to_vec();
        Ok(())
    }

    fn mark_callback(&self) -> Result<Box<dyn Send>, StoreError> {
        let away = self.open_away(OFlags::CREATE)?;
        let lock = Lock::take(away, FlockOperation::NonBlockingLockExclusive).map_err(io::Error::from)?;
        Ok(Box::new(lock))
    }

    fn callback_in_progress(&self) -> Result<bool, StoreError> {
        let away = match self.open_away(OFlags::empty()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            result => result?,
        };
        match Lock::take(away, FlockOperation::NonBlockingLockExclusive) {
            Ok(_) => Ok(false),
            Err(Errno::WOULDBLOCK) => Ok(true),
            Err(errno) => Err(io::Error::from(errno).into()),
        }
    }
}

/// Opens the lock. A session that was made without one, by a process that did not share, gets it now.
fn open_lock(session: &SessionDir) -> io::Result<File> {
    let open = |flags| open_file(session.directory(), LOCK, OFlags::RDWR | flags, Mode::RUSR | Mode::WUSR);
    match open(OFlags::empty()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Nothing is made in a directory that somebody is removing.
            session.check()?;
            open(OFlags::CREATE)
        }
        result => result,
    }
}

/// After a loss of power it may be zeros; then it says nothing.
fn read_note(lock: &File) -> io::Result<Vec<u8>> {
    let mut page = [0; MAX_SHARED_STATE];
    let length = retry_on_intr(|| pread(lock, &mut page, 0))?;
    let note = page.get(..length).unwrap_or_default();
    let end = note.iter().rposition(|byte| !b" \0".contains(byte)).map_or(0, |last| last.saturating_add(1));
    Ok(note.get(..end).unwrap_or_default().to_vec())
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}
