//! Where received bytes lie: the traits an engine writes through, the two stores that come with bitsup, and
//! the way to put them anywhere else.

pub mod backend;
#[cfg(unix)]
pub mod dir;
pub mod memory;
pub mod path;
pub mod record;
pub mod shared;
#[cfg(unix)]
pub mod splice_buffer;

use std::fs::File;
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

pub use backend::{Backend, BackendStore, Part, PartInfo, Place};
#[cfg(unix)]
pub use dir::{DirOptions, DirStore, DirView, Durability};
pub use memory::MemoryStore;
pub use path::{Destination, PathError};
pub use record::{
    Outcome, ReplyKind, SessionPhase, SessionRecord, StoredSession, StoredSessions, UnreadableSession,
};
pub use shared::{SessionLock, SharedStore};
#[cfg(unix)]
pub use splice_buffer::SpliceBuffer;

use crate::proto::SessionId;

/// Keeps sessions and their bytes, and delivers complete files to their destination.
///
/// The engine serialises calls for one session, [`Store::reply`] aside, which comes at any time; calls for
/// different sessions come concurrently. Every method
/// either does the whole of what it says or, after an error or a crash, leaves something that the same call
/// mends when it is made again.
pub trait Store: Send + Sync {
    /// Whether a file could be delivered there now: the parent is a directory, the name is free, or it is a
    /// file and `overwrite` is set.
    fn check(&self, destination: &Destination, overwrite: bool) -> Result<(), StoreError>;

    /// All sessions that a former process left. One that cannot be read is reported beside the others, so
    /// that it neither stops a start nor disappears unsaid.
    fn sessions(&self) -> Result<StoredSessions, StoreError>;

    /// Makes a session that holds no bytes; a session that holds some is an error and keeps them.
    fn create(&self, record: &SessionRecord) -> Result<(), StoreError>;

    /// Replaces the session's record.
    fn save(&self, record: &SessionRecord) -> Result<(), StoreError>;

    /// Opens the session's bytes for appending; [`StoreError::NotFound`] when they are gone.
    fn open(&self, id: SessionId) -> Result<Box<dyn Sink>, StoreError>;

    /// Delivers the session's bytes to `record.destination`, whole or not at all, then saves `record` and
    /// gives up the session's own copy. Succeeds again after a crash in between. Never replaces a file that
    /// appeared at the destination unless `overwrite` is set. No [`Sink`] of the session may be in use any
    /// more: it would write into the delivered file.
    fn commit(&self, record: &SessionRecord, overwrite: bool) -> Result<(), StoreError>;

    /// Opens the session's bytes for reading; [`StoreError::NotFound`] when they are gone.
    fn read(&self, id: SessionId) -> Result<Box<dyn Content>, StoreError>;

    /// Makes room for a new reply: discards what a former attempt left of one. The path, for stores that have
    /// one, is where an application may write the next; it is to be named to [`Store::put_reply`].
    fn stage_reply(&self, id: SessionId) -> Result<Option<PathBuf>, StoreError>;

    /// Keeps the session's reply, whole or not at all.
    fn put_reply(&self, id: SessionId, reply: NewReply<'_>) -> Result<(), StoreError>;

    /// Opens the session's reply; [`StoreError::NotFound`] when there is none.
    fn reply(&self, id: SessionId) -> Result<Box<dyn Content>, StoreError>;

    /// Removes record, bytes and reply; a delivered file stays. Nothing to remove is success.
    fn remove(&self, id: SessionId) -> Result<(), StoreError>;

    /// How many bytes more would fit; `None` when that is not known.
    ///
    /// Errors: the operating system does not say.
    fn free_bytes(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    /// Whether bytes could be stored now; [`Ok`] from a store that cannot tell. Called by those who watch over a
    /// server, concurrently with everything.
    fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// What it takes to share the store's sessions with other processes; `None` when this one has them for
    /// itself. With it, whoever calls for a session has it in a [`SessionLock`], but for calls that ask or read.
    fn shared(&self) -> Option<&dyn SharedStore> {
        None
    }
}

/// A reply to be kept.
#[derive(Debug, Clone, Copy)]
pub enum NewReply<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// The content of a file, which is moved where that is possible and else copied and removed.
    File(&'a Path),
}

/// The bytes of one session: a contiguous prefix of the file, growing at its end.
pub trait Sink: Send {
    /// How many bytes are held.
    fn received(&self) -> u64;

    /// Appends. After an error [`Self::received`] tells how much of `data` was kept.
    fn write(&mut self, data: &[u8]) -> Result<(), StoreError>;

    /// Makes what was written as durable as the store promises before an Ack.
    fn flush(&mut self) -> Result<(), StoreError>;

    /// The file behind the sink, for stores that have one.
    fn file(&self) -> Option<&File> {
        None
    }

    /// Appends at most `most` bytes of a pipe that holds them, without copying; how many. `None` when this
    /// sink cannot do that: then they are read and [written](Sink::write).
    #[cfg(target_os = "linux")]
    fn splice(&mut self, _pipe: BorrowedFd<'_>, _most: usize) -> Option<Result<usize, StoreError>> {
        None
    }
}

/// Bytes that lie in a store, for reading: a received file, or a reply.
///
/// Threads: one at a time; may move between threads.
pub trait Content: Send {
    /// How many bytes there are.
    fn length(&self) -> u64;

    /// When they were last written, in milliseconds since 1970.
    fn modified_ms(&self) -> u64;

    /// Reads at that offset, at most a buffer full; 0 at the end only.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// The file behind it, for stores that have one.
    fn file(&self) -> Option<&File> {
        None
    }

    /// The path of that file, absolute, for stores that have one.
    fn path(&self) -> Option<&Path> {
        None
    }
}

/// Why a store could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is a file at the destination and it may not be replaced.
    #[error("the destination exists")]
    Exists,
    /// The destination is a directory.
    #[error("the destination is a directory")]
    IsDirectory,
    /// The directory that would hold the destination is not there, or is no directory, or is a symbolic link.
    #[error("the destination's parent directory does not exist")]
    ParentMissing,
    /// The session or its bytes are not there.
    #[error("the session's data is gone")]
    NotFound,
    /// The volume is full, or a quota or file-size limit is reached.
    #[error("no space left: {0}")]
    NoSpace(#[source] io::Error),
    /// The operating system does not allow it.
    #[error("not allowed: {0}")]
    Denied(#[source] io::Error),
    /// Anything else the operating system says.
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
