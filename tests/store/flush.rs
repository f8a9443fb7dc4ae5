//! An Ack that only repeats what is known says as much of the disk as any other.

use std::sync::Arc;

use bitsup::engine::{Engine, EngineConfig, Finalize};
use bitsup::store::{DirOptions, DirStore, Durability};
use test_support::packets::Peer;

/// The length that the store believes after a loss of power.
fn synchronised(root: &std::path::Path, id: &str) -> u64 {
    let slots = std::fs::read_to_string(root.join(".bitsup").join(id).join("synced")).unwrap();
    slots.lines().map(|slot| slot[..20].parse().unwrap()).max().unwrap_or(0)
}

#[test]
fn bytes_of_a_server_that_died_before_it_flushed_are_flushed_before_they_are_acknowledged() {
    let root = tempfile::tempdir().unwrap();
    let options = DirOptions::default().durability(Durability::Fragment);
    let store = Arc::new(DirStore::open(root.path(), options).unwrap());
    let config = EngineConfig::new(store).finalize(Finalize::Close);
    let peer = Peer::create(&Engine::new(config).unwrap(), "/a");
    assert_eq!(peer.whole(b"whole").status, 200);
    // As if that had not come so far.
    let session = root.path().join(".bitsup").join(&peer.id);
    std::fs::write(session.join("synced"), "").unwrap();
    assert_eq!(synchronised(root.path(), &peer.id), 0);
    assert_eq!(peer.whole(b"whole").status, 200);
    assert_eq!(synchronised(root.path(), &peer.id), 5);
}
