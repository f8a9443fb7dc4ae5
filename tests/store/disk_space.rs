//! Full volumes, file-size limits, and a volume mounted below the root. Limits and mounts apply to a whole process, so
//! each test runs itself again in a child process.
#![cfg(unix)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bitsup::store::{DirOptions, DirStore, Store, StoreError};
use tempfile::TempDir;
use test_support::{process, skip};

use crate::records::{delivered, held, received, record};

/// The variable with the root for the child.
const ROOT: &str = "BITSUP_TEST_ROOT";
const KIB: u64 = 1024;

/// Runs the test `name` in a child process, from a shell that first executes `limit` with the root as `$1`.
fn run_with_limit(limit: &str, launcher: &[&str], name: &str) {
    let root = TempDir::new().unwrap();
    let test = format!("disk_space::{name}");
    let script = format!("{limit} && exec \"$0\" {}", process::arguments(&test).join(" "));
    let shell = ["sh", "-c", &script];
    let mut words = launcher.iter().chain(&shell);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg(std::env::current_exe().unwrap()).arg(root.path()).env(ROOT, root.path());
    process::run(&mut command, &test);
}

fn child_root() -> Option<PathBuf> {
    std::env::var_os(ROOT).map(PathBuf::from)
}

fn open(root: &Path) -> DirStore {
    DirStore::open(root, DirOptions::default()).unwrap()
}

/// The limit allows a part of the write. The process must ignore SIGXFSZ, which would kill it.
#[test]
fn a_file_size_limit_is_no_space_and_stored_bytes_are_counted() {
    const LIMIT: u64 = 64 * KIB;
    let Some(root) = child_root() else {
        // 128 blocks of 512 bytes.
        return run_with_limit(
            "trap '' XFSZ && ulimit -f 128",
            &[],
            "a_file_size_limit_is_no_space_and_stored_bytes_are_counted",
        );
    };
    let store = open(&root);
    let session = received(&store, 1, "a", &[1; 40 * KIB as usize]);
    let mut sink = store.open(session.id).unwrap();
    let rejected = sink.write(&[2; 40 * KIB as usize]);
    assert!(matches!(rejected, Err(StoreError::NoSpace(_))), "{rejected:?}");
    assert_eq!(sink.received(), LIMIT);
    assert!(matches!(sink.write(&[3]), Err(StoreError::NoSpace(_))));
    assert_eq!(sink.received(), LIMIT);
    drop(sink);
    drop(store);
    let store = open(&root);
    assert_eq!(held(&store, session.id).unwrap(), LIMIT);
    store.commit(&delivered(&session), false).unwrap();
    let file = fs::read(root.join("a")).unwrap();
    let (first, second) = file.split_at(40 * KIB as usize);
    assert!(first.iter().all(|byte| *byte == 1) && second.iter().all(|byte| *byte == 2));
    assert_eq!(file.len() as u64, LIMIT);
}

/// Runs `name` in a child process with its own mounts. Reports a skip if this machine does not allow that.
#[cfg(target_os = "linux")]
fn run_with_mounts(mount: &str, name: &str) {
    let launcher = ["unshare", "--user", "--map-root-user", "--mount"];
    let mut probe = Command::new(launcher[0]);
    probe.args(&launcher[1..]).args(["mount", "-t", "tmpfs", "tmpfs", "/mnt"]).stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        return skip(&format!(
            "{name}: mounting requires user namespaces, which this machine does not allow"
        ));
    }
    run_with_limit(mount, &launcher, name);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_volume_is_no_space_until_space_is_freed() {
    let Some(root) = child_root() else {
        let name = "a_full_volume_is_no_space_until_space_is_freed";
        return run_with_mounts("mount -t tmpfs -o size=1m tmpfs \"$1\"", name);
    };
    let store = open(&root);
    fs::write(root.join("other"), [0; 100 * KIB as usize]).unwrap();
    let session = received(&store, 1, "a", b"");
    let mut sink = store.open(session.id).unwrap();
    let rejected = sink.write(&[7; 2048 * KIB as usize]);
    assert!(matches!(rejected, Err(StoreError::NoSpace(_))), "{rejected:?}");
    let kept = sink.received();
    assert!(kept > 512 * KIB && kept < 1024 * KIB, "{kept}");
    assert_eq!(sink.file().unwrap().metadata().unwrap().len(), kept);

    // Neither the record nor another session fits, and nothing incomplete is left.
    assert!(matches!(store.save(&delivered(&session)), Err(StoreError::NoSpace(_))));
    assert!(matches!(store.create(&record(2, "b")), Err(StoreError::NoSpace(_))));
    assert!(matches!(store.commit(&delivered(&session), false), Err(StoreError::NoSpace(_))));
    assert!(!root.join("a").exists());
    assert_eq!(store.sessions().unwrap().sessions.len(), 1);
    assert_eq!(store.sessions().unwrap().sessions[0].record, session);
    assert_eq!(fs::read_dir(root.join(".bitsup")).unwrap().count(), 3);

    fs::remove_file(root.join("other")).unwrap();
    sink.write(&[7; 10 * KIB as usize]).unwrap();
    drop(sink);
    store.commit(&delivered(&session), false).unwrap();
    let file = fs::read(root.join("a")).unwrap();
    assert_eq!(file.len() as u64, kept + 10 * KIB);
    assert!(file.iter().all(|byte| *byte == 7));
}

#[cfg(target_os = "linux")]
#[test]
fn a_volume_without_inodes_leaves_no_incomplete_session() {
    let Some(root) = child_root() else {
        let name = "a_volume_without_inodes_leaves_no_incomplete_session";
        return run_with_mounts("mount -t tmpfs -o nr_inodes=20 tmpfs \"$1\"", name);
    };
    let store = open(&root);
    let fillers = (0..).map(|number| root.join(number.to_string()));
    let fillers = fillers.take_while(|path| File::create(path).is_ok()).collect::<Vec<_>>();
    let record = record(1, "a");
    // The directory, the data and the record need one inode each, so each attempt fails at a different one.
    for filler in &fillers[..3] {
        assert!(matches!(store.create(&record), Err(StoreError::NoSpace(_))));
        assert_eq!(fs::read_dir(root.join(".bitsup")).unwrap().count(), 2);
        fs::remove_file(filler).unwrap();
    }
    store.create(&record).unwrap();
}

/// Hard links do not work across volumes. The check must find that before the first byte.
#[cfg(target_os = "linux")]
#[test]
fn a_destination_on_another_volume_is_rejected_by_the_check() {
    let Some(root) = child_root() else {
        let name = "a_destination_on_another_volume_is_rejected_by_the_check";
        return run_with_mounts("mkdir \"$1/other\" && mount -t tmpfs tmpfs \"$1/other\"", name);
    };
    let store = open(&root);
    let session = received(&store, 1, "other/a", b"x");
    for result in [store.check(&session.destination, false), store.commit(&delivered(&session), false)] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains("different file system"), "{message}");
    }
    assert_eq!(held(&store, session.id).unwrap(), 1);
}
