//! What every store does, shown for each of the two that come with bitsup, and for one by callbacks.

use std::fs;

use bitsup::store::{DirOptions, DirStore, Durability, MemoryStore, SessionRecord, Store, StoreError};
use tempfile::TempDir;
use test_support::callback_store;

use crate::records::{delivered, held, received, record};

/// A store, and what somebody with other access to its files does to them.
trait World {
    fn store(&self) -> &dyn Store;
    /// What a process started anew would see.
    fn restart(self) -> Self;
    fn make_directory(&self, path: &str);
    fn put_file(&self, path: &str, content: &[u8]);
    fn remove_file(&self, path: &str);
    fn file(&self, path: &str) -> Option<Vec<u8>>;
}

struct Memory(MemoryStore);

impl World for Memory {
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

impl World for Directory {
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

impl World for Callbacks {
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
        self.files.inside().files.remove(path).unwrap();
    }
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.files.file(path)
    }
}

/// Makes a test of each fact, for each store.
macro_rules! facts {
    ($($(#[$id:meta])* fn $fact:ident($world:ident: impl World) $body:block)*) => {
        mod fact {
            use super::*;
            $($(#[$id])* pub fn $fact($world: impl World) $body)*
        }
        mod memory {
            use super::*;
            $(#[test] fn $fact() { fact::$fact(Memory(MemoryStore::default())) })*
        }
        mod callbacks {
            use super::*;
            $(#[test] fn $fact() { fact::$fact(Callbacks::new()) })*
        }
        mod directory {
            use super::*;
            $(#[test] fn $fact() { fact::$fact(Directory::new(Durability::File)) })*
        }
        mod directory_without_sync {
            use super::*;
            $(#[test] fn $fact() { fact::$fact(Directory::new(Durability::None)) })*
        }
        mod directory_with_every_fragment_synced {
            use super::*;
            $(#[test] fn $fact() { fact::$fact(Directory::new(Durability::Fragment)) })*
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

facts! {
    fn a_new_session_holds_no_bytes_and_is_listed_with_its_record(world: impl World) {
        let (first, second) = (record(1, "a.txt"), record(2, "sub/日本 b.txt"));
        let store = world.store();
        store.create(&first).unwrap();
        store.create(&second).unwrap();
        assert_eq!(held(store, first.id).unwrap(), 0);
        assert_eq!(records(store), [first, second]);
    }

    fn bytes_are_appended_and_counted_by_this_sink_and_the_next(world: impl World) {
        let record = received(world.store(), 1, "a", b"one");
        let mut sink = world.store().open(record.id).unwrap();
        assert_eq!(sink.received(), 3);
        sink.write(b"").unwrap();
        sink.write(b"two").unwrap();
        sink.write(b"three").unwrap();
        sink.flush().unwrap();
        assert_eq!(sink.received(), 11);
        drop(sink);
        world.store().commit(&delivered(&record), false).unwrap();
        assert_eq!(world.file("a").unwrap(), b"onetwothree");
    }

    fn sessions_and_bytes_survive_a_restart(world: impl World) {
        let record = received(world.store(), 1, "a", b"acknowledged");
        let world = world.restart();
        assert_eq!(records(world.store()), std::slice::from_ref(&record));
        assert_eq!(held(world.store(), record.id).unwrap(), 12);
    }

    fn a_saved_record_replaces_the_former(world: impl World) {
        let mut record = received(world.store(), 1, "a", b"x");
        record.total = Some(u64::MAX);
        record.query = None;
        world.store().save(&record).unwrap();
        assert_eq!(records(world.store()), std::slice::from_ref(&record));
        let world = world.restart();
        assert_eq!(records(world.store()), std::slice::from_ref(&record));
        assert_eq!(held(world.store(), record.id).unwrap(), 1);
    }

    fn sessions_were_not_modified_before_they_were_made(world: impl World) {
        let made = received(world.store(), 1, "a", b"x");
        let found = world.store().sessions().unwrap().sessions;
        assert!(found[0].modified_ms >= made.created_ms);
    }

    fn nothing_is_at_the_destination_before_the_commit(world: impl World) {
        received(world.store(), 1, "a", b"part");
        assert_eq!(world.file("a"), None);
    }

    fn commit_delivers_the_file_and_gives_up_the_session_s_copy(world: impl World) {
        world.make_directory("sub/deep");
        let record = received(world.store(), 1, "sub/deep/a", b"all of it");
        world.store().commit(&delivered(&record), false).unwrap();
        assert_eq!(world.file("sub/deep/a").unwrap(), b"all of it");
        assert!(matches!(held(world.store(), record.id), Err(StoreError::NotFound)));
        let world = world.restart();
        assert_eq!(records(world.store()), [delivered(&record)]);
    }

    fn an_empty_file_is_delivered(world: impl World) {
        let record = received(world.store(), 1, "empty", b"");
        world.store().commit(&delivered(&record), false).unwrap();
        assert_eq!(world.file("empty").unwrap(), b"");
    }

    fn a_second_commit_succeeds_and_delivers_nothing_again(world: impl World) {
        let record = delivered(&received(world.store(), 1, "a", b"once"));
        for overwrite in [false, true] {
            world.store().commit(&record, overwrite).unwrap();
            assert_eq!(world.file("a").unwrap(), b"once");
        }
        world.remove_file("a");
        world.store().commit(&record, true).unwrap();
        assert_eq!(world.file("a"), None);
    }

    /// CRE-12, CLS-10
    fn a_file_that_appeared_meanwhile_stays_and_the_session_too(world: impl World) {
        let record = received(world.store(), 1, "a", b"ours");
        world.put_file("a", b"theirs");
        let refused = world.store().commit(&delivered(&record), false);
        assert!(matches!(refused, Err(StoreError::Exists)));
        assert_eq!(world.file("a").unwrap(), b"theirs");
        assert_eq!(records(world.store()), std::slice::from_ref(&record));
        assert_eq!(held(world.store(), record.id).unwrap(), 4);
        world.remove_file("a");
        world.store().commit(&delivered(&record), false).unwrap();
        assert_eq!(world.file("a").unwrap(), b"ours");
    }

    /// CRE-13
    fn commit_replaces_a_file_when_it_may(world: impl World) {
        world.put_file("a", b"the old one, which is longer");
        let record = received(world.store(), 1, "a", b"new");
        world.store().commit(&delivered(&record), true).unwrap();
        assert_eq!(world.file("a").unwrap(), b"new");
        assert!(matches!(held(world.store(), record.id), Err(StoreError::NotFound)));
    }

    fn commit_with_overwrite_also_takes_a_free_name(world: impl World) {
        let record = received(world.store(), 1, "a", b"new");
        world.store().commit(&delivered(&record), true).unwrap();
        assert_eq!(world.file("a").unwrap(), b"new");
    }

    /// CRE-21: the second one to finish fails.
    fn of_two_sessions_for_one_file_the_first_commit_wins(world: impl World) {
        let (slow, fast) = (received(world.store(), 1, "a", b"slow"), received(world.store(), 2, "a", b"fast"));
        world.store().commit(&delivered(&fast), false).unwrap();
        assert!(matches!(world.store().commit(&delivered(&slow), false), Err(StoreError::Exists)));
        assert_eq!(world.file("a").unwrap(), b"fast");
    }

    /// CRE-12, CRE-14, CRE-15
    fn check_and_commit_agree_on_what_can_be_delivered(world: impl World) {
        world.make_directory("dir/sub");
        world.put_file("dir/file", b"");
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
        for (number, (path, keeping, overwriting)) in (1u128..).zip(table) {
            let record = received(world.store(), number, path, b"x");
            for (overwrite, expected) in [(false, keeping), (true, overwriting)] {
                let checked = world.store().check(&record.destination, overwrite);
                assert_eq!(format!("{checked:?}"), expected, "check {path} {overwrite}");
                let committed = world.store().commit(&delivered(&record), overwrite);
                assert_eq!(format!("{committed:?}"), expected, "commit {path} {overwrite}");
                if committed.is_ok() {
                    break;
                }
            }
        }
    }

    /// CAN-08
    fn removing_a_session_leaves_the_file_it_would_have_replaced(world: impl World) {
        world.put_file("a", b"old");
        let record = received(world.store(), 1, "a", b"half");
        world.store().remove(record.id).unwrap();
        assert_eq!(world.file("a").unwrap(), b"old");
        assert!(matches!(held(world.store(), record.id), Err(StoreError::NotFound)));
        assert_eq!(records(world.restart().store()), []);
    }

    fn removing_a_delivered_session_leaves_the_file(world: impl World) {
        let record = received(world.store(), 1, "a", b"all");
        world.store().commit(&delivered(&record), false).unwrap();
        world.store().remove(record.id).unwrap();
        assert_eq!(world.file("a").unwrap(), b"all");
        assert_eq!(records(world.restart().store()), []);
    }

    fn removing_what_is_not_there_is_success(world: impl World) {
        let (kept, gone) = (received(world.store(), 1, "a", b"x"), record(2, "b"));
        world.store().remove(gone.id).unwrap();
        world.store().remove(gone.id).unwrap();
        assert_eq!(records(world.store()), [kept]);
    }

    fn an_unknown_session_is_not_found(world: impl World) {
        let unknown = record(1, "a");
        assert!(matches!(held(world.store(), unknown.id), Err(StoreError::NotFound)));
        assert!(matches!(world.store().save(&unknown), Err(StoreError::NotFound)));
        assert!(matches!(world.store().commit(&delivered(&unknown), true), Err(StoreError::NotFound)));
        assert_eq!(records(world.store()), []);
        assert_eq!(world.file("a"), None);
    }

    fn making_a_session_again_mends_an_empty_one_and_keeps_bytes(world: impl World) {
        let mut record = record(1, "a");
        world.store().create(&record).unwrap();
        record.owner = None;
        world.store().create(&record).unwrap();
        assert_eq!(records(world.store()), std::slice::from_ref(&record));
        world.store().open(record.id).unwrap().write(b"bytes").unwrap();
        assert!(world.store().create(&record).is_err());
        assert_eq!(held(world.store(), record.id).unwrap(), 5);
    }
}

// B-STORE-04
#[test]
fn a_full_memory_store_keeps_what_fits_and_says_how_much() {
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
