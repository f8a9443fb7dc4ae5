//! What is on the disk after a power failure and the next start, before any client continues. A delivered file stays as it
//! is, in whatever state the power failure left its session.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bitsup::engine::{Engine, EngineConfig, Finalize};
use bitsup::store::{DirOptions, DirStore, Durability, Store, StoredSessions};
use tempfile::TempDir;
use test_support::packets::PacketClient;

use crate::records::{delivered, held, received};

const CONTENT: &[u8] = b"0123456789";

fn open(root: &Path, durability: Durability) -> DirStore {
    DirStore::open(root, DirOptions::default().durability(durability)).unwrap()
}

/// Makes the next start believe that the system was rebooted without a shutdown.
fn reboot(root: &Path) {
    fs::write(root.join(".bitsup/boot"), "00000000-0000-0000-0000-000000000000\n").unwrap();
}

/// A root in which the session of the file `a` holds all its bytes, and the path of that session.
fn complete_session(durability: Durability) -> (TempDir, PathBuf) {
    let root = TempDir::new().unwrap();
    let store = open(root.path(), durability);
    let record = received(&store, 1, "a", CONTENT);
    drop(store);
    let session = root.path().join(".bitsup").join(record.id.to_string());
    (root, session)
}

fn only_session(store: &DirStore) -> bitsup::store::SessionRecord {
    let StoredSessions { mut sessions, unreadable, .. } = store.sessions().unwrap();
    assert_eq!((sessions.len(), unreadable.len()), (1, 0), "{unreadable:?}");
    sessions.remove(0).record
}

const DURABILITIES: [Durability; 3] = [Durability::None, Durability::File, Durability::Fragment];

#[test]
fn a_file_that_was_linked_but_not_recorded_is_kept_and_recorded() {
    for durability in DURABILITIES {
        // The record was not written, written under its temporary name, or torn.
        for staged in ["", "whole", "{\"version\": 2, \"id\""] {
            let (root, session) = complete_session(durability);
            let file = root.path().join("a");
            fs::hard_link(session.join("data"), &file).unwrap();
            if staged == "whole" {
                let record = fs::read_to_string(session.join("session.json")).unwrap();
                let staged = record.replace("\"receiving\"", "\"delivered\"");
                assert_ne!(record, staged);
                fs::write(session.join("session.json.new"), staged).unwrap();
            } else if !staged.is_empty() {
                fs::write(session.join("session.json.new"), staged).unwrap();
            }
            reboot(root.path());

            let store = open(root.path(), durability);
            assert_eq!(fs::read(&file).unwrap(), CONTENT, "{durability:?} {staged}");
            let record = only_session(&store);
            assert_eq!(record, delivered(&record));
            assert_eq!(fs::read(&file).unwrap(), CONTENT, "{durability:?} {staged}");
            assert_eq!(fs::metadata(&file).unwrap().nlink(), 1);
            // The commit of a client that repeats its last packet changes nothing.
            store.commit(&record, false).unwrap();
            assert_eq!(fs::read(&file).unwrap(), CONTENT);
        }
    }
}

#[test]
fn a_file_that_replaced_another_but_was_not_recorded_is_kept() {
    let (root, session) = complete_session(Durability::File);
    let file = root.path().join("a");
    fs::hard_link(session.join("data"), &file).unwrap();
    fs::hard_link(session.join("data"), session.join("delivery")).unwrap();
    reboot(root.path());
    let store = open(root.path(), Durability::File);
    let record = only_session(&store);
    assert_eq!(record, delivered(&record));
    assert_eq!(fs::read(&file).unwrap(), CONTENT);
}

/// The host application chose another name; only the record that was staged knows it.
#[test]
fn a_redirected_file_is_found_by_the_staged_record() {
    let (root, session) = complete_session(Durability::File);
    fs::hard_link(session.join("data"), root.path().join("b")).unwrap();
    let record = fs::read_to_string(session.join("session.json")).unwrap();
    let staged = record.replace("\"receiving\"", "\"delivered\"").replace("\"a\"", "\"b\"");
    fs::write(session.join("session.json.new"), &staged).unwrap();
    reboot(root.path());
    let store = open(root.path(), Durability::File);
    let record = only_session(&store);
    assert_eq!(fs::read(root.path().join("b")).unwrap(), CONTENT);
    assert_eq!(record.destination.segments(), ["b"]);
    assert_eq!(record, delivered(&record));
}

