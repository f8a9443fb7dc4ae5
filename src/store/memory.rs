//! A store in memory, for tests and for small uploads that the host application processes itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ended::EndedSessions;
use super::{
    Content, Destination, EndedSession, NewReply, SessionEnd, SessionPhase, SessionRecord, Sink, Store,
    StoreError, StoredSession, StoredSessions,
};
use crate::proto::SessionId;

/// Files and sessions in memory. Clones share their content, so a test can restart an engine over the same store.
///
/// The store has no clock: a session's modification time is its creation time.
///
/// # Examples
///
/// ```
/// use bitsup::store::MemoryStore;
///
/// let store = MemoryStore::new(1 << 20);
/// store.put_file("in/a.txt", b"content");
/// assert_eq!(store.file("in/a.txt").as_deref(), Some(&b"content"[..]));
/// ```
#[derive(Debug, Clone)]
pub struct MemoryStore(Arc<Mutex<MemoryContents>>);

#[derive(Debug)]
struct MemoryContents {
    max_bytes: u64,
    /// Without the root, which always exists.
    directories: BTreeSet<String>,
    files: BTreeMap<String, Vec<u8>>,
    sessions: BTreeMap<SessionId, MemorySession>,
    ended: EndedSessions,
}

#[derive(Debug)]
struct MemorySession {
    record: SessionRecord,
    /// `None` after delivery. Shared with readers.
    data: Option<Arc<Vec<u8>>>,
    reply: Option<Arc<Vec<u8>>>,
}

impl MemoryStore {
    /// Creates an empty store that holds at most `max_bytes` in sessions and delivered files together.
    pub fn new(max_bytes: u64) -> Self {
        Self(Arc::new(Mutex::new(MemoryContents {
            max_bytes,
            directories: BTreeSet::new(),
            files: BTreeMap::new(),
            sessions: BTreeMap::new(),
            ended: EndedSessions::default(),
        })))
    }

    /// Returns the content of the file at `path` (`a/b.txt`), if it exists.
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.contents().files.get(path).cloned()
    }

    /// Writes a file, as another program could. Creates the directories above it.
    pub fn put_file(&self, path: &str, content: &[u8]) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.make_directory(parent);
        }
        self.contents().files.insert(path.to_owned(), content.to_vec());
    }

    /// Removes a file, as another program could. Returns whether it existed.
    pub fn remove_file(&self, path: &str) -> bool {
        self.contents().files.remove(path).is_some()
    }

    /// Creates a directory and its parents. Files need an existing parent; the root always exists.
    pub fn make_directory(&self, path: &str) {
        let mut contents = self.contents();
        let above = path.match_indices('/').filter_map(|(end, _)| path.get(..end));
        contents.directories.extend(above.chain([path]).map(str::to_owned));
    }

    /// Returns the paths of all files, sorted.
    pub fn files(&self) -> Vec<String> {
        self.contents().files.keys().cloned().collect()
    }

    /// Returns the bytes that a session holds, or `None` after delivery or if there is no such session.
    pub fn session_data(&self, id: SessionId) -> Option<Vec<u8>> {
        self.contents().sessions.get(&id)?.data.as_deref().cloned()
    }

    fn contents(&self) -> MutexGuard<'_, MemoryContents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    /// Creates an empty store without a limit.
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

impl MemoryContents {
    fn check(&self, destination: &Destination, overwrite: bool) -> Result<(), StoreError> {
        let path = String::from(destination.clone());
        let parent = path.rsplit_once('/').map(|(parent, _)| parent);
        if parent.is_some_and(|parent| !self.directories.contains(parent)) {
            return Err(StoreError::ParentMissing);
        }
        match (self.directories.contains(&path), self.files.contains_key(&path)) {
            (true, _) => Err(StoreError::IsDirectory),
            (false, true) if !overwrite => Err(StoreError::Exists),
            (false, _) => Ok(()),
        }
    }

    /// Returns how many more bytes fit.
    fn free_bytes(&self) -> u64 {
        let held =
            self.sessions.values().flat_map(|session| [session.data.as_deref(), session.reply.as_deref()]);
        let all = held.flatten().chain(self.files.values());
        let used = all.map(|bytes| length(bytes)).fold(0, u64::saturating_add);
        self.max_bytes.saturating_sub(used)
    }

    fn session(&mut self, id: SessionId) -> Result<&mut MemorySession, StoreError> {
        self.sessions.get_mut(&id).ok_or(StoreError::NotFound)
    }
}

impl MemorySession {
    fn content(&self, bytes: Option<&Arc<Vec<u8>>>) -> Result<Box<dyn Content>, StoreError> {
        let bytes = Arc::clone(bytes.ok_or(StoreError::NotFound)?);
        Ok(Box::new(MemoryContent { bytes, modified_ms: self.record.created_ms }))
    }
}

impl Store for MemoryStore {
    fn check(&self, destination: &Destination, overwrite: bool) -> Result<(), StoreError> {
        self.contents().check(destination, overwrite)
    }

