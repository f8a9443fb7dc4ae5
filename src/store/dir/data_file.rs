//! The data files of sessions, kept open between requests.
//!
//! Written bytes are in the kernel's cache until they are synced. If the disk then fails, Linux reports that once, to
//! descriptors that are open at that time, and treats the lost bytes as written: the next sync succeeds. Two rules follow:
//!
//! - A data file stays open from its first use to its delivery, and is closed earlier only after a successful sync.
//! - After a failed sync, or a write that failed for another reason than a full volume, the file is truncated to the bytes
//!   that are proven to be on the disk. The client sends the rest again.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fd::OwnedFd;
use rustix::process::{Resource, getrlimit};

use super::durable_length;
use super::options::Durability;
use super::session::SessionDir;
use crate::proto::SessionId;

/// Data files may occupy one in `DESCRIPTOR_SHARE` of the process's descriptors, but at least `MIN_OPEN` and at most
/// `MAX_OPEN`.
const DESCRIPTOR_SHARE: u64 = 4;
const MAX_OPEN: u64 = 65_536;
const MIN_OPEN: u64 = 16;

/// The open data file of a session.
#[derive(Debug)]
pub struct DataFile {
    file: File,
    /// How many bytes are proven to be on the disk.
    proven: AtomicU64,
    /// The file was written to since the last successful sync.
    is_dirty: AtomicBool,
    /// A failure could not be undone: the bytes are not trusted.
    is_broken: AtomicBool,
}

impl DataFile {
    /// Opens a session's data. `is_proven` says that all of its bytes are on the disk.
    fn open(session: &SessionDir, is_proven: bool) -> io::Result<Self> {
        let file = session.open_data()?;
        let length = file.metadata()?.len();
        let proven = if is_proven { length } else { durable_length::read(session.directory())?.min(length) };
        Ok(Self {
            file,
            proven: AtomicU64::new(proven),
            is_dirty: AtomicBool::new(proven < length),
            is_broken: AtomicBool::new(false),
        })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Returns the number of bytes that the file holds.
    pub fn length(&self) -> io::Result<u64> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("an earlier write to the data failed and could not be undone"));
        }
        Ok(self.file.metadata()?.len())
    }

    /// Notes that bytes are written.
    pub fn mark_dirty(&self) {
        self.is_dirty.store(true, Ordering::SeqCst);
    }

    /// Syncs the file, which is `length` bytes long. After an error it holds only the proven bytes.
    pub fn sync(&self, length: u64) -> io::Result<()> {
        self.file.sync_data().inspect_err(|_| self.rewind())?;
        self.proven.store(length, Ordering::SeqCst);
        self.is_dirty.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Truncates the file to the proven bytes after a failed write or sync.
    pub fn rewind(&self) {
        let rewound = self.file.metadata().and_then(|metadata| {
            // The other name may be that of a delivered file, which must not change.
            if metadata.nlink() > 1 {
                return Err(io::Error::other("the data has a second name"));
            }
            self.file.set_len(self.proven.load(Ordering::SeqCst).min(metadata.len()))
        });
        if rewound.is_err() {
            self.is_broken.store(true, Ordering::SeqCst);
        }
    }

    /// Whether closing the file now could lose the report of an error.
    fn must_sync(&self, durability: Durability) -> bool {
        durability != Durability::None && self.is_dirty.load(Ordering::SeqCst)
    }
}

/// The open data files of a store.
#[derive(Debug)]
pub struct DataFiles {
    durability: Durability,
    /// The bytes of every session were on the disk when the store was opened.
    was_clean: bool,
    capacity: usize,
    table: Mutex<OpenTable>,
}

#[derive(Debug, Default)]
struct OpenTable {
    files: HashMap<SessionId, Entry>,
    /// Counts the uses of all files.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    file: Arc<DataFile>,
    /// The last use.
    used: u64,
}

impl DataFiles {
    pub fn new(durability: Durability, was_clean: bool) -> Self {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let capacity = (limit / DESCRIPTOR_SHARE).clamp(MIN_OPEN, MAX_OPEN);
        Self {
            durability,
            was_clean,
            capacity: usize::try_from(capacity).unwrap_or(usize::MAX),
            table: Mutex::default(),
        }
    }

    /// Returns the open data file of a session; `NotFound` if the data is gone.
    pub fn open(&self, sessions: &OwnedFd, id: SessionId) -> io::Result<Arc<DataFile>> {
        let mut table = self.table();
        table.clock = table.clock.wrapping_add(1);
        let now = table.clock;
        if let Some(entry) = table.files.get_mut(&id) {
            // Another process that shares the root may have removed the session.
            if entry.file.file.metadata()?.nlink() > 0 {
                entry.used = now;
                return Ok(Arc::clone(&entry.file));
            }
            table.files.remove(&id);
        }
        let session = SessionDir::open(sessions, id, self.durability)?;
        if table.files.len() >= self.capacity {
            self.close_oldest(&mut table);
        }
        let file = Arc::new(DataFile::open(&session, self.was_clean)?);
        table.files.insert(id, Entry { file: Arc::clone(&file), used: now });
        Ok(file)
    }

    /// Closes the data file of a session that is delivered or removed.
    pub fn close(&self, id: SessionId) {
        self.table().files.remove(&id);
    }

    /// Whether there is a file whose bytes are not trusted.
    pub fn has_broken(&self) -> bool {
        self.table().files.values().any(|entry| entry.file.is_broken.load(Ordering::SeqCst))
    }

    /// Closes the file that was not used for the longest time. A file that cannot be synced stays open.
    fn close_oldest(&self, table: &mut OpenTable) {
        let unused = table.files.iter().filter(|(_, entry)| Arc::strong_count(&entry.file) == 1);
        let Some((id, entry)) = unused.min_by_key(|(_, entry)| entry.used) else { return };
        let (id, file) = (*id, Arc::clone(&entry.file));
        let synced = match file.must_sync(self.durability) {
            true => file.length().and_then(|length| file.sync(length)),
            false => Ok(()),
        };
        if synced.is_ok() {
            table.files.remove(&id);
        } else if let Some(entry) = table.files.get_mut(&id) {
            entry.used = table.clock;
        }
    }

    fn table(&self) -> MutexGuard<'_, OpenTable> {
        // Every change of the table is complete in one call.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
