//! What an engine needs from a store: the traits that a store implements, and the errors that it reports.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
#[cfg(target_os = "linux")]
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use super::path::Destination;
use super::record::{EndedSession, SessionEnd, SessionRecord, StoreEntry, StoredSession, StoredSessions};
use crate::error::Error;
use crate::proto::SessionId;

/// Keeps sessions and their bytes, and delivers complete files to their destination.
///
/// The engine makes one call at a time for a session, except [`Store::find`], [`Store::read`], [`Store::reply`] and
/// [`Store::ended`], which it may call at any time. Calls for different sessions run concurrently. Every method either
/// completes or, after an error or a crash, leaves a state from which the same call can be repeated.
pub trait Store: Send + Sync {
    /// Checks that a file could be delivered to `destination` now: its parent is a directory, and either nothing
    /// has that name or a file has it and `overwrite` is set.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`], [`StoreError::IsDirectory`] or [`StoreError::ParentMissing`] if it could not.
    fn check(&self, destination: &Destination, overwrite: bool) -> Result<(), StoreError>;

    /// Lists the sessions that an earlier process left; if the store is shared, those of all processes. A session that
    /// cannot be read is listed as unreadable: it neither prevents the start nor is silently lost.
    ///
    /// # Errors
    ///
    /// Returns an error if the sessions cannot be listed.
    fn sessions(&self) -> Result<StoredSessions, StoreError>;

    /// Passes what [`Self::sessions`] lists to `visit`, one entry at a time, until that returns
    /// [`ControlFlow::Break`]. An engine calls it while it serves requests, so sessions may be created, used and removed
    /// at the same time. Those may be visited or not.
    ///
    /// The default lists the sessions first.
    ///
    /// # Errors
    ///
    /// Those of [`Self::sessions`].
    fn visit_sessions(&self, visit: &mut dyn FnMut(StoreEntry) -> ControlFlow<()>) -> Result<(), StoreError> {
        // Whether the visitor saw all entries is of no interest here.
        let _ = self.sessions()?.into_entries().try_for_each(visit);
        Ok(())
    }

    /// Reads the current state of a session, whichever process created it; `None` if there is no such session. An engine
    /// calls it for sessions that it has not listed and, if the store is shared, to see what other processes changed.
    ///
    /// The default searches [`Self::sessions`], so a store with many sessions should implement it.
    ///
    /// # Errors
    ///
    /// Returns a [`StoreError`] if the store fails or the session is unreadable.
    fn find(&self, id: SessionId) -> Result<Option<StoredSession>, StoreError> {
        let StoredSessions { sessions, unreadable, .. } = self.sessions()?;
        match unreadable.into_iter().find(|session| session.id == id) {
            Some(session) => Err(io::Error::other(session.reason).into()),
            None => Ok(sessions.into_iter().find(|stored| stored.record.id == id)),
        }
    }

    /// Creates a session without bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if the session exists and holds bytes; they are kept.
    fn create(&self, record: &SessionRecord) -> Result<(), StoreError>;

    /// Replaces the session's record.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no such session.
    fn save(&self, record: &SessionRecord) -> Result<(), StoreError>;

    /// Opens the session's bytes for appending.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if the bytes are gone.
    fn open(&self, id: SessionId) -> Result<Box<dyn Sink>, StoreError>;

    /// Delivers the session's bytes to `record.destination`, whole or not at all, then saves `record` and discards
    /// the session's own copy. Can be repeated after a crash at any point. Replaces a file at the destination only
    /// if `overwrite` is set.
    ///
    /// No [`Sink`] of the session may be in use: it would write into the delivered file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`], [`StoreError::IsDirectory`] or [`StoreError::ParentMissing`] if the destination does not
    /// allow it; [`StoreError::NotFound`] if the bytes are gone.
    fn commit(&self, record: &SessionRecord, overwrite: bool) -> Result<(), StoreError>;

    /// Opens the session's bytes for reading.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if the bytes are gone.
    fn read(&self, id: SessionId) -> Result<Box<dyn Content>, StoreError>;

