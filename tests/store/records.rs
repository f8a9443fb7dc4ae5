//! Helpers for tests of stores.

use bitsup::proto::SessionId;
use bitsup::store::{Destination, SessionPhase, SessionRecord, Store, StoreError};

/// Returns the record of session `number` with the destination `path`.
pub fn record(number: u128, path: &str) -> SessionRecord {
    SessionRecord {
        id: SessionId::from_u128(number),
        destination: Destination::from_url_path(&format!("/{path}")).unwrap(),
        remote: None,
        url: None,
        query: Some("a=1".into()),
        owner: Some("CONTOSO\\jane".into()),
        total: None,
        created_ms: 1_700_000_000_123,
        phase: SessionPhase::Receiving,
        outcome: None,
    }
}

/// Returns the record after its commit.
pub fn delivered(record: &SessionRecord) -> SessionRecord {
    SessionRecord { phase: SessionPhase::Delivered, ..record.clone() }
}

/// Creates a session with `data`.
pub fn received(store: &dyn Store, number: u128, path: &str, data: &[u8]) -> SessionRecord {
    let record = record(number, path);
    store.create(&record).unwrap();
    store.open(record.id).unwrap().write(data).unwrap();
    record
}

/// Returns the number of bytes in the session, according to the store.
pub fn held(store: &dyn Store, id: SessionId) -> Result<u64, StoreError> {
    Ok(store.open(id)?.received())
}

/// Returns a directory in memory if possible, for tests that would otherwise wait for many syncs.
pub fn temporary_root() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}
