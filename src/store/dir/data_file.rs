//! The data files of sessions, kept open between requests.
//!
//! Written bytes are in the kernel's cache until they are synced. If the disk then fails, Linux reports that once, to
//! descriptors that are open at that time, and treats the lost bytes as written: the next sync succeeds. Two rules follow:
//!
//! - A data file stays open from its first use to its delivery, and is closed earlier only after a successful sync
//!   (with durability `none`, without one).
//! - After a failed sync, or a write that failed for another reason than a full volume, the file is truncated to the bytes
//!   that are proven to be on the disk. The client sends the rest again.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fd::OwnedFd;
use rustix::process::{Resource, getrlimit};

use super::durable_length;
use super::options::Durability;
use super::session::SessionDir;
use crate::proto::SessionId;

/// The data files of all stores may occupy one in `DESCRIPTOR_SHARE` of the process's descriptors, but at least
/// `MIN_OPEN` and at most `MAX_OPEN`.
const DESCRIPTOR_SHARE: u64 = 4;
const MAX_OPEN: u64 = 65_536;
const MIN_OPEN: u64 = 16;

/// How many data files all stores of the process have open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// How many may be open. Read every time, because a program may raise its limit after it has opened a store.
fn capacity() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let capacity = (limit / DESCRIPTOR_SHARE).clamp(MIN_OPEN, MAX_OPEN);
    usize::try_from(capacity).unwrap_or(usize::MAX)
}

/// The open data file of a session.
#[derive(Debug)]
pub struct DataFile {
    file: File,
    /// How many bytes are proven to be on the disk.
    proven: AtomicU64,
    /// The file was written to since the last successful sync.
    is_dirty: AtomicBool,
    /// A sync failed while no request used the file. The next user rewinds it, because it has the session's lock.
    must_rewind: AtomicBool,
    /// A failure could not be undone: the bytes are not trusted.
    is_broken: AtomicBool,
    /// Held during a sync, because only one caller gets the report of an error.
    syncing: Mutex<()>,
}

