//! A root that several stores share, as several processes would: who waits for whom, and what the kernel gives
//! back when a process dies.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{TryRecvError, channel};
use std::thread;
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

fn farm(store: &DirStore) -> &dyn SharedStore {
    store.shared().unwrap()
}

fn path(root: &TempDir, id: SessionId, name: &str) -> PathBuf {
    root.path().join(".bitsup").join(id.to_string()).join(name)
}

/// Another process that holds a lock until it is killed.
struct Holder(Child);

impl Holder {
    fn of(file: &Path) -> Self {
        // Becomes the program it runs, so that one process holds the lock and dies with it.
        let mut command = Command::new("flock");
        command.arg("--no-fork").arg(file).args(["sh", "-c", "echo held; exec cat"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = [0; 5];
        child.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
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
fn a_root_is_shared_by_all_or_belongs_to_one() {
    let root = TempDir::new().unwrap();
    let refused = |shared, words: &str| {
        let error = open(&root, shared).unwrap_err();
        assert_eq!(error.status(), Status::Busy);
        assert!(error.to_string().contains(words), "{error}");
    };
    let alone = open(&root, false).unwrap();
    assert!(alone.shared().is_none());
    refused(false, "in use by another server: stop it");
    refused(true, "in use by a server that does not share it");
    drop(alone);
    let shared = [open(&root, true).unwrap(), open(&root, true).unwrap()];
    refused(false, "is shared by other servers: start this one in shared mode too");
    drop(shared);
    assert!(open(&root, false).is_ok());
}

#[test]
fn a_held_session_is_waited_for_and_what_its_holder_noted_is_read() {
    let root = TempDir::new().unwrap();
    let (here, there) = (open(&root, true).unwrap(), open(&root, true).unwrap());
    let id = received(&here, 1, "a", b"bytes").id;
    let mut hold = farm(&here).lock(id).unwrap();
    assert_eq!(hold.state(), b"");
    let (send, noted) = channel();
    let waiting = thread::spawn(move || {
        send.send(None).unwrap();
        let note = farm(&there).lock(id).unwrap().state().to_vec();
        send.send(Some(note)).unwrap();
    });
    assert_eq!(noted.recv().unwrap(), None);
    assert_eq!(noted.try_recv(), Err(TryRecvError::Empty), "it waits");
    hold.write_state(b"a long first note").unwrap();
    hold.write_state(b"a note").unwrap();
    drop(hold);
    assert_eq!(noted.recv().unwrap().unwrap(), b"a note");
    waiting.join().unwrap();
}

#[test]
fn a_hold_of_one_session_is_nobody_elses_business() {
    let root = TempDir::new().unwrap();
    let (here, there) = (open(&root, true).unwrap(), open(&root, true).unwrap());
    let (first, second) = (received(&here, 1, "a", b"").id, received(&there, 2, "b", b"").id);
    let _first = farm(&here).lock(first).unwrap();
    farm(&there).lock(second).unwrap();
}

#[test]
fn a_hold_dies_with_its_process() {
    let root = TempDir::new().unwrap();
    let store = open(&root, true).unwrap();
    let id = received(&store, 1, "a", b"bytes").id;
    drop(farm(&store).lock(id).unwrap());
    let holder = Holder::of(&path(&root, id, "lock"));
    let lock = File::open(path(&root, id, "lock")).unwrap();
    assert!(lock.try_lock().is_err(), "the other process has it");
    let waiting = thread::spawn(move || farm(&store).lock(id).map(drop));
    holder.kill();
    waiting.join().unwrap().unwrap();
}

#[test]
fn a_request_is_away_until_it_returns_or_its_process_dies() {
    let root = TempDir::new().unwrap();
    let (here, there) = (open(&root, true).unwrap(), open(&root, true).unwrap());
    let id = received(&here, 1, "a", b"bytes").id;
    let callback_in_progress = || farm(&there).lock(id).unwrap().callback_in_progress().unwrap();
    assert!(!callback_in_progress());
    let away = farm(&here).lock(id).unwrap().mark_callback().unwrap();
    assert!(callback_in_progress(), "and the session can be held");
    drop(away);
    assert!(!callback_in_progress());
    let holder = Holder::of(&path(&root, id, "away"));
    assert!(callback_in_progress());
    holder.kill();
    assert!(!callback_in_progress());
}

#[test]
fn a_session_that_was_removed_meanwhile_is_not_found() {
    let root = TempDir::new().unwrap();
    let (here, there) = (open(&root, true).unwrap(), open(&root, true).unwrap());
    let id = received(&here, 1, "a", b"bytes").id;
    let hold = farm(&here).lock(id).unwrap();
    let waiting = thread::spawn(move || farm(&there).lock(id).map(drop));
    here.remove(id).unwrap();
    drop(hold);
    assert!(matches!(waiting.join().unwrap(), Err(StoreError::NotFound)));
    assert!(matches!(farm(&here).lock(id), Err(StoreError::NotFound)));
    assert_eq!(farm(&here).find(id).unwrap(), None);
    assert!(!path(&root, id, "").exists());
}

#[test]
fn a_session_made_by_a_server_that_did_not_share_is_shared_like_any_other() {
    let root = TempDir::new().unwrap();
    let made = received(&open(&root, false).unwrap(), 1, "a", b"bytes");
    let store = open(&root, true).unwrap();
    assert_eq!(farm(&store).find(made.id).unwrap().unwrap().record, made);
    assert_eq!(farm(&store).lock(made.id).unwrap().state(), b"");
}

#[test]
fn a_touch_is_a_sign_of_life() {
    let root = TempDir::new().unwrap();
    let (here, there) = (open(&root, true).unwrap(), open(&root, true).unwrap());
    let id = received(&here, 1, "a", b"bytes").id;
    let later = farm(&there).find(id).unwrap().unwrap().modified_ms + 5_000;
    farm(&here).touch(id, later).unwrap();
    assert_eq!(farm(&there).find(id).unwrap().unwrap().modified_ms, later);
}

#[test]
fn what_another_server_may_be_making_stays_for_an_hour() {
    let root = TempDir::new().unwrap();
    let store = open(&root, true).unwrap();
    let made = record(1, "a");
    store.create(&made).unwrap();
    fs::remove_file(path(&root, made.id, "session.json")).unwrap();
    farm(&store).collect_orphans().unwrap();
    drop(open(&root, true).unwrap());
    let directory = path(&root, made.id, "");
    assert!(directory.exists(), "it was touched just now");
    let hour_ago = SystemTime::now() - Duration::from_secs(3601);
    File::open(&directory).unwrap().set_modified(hour_ago).unwrap();
    farm(&store).collect_orphans().unwrap();
    assert!(!directory.exists());
}

#[test]
fn a_note_that_is_too_long_is_an_error_and_one_of_zeros_says_nothing() {
    let root = TempDir::new().unwrap();
    let store = open(&root, true).unwrap();
    let id = received(&store, 1, "a", b"bytes").id;
    let mut hold = farm(&store).lock(id).unwrap();
    hold.write_state(&[b'x'; MAX_SHARED_STATE]).unwrap();
    assert!(hold.write_state(&[b'x'; MAX_SHARED_STATE + 1]).is_err());
    drop(hold);
    assert_eq!(farm(&store).lock(id).unwrap().state().len(), MAX_SHARED_STATE);
    fs::write(path(&root, id, "lock"), [0; MAX_SHARED_STATE]).unwrap();
    assert_eq!(farm(&store).lock(id).unwrap().state(), b"");
}
