//! Recovery of a directory store after a crash. The tests create the files that a crash leaves, then open the root.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use bitsup::store::{DirOptions, DirStore, SessionPhase, SessionRecord, Store, StoreError};
use tempfile::TempDir;

use crate::records::{delivered, held, received, record};

/// A closed root with one complete session for the file `a`.
struct Disk {
    root: TempDir,
    record: SessionRecord,
}

impl Disk {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let store = DirStore::open(root.path(), DirOptions::default()).unwrap();
        let record = received(&store, 1, "a", b"ours");
        Self { root, record }
    }

    fn open(&self) -> DirStore {
        DirStore::open(self.root.path(), DirOptions::default()).unwrap()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn session(&self, name: &str) -> PathBuf {
        self.at(".bitsup").join(self.record.id.to_string()).join(name)
    }

    fn link(&self, from: &str, to: PathBuf) {
        fs::hard_link(self.session(from), to).unwrap();
    }

    /// Encodes the record as the store does, with the given phase.
    fn written(&self, phase: SessionPhase) -> Vec<u8> {
        let mut record = serde_json::to_value(SessionRecord { phase, ..self.record.clone() }).unwrap();
        record["version"] = 1.into();
        serde_json::to_vec(&record).unwrap()
    }

    fn write_record(&self, name: &str, phase: SessionPhase) {
        fs::write(self.session(name), self.written(phase)).unwrap();
    }

    fn session_files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.session("")).unwrap();
        let mut names =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>();
        names.sort();
        names
    }

    /// Asserts that the commit is complete and the file was delivered once.
    fn assert_delivered(&self) {
        assert_eq!(fs::read(self.at("a")).unwrap(), b"ours");
        assert_eq!(fs::metadata(self.at("a")).unwrap().nlink(), 1);
        assert_eq!(self.session_files(), ["session.json"]);
        let written = fs::read(self.session("session.json")).unwrap();
        assert_eq!(serde_json::from_slice::<SessionRecord>(&written).unwrap(), delivered(&self.record));
    }
}

