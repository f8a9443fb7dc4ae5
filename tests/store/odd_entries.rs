//! Entries of `.bitsup` that no store made like this: each is set aside and reported, and all others are used.
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bitsup::engine::{Engine, EngineConfig};
use bitsup::log::{Level, Logger};
use bitsup::store::{DirOptions, DirStore, Store};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use crate::records::{held, received, record, temporary_root};

/// What is odd, and a function that makes it. Its arguments are `.bitsup` and the directory of a session there.
type Oddity = (&'static str, fn(&Path, &Path));

const ODDITIES: [Oddity; 15] = [
    ("a foreign directory", |own, _| fs::create_dir_all(own.join("lost+found/x")).unwrap()),
    ("a foreign file", |own, _| fs::write(own.join("notes\n.txt"), b"x").unwrap()),
    ("a name that is not UTF-8", |own, _| fs::write(own.join(OsStr::from_bytes(b"\xff\xfe")), b"x").unwrap()),
    ("data that is a directory", |_, session| {
        replace(&session.join("data"), |data| fs::create_dir(data).unwrap());
    }),
    ("data that is a link", |own, session| {
        fs::write(own.join("../outside"), b"outside").unwrap();
        replace(&session.join("data"), |data| symlink("../../outside", data).unwrap());
    }),
    ("data that is a dangling link", |_, session| {
        replace(&session.join("data"), |data| symlink("nowhere", data).unwrap());
    }),
    ("data that is a pipe", |_, session| replace(&session.join("data"), pipe)),
    ("a record that is a directory", |_, session| {
        replace(&session.join("session.json"), |record| fs::create_dir(record).unwrap());
    }),
    ("a record that is a pipe", |_, session| replace(&session.join("session.json"), pipe)),
    ("a record that is a link", |_, session| {
        fs::rename(session.join("session.json"), session.join("elsewhere")).unwrap();
        symlink("elsewhere", session.join("session.json")).unwrap();
    }),
    ("a record that is not one", |_, session| fs::write(session.join("session.json"), b"{}").unwrap()),
    ("a file named like a session", |_, session| {
        fs::remove_dir_all(session).unwrap();
        fs::write(session, b"x").unwrap();
    }),
    ("a pipe named like a session", |_, session| {
        fs::remove_dir_all(session).unwrap();
        pipe(session);
    }),
    ("a link named like a session", |own, session| {
        fs::rename(session, own.join("elsewhere")).unwrap();
        symlink("elsewhere", session).unwrap();
    }),
    ("a dangling link named like a session", |_, session| {
        fs::remove_dir_all(session).unwrap();
        symlink("nowhere", session).unwrap();
    }),
];

fn replace(path: &Path, make: impl FnOnce(&Path)) {
    fs::remove_file(path).unwrap();
    make(path);
}

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

fn open(root: &Path) -> DirStore {
    DirStore::open(root, DirOptions::default()).unwrap()
}

/// A root with the complete session 1, and a session 2 that is damaged.
fn damaged_root(damage: fn(&Path, &Path)) -> (TempDir, PathBuf) {
    let root = temporary_root();
    let store = open(root.path());
    received(&store, 1, "good", b"good");
    let odd = received(&store, 2, "odd", b"odd");
    drop(store);
    let own = root.path().join(".bitsup");
    damage(&own, &own.join(odd.id.to_string()));
    (root, own)
}

/// How the server before this start ended.
const ENDINGS: [(&str, Option<&str>); 3] = [
    ("a clean shutdown", None),
    ("a crash", Some("/proc/sys/kernel/random/boot_id")),
    ("a power failure", Some("")),
];

fn end(own: &Path, boot_id: Option<&str>) {
    match boot_id {
        None => {}
        Some("") => fs::write(own.join("boot"), "00000000-0000-0000-0000-000000000000\n").unwrap(),
        Some(path) => fs::write(own.join("boot"), fs::read(path).unwrap()).unwrap(),
    }
}

/// The names in a directory, except the store's own files.
fn odd_names(own: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(own).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| !["lock", "boot"].iter().any(|file| path.ends_with(file)));
    names.sort();
    names
}

#[test]
fn an_odd_entry_is_set_aside_and_the_others_are_used() {
    for (oddity, damage) in ODDITIES {
        for (ending, boot_id) in ENDINGS {
            let (root, own) = damaged_root(damage);
            end(&own, boot_id);
            let before = odd_names(&own);
            // The first round ends with an orderly stop.
            for round in 0..2 {
                let store = open(root.path());
                let found = store.sessions().unwrap();
                let good = record(1, "good");
                let is_foreign = oddity.contains("foreign") || oddity.contains("UTF-8");
                let sessions = found.sessions.iter().filter(|stored| stored.record == good).count();
                assert_eq!(sessions, 1, "{oddity} after {ending}, round {round}: {found:?}");
                assert_eq!(found.sessions.len(), 1 + usize::from(is_foreign), "{oddity} after {ending}");
                let reported = found.unreadable.len() + found.foreign.len();
                // What a link pointed to was moved to a name that is foreign, too.
                let moved = usize::from(oddity == "a link named like a session");
                assert_eq!(reported, 1 + moved, "{oddity} after {ending}, round {round}: {found:?}");
                let kept = if ending == "a power failure" { 0 } else { 4 };
                assert_eq!(held(&store, good.id).unwrap(), kept + round, "{oddity} after {ending}");
                store.open(good.id).unwrap().write(b"x").unwrap();
                drop(store);
                assert!(
                    fs::read(own.join("boot")).unwrap().starts_with(b"closed"),
                    "{oddity} after {ending}"
                );
                assert_eq!(odd_names(&own), before, "{oddity} after {ending}");
            }
        }
    }
}

#[test]
fn what_a_link_points_to_is_not_changed() {
    let (_, damage) = ODDITIES.into_iter().find(|(oddity, _)| *oddity == "data that is a link").unwrap();
    let (root, own) = damaged_root(damage);
    end(&own, Some(""));
    open(root.path()).sessions().unwrap();
    assert_eq!(fs::read(root.path().join("outside")).unwrap(), b"outside");
}

#[test]
fn every_odd_entry_is_named_in_the_log() {
    for (oddity, damage) in ODDITIES {
        let (root, own) = damaged_root(damage);
        end(&own, Some(""));
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = Arc::clone(&log);
        let logger = Logger::new(Level::Warn, move |_, _, text| lines.lock().unwrap().push(text.to_owned()));
        let engine = Engine::new(EngineConfig::new(Arc::new(open(root.path()))).logger(logger)).unwrap();
        assert!(engine.session_count() >= 1);
        let log = log.lock().unwrap();
        let name = match oddity {
            "a foreign directory" => "lost+found".to_owned(),
            "a foreign file" => "notes\\n.txt".to_owned(),
            "a name that is not UTF-8" => "\\xFF\\xFE".to_owned(),
            _ => record(2, "odd").id.to_string(),
        };
        assert!(log.iter().any(|line| line.contains(&name)), "{oddity}: {log:?}");
        assert!(log.iter().all(|line| !line.contains('\n')), "{oddity}: {log:?}");
    }
}
