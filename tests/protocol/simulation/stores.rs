//! The stores of the simulated servers.

use std::fs;
use std::sync::Arc;

use bitsup::store::{DirOptions, DirStore, Durability, MemoryStore, Store};
use tempfile::TempDir;

pub enum Stores {
    Memory(MemoryStore),
    /// A root that every server opens for itself, as separate processes would.
    Shared(TempDir),
}

impl Stores {
    pub fn memory() -> Self {
        Self::Memory(MemoryStore::default())
    }

    pub fn shared() -> Self {
        Self::Shared(TempDir::new().unwrap())
    }

    /// Opens the store for one server.
    pub fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => Arc::new(store.clone()),
            Self::Shared(root) => {
                let options = DirOptions::default().durability(Durability::None).shared(true);
                Arc::new(DirStore::open(root.path(), options).unwrap())
            }
        }
    }

    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        match self {
            Self::Memory(store) => store.file(name),
            Self::Shared(root) => fs::read(root.path().join(name)).ok(),
        }
    }

    pub fn sessions(&self) -> u64 {
        self.store().sessions().unwrap().sessions.len() as u64
    }
}