/// The last step before the crash, and a function that leaves the disk in that state.
type CrashPoint = (&'static str, fn(&Disk));

const LINKING: [CrashPoint; 5] = [
    ("nothing", |_| {}),
    ("the next record partly written", |disk| {
        fs::write(disk.session("session.json.new"), [b'['; 10_000]).unwrap();
    }),
    ("the next record written", |disk| disk.write_record("session.json.new", SessionPhase::Delivered)),
    ("linked", |disk| {
        disk.write_record("session.json.new", SessionPhase::Delivered);
        disk.link("data", disk.at("a"));
    }),
    ("recorded", |disk| {
        disk.link("data", disk.at("a"));
        disk.write_record("session.json", SessionPhase::Delivered);
    }),
];

const REPLACING: [CrashPoint; 5] = [
    ("nothing", |disk| fs::write(disk.at("a"), b"theirs").unwrap()),
    ("the link for the rename created", |disk| {
        fs::write(disk.at("a"), b"theirs").unwrap();
        disk.link("data", disk.session("delivery"));
    }),
    ("renamed", |disk| {
        disk.write_record("session.json.new", SessionPhase::Delivered);
        disk.link("data", disk.at("a"));
    }),
    // The second attempt crashed too: renaming one link of a file to another does nothing.
    ("renamed without effect", |disk| {
        disk.link("data", disk.at("a"));
        disk.link("data", disk.session("delivery"));
    }),
    ("recorded", |disk| {
        disk.link("data", disk.at("a"));
        disk.write_record("session.json", SessionPhase::Delivered);
    }),
];

#[test]
fn an_interrupted_commit_is_completed_by_the_next() {
    let points = LINKING.map(|point| (point, false)).into_iter();
    for ((step, leave), overwrite) in points.chain(REPLACING.map(|point| (point, true))) {
        let disk = Disk::new();
        leave(&disk);
        let store = disk.open();
        assert_eq!(store.sessions().unwrap().sessions.len(), 1, "{step}");
        let again = store.commit(&delivered(&disk.record), overwrite);
        assert!(again.is_ok(), "crash after: {step}: {again:?}");
        disk.assert_delivered();
        store.commit(&delivered(&disk.record), overwrite).unwrap();
        disk.assert_delivered();
    }
}

/// The client may cancel, or never return.
#[test]
fn a_session_with_an_interrupted_commit_can_be_removed() {
    for (step, leave) in LINKING.into_iter().chain(REPLACING) {
        let disk = Disk::new();
        leave(&disk);
        let file = fs::read(disk.at("a")).ok();
        disk.open().remove(disk.record.id).unwrap();
        assert!(!disk.session("").exists(), "{step}");
        assert_eq!(fs::read(disk.at("a")).ok(), file, "{step}");
    }
}

/// If the delivered file was moved away, it is not delivered a second time.
#[test]
fn a_recorded_commit_does_not_deliver_again() {
    for overwrite in [false, true] {
        let disk = Disk::new();
        disk.write_record("session.json", SessionPhase::Delivered);
        let store = disk.open();
        store.commit(&delivered(&disk.record), overwrite).unwrap();
        assert!(!disk.at("a").exists());
        fs::write(disk.at("a"), b"theirs").unwrap();
        store.commit(&delivered(&disk.record), overwrite).unwrap();
        assert_eq!(fs::read(disk.at("a")).unwrap(), b"theirs");
        assert_eq!(disk.session_files(), ["session.json"]);
    }
}

/// A different file with the same content.
#[test]
fn an_equal_file_at_the_destination_is_not_mistaken_for_the_uploaded_one() {
    let disk = Disk::new();
    fs::copy(disk.session("data"), disk.at("a")).unwrap();
    let rejected = disk.open().commit(&delivered(&disk.record), false);
    assert!(matches!(rejected, Err(StoreError::Exists)));
}

#[test]
fn an_undelivered_session_without_data_is_not_found() {
    let disk = Disk::new();
    fs::remove_file(disk.session("data")).unwrap();
    let store = disk.open();
    assert_eq!(store.sessions().unwrap().sessions.len(), 1);
    assert!(matches!(held(&store, disk.record.id), Err(StoreError::NotFound)));
    for overwrite in [false, true] {
        let rejected = store.commit(&delivered(&disk.record), overwrite);
        assert!(matches!(rejected, Err(StoreError::NotFound)));
    }
    assert!(!disk.at("a").exists());
}

#[test]
fn an_interrupted_save_keeps_the_previous_record() {
    let disk = Disk::new();
    fs::write(disk.session("session.json.new"), b"{\"version\"").unwrap();
    let store = disk.open();
    assert_eq!(store.sessions().unwrap().sessions[0].record, disk.record);
    store.save(&delivered(&disk.record)).unwrap();
    assert_eq!(store.sessions().unwrap().sessions[0].record, delivered(&disk.record));
    assert_eq!(disk.session_files(), ["data", "session.json"]);
}

/// The record is the last file of a session to be created and the first to be removed.
#[test]
fn a_session_directory_without_a_record_is_removed() {
    let points: [CrashPoint; 4] = [
        ("created the directory", |_| {}),
        ("created the data", |disk| fs::write(disk.session("data"), b"").unwrap()),
        ("staged the record", |disk| {
            fs::write(disk.session("data"), b"").unwrap();
            disk.write_record("session.json.new", SessionPhase::Receiving);
        }),
        ("removed the record", |disk| fs::write(disk.session("data"), b"received").unwrap()),
    ];
    for (step, leave) in points {
        let disk = Disk::new();
        fs::remove_dir_all(disk.session("")).unwrap();
        fs::create_dir(disk.session("")).unwrap();
        leave(&disk);
        let store = disk.open();
        assert_eq!(store.find(disk.record.id).unwrap(), None, "{step}");
        assert_eq!(store.sessions().unwrap(), Default::default(), "{step}");
        assert!(!disk.session("").exists(), "{step}");
    }
}

/// What this process is creating or removing at the same time looks like an orphan.
#[test]
fn a_directory_without_a_record_is_kept_while_it_may_be_in_use() {
    let disk = Disk::new();
    let store = disk.open();
    let created = received(&store, 2, "b", b"x");
    let session = disk.at(".bitsup").join(created.id.to_string());
    fs::rename(session.join("session.json"), disk.at("elsewhere")).unwrap();
    for _ in 0..2 {
        assert_eq!(store.sessions().unwrap().sessions.len(), 1);
        fs::create_dir_all(disk.at(".bitsup").join(record(3, "c").id.to_string())).unwrap();
    }
    assert!(session.join("data").exists());
    // All orphans of earlier processes were removed by the first listing.
    assert!(disk.at(".bitsup").join(record(3, "c").id.to_string()).exists());
}

#[test]
fn interrupted_creation_and_removal_can_be_repeated() {
    let disk = Disk::new();
    let store = disk.open();
    let second = record(2, "b");
    fs::create_dir(disk.at(".bitsup").join(second.id.to_string())).unwrap();
    store.create(&second).unwrap();
    assert_eq!(held(&store, second.id).unwrap(), 0);
    fs::remove_file(disk.session("session.json")).unwrap();
    store.remove(disk.record.id).unwrap();
    assert!(!disk.session("").exists());
    let left = store.sessions().unwrap().sessions;
    assert_eq!(left.iter().map(|stored| &stored.record).collect::<Vec<_>>(), [&second]);
}

/// The record is removed first. A directory makes the removal fail. It has many names, because the order of directory
/// entries depends on the file system.
#[test]
fn a_removal_that_fails_halfway_leaves_no_session() {
    let disk = Disk::new();
    let store = disk.open();
    for number in 10..40 {
        let record = received(&store, number, "b", b"x");
        let session = disk.at(".bitsup").join(record.id.to_string());
        fs::create_dir(session.join(format!("obstacle {number}"))).unwrap();
        assert!(store.remove(record.id).is_err());
    }
    let left = store.sessions().unwrap();
    assert_eq!((left.sessions.len(), left.unreadable.len()), (1, 0));
    drop(store);
    // What cannot be removed does not prevent the next start.
    let unreadable = disk.open().sessions().unwrap().unreadable;
    assert_eq!(unreadable.len(), 30);
    assert!(unreadable.iter().all(|session| session.reason.contains("orphaned session")), "{unreadable:?}");
}

/// A crash while the store tests the file system does not prevent the next start.
#[test]
fn a_leftover_probe_does_not_prevent_opening_the_root() {
    let disk = Disk::new();
    fs::hard_link(disk.at(".bitsup/lock"), disk.at(".bitsup/lock.link")).unwrap();
    drop(disk.open());
    assert!(!disk.at(".bitsup/lock.link").exists());
}

/// Returns a root after a reboot without a clean shutdown. It has a session of 4 bytes, 3 of which were acknowledged.
#[cfg(target_os = "linux")]
fn after_power_loss(durability: bitsup::store::Durability) -> (TempDir, SessionRecord) {
    let root = TempDir::new().unwrap();
    let options = DirOptions::default().durability(durability);
    let store = DirStore::open(root.path(), options).unwrap();
    let record = received(&store, 1, "a", b"");
    let mut sink = store.open(record.id).unwrap();
    sink.write(b"our").unwrap();
    sink.flush().unwrap();
    sink.write(b"s").unwrap();
    drop((sink, store));
    fs::write(root.path().join(".bitsup/boot"), "00000000-0000-0000-0000-000000000000\n").unwrap();
    (root, record)
}

#[cfg(target_os = "linux")]
#[test]
fn after_a_power_loss_a_session_holds_what_was_synced() {
    use bitsup::store::Durability;
    for (durability, synced) in [(Durability::None, 0), (Durability::File, 0), (Durability::Fragment, 3)] {
        let (root, record) = after_power_loss(durability);
        // The data is truncated once; a restart without a reboot keeps it.
        for written in 0..2 {
            let store = DirStore::open(root.path(), DirOptions::default().durability(durability)).unwrap();
            assert_eq!(held(&store, record.id).unwrap(), synced + written, "{durability:?}");
            store.open(record.id).unwrap().write(b"x").unwrap();
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_cleanly_closed_store_keeps_every_byte_across_a_reboot() {
    let (root, record) = after_power_loss(Default::default());
    let boot = root.path().join(".bitsup/boot");
    let store = DirStore::open(root.path(), DirOptions::default()).unwrap();
    store.open(record.id).unwrap().write(b"ours").unwrap();
    store.sessions().unwrap();
    assert_eq!(fs::read(&boot).unwrap(), fs::read("/proc/sys/kernel/random/boot_id").unwrap());
    drop(store);
    assert!(fs::read(&boot).unwrap().starts_with(b"closed"));
    let store = DirStore::open(root.path(), DirOptions::default()).unwrap();
    assert_eq!(held(&store, record.id).unwrap(), 4);
}

/// A record of a newer version or with invalid content is kept for the administrator.
#[cfg(target_os = "linux")]
#[test]
fn after_a_power_loss_unwritten_records_are_removed_and_others_kept() {
    for (bytes, kept) in
        [(&b""[..], false), (&[0; 300], false), (b"{\"version\": 2,", false), (b"{\"version\":99}", true)]
    {
        let (root, record) = after_power_loss(Default::default());
        let session = root.path().join(".bitsup").join(record.id.to_string());
        fs::write(session.join("session.json"), bytes).unwrap();
        let store = DirStore::open(root.path(), DirOptions::default()).unwrap();
        assert_eq!(store.sessions().unwrap().unreadable.len(), usize::from(kept), "{bytes:?}");
        assert_eq!(session.exists(), kept, "{bytes:?}");
    }
}
