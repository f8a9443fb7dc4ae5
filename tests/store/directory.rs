//! The directory store: opening a root, files on disk, links and special files, large files.
#![cfg(unix)]

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bitsup::store::{DirOptions, DirStore, Store, StoreError};
use bitsup::{Error, Status};
use tempfile::TempDir;

use crate::records::{delivered, held, received, record};

fn open(root: &Path) -> Result<DirStore, Error> {
    DirStore::open(root, DirOptions::default())
}

/// Opens a root that must be rejected. Returns the status and message of the error.
fn open_error(root: &Path) -> (Status, String) {
    let error = open(root).unwrap_err();
    assert!(error.message().contains(root.to_str().unwrap()), "{error}");
    (error.status(), error.message().to_owned())
}

/// Returns a store and its outer directory, which contains `root` and `outside`.
fn store_with_outside() -> (TempDir, DirStore) {
    let outer = TempDir::new().unwrap();
    fs::create_dir(outer.path().join("root")).unwrap();
    fs::create_dir(outer.path().join("outside")).unwrap();
    let store = open(&outer.path().join("root")).unwrap();
    (outer, store)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_missing_root_is_not_created() {
    let outer = TempDir::new().unwrap();
    let root = outer.path().join("root");
    let (status, message) = open_error(&root);
    assert_eq!(status, Status::NotFound);
    assert!(message.contains("does not exist"), "{message}");
    assert!(!root.exists());
}

#[test]
fn a_root_that_is_a_file_is_an_invalid_argument() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (status, message) = open_error(file.path());
    assert_eq!(status, Status::InvalidArgument);
    assert!(message.contains("is not a directory"), "{message}");
}

/// Not even root can create files in sysfs.
#[cfg(target_os = "linux")]
#[test]
fn an_unwritable_root_is_denied() {
    let (status, message) = open_error(Path::new("/sys/kernel"));
    assert_eq!(status, Status::Denied);
    assert!(message.contains("is not writable"), "{message}");
}

#[test]
fn a_root_is_used_by_one_store_at_a_time() {
    let root = TempDir::new().unwrap();
    let first = open(root.path()).unwrap();
    let (status, message) = open_error(root.path());
    assert_eq!(status, Status::Busy);
    assert!(message.contains("in use"), "{message}");
    drop(first);
    open(root.path()).unwrap();
}

/// A user with write access to the root must not be able to redirect the sessions.
#[test]
fn the_stores_own_directory_must_not_be_a_link() {
    let (root, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    symlink(elsewhere.path(), root.path().join(".bitsup")).unwrap();
    assert_eq!(open_error(root.path()).0, Status::InvalidArgument);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn the_root_itself_may_be_a_link() {
    let (outer, store) = store_with_outside();
    drop(store);
    symlink("root", outer.path().join("link")).unwrap();
    let store = open(&outer.path().join("link")).unwrap();
    let record = received(&store, 1, "a", b"x");
    store.commit(&delivered(&record), false).unwrap();
    assert_eq!(fs::read(outer.path().join("root/a")).unwrap(), b"x");
}

#[test]
fn a_session_is_a_directory_with_a_record_and_data() {
    let (outer, store) = store_with_outside();
    let record = received(&store, 0xA0FF_5911, "a b.txt", b"bytes");
    let own = outer.path().join("root/.bitsup");
    let session = own.join("{00000000-0000-0000-0000-0000A0FF5911}");
    assert_eq!(session.file_name().unwrap().to_str().unwrap(), record.id.to_string());
    assert_eq!(fs::read(session.join("data")).unwrap(), b"bytes");
    let written: serde_json::Value =
        serde_json::from_slice(&fs::read(session.join("session.json")).unwrap()).unwrap();
    let mut expected = serde_json::to_value(&record).unwrap();
    expected["version"] = 2.into();
    assert_eq!(written, expected);
    assert_eq!(fs::read_dir(&session).unwrap().count(), 2);
    assert_eq!((mode(&own), mode(&session), mode(&session.join("session.json"))), (0o700, 0o700, 0o600));
}

/// The mode depends on the umask, as for any other file of the process.
#[test]
fn a_delivered_file_has_the_default_mode_and_one_link() {
    let (outer, store) = store_with_outside();
    let record = received(&store, 1, "a", b"x");
    store.commit(&delivered(&record), false).unwrap();
    let delivered = outer.path().join("root/a");
    let default = outer.path().join("default");
    File::create(&default).unwrap();
    assert_eq!(mode(&delivered), mode(&default) & 0o644);
    assert_eq!(fs::metadata(delivered).unwrap().nlink(), 1);
    let session = outer.path().join("root/.bitsup").join(record.id.to_string());
    let left = fs::read_dir(session).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["session.json"]);
}

#[test]
fn the_modification_time_is_the_later_one_of_record_and_data() {
    let (outer, store) = store_with_outside();
    let record = received(&store, 1, "a", b"x");
    let session = outer.path().join("root/.bitsup").join(record.id.to_string());
    let touch = |name: &str, ms: u64| {
        let file = File::options().write(true).open(session.join(name)).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_millis(ms)).unwrap();
    };
    let modified = || store.sessions().unwrap().sessions[0].modified_ms;
    touch("data", 2_000);
    touch("session.json", 1_001);
    assert_eq!(modified(), 2_000);
    touch("session.json", 3_007);
    assert_eq!(modified(), 3_007);
    fs::remove_file(session.join("data")).unwrap();
    assert_eq!(modified(), 3_007);
    store.save(&record).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    assert!((now - 60_000..=now).contains(&modified()));
}

