//! A store in memory: for tests and for small uploads that the host handles itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Content, Destination, NewReply, SessionPhase, SessionRecord, Sink, Store, StoreError, StoredSession,
    StoredSessions,
};
use crate::proto::SessionId;

/// Files and sessions in memory. A clone shares the content, so that a test can restart an engine over it.
///
/// It has no clock: a session counts as last modified when it was made.
#[derive(Debug, Clone)]
pub struct MemoryStore(Arc<Mutex<Inside>>);

#[derive(Debug)]
struct Inside {
    max_bytes: u64,
    /// Without the root, which is always there.
    directories: BTreeSet<String>,
    files: BTreeMap<String, Vec<u8>>,
    sessions: BTreeMap<SessionId, Session>,
}

#[derive(Debug)]
struct Session {
    record: SessionRecord,
    /// None once they are delivered. Shared with whoever reads them.
    data: Option<Arc<Vec<u8>>>,
    reply: Option<Arc<Vec<u8>>>,
}

impl MemoryStore {
    /// An empty store that holds at most `max_bytes`, in sessions and delivered files together.
    pub fn new(max_bytes: u64) -> Self {
        Self(Arc::new(Mutex::new(Inside {
            max_bytes,
            directories: BTreeSet::new(),
            files: BTreeMap::new(),
            sessions: BTreeMap::new(),
        })))
    }

    /// The file at that path (`a/b.txt`), if there is one.
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.inside().files.get(path).cloned()
    }

    /// Puts a file there, as if somebody had; makes the directories above it.
    pub fn put_file(&self, path: &str, content: &[u8]) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.make_directory(parent);
        }
        self.inside().files.insert(path.to_owned(), content.to_vec());
    }

    /// Removes a file, as if somebody had; whether it was there.
    pub fn remove_file(&self, path: &str) -> bool {
        self.inside().files.remove(path).is_some()
    }

    /// Makes a directory and those above it; files need their parent. The root exists.
    pub fn make_directory(&self, path: &str) {
        let mut inside = self.inside();
        let above = path.match_indices('/').filter_map(|(end, _)| path.get(..end));
        inside.directories.extend(above.chain([path]).map(str::to_owned));
    }

    /// The paths of all files, sorted.
    pub fn files(&self) -> Vec<String> {
        self.inside().files.keys().cloned().collect()
    }

    /// The bytes a session holds, if it holds any.
    pub fn session_data(&self, id: SessionId) -> Option<Vec<u8>> {
        self.inside().sessions.get(&id)?.data.as_deref().cloned()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    /// An empty store without a limit.
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

impl Inside {
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

    /// How many more bytes there is room for.
    fn room(&self) -> u64 {
        let held =
            self.sessions.values().flat_map(|session| [session.data.as_deref(), session.reply.as_deref()]);
        let all = held.flatten().chain(self.files.values());
        let used = all.map(|bytes| length(bytes)).fold(0, u64::saturating_add);
        self.max_bytes.saturating_sub(used)
    }

    fn session(&mut self, id: SessionId) -> Result<&mut Session, StoreError> {
        self.sessions.get_mut(&id).ok_or(StoreError::NotFound)
    }
}

impl Session {
    fn content(&self, bytes: Option<&Arc<Vec<u8>>>) -> Result<Box<dyn Content>, StoreError> {
        let bytes = Arc::clone(bytes.ok_or(StoreError::NotFound)?);
        Ok(Box::new(MemoryContent { bytes, modified_ms: self.record.created_ms }))
    }
}

impl Store for MemoryStore {
    fn check(&self, destination: &Destination, overwrite: bool) -> Result<(), StoreError> {
        self.inside().check(destination, overwrite)
    }

    fn sessions(&self) -> Result<StoredSessions, StoreError> {
        let inside = self.inside();
        let records = inside.sessions.values().map(|session| session.record.clone());
        let stored = |record: SessionRecord| StoredSession { modified_ms: record.created_ms, record };
        Ok(StoredSessions { sessions: records.map(stored).collect(), unreadable: Vec::new() })
    }

    fn create(&self, record: &SessionRecord) -> Result<(), StoreError> {
        let mut inside = self.inside();
        let former = inside.sessions.get(&record.id).and_then(|session| session.data.as_ref());
        if former.is_some_and(|data| !data.is_empty()) {
            let message = "the session exists and holds bytes";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message).into());
        }
        inside
            .sessions
            .insert(record.id, Session { record: record.clone(), data: Some(Arc::default()), reply: None });
        Ok(())
    }

    fn save(&self, record: &SessionRecord) -> Result<(), StoreError> {
        self.inside().session(record.id)?.record = record.clone();
        Ok(())
    }

    fn open(&self, id: SessionId) -> Result<Box<dyn Sink>, StoreError> {
        let mut inside = self.inside();
        let received = length(inside.session(id)?.data.as_ref().ok_or(StoreError::NotFound)?);
        Ok(Box::new(MemorySink { store: self.clone(), id, received }))
    }

    fn commit(&self, record: &SessionRecord, overwrite: bool) -> Result<(), StoreError> {
        let mut inside = self.inside();
        if inside.session(record.id)?.record.phase == SessionPhase::Delivered {
            return Ok(());
        }
        inside.check(&record.destination, overwrite)?;
        let session = inside.session(record.id)?;
        let data = session.data.take().ok_or(StoreError::NotFound)?;
        session.record = record.clone();
        inside.files.insert(record.destination.clone().into(), Arc::unwrap_or_clone(data));
        Ok(())
    }

    fn read(&self, id: SessionId) -> Result<Box<dyn Content>, StoreError> {
        let mut inside = self.inside();
        let session = inside.session(id)?;
        session.content(session.data.as_ref())
    }

    fn stage_reply(&self, id: SessionId) -> Result<Option<PathBuf>, StoreError> {
        self.inside().session(id)?.reply = None;
        Ok(None)
    }

    fn put_reply(&self, id: SessionId, reply: NewReply<'_>) -> Result<(), StoreError> {
        let bytes = match reply {
            NewReply::Bytes(bytes) => bytes.to_vec(),
            NewReply::File(path) => fs::read(path)?,
        };
        let mut inside = self.inside();
        if inside.room() < length(&bytes) {
            return Err(StoreError::NoSpace(io::ErrorKind::StorageFull.into()));
        }
        inside.session(id)?.reply = Some(Arc::new(bytes));
        match reply {
            NewReply::Bytes(_) => Ok(()),
            NewReply::File(path) => Ok(fs::remove_file(path)?),
        }
    }

    fn reply(&self, id: SessionId) -> Result<Box<dyn Content>, StoreError> {
        let mut inside = self.inside();
        let session = inside.session(id)?;
        session.content(session.reply.as_ref())
    }

    fn remove(&self, id: SessionId) -> Result<(), StoreError> {
        self.inside().sessions.remove(&id);
        Ok(())
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
        let mut inside = self.store.inside();
        let fitting = usize::try_from(inside.room()).unwrap_or(usize::MAX).min(data.len());
        let kept = data.get(..fitting).unwrap_or_default();
        let held = inside.session(self.id)?.data.as_mut().ok_or(StoreError::NotFound)?;
        Arc::make_mut(held).extend_from_slice(kept);
        self.received = length(held);
        match kept.len() == data.len() {
            true => Ok(()),
            false => Err(StoreError::NoSpace(io::ErrorKind::StorageFull.into())),
        }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Bytes for reading; they stay when their session ends.
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
        let rest = usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset..));
        rest.unwrap_or_default().read(buffer)
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
