//! After a power failure, sessions are recovered one by one while the store is in use. A crash in between, at whatever
//! moment, loses neither the knowledge which sessions still have to be recovered nor bytes that were received since.
#![cfg(target_os = "linux")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use bitsup::store::{DirOptions, DirStore, Durability, SessionRecord, Store, StoreEntry};
use tempfile::TempDir;

use crate::records::{held, received, record, temporary_root};

const SESSIONS: u128 = 5;

fn open(root: &Path) -> DirStore {
    DirStore::open(root, DirOptions::default()).unwrap()
}

fn reboot(root: &Path) {
    fs::write(root.join(".bitsup/boot"), "00000000-0000-0000-0000-000000000000\n").unwrap();
}

/// Ends a process without an orderly stop.
fn kill(root: &Path, store: DirStore) {
    let boot = fs::read(root.join(".bitsup/boot")).unwrap();
    drop(store);
    fs::write(root.join(".bitsup/boot"), boot).unwrap();
}

/// A root after a power failure, with sessions whose bytes were not synced.
fn after_power_failure() -> (TempDir, Vec<SessionRecord>) {
    let root = temporary_root();
    let store = open(root.path());
    let records = (0..SESSIONS).map(|number| received(&store, number, "a", b"unsynced")).collect();
    drop(store);
    reboot(root.path());
    (root, records)
}

fn stored_length(root: &Path, record: &SessionRecord) -> u64 {
    fs::metadata(root.join(".bitsup").join(record.id.to_string()).join("data")).unwrap().len()
}

#[test]
fn a_session_is_recovered_when_it_is_first_used() {
    let (root, records) = after_power_failure();
    let store = open(root.path());
    let lengths = || records.iter().map(|record| stored_length(root.path(), record)).collect::<Vec<_>>();
    assert_eq!(lengths(), [8, 8, 8, 8, 8]);
    let id = |number: usize| records[number].id;
    assert_eq!(store.find(id(0)).unwrap().unwrap().record, records[0]);
    assert_eq!(lengths(), [0, 8, 8, 8, 8]);
    assert_eq!(held(&store, id(1)).unwrap(), 0);
    assert_eq!(lengths(), [0, 0, 8, 8, 8]);
    assert_eq!(store.read(id(2)).unwrap().length(), 0);
    assert_eq!(lengths(), [0, 0, 0, 8, 8]);
    store.save(&records[3]).unwrap();
    assert_eq!(lengths(), [0, 0, 0, 0, 8]);
    assert_eq!(store.sessions().unwrap().sessions.len(), records.len());
    assert_eq!(lengths(), [0, 0, 0, 0, 0]);
}

/// The listing is interrupted after each number of sessions. One session continues before it, one is new.
#[test]
fn a_crash_during_the_recovery_loses_nothing() {
    for interrupted_after in 0..=SESSIONS as usize + 1 {
        let (root, records) = after_power_failure();
        let store = open(root.path());
        store.open(records[0].id).unwrap().write(b"continued").unwrap();
        let new = received(&store, 100, "new", b"new");
        let mut visited = 0;
        let visit = &mut |entry| {
            assert!(matches!(entry, StoreEntry::Session(_)), "{entry:?}");
            visited += 1;
            if visited < interrupted_after { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        store.visit_sessions(visit).unwrap();
        kill(root.path(), store);

        let expect = |store: &DirStore, when: &str| {
            let length = |record: &SessionRecord| held(store, record.id).unwrap();
            assert_eq!(length(&records[0]), 9, "{when} {interrupted_after}");
            assert_eq!(length(&new), 3, "{when} {interrupted_after}");
            for record in &records[1..] {
                assert_eq!(length(record), 0, "{when} {interrupted_after}");
            }
        };
        let store = open(root.path());
        expect(&store, "after a crash");
        // The second time, everything is recovered.
        assert_eq!(store.sessions().unwrap().sessions.len(), records.len() + 1);
        kill(root.path(), store);
        let boot = fs::read(root.path().join(".bitsup/boot")).unwrap();
        assert_eq!(boot, fs::read("/proc/sys/kernel/random/boot_id").unwrap());
        expect(&open(root.path()), "after another crash");
    }
}

#[test]
fn an_orderly_stop_during_the_recovery_keeps_what_was_received_and_what_is_pending() {
    for is_rebooted in [false, true] {
        let (root, records) = after_power_failure();
        let store = open(root.path());
        store.open(records[0].id).unwrap().write(b"continued").unwrap();
        drop(store);
        if is_rebooted {
            // The system was rebooted after the orderly stop: the store is marked as closed and not as in use.
            assert!(fs::read(root.path().join(".bitsup/boot")).unwrap().starts_with(b"closed"));
        }
        let store = open(root.path());
        let lengths: Vec<u64> = records.iter().map(|record| held(&store, record.id).unwrap()).collect();
        assert_eq!(lengths, [9, 0, 0, 0, 0]);
    }
}

/// After a second power failure, nothing that was recovered before counts.
#[test]
fn a_power_failure_during_the_recovery_begins_it_again() {
    let (root, records) = after_power_failure();
    let store = open(root.path());
    store.open(records[0].id).unwrap().write(b"unsynced again").unwrap();
    let new = received(&store, 100, "new", b"new");
    let mut boot = fs::read(root.path().join(".bitsup/boot")).unwrap();
    assert!(boot.len() > 37 + 4, "no progress was recorded");
    drop(store);
    boot[..8].copy_from_slice(b"00000000");
    fs::write(root.path().join(".bitsup/boot"), boot).unwrap();
    let store = open(root.path());
    for record in records.iter().chain([&new]) {
        assert_eq!(held(&store, record.id).unwrap(), 0);
    }
}

#[test]
fn packets_with_unknown_ids_do_not_fill_the_boot_file() {
    let (root, _) = after_power_failure();
    let store = open(root.path());
    let boot = || fs::read(root.path().join(".bitsup/boot")).unwrap();
    let before = boot();
    for number in 1000..1100 {
        assert_eq!(store.find(record(number, "a").id).unwrap(), None);
    }
    assert_eq!(boot(), before);
}

/// The session is recovered once, and all others that use it wait.
#[test]
fn threads_that_use_a_session_wait_for_its_recovery() {
    for _ in 0..20 {
        let (root, records) = after_power_failure();
        let store = open(root.path());
        std::thread::scope(|scope| {
            scope.spawn(|| store.sessions().unwrap());
            for record in &records {
                scope.spawn(|| {
                    let mut sink = store.open(record.id).unwrap();
                    assert_eq!(sink.received(), 0);
                    sink.write(b"continued").unwrap();
                });
            }
        });
        kill(root.path(), store);
        let store = open(root.path());
        for record in &records {
            assert_eq!(held(&store, record.id).unwrap(), 9);
        }
    }
}

#[test]
fn with_durability_fragment_the_synced_bytes_survive_an_interrupted_recovery() {
    let root = temporary_root();
    let open =
        || DirStore::open(root.path(), DirOptions::default().durability(Durability::Fragment)).unwrap();
    let store = open();
    let record = received(&store, 1, "a", b"");
    let mut sink = store.open(record.id).unwrap();
    sink.write(b"synced").unwrap();
    sink.flush().unwrap();
    sink.write(b"unsynced").unwrap();
    drop((sink, store));
    for added in 0..3 {
        reboot(root.path());
        let store = open();
        let mut sink = store.open(record.id).unwrap();
        assert_eq!(sink.received(), 6 + added);
        sink.write(b"x").unwrap();
        sink.flush().unwrap();
        drop(sink);
        kill(root.path(), store);
    }
}