#[test]
fn records_that_cannot_be_read_are_reported_and_kept() {
    let (outer, store) = store_with_outside();
    let good = received(&store, 1, "a", b"x");
    let newer = r#"{"version":3,"anything":true}"#;
    let other =
        fs::read_to_string(outer.path().join("root/.bitsup").join(good.id.to_string()).join("session.json"));
    let table = [
        (2, "", "EOF"),
        (3, "{", "EOF"),
        (4, newer, "format 3"),
        (5, r#"{"version":1}"#, "missing field"),
        (6, &other.unwrap().replace("\"a\"", "\"../a\""), "a name is \".\" or"),
        (7, &serde_json::json!({"version": 1, "id": 1}).to_string(), "invalid type"),
    ];
    let file = |number: u128| {
        let id = record(number, "a").id;
        outer.path().join("root/.bitsup").join(id.to_string()).join("session.json")
    };
    for (number, text, _) in table {
        received(&store, number, "b", b"precious");
        fs::write(file(number), text).unwrap();
    }
    received(&store, 8, "c", b"y");
    fs::copy(file(1), file(8)).unwrap();

    drop(store);
    let store = open(&outer.path().join("root")).unwrap();
    let mut found = store.sessions().unwrap();
    found.unreadable.sort_by_key(|unreadable| unreadable.id);
    assert_eq!(found.sessions.iter().map(|stored| &stored.record).collect::<Vec<_>>(), [&good]);
    let last = (8, "", "belongs to session {00000000-0000-0000-0000-000000000001}");
    assert_eq!(found.unreadable.len(), 7);
    for (unreadable, (number, _, reason)) in found.unreadable.iter().zip(table.into_iter().chain([last])) {
        assert_eq!(unreadable.id, record(number, "a").id);
        let session = file(number).parent().unwrap().display().to_string();
        assert!(
            unreadable.reason.starts_with(&format!("{session}: session.json: ")),
            "{}",
            unreadable.reason
        );
        assert!(unreadable.reason.contains(reason), "{}", unreadable.reason);
        assert!(held(&store, unreadable.id).unwrap() > 0);
        store.remove(unreadable.id).unwrap();
    }
    assert_eq!(store.sessions().unwrap().unreadable, []);
}

/// Other spellings of an id are not a second session.
#[test]
fn names_that_are_not_session_ids_are_ignored() {
    let (outer, store) = store_with_outside();
    let own = outer.path().join("root/.bitsup");
    let record = received(&store, 0xA0FF_5911, "a", b"x");
    let id = record.id.to_string();
    let foreign = ["notes", id.trim_matches(['{', '}']), &id.to_lowercase()];
    for name in foreign {
        fs::create_dir(own.join(name)).unwrap();
    }
    drop(store);
    let store = open(&outer.path().join("root")).unwrap();
    let found = store.sessions().unwrap();
    assert_eq!((found.sessions.len(), found.unreadable.len()), (1, 0));
    for name in foreign {
        assert!(found.foreign.contains(&format!("{:?}", own.join(name))), "{found:?}");
        assert!(own.join(name).is_dir(), "{name}");
    }
}

/// CRE-16: links inside the root are not followed.
#[test]
fn a_link_in_the_path_is_not_a_parent_directory() {
    let (outer, store) = store_with_outside();
    let root = outer.path().join("root");
    fs::create_dir(root.join("real")).unwrap();
    symlink(outer.path().join("outside"), root.join("absolute")).unwrap();
    symlink("../outside", root.join("relative")).unwrap();
    symlink("real", root.join("inside")).unwrap();
    symlink("../../outside", root.join("real/deep")).unwrap();
    for (number, path) in (1..).zip(["absolute/a", "relative/a", "inside/a", "real/deep/a"]) {
        let record = received(&store, number, path, b"x");
        for overwrite in [false, true] {
            let checked = store.check(&record.destination, overwrite);
            assert!(matches!(checked, Err(StoreError::ParentMissing)), "{path}");
            let committed = store.commit(&delivered(&record), overwrite);
            assert!(matches!(committed, Err(StoreError::ParentMissing)), "{path}");
        }
    }
    assert_eq!(fs::read_dir(outer.path().join("outside")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(root.join("real")).unwrap().count(), 1);
}

/// Links (dangling or not) and pipes are never replaced.
#[test]
fn only_regular_files_are_replaced() {
    let (outer, store) = store_with_outside();
    let (root, target) = (outer.path().join("root"), outer.path().join("outside/target"));
    fs::write(&target, b"theirs").unwrap();
    symlink(&target, root.join("link")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("../outside", root.join("directory")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe"), rustix::fs::Mode::RWXU).unwrap();
    for (number, path) in (1..).zip(["link", "dangling", "directory", "pipe"]) {
        let record = received(&store, number, path, b"x");
        let before = fs::symlink_metadata(root.join(path)).unwrap().ino();
        for overwrite in [false, true] {
            let checked = store.check(&record.destination, overwrite);
            assert!(matches!(checked, Err(StoreError::Exists)), "{path}");
            let committed = store.commit(&delivered(&record), overwrite);
            assert!(matches!(committed, Err(StoreError::Exists)), "{path}");
        }
        assert_eq!(fs::symlink_metadata(root.join(path)).unwrap().ino(), before);
        assert_eq!(held(&store, record.id).unwrap(), 1);
    }
    assert_eq!(fs::read(target).unwrap(), b"theirs");
}

/// Otherwise an upload would write to the target of the link.
#[test]
fn a_link_in_place_of_session_data_is_not_followed() {
    let (outer, store) = store_with_outside();
    let record = record(1, "a");
    store.create(&record).unwrap();
    let data = outer.path().join("root/.bitsup").join(record.id.to_string()).join("data");
    let target = outer.path().join("outside/target");
    fs::write(&target, b"theirs").unwrap();
    fs::remove_file(&data).unwrap();
    symlink(&target, &data).unwrap();
    assert!(matches!(store.open(record.id), Err(StoreError::Io(_))));
    assert!(store.commit(&delivered(&record), false).is_err());
    assert_eq!(fs::read(target).unwrap(), b"theirs");
}

#[test]
fn a_root_that_is_renamed_while_open_stays_in_use() {
    let (outer, store) = store_with_outside();
    let record = received(&store, 1, "a", b"x");
    fs::rename(outer.path().join("root"), outer.path().join("moved")).unwrap();
    store.commit(&delivered(&record), false).unwrap();
    assert_eq!(fs::read(outer.path().join("moved/a")).unwrap(), b"x");
}

/// FRG-18: a sparse file over 4 GiB.
#[test]
fn offsets_beyond_four_gib_are_exact() {
    const END: u64 = (1 << 32) + 5;
    let (outer, store) = store_with_outside();
    let record = received(&store, 1, "large", b"begin");
    let data = outer.path().join("root/.bitsup").join(record.id.to_string()).join("data");
    File::options().write(true).open(data).unwrap().set_len(END).unwrap();
    let mut sink = store.open(record.id).unwrap();
    assert_eq!(sink.received(), END);
    sink.write(b"end").unwrap();
    assert_eq!(sink.received(), END + 3);
    assert_eq!(sink.file().unwrap().metadata().unwrap().len(), END + 3);
    drop(sink);
    store.commit(&delivered(&record), false).unwrap();
    let large = File::open(outer.path().join("root/large")).unwrap();
    assert_eq!(large.metadata().unwrap().len(), END + 3);
    let mut edges = [0; 10];
    large.read_exact_at(&mut edges[..5], 0).unwrap();
    large.read_exact_at(&mut edges[5..], END - 2).unwrap();
    assert_eq!(&edges, b"begin\0\0end");
}
