//! The contract of stores, tested for the directory store, the memory store and a store with C callbacks.

use std::fs;

use bitsup::store::{DirOptions, DirStore, Durability, MemoryStore, SessionRecord, Store, StoreError};
use tempfile::TempDir;
use test_support::callback_store;

use crate::records::{delivered, held, received, record};

/// A store, and changes to its files that are made by other processes.
trait Fixture {
    fn store(&self) -> &dyn Store;
    /// Opens the store again, as after a restart of the process.
    fn restart(self) -> Self;
    fn make_directory(&self, path: &str);
    fn put_file(&self, path: &str, content: &[u8]);
    fn remove_file(&self, path: &str);
    fn file(&self, path: &str) -> Option<Vec<u8>>;
}

struct Memory(MemoryStore);

impl Fixture for Memory {
    fn store(&self) -> &dyn Store {
        &self.0
    }
    fn restart(self) -> Self {
        Self(self.0.clone())
    }
    fn make_directory(&self, path: &str) {
        self.0.make_directory(path);
    }
    fn put_file(&self, path: &str, content: &[u8]) {
        self.0.put_file(path, content);
    }
    fn remove_file(&self, path: &str) {
        assert!(self.0.remove_file(path));
    }
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.0.file(path)
    }
}

struct Directory {
    root: TempDir,
    options: DirOptions,
    store: DirStore,
}

impl Directory {
    fn new(durability: Durability) -> Self {
        let (root, options) = (TempDir::new().unwrap(), DirOptions::default().durability(durability));
        let store = DirStore::open(root.path(), options).unwrap();
        Self { root, options, store }
    }
}

impl Fixture for Directory {
    fn store(&self) -> &dyn Store {
        &self.store
    }
    fn restart(self) -> Self {
        drop(self.store);
        let store = DirStore::open(self.root.path(), self.options).unwrap();
        Self { store, ..self }
    }
    fn make_directory(&self, path: &str) {
        fs::create_dir_all(self.root.path().join(path)).unwrap();
    }
    fn put_file(&self, path: &str, content: &[u8]) {
        fs::write(self.root.path().join(path), content).unwrap();
    }
    fn remove_file(&self, path: &str) {
        fs::remove_file(self.root.path().join(path)).unwrap();
    }
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.root.path().join(path)).ok()
    }
}

struct Callbacks {
    files: callback_store::Files,
    store: std::sync::Arc<dyn Store>,
}

impl Callbacks {
    fn new() -> Self {
        let files = callback_store::Files::default();
        Self { store: files.open(), files }
    }
}

impl Fixture for Callbacks {
    fn store(&self) -> &dyn Store {
        &*self.store
    }
    fn restart(self) -> Self {
        Self { store: self.files.open(), ..self }
    }
    fn make_directory(&self, path: &str) {
        self.files.make_folder(path);
    }
    fn put_file(&self, path: &str, content: &[u8]) {
        self.files.put_file(path, content);
    }
    fn remove_file(&self, path: &str) {
        self.files.state().files.remove(path).unwrap();
    }
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.files.file(path)
    }
}