/// Somebody moved the delivered file, or made a link to the data: the session starts over with bytes of its own.
#[test]
fn bytes_with_another_name_are_not_truncated() {
    for (durability, kept) in [(Durability::File, 0), (Durability::Fragment, 3)] {
        let (root, session) = complete_session(durability);
        if durability == Durability::Fragment {
            let slot = format!("{kept:020} {kept:020}\n");
            fs::write(session.join("synced"), slot).unwrap();
        }
        let moved = root.path().join("moved");
        fs::hard_link(session.join("data"), &moved).unwrap();
        reboot(root.path());
        let store = open(root.path(), durability);
        let record = only_session(&store);
        assert_eq!(fs::read(&moved).unwrap(), CONTENT);
        assert_eq!(held(&store, record.id).unwrap(), kept);
        store.open(record.id).unwrap().write(b"other").unwrap();
        assert_eq!(fs::read(&moved).unwrap(), CONTENT);
    }
}

/// The same over the protocol, with both moments of delivery: the client's next packet succeeds, and the file stays.
#[test]
fn a_client_that_continues_after_the_power_failure_finds_its_upload_complete() {
    for finalize in [Finalize::LastFragment, Finalize::Close] {
        let root = TempDir::new().unwrap();
        let engine = |store| {
            let config = EngineConfig::new(std::sync::Arc::new(store)).finalize(finalize);
            Engine::new(config).unwrap()
        };
        let client = PacketClient::create(&engine(open(root.path(), Durability::File)), "/a");
        let session = root.path().join(".bitsup").join(&client.id);
        let receiving = fs::read(session.join("session.json")).unwrap();
        assert_eq!(client.send_file(CONTENT).status, 200);
        let id = client.id.clone();
        drop(client);
        if finalize == Finalize::LastFragment {
            // The file has its name; the record and the removal of the data are lost.
            let known = String::from_utf8(receiving).unwrap().replace("\"total\": null", "\"total\": 10");
            fs::write(session.join("session.json"), known).unwrap();
            fs::hard_link(root.path().join("a"), session.join("data")).unwrap();
        } else {
            fs::hard_link(session.join("data"), root.path().join("a")).unwrap();
        }
        reboot(root.path());
        let client = PacketClient { engine: engine(open(root.path(), Durability::File)), path: "/a", id };
        assert_eq!(fs::read(root.path().join("a")).unwrap(), CONTENT);
        assert_eq!(client.send_file(CONTENT).status, 200);
        assert_eq!(client.close().status, 200);
        assert_eq!(fs::read(root.path().join("a")).unwrap(), CONTENT);
    }
}

/// A session that cannot be recovered is reported and not used, now or at a later start, until it can.
#[test]
fn a_session_that_cannot_be_recovered_is_set_aside() {
    let (root, session) = complete_session(Durability::File);
    let store = open(root.path(), Durability::File);
    let other = received(&store, 2, "b", CONTENT);
    drop(store);
    fs::rename(session.join("data"), session.join("elsewhere")).unwrap();
    fs::create_dir(session.join("data")).unwrap();
    reboot(root.path());
    for _ in 0..2 {
        let store = open(root.path(), Durability::File);
        let StoredSessions { sessions, unreadable, .. } = store.sessions().unwrap();
        assert_eq!(sessions.iter().map(|stored| stored.record.id).collect::<Vec<_>>(), [other.id]);
        assert_eq!(unreadable.len(), 1);
        assert!(unreadable[0].reason.contains("power failure"), "{unreadable:?}");
    }
    fs::remove_dir(session.join("data")).unwrap();
    fs::rename(session.join("elsewhere"), session.join("data")).unwrap();
    let store = open(root.path(), Durability::File);
    assert_eq!(store.sessions().unwrap().unreadable, []);
    for stored in store.sessions().unwrap().sessions {
        assert_eq!(held(&store, stored.record.id).unwrap(), 0);
    }
}
