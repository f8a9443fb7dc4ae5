//! A root shared by several stores, as by several processes: locking, and recovery when a process dies.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use bitsup::Status;
use bitsup::proto::SessionId;
use bitsup::store::MAX_SHARED_STATE;
use bitsup::store::{DirOptions, DirStore, SharedStore, Store, StoreError};
use tempfile::TempDir;

use crate::records::{received, record};

fn open(root: &TempDir, shared: bool) -> Result<DirStore, bitsup::Error> {
    DirStore::open(root.path(), DirOptions::default().shared(shared))
}

fn shared(store: &DirStore) -> &dyn SharedStore {
    store.shared().unwrap()
}

fn path(root: &TempDir, id: SessionId, name: &str) -> PathBuf {
    root.path().join(".bitsup").join(id.to_string()).join(name)
}

/// Another process that holds a file lock until it is killed.
struct Holder(Child);

impl Holder {
    fn of(file: &Path) -> Self {
        // With --no-fork, killing the child releases the lock.
        let mut command = Command::new("flock");
        command.arg("--no-fork").arg(file).args(["sh", "-c", "echo held; exec cat"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = [0; 5];
        child.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_root_is_shared_by_all_stores_or_used_by_one() {
    let root = TempDir::new().unwrap();
    let assert_busy = |shared, words: &str| {
        let error = open(&root, shared).unwrap_err();
        assert_eq!(error.status(), Status::Busy);
        assert!(error.to_string().contains(words), "{error}");
    };
    let alone = open(&root, false).unwrap();
    assert!(alone.shared().is_none());
    assert_busy(false, "in use by another server: stop it");
    assert_busy(true, "in use by a server that does not share it");
    drop(alone);
    let stores = [open(&root, true).unwrap(), open(&root, true).unwrap()];
    assert_busy(false, "is shared by other servers: start this one in shared mode too");
    drop(stores);
    assert!(open(&root, false).is_ok());
}

#[test]
fn a_locked_session_is_busy_and_the_next_holder_reads_its_state() {
    let root = TempDir::new().unwrap();
    let (one, other) = (open(&root, true).unwrap(), open(&root, true).unwrap());
    let id = received(&one, 1, "a", b"bytes").id;
    let mut lock = shared(&one).try_lock(id).unwrap();
    assert_eq!(lock.state(), b"");
    assert!(matches!(shared(&other).try_lock(id), Err(StoreError::Busy)));
    lock.write_state(b"a long first state").unwrap();
    lock.write_state(b"a state").unwrap();
    drop(lock);
    assert_eq!(shared(&other).try_lock(id).unwrap().state(), b"a state");
}

#[test]
fn the_lock_of_one_session_does_not_block_another() {
    let root = TempDir::new().unwrap();
    let (one, other) = (open(&root, true).unwrap(), open(&root, true).unwrap());
    let (first, second) = (received(&one, 1, "a", b"").id, received(&other, 2, "b", b"").id);
    let _first = shared(&one).try_lock(first).unwrap();
    shared(&other).try_lock(second).unwrap();
}

#[test]
fn a_lock_is_released_when_its_process_dies() {
    let root = TempDir::new().unwrap();
    let store = open(&root, true).unwrap();
    let id = received(&store, 1, "a", b"bytes").id;
    drop(shared(&store).try_lock(id).unwrap());
    let holder = Holder::of(&path(&root, id, "lock"));
    let lock = File::open(path(&root, id, "lock")).unwrap();
    assert!(lock.try_lock().is_err(), "the other process does not hold the lock");
    assert!(matches!(shared(&store).try_lock(id), Err(StoreError::Busy)));
    holder.kill();
    shared(&store).try_lock(id).unwrap();
}

#[test]
fn a_callback_is_in_progress_until_it_returns_or_its_process_dies() {
    let root = TempDir::new().unwrap();
    let (one, other) = (open(&root, true).unwrap(), open(&root, true).unwrap());
    let id = received(&one, 1, "a", b"bytes").id;
    let callback_in_progress = || shared(&other).try_lock(id).unwrap().callback_in_progress().unwrap();
    assert!(!callback_in_progress());
    let callback = shared(&one).try_lock(id).unwrap().mark_callback().unwrap();
    assert!(callback_in_progress(), "not in progress, or the session is locked");
    drop(callback);
    assert!(!callback_in_progress());
    let holder = Holder::of(&path(&root, id, "away"));
    assert!(callback_in_progress());
    holder.kill();
    assert!(!callback_in_progress());
}

#[test]
fn a_session_removed_while_it_was_locked_is_not_found() {
    let root = TempDir::new().unwrap();
    let (one, other) = (open(&root, true).unwrap(), open(&root, true).unwrap());
    let id = received(&one, 1, "a", b"bytes").id;
    let lock = shared(&one).try_lock(id).unwrap();
    one.remove(id).unwrap();
    drop(lock);
    assert!(matches!(shared(&other).try_lock(id), Err(StoreError::NotFound)));
    assert!(matches!(shared(&one).try_lock(id), Err(StoreError::NotFound)));
    assert_eq!(one.find(id).unwrap(), None);
    assert!(!path(&root, id, "").exists());
}

#[test]
fn a_session_created_without_sharing_can_be_shared() {
    let root = TempDir::new().unwrap();
    let created = received(&open(&root, false).unwrap(), 1, "a", b"bytes");
    let store = open(&root, true).unwrap();
    assert_eq!(store.find(created.id).unwrap().unwrap().record, created);
    assert_eq!(shared(&store).try_lock(created.id).unwrap().state(), b"");
}

#[test]
fn touch_updates_the_modification_time() {
    let root = TempDir::new().unwrap();
    let (one, other) = (open(&root, true).unwrap(), open(&root, true).unwrap());
    let id = received(&one, 1, "a", b"bytes").id;
    let later = other.find(id).unwrap().unwrap().modified_ms + 5_000;
    shared(&one).touch(id, later).unwrap();
    assert_eq!(other.find(id).unwrap().unwrap().modified_ms, later);
}

#[test]
fn an_incomplete_session_is_kept_for_an_hour() {
    let root = TempDir::new().unwrap();
    let store = open(&root, true).unwrap();
    let created = record(1, "a");
    store.create(&created).unwrap();
    fs::remove_file(path(&root, created.id, "session.json")).unwrap();
    shared(&store).collect_orphans().unwrap();
    drop(open(&root, true).unwrap());
    let directory = path(&root, created.id, "");
    assert!(directory.exists(), "removed although it was just modified");
    let hour_ago = SystemTime::now() - Duration::from_secs(3601);
    File::open(&directory).unwrap().set_modified(hour_ago).unwrap();
    shared(&store).collect_orphans().unwrap();
    assert!(!directory.exists());
}

#[test]
fn a_state_that_is_too_long_is_an_error_and_zeros_are_an_empty_state() {
    let root = TempDir::new().unwrap();
    let store = open(&root, true).unwrap();
    let id = received(&store, 1, "a", b"bytes").id;
    let mut lock = shared(&store).try_lock(id).unwrap();
    lock.write_state(&[b'x'; MAX_SHARED_STATE]).unwrap();
    assert!(lock.write_state(&[b'x'; MAX_SHARED_STATE + 1]).is_err());
    drop(lock);
    assert_eq!(shared(&store).try_lock(id).unwrap().state().len(), MAX_SHARED_STATE);
    fs::write(path(&root, id, "lock"), [0; MAX_SHARED_STATE]).unwrap();
    assert_eq!(shared(&store).try_lock(id).unwrap().state(), b"");
}

/// Otherwise the bytes of a deleted file would stay allocated.
#[cfg(target_os = "linux")]
#[test]
fn data_that_another_store_delivered_or_removed_does_not_stay_open() {
    let root = TempDir::new().unwrap();
    let (store, other) = (open(&root, true).unwrap(), open(&root, true).unwrap());
    let [delivered, removed, kept] =
        [(1, "a"), (2, "b"), (3, "c")].map(|(number, path)| received(&store, number, path, b"0123456789"));
    let is_open = |file: &Path| {
        let file = fs::metadata(file).unwrap().ino();
        let open = fs::read_dir("/proc/self/fd").unwrap().map(|entry| fs::metadata(entry.unwrap().path()));
        open.flatten().any(|open| open.ino() == file && open.is_file())
    };
    other.commit(&crate::records::delivered(&delivered), false).unwrap();
    fs::hard_link(path(&root, removed.id, "data"), root.path().join("b")).unwrap();
    other.remove(removed.id).unwrap();
    assert!(is_open(&root.path().join("a")) && is_open(&root.path().join("b")));
    shared(&store).collect_orphans().unwrap();
    assert!(!is_open(&root.path().join("a")) && !is_open(&root.path().join("b")));
    assert!(is_open(&path(&root, kept.id, "data")));
}