impl DataFile {
    /// Opens a session's data. `is_proven` says that all of its bytes are on the disk.
    fn open(session: &SessionDir, is_proven: bool) -> io::Result<Self> {
        let file = session.open_data()?;
        let length = file.metadata()?.len();
        let proven = if is_proven { length } else { durable_length::read(session.directory())?.min(length) };
        OPEN.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            file,
            proven: AtomicU64::new(proven),
            is_dirty: AtomicBool::new(proven < length),
            must_rewind: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            syncing: Mutex::default(),
        })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Returns the number of bytes that the file holds; `NotFound` after a failure that could not be undone, because no
    /// later request can use the session.
    pub fn length(&self) -> io::Result<u64> {
        if self.is_broken.load(Ordering::SeqCst) {
            let message = "an earlier write to the data failed and could not be undone";
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        Ok(self.file.metadata()?.len())
    }

    /// Marks the file as changed since its last sync.
    pub fn mark_dirty(&self) {
        self.is_dirty.store(true, Ordering::SeqCst);
    }

    /// Syncs the file, which is `length` bytes long. After an error it holds only the proven bytes.
    pub fn sync(&self, length: u64) -> io::Result<()> {
        let _syncing = self.syncing();
        let synced = match self.must_rewind.swap(false, Ordering::SeqCst) {
            true => Err(io::Error::other("an earlier write to the data failed")),
            false => self.file.sync_data(),
        };
        synced.inspect_err(|_| self.rewind())?;
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

    /// Syncs the file before it is closed, if closing it could lose the report of an error. Returns whether it may be
    /// closed.
    fn settle(&self, durability: Durability) -> bool {
        let _syncing = self.syncing();
        if self.is_untrusted() {
            return false;
        }
        // Cleared first: a request may start to write during the sync.
        if durability == Durability::None || !self.is_dirty.swap(false, Ordering::SeqCst) {
            return true;
        }
        let is_synced = self.file.sync_data().is_ok();
        if !is_synced {
            self.mark_dirty();
            self.must_rewind.store(true, Ordering::SeqCst);
        }
        is_synced
    }

    fn syncing(&self) -> MutexGuard<'_, ()> {
        self.syncing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the file may hold bytes that are lost.
    fn is_untrusted(&self) -> bool {
        self.must_rewind.load(Ordering::SeqCst) || self.is_broken.load(Ordering::SeqCst)
    }

    fn is_same_file(&self, other: &File) -> io::Result<bool> {
        let (own, other) = (self.file.metadata()?, other.metadata()?);
        Ok((own.dev(), own.ino()) == (other.dev(), other.ino()))
    }
}

impl Drop for DataFile {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A data file in use.
#[derive(Debug)]
pub struct DataHandle {
    data: Arc<DataFile>,
    /// Opened for this use, if other servers use the root: a network file system refreshes what it knows of a file when
    /// the file is opened, and sends what was written when it is closed.
    _reopened: Option<File>,
}

impl Deref for DataHandle {
    type Target = DataFile;

    fn deref(&self) -> &DataFile {
        &self.data
    }
}

/// The open data files of a store.
#[derive(Debug)]
pub struct DataFiles {
    durability: Durability,
    /// Other processes use the sessions as well.
    shared: bool,
    /// The bytes of every session were on the disk when the store was opened.
    was_clean: bool,
    table: Mutex<OpenTable>,
}

#[derive(Debug, Default)]
struct OpenTable {
    files: HashMap<SessionId, Entry>,
    /// Counts the uses of all files.
    clock: u64,
}

impl OpenTable {
    fn tick(&mut self) -> u64 {
        self.clock = self.clock.wrapping_add(1);
        self.clock
    }
}

#[derive(Debug)]
struct Entry {
    file: Arc<DataFile>,
    /// The last use.
    used: u64,
}

impl DataFiles {
    pub fn new(durability: Durability, shared: bool, was_clean: bool) -> Self {
        Self { durability, shared, was_clean, table: Mutex::default() }
    }

    /// Returns the open data file of a session; `NotFound` if the data is gone. The caller has the session's lock.
    pub fn open(&self, sessions: &OwnedFd, id: SessionId) -> io::Result<DataHandle> {
        let reopened = match self.shared {
            true => Some(SessionDir::open(sessions, id, self.durability)?.open_data()?),
            false => None,
        };
        let data = match self.current(id, reopened.as_ref())? {
            Some(data) => data,
            // Not under the lock of the table: the disk may be slow, and other sessions need not wait for it.
            None => {
                let session = SessionDir::open(sessions, id, self.durability)?;
                self.insert(id, DataFile::open(&session, self.was_clean)?)
            }
        };
        if data.must_rewind.swap(false, Ordering::SeqCst) {
            data.rewind();
        }
        Ok(DataHandle { data, _reopened: reopened })
    }

    /// Returns the open file, unless the session has another one now.
    fn current(&self, id: SessionId, reopened: Option<&File>) -> io::Result<Option<Arc<DataFile>>> {
        let mut table = self.table();
        let now = table.tick();
        let Some(entry) = table.files.get_mut(&id) else { return Ok(None) };
        let is_current = match reopened {
            Some(reopened) => entry.file.is_same_file(reopened)?,
            None => entry.file.file.metadata()?.nlink() > 0,
        };
        if is_current {
            entry.used = now;
            return Ok(Some(Arc::clone(&entry.file)));
        }
        table.files.remove(&id);
        Ok(None)
    }

    fn insert(&self, id: SessionId, file: DataFile) -> Arc<DataFile> {
        let file = Arc::new(file);
        let mut table = self.table();
        let used = table.tick();
        table.files.insert(id, Entry { file: Arc::clone(&file), used });
        drop(table);
        if OPEN.load(Ordering::Relaxed) > capacity() {
            self.close_oldest();
        }
        file
    }

    /// Closes the data files of sessions that other processes have delivered or removed, so that the bytes of deleted
    /// files become free.
    pub fn close_ended(&self, sessions: &OwnedFd) {
        let is_ended = |id: SessionId, file: &DataFile| {
            let data =
                SessionDir::open(sessions, id, self.durability).and_then(|session| session.open_data());
            match data {
                Ok(data) => file.is_same_file(&data).is_ok_and(|is_same| !is_same),
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            }
        };
        let open: Vec<_> =
            self.table().files.iter().map(|(id, entry)| (*id, Arc::clone(&entry.file))).collect();
        for (id, file) in open {
            if is_ended(id, &file) {
                self.remove(id, &file);
            }
        }
    }

    /// Removes the file from the table, unless the session has another one now.
    fn remove(&self, id: SessionId, file: &Arc<DataFile>) {
        let mut table = self.table();
        if table.files.get(&id).is_some_and(|entry| Arc::ptr_eq(&entry.file, file)) {
            table.files.remove(&id);
        }
    }

    /// Closes the data file of a session that is delivered or removed.
    pub fn close(&self, id: SessionId) {
        self.table().files.remove(&id);
    }

    /// Returns the sessions whose bytes are not trusted.
    pub fn untrusted(&self) -> Vec<SessionId> {
        let table = self.table();
        table.files.iter().filter(|(_, entry)| entry.file.is_untrusted()).map(|(id, _)| *id).collect()
    }

    /// Closes the file that was not used for the longest time. A file that cannot be synced stays open.
    fn close_oldest(&self) {
        let mut table = self.table();
        let now = table.tick();
        let unused = table.files.iter_mut().filter(|(_, entry)| Arc::strong_count(&entry.file) == 1);
        let Some((id, entry)) = unused.min_by_key(|(_, entry)| entry.used) else { return };
        let (id, file) = (*id, Arc::clone(&entry.file));
        // Another file is next if this one stays open.
        entry.used = now;
        // Not under the lock of the table: the disk may be slow, and other sessions need not wait for it.
        drop(table);
        let is_settled = file.settle(self.durability);
        let mut table = self.table();
        let is_current = |entry: &Entry| Arc::ptr_eq(&entry.file, &file);
        // The two are the entry and `file`; more are of a request that began in the meantime.
        let is_unused = Arc::strong_count(&file) == 2;
        let is_dirty = self.durability != Durability::None && file.is_dirty.load(Ordering::SeqCst);
        if is_settled && is_unused && !is_dirty && table.files.get(&id).is_some_and(is_current) {
            table.files.remove(&id);
        }
    }

    fn table(&self) -> MutexGuard<'_, OpenTable> {
        // Every change of the table is complete in one call.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