/// Turns each function into a test for each store.
macro_rules! contract {
    ($($(#[$id:meta])* fn $test:ident($fixture:ident: impl Fixture) $body:block)*) => {
        mod generic {
            use super::*;
            $($(#[$id])* pub fn $test($fixture: impl Fixture) $body)*
        }
        mod memory {
            use super::*;
            $(#[test] fn $test() { generic::$test(Memory(MemoryStore::default())) })*
        }
        mod callbacks {
            use super::*;
            $(#[test] fn $test() { generic::$test(Callbacks::new()) })*
        }
        mod directory {
            use super::*;
            $(#[test] fn $test() { generic::$test(Directory::new(Durability::File)) })*
        }
        mod directory_without_sync {
            use super::*;
            $(#[test] fn $test() { generic::$test(Directory::new(Durability::None)) })*
        }
        mod directory_with_synced_fragments {
            use super::*;
            $(#[test] fn $test() { generic::$test(Directory::new(Durability::Fragment)) })*
        }
    };
}

fn records(store: &dyn Store) -> Vec<SessionRecord> {
    let found = store.sessions().unwrap();
    assert_eq!(found.unreadable, []);
    let mut records = found.sessions.into_iter().map(|stored| stored.record).collect::<Vec<_>>();
    records.sort_by_key(|record| record.id);
    records
}

contract! {
    fn a_new_session_holds_no_bytes_and_is_listed_with_its_record(fixture: impl Fixture) {
        let (first, second) = (record(1, "a.txt"), record(2, "sub/日本 b.txt"));
        let store = fixture.store();
        store.create(&first).unwrap();
        store.create(&second).unwrap();
        assert_eq!(held(store, first.id).unwrap(), 0);
        assert_eq!(records(store), [first, second]);
    }

    fn bytes_are_appended_and_counted_across_sinks(fixture: impl Fixture) {
        let record = received(fixture.store(), 1, "a", b"one");
        let mut sink = fixture.store().open(record.id).unwrap();
        assert_eq!(sink.received(), 3);
        sink.write(b"").unwrap();
        sink.write(b"two").unwrap();
        sink.write(b"three").unwrap();
        sink.flush().unwrap();
        assert_eq!(sink.received(), 11);
        drop(sink);
        fixture.store().commit(&delivered(&record), false).unwrap();
        assert_eq!(fixture.file("a").unwrap(), b"onetwothree");
    }

    fn sessions_and_bytes_survive_a_restart(fixture: impl Fixture) {
        let record = received(fixture.store(), 1, "a", b"acknowledged");
        let fixture = fixture.restart();
        assert_eq!(records(fixture.store()), std::slice::from_ref(&record));
        assert_eq!(held(fixture.store(), record.id).unwrap(), 12);
    }

    fn a_saved_record_replaces_the_previous_one(fixture: impl Fixture) {
        let mut record = received(fixture.store(), 1, "a", b"x");
        record.total = Some(u64::MAX);
        record.query = None;
        fixture.store().save(&record).unwrap();
        assert_eq!(records(fixture.store()), std::slice::from_ref(&record));
        let fixture = fixture.restart();
        assert_eq!(records(fixture.store()), std::slice::from_ref(&record));
        assert_eq!(held(fixture.store(), record.id).unwrap(), 1);
    }

    fn the_modification_time_is_not_before_the_creation_time(fixture: impl Fixture) {
        let session = received(fixture.store(), 1, "a", b"x");
        let found = fixture.store().sessions().unwrap().sessions;
        assert!(found[0].modified_ms >= session.created_ms);
    }

    fn nothing_is_at_the_destination_before_the_commit(fixture: impl Fixture) {
        received(fixture.store(), 1, "a", b"part");
        assert_eq!(fixture.file("a"), None);
    }

    fn commit_delivers_the_file_and_removes_the_session_data(fixture: impl Fixture) {
        fixture.make_directory("sub/deep");
        let record = received(fixture.store(), 1, "sub/deep/a", b"all of it");
        fixture.store().commit(&delivered(&record), false).unwrap();
        assert_eq!(fixture.file("sub/deep/a").unwrap(), b"all of it");
        assert!(matches!(held(fixture.store(), record.id), Err(StoreError::NotFound)));
        let fixture = fixture.restart();
        assert_eq!(records(fixture.store()), [delivered(&record)]);
    }

    fn an_empty_file_is_delivered(fixture: impl Fixture) {
        let record = received(fixture.store(), 1, "empty", b"");
        fixture.store().commit(&delivered(&record), false).unwrap();
        assert_eq!(fixture.file("empty").unwrap(), b"");
    }

    fn a_second_commit_succeeds_without_delivering_again(fixture: impl Fixture) {
        let record = delivered(&received(fixture.store(), 1, "a", b"once"));
        for overwrite in [false, true] {
            fixture.store().commit(&record, overwrite).unwrap();
            assert_eq!(fixture.file("a").unwrap(), b"once");
        }
        fixture.remove_file("a");
        fixture.store().commit(&record, true).unwrap();
        assert_eq!(fixture.file("a"), None);
    }

    /// CRE-12, CLS-10
    fn a_file_that_appeared_at_the_destination_is_kept_and_so_is_the_session(fixture: impl Fixture) {
        let record = received(fixture.store(), 1, "a", b"ours");
        fixture.put_file("a", b"theirs");
        let rejected = fixture.store().commit(&delivered(&record), false);
        assert!(matches!(rejected, Err(StoreError::Exists)));
        assert_eq!(fixture.file("a").unwrap(), b"theirs");
        assert_eq!(records(fixture.store()), std::slice::from_ref(&record));
        assert_eq!(held(fixture.store(), record.id).unwrap(), 4);
        fixture.remove_file("a");
        fixture.store().commit(&delivered(&record), false).unwrap();
        assert_eq!(fixture.file("a").unwrap(), b"ours");
    }

    /// CRE-13
    fn commit_with_overwrite_replaces_a_file(fixture: impl Fixture) {
        fixture.put_file("a", b"the old one, which is longer");
        let record = received(fixture.store(), 1, "a", b"new");
        fixture.store().commit(&delivered(&record), true).unwrap();
        assert_eq!(fixture.file("a").unwrap(), b"new");
        assert!(matches!(held(fixture.store(), record.id), Err(StoreError::NotFound)));
    }

    fn commit_with_overwrite_delivers_to_a_free_name(fixture: impl Fixture) {
        let record = received(fixture.store(), 1, "a", b"new");
        fixture.store().commit(&delivered(&record), true).unwrap();
        assert_eq!(fixture.file("a").unwrap(), b"new");
    }

    /// CRE-21: the second session to finish fails.
    fn of_two_sessions_for_one_file_the_first_commit_wins(fixture: impl Fixture) {
        let (slow, fast) = (received(fixture.store(), 1, "a", b"slow"), received(fixture.store(), 2, "a", b"fast"));
        fixture.store().commit(&delivered(&fast), false).unwrap();
        assert!(matches!(fixture.store().commit(&delivered(&slow), false), Err(StoreError::Exists)));
        assert_eq!(fixture.file("a").unwrap(), b"fast");
    }

    /// CRE-12, CRE-14, CRE-15
    fn check_and_commit_agree_on_what_can_be_delivered(fixture: impl Fixture) {
        fixture.make_directory("dir/sub");
        fixture.put_file("dir/file", b"");
        let table = [
            ("free", "Ok(())", "Ok(())"),
            ("dir/free", "Ok(())", "Ok(())"),
            ("dir/file", "Err(Exists)", "Ok(())"),
            ("dir", "Err(IsDirectory)", "Err(IsDirectory)"),
            ("dir/sub", "Err(IsDirectory)", "Err(IsDirectory)"),
            ("none/a", "Err(ParentMissing)", "Err(ParentMissing)"),
            ("dir/none/a", "Err(ParentMissing)", "Err(ParentMissing)"),
            ("dir/file/a", "Err(ParentMissing)", "Err(ParentMissing)"),
        ];
        for (number, (path, without, with)) in (1u128..).zip(table) {
            let record = received(fixture.store(), number, path, b"x");
            for (overwrite, expected) in [(false, without), (true, with)] {
                let checked = fixture.store().check(&record.destination, overwrite);
                assert_eq!(format!("{checked:?}"), expected, "check {path} {overwrite}");
                let committed = fixture.store().commit(&delivered(&record), overwrite);
                assert_eq!(format!("{committed:?}"), expected, "commit {path} {overwrite}");
                if committed.is_ok() {
                    break;
                }
            }
        }
    }

    /// CAN-08
    fn removing_a_session_leaves_the_file_it_would_have_replaced(fixture: impl Fixture) {
        fixture.put_file("a", b"old");
        let record = received(fixture.store(), 1, "a", b"half");
        fixture.store().remove(record.id).unwrap();
        assert_eq!(fixture.file("a").unwrap(), b"old");
        assert!(matches!(held(fixture.store(), record.id), Err(StoreError::NotFound)));
        assert_eq!(records(fixture.restart().store()), []);
    }

    fn removing_a_delivered_session_leaves_the_file(fixture: impl Fixture) {
        let record = received(fixture.store(), 1, "a", b"all");
        fixture.store().commit(&delivered(&record), false).unwrap();
        fixture.store().remove(record.id).unwrap();
        assert_eq!(fixture.file("a").unwrap(), b"all");
        assert_eq!(records(fixture.restart().store()), []);
    }

    fn removing_an_unknown_session_succeeds(fixture: impl Fixture) {
        let (kept, gone) = (received(fixture.store(), 1, "a", b"x"), record(2, "b"));
        fixture.store().remove(gone.id).unwrap();
        fixture.store().remove(gone.id).unwrap();
        assert_eq!(records(fixture.store()), [kept]);
    }

    fn an_unknown_session_is_not_found(fixture: impl Fixture) {
        let unknown = record(1, "a");
        assert!(matches!(held(fixture.store(), unknown.id), Err(StoreError::NotFound)));
        assert!(matches!(fixture.store().save(&unknown), Err(StoreError::NotFound)));
        assert!(matches!(fixture.store().commit(&delivered(&unknown), true), Err(StoreError::NotFound)));
        assert_eq!(records(fixture.store()), []);
        assert_eq!(fixture.file("a"), None);
    }

    fn creating_a_session_again_repairs_an_empty_one_but_keeps_bytes(fixture: impl Fixture) {
        let mut record = record(1, "a");
        fixture.store().create(&record).unwrap();
        record.owner = None;
        fixture.store().create(&record).unwrap();
        assert_eq!(records(fixture.store()), std::slice::from_ref(&record));
        fixture.store().open(record.id).unwrap().write(b"bytes").unwrap();
        assert!(fixture.store().create(&record).is_err());
        assert_eq!(held(fixture.store(), record.id).unwrap(), 5);
    }
}

// B-STORE-04
#[test]
fn a_full_memory_store_keeps_and_counts_what_fits() {
    let store = MemoryStore::new(10);
    store.put_file("old", b"123");
    let first = received(&store, 1, "a", b"1234");
    let mut sink = store.open(first.id).unwrap();
    assert!(matches!(sink.write(b"56789"), Err(StoreError::NoSpace(_))));
    assert_eq!(sink.received(), 7);
    assert_eq!(store.session_data(first.id).unwrap(), b"1234567");
    assert!(matches!(sink.write(b"8"), Err(StoreError::NoSpace(_))));
    store.remove_file("old");
    sink.write(b"890").unwrap();
    drop(sink);
    store.commit(&delivered(&first), false).unwrap();
    assert_eq!(store.file("a").unwrap(), b"1234567890");
    assert_eq!(store.session_data(first.id), None);
    assert_eq!(store.files(), ["a"]);
}
