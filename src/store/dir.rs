//! A store in a directory.

use std::path::Path;

use super::{Destination, SessionRecord, Sink, Store, StoreError, StoredSession};
use crate::error::Error;
use crate::proto::SessionId;

/// What survives a loss of power (a crash of the process alone never loses acknowledged bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Whatever the kernel has written by itself.
    None,
    /// A delivered file: it is synchronised before its last Ack.
    #[default]
    File,
    /// Every acknowledged fragment.
    Fragment,
}

/// How a directory store behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct DirOptions {
    /// What survives a loss of power.
    pub durability: Durability,
}

/// Files under a root directory; sessions in `ROOT/.bitsup/`.
#[derive(Debug)]
pub struct DirStore {}

impl DirStore {
    /// Opens a root directory and takes its lock.
    pub fn open(_root: impl AsRef<Path>, _options: DirOptions) -> Result<Self, Error> {
        unimplemented!()
    }
}

impl Store for DirStore {
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