    /// Discards what an earlier attempt left of a reply. Returns the path where the host application may write the
    /// new reply, if the store has files; the caller then passes that path to [`Store::put_reply`].
    ///
    /// # Errors
    ///
    /// Returns a [`StoreError`] if the store fails.
    fn stage_reply(&self, id: SessionId) -> Result<Option<PathBuf>, StoreError>;

    /// Stores the session's reply, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSpace`] if the reply does not fit.
    fn put_reply(&self, id: SessionId, reply: NewReply<'_>) -> Result<(), StoreError>;

    /// Opens the session's reply for reading.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no reply.
    fn reply(&self, id: SessionId) -> Result<Box<dyn Content>, StoreError>;

    /// Removes the record, the bytes and the reply. A delivered file stays. Succeeds if there is nothing to remove.
    ///
    /// # Errors
    ///
    /// Returns a [`StoreError`] if the store fails.
    fn remove(&self, id: SessionId) -> Result<(), StoreError>;

    /// Removes a session like [`Store::remove`], and remembers for a while how it ended. The default only removes it.
    /// `record` is its last record.
    ///
    /// # Errors
    ///
    /// Those of [`Store::remove`].
    fn retire(&self, record: &SessionRecord, end: SessionEnd) -> Result<(), StoreError> {
        let _ = end;
        self.remove(record.id)
    }

    /// Returns how a session ended, if this process or another one that shares the store [retired](Store::retire) it
    /// recently; `None` if that is not known.
    ///
    /// # Errors
    ///
    /// Returns a [`StoreError`] if the store fails.
    fn ended(&self, id: SessionId) -> Result<Option<EndedSession>, StoreError> {
        let _ = id;
        Ok(None)
    }

    /// Returns how many more bytes would fit, or `None` if the store does not know.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system does not report the free space.
    fn free_bytes(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    /// Checks that bytes could be stored now. A store that cannot check returns [`Ok`]. Health checks call this
    /// concurrently with every other method.
    ///
    /// # Errors
    ///
    /// Returns the error that storing bytes would cause.
    fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Returns the store's interface for several processes, or `None` if this process uses the store alone. With a
    /// shared store, the caller of a method that changes an existing session holds its [`SessionLock`]; that of
    /// [`Self::stage_reply`] and [`Self::put_reply`] only has a mark of [`SessionLock::mark_callback`].
    fn shared(&self) -> Option<&dyn SharedStore> {
        None
    }
}

/// A store that several processes use at the same time. Any of them may receive any packet of any session, so the
/// order that an engine enforces among its own requests has to hold among all processes.
pub trait SharedStore {
    /// Locks a session for one step of a request. Steps are short: the lock is not held while the server waits for a
    /// request body or for a callback. Never waits for another holder, which may be a process that has stopped; the
    /// engine tries again for as long as its request may wait.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if the session is locked, [`StoreError::NotFound`] if there is no such session.
    fn try_lock(&self, id: SessionId) -> Result<Box<dyn SessionLock>, StoreError>;

    /// Records that the session was used at `now_ms`, in milliseconds since 1970. Other processes see it through
    /// [`Store::find`] and [`Store::sessions`].
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no such session.
    fn touch(&self, id: SessionId, now_ms: u64) -> Result<(), StoreError>;

    /// Removes sessions that a crashed process left half-created or half-removed. Leaves everything that a running
    /// process may be working on.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be searched. An orphan that cannot be removed is listed as unreadable.
    fn collect_orphans(&self) -> Result<(), Error>;
}

/// A lock on a session against other processes. Released when it is dropped or when the process dies.
pub trait SessionLock: Send {
    /// Returns what the last holder wrote with [`Self::write_state`]; empty if nothing was written.
    fn state(&self) -> &[u8];

    /// Stores at most [`MAX_SHARED_STATE`] bytes for the next holder. They live as long as the session, but need
    /// not survive a power failure.
    ///
    /// # Errors
    ///
    /// Returns an error if the state is longer than [`MAX_SHARED_STATE`] or cannot be written.
    fn write_state(&mut self, state: &[u8]) -> Result<(), StoreError>;

    /// Marks a callback to the host application as in progress until the returned guard is dropped or the process
    /// dies. Other processes can lock the session in the meantime.
    ///
    /// # Errors
    ///
    /// Returns a [`StoreError`] if the store fails.
    fn mark_callback(&self) -> Result<Box<dyn Send>, StoreError>;

    /// Returns whether a callback is in progress in any process.
    ///
    /// # Errors
    ///
    /// Returns a [`StoreError`] if the store fails.
    fn callback_in_progress(&self) -> Result<bool, StoreError>;
}

/// Maximum length of the state that a [`SessionLock`] stores, in bytes.
pub const MAX_SHARED_STATE: usize = 4096;

/// A reply to be stored.
#[derive(Debug, Clone, Copy)]
pub enum NewReply<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// The content of a file. It is moved if possible; otherwise it is copied and removed.
    File(&'a Path),
}

/// The bytes of one session: a contiguous prefix of the file, growing at its end.
pub trait Sink: Send {
    /// Returns the number of bytes held.
    fn received(&self) -> u64;

    /// Appends `data`. After an error, [`Self::received`] shows how many bytes are left, which may be fewer than before
    /// the call.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSpace`] if only a part of `data` fits.
    fn write(&mut self, data: &[u8]) -> Result<(), StoreError>;

    /// Makes the written bytes as durable as the store promises before an Ack. An error may leave fewer bytes, as for
    /// [`Self::write`].
    ///
    /// # Errors
    ///
    /// Returns a [`StoreError`] if the store fails.
    fn flush(&mut self) -> Result<(), StoreError>;

    /// Returns the file behind the sink, if there is one.
    fn file(&self) -> Option<&File> {
        None
    }

    /// Appends at most `most` bytes from a pipe without copying them, and returns how many. `None` if this sink
    /// cannot splice; the caller then reads the bytes and [writes](Sink::write) them.
    #[cfg(target_os = "linux")]
    fn splice(&mut self, _pipe: BorrowedFd<'_>, _most: usize) -> Option<Result<usize, StoreError>> {
        None
    }
}

/// Stored bytes opened for reading: a received file or a reply.
///
/// Threads: used by one thread at a time; may move between threads.
pub trait Content: Send {
    /// Returns the length in bytes.
    fn length(&self) -> u64;

    /// Returns the time of the last write, in milliseconds since 1970.
    fn modified_ms(&self) -> u64;

    /// Reads from `offset` into `buffer` and returns the number of bytes read; 0 only at the end.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes cannot be read.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Returns the file behind the content, if there is one.
    fn file(&self) -> Option<&File> {
        None
    }

    /// Returns the absolute path of that file, if there is one.
    fn path(&self) -> Option<&Path> {
        None
    }
}

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file exists at the destination and may not be replaced.
    #[error("the destination exists")]
    Exists,
    /// The destination is a directory.
    #[error("the destination is a directory")]
    IsDirectory,
    /// The destination's parent does not exist, is not a directory, or is a symbolic link.
    #[error("the destination's parent directory does not exist")]
    ParentMissing,
    /// The session or its bytes do not exist.
    #[error("the session's data is gone")]
    NotFound,
    /// Another request or another process is using the session.
    #[error("another request or server is using the session")]
    Busy,
    /// The volume is full, or a quota or file-size limit is reached.
    #[error("no space left: {0}")]
    NoSpace(#[source] io::Error),
    /// The operating system denied access.
    #[error("not allowed: {0}")]
    Denied(#[source] io::Error),
    /// Any other error from the operating system.
    #[error("{0}")]
    Io(#[source] io::Error),
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::NoSpace(error)
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Denied(error),
            ErrorKind::NotFound => Self::NotFound,
            _ => Self::Io(error),
        }
    }
}
