//! A store in memory: for tests and for small uploads that the host handles itself.

use super::{Destination, SessionRecord, Sink, Store, StoreError, StoredSession};
use crate::proto::SessionId;

/// Files and sessions in memory. A clone shares the content, so that a test can restart an engine over it.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {}

impl MemoryStore {
    /// An empty store that holds at most `max_bytes` of received data.
    pub fn new(_max_bytes: u64) -> Self {
        unimplemented!()
    }
    /// The delivered file at that path (`a/b.txt`), if there is one.
    pub fn file(&self, _path: &str) -> Option<Vec<u8>> {
        unimplemented!()
    }
    /// Puts a file there, as if somebody had.
    pub fn put_file(&self, _path: &str, _content: &[u8]) {
        unimplemented!()
    }
    /// Makes a directory; files need their parent. The root exists.
    pub fn make_directory(&self, _path: &str) {
        unimplemented!()
    }
    /// The paths of all delivered files, sorted.
    pub fn files(&self) -> Vec<String> {
        unimplemented!()
    }
    /// The bytes a session holds, if it holds any.
    pub fn session_data(&self, _id: SessionId) -> Option<Vec<u8>> {
        unimplemented!()
    }
}

impl Store for MemoryStore {
    fn check(&self, _destination: &Destination, _overwrite: bool) -> Result<(), StoreError> {
        unimplemented!()
    }
    fn sessions(&self) -> Result<Vec<StoredSession>, StoreError> {
        unimplemented!()
    }
    fn create(&self, _record: &SessionRecord) -> Result<(), StoreError> {
        unimplemented!()
    }
    fn save(&self, _record: &SessionRecord) -> Result<(), StoreError> {
        unimplemented!()
    }
    fn open(&self, _id: SessionId) -> Result<Box<dyn Sink>, StoreError> {
        unimplemented!()
    }
    fn commit(&self, _record: &SessionRecord, _overwrite: bool) -> Result<(), StoreError> {
        unimplemented!()
    }
    fn remove(&self, _id: SessionId) -> Result<(), StoreError> {
        unimplemented!()
    }
}