    fn sessions(&self) -> Result<StoredSessions, StoreError> {
        let contents = self.contents();
        let records = contents.sessions.values().map(|session| session.record.clone());
        let stored = |record: SessionRecord| StoredSession { modified_ms: record.created_ms, record };
        Ok(StoredSessions { sessions: records.map(stored).collect(), ..StoredSessions::default() })
    }

    fn create(&self, record: &SessionRecord) -> Result<(), StoreError> {
        let mut contents = self.contents();
        let existing = contents.sessions.get(&record.id).and_then(|session| session.data.as_ref());
        if existing.is_some_and(|data| !data.is_empty()) {
            let message = "the session exists and holds bytes";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message).into());
        }
        contents.sessions.insert(
            record.id,
            MemorySession { record: record.clone(), data: Some(Arc::default()), reply: None },
        );
        Ok(())
    }

    fn save(&self, record: &SessionRecord) -> Result<(), StoreError> {
        self.contents().session(record.id)?.record = record.clone();
        Ok(())
    }

    fn open(&self, id: SessionId) -> Result<Box<dyn Sink>, StoreError> {
        let mut contents = self.contents();
        let received = length(contents.session(id)?.data.as_ref().ok_or(StoreError::NotFound)?);
        Ok(Box::new(MemorySink { store: self.clone(), id, received }))
    }

    fn commit(&self, record: &SessionRecord, overwrite: bool) -> Result<(), StoreError> {
        let mut contents = self.contents();
        if contents.session(record.id)?.record.phase == SessionPhase::Delivered {
            return Ok(());
        }
        contents.check(&record.destination, overwrite)?;
        let session = contents.session(record.id)?;
        let data = session.data.take().ok_or(StoreError::NotFound)?;
        session.record = record.clone();
        contents.files.insert(record.destination.clone().into(), Arc::unwrap_or_clone(data));
        Ok(())
    }

    fn read(&self, id: SessionId) -> Result<Box<dyn Content>, StoreError> {
        let mut contents = self.contents();
        let session = contents.session(id)?;
        session.content(session.data.as_ref())
    }

    fn stage_reply(&self, id: SessionId) -> Result<Option<PathBuf>, StoreError> {
        self.contents().session(id)?.reply = None;
        Ok(None)
    }

    fn put_reply(&self, id: SessionId, reply: NewReply<'_>) -> Result<(), StoreError> {
        let bytes = match reply {
            NewReply::Bytes(bytes) => bytes.to_vec(),
            NewReply::File(path) => fs::read(path)?,
        };
        let mut contents = self.contents();
        if contents.free_bytes() < length(&bytes) {
            return Err(StoreError::NoSpace(io::ErrorKind::StorageFull.into()));
        }
        contents.session(id)?.reply = Some(Arc::new(bytes));
        match reply {
            NewReply::Bytes(_) => Ok(()),
            NewReply::File(path) => Ok(fs::remove_file(path)?),
        }
    }

    fn reply(&self, id: SessionId) -> Result<Box<dyn Content>, StoreError> {
        let mut contents = self.contents();
        let session = contents.session(id)?;
        session.content(session.reply.as_ref())
    }

    fn remove(&self, id: SessionId) -> Result<(), StoreError> {
        self.contents().sessions.remove(&id);
        Ok(())
    }

    fn retire(&self, record: &SessionRecord, end: SessionEnd) -> Result<(), StoreError> {
        let mut contents = self.contents();
        contents.sessions.remove(&record.id);
        contents.ended.insert(record.id, EndedSession { end, identity: record.identity() });
        Ok(())
    }

    fn ended(&self, id: SessionId) -> Result<Option<EndedSession>, StoreError> {
        Ok(self.contents().ended.get(id))
    }
}

/// Appends to a session's bytes.
struct MemorySink {
    store: MemoryStore,
    id: SessionId,
    received: u64,
}

impl Sink for MemorySink {
    fn received(&self) -> u64 {
        self.received
    }

    fn write(&mut self, data: &[u8]) -> Result<(), StoreError> {
        let mut contents = self.store.contents();
        let fitting = usize::try_from(contents.free_bytes()).unwrap_or(usize::MAX).min(data.len());
        let (kept, _) = data.split_at(fitting);
        let held = contents.session(self.id)?.data.as_mut().ok_or(StoreError::NotFound)?;
        Arc::make_mut(held).extend_from_slice(kept);
        self.received = length(held);
        if kept.len() < data.len() {
            return Err(StoreError::NoSpace(io::ErrorKind::StorageFull.into()));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Bytes for reading. They stay readable when their session ends.
struct MemoryContent {
    bytes: Arc<Vec<u8>>,
    modified_ms: u64,
}

impl Content for MemoryContent {
    fn length(&self) -> u64 {
        length(&self.bytes)
    }

    fn modified_ms(&self) -> u64 {
        self.modified_ms
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        // Beyond the end there is nothing to read.
        let rest = usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset..));
        rest.unwrap_or_default().read(buffer)
    }
}

fn length(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}
