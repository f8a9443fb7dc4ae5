//! An Ack for bytes that are already stored guarantees the same durability as any other Ack.

use std::sync::Arc;

use bitsup::engine::{Engine, EngineConfig, Finalize};
use bitsup::store::{DirOptions, DirStore, Durability};
use test_support::packets::PacketClient;

/// Returns the length that the store would keep after a power loss.
fn durable_length(root: &std::path::Path, id: &str) -> u64 {
    let slots = std::fs::read_to_string(root.join(".bitsup").join(id).join("synced")).unwrap();
    slots.lines().map(|slot| slot[..20].parse().unwrap()).max().unwrap_or(0)
}

#[test]
fn bytes_left_unflushed_by_a_crash_are_flushed_before_they_are_acknowledged() {
    let root = tempfile::tempdir().unwrap();
    let options = DirOptions::default().durability(Durability::Fragment);
    let store = Arc::new(DirStore::open(root.path(), options).unwrap());
    let config = EngineConfig::new(store).finalize(Finalize::Close);
    let client = PacketClient::create(&Engine::new(config).unwrap(), "/a");
    assert_eq!(client.send_file(b"whole").status, 200);
    // As after a crash before the flush.
    let session = root.path().join(".bitsup").join(&client.id);
    std::fs::write(session.join("synced"), "").unwrap();
    assert_eq!(durable_length(root.path(), &client.id), 0);
    assert_eq!(client.send_file(b"whole").status, 200);
    assert_eq!(durable_length(root.path(), &client.id), 5);
}
