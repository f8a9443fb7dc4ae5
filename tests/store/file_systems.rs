//! Power loss at any moment of uploads, on real file systems. See docs/operations/durability.md.
//!
//! Each test records what a file system writes to its disk while files are uploaded. Then it builds possible contents of
//! the disk after a power loss, mounts them, and starts a new server with each.
#![cfg(target_os = "linux")]

use std::any::Any;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use bitsup::engine::{Engine, EngineConfig, Finalize};
use bitsup::store::{DirOptions, DirStore, Durability, SessionPhase, SessionRecord, Store};
use fastrand::Rng;

use crate::block_device::client::{FileClient, Next, content};
use crate::block_device::{BTRFS, EXT4, EXT4_WRITEBACK, FileSystem, Mount, XFS, with_file_system};

/// The variable with the number of states per test.
const STATES: &str = "BITSUP_TEST_POWER_STATES";
const DEFAULT_STATES: usize = 16;
/// The previous content of the files that are replaced.
const PREVIOUS: &[u8] = b"theirs";

#[test]
fn ext4_keeps_acknowledged_files_with_durability_file() {
    with_file_system(EXT4, |mount| run(mount, Durability::File));
}

#[test]
fn ext4_keeps_acknowledged_bytes_with_durability_fragment() {
    with_file_system(EXT4, |mount| run(mount, Durability::Fragment));
}

#[test]
fn ext4_with_writeback_keeps_acknowledged_files_with_durability_file() {
    with_file_system(EXT4_WRITEBACK, |mount| run(mount, Durability::File));
}

#[test]
fn ext4_with_writeback_keeps_acknowledged_bytes_with_durability_fragment() {
    with_file_system(EXT4_WRITEBACK, |mount| run(mount, Durability::Fragment));
}

#[test]
fn xfs_keeps_acknowledged_files_with_durability_file() {
    with_file_system(XFS, |mount| run(mount, Durability::File));
}

#[test]
fn xfs_keeps_acknowledged_bytes_with_durability_fragment() {
    with_file_system(XFS, |mount| run(mount, Durability::Fragment));
}

#[test]
fn btrfs_keeps_acknowledged_files_with_durability_file() {
    with_file_system(BTRFS, |mount| run(mount, Durability::File));
}

#[test]
fn btrfs_keeps_acknowledged_bytes_with_durability_fragment() {
    with_file_system(BTRFS, |mount| run(mount, Durability::Fragment));
}

/// A file that is uploaded.
struct Upload {
    path: &'static str,
    length: usize,
    fragment: usize,
    finalize: Finalize,
    /// Everything is written to the disk after each Ack, as the kernel does after some seconds.
    is_synced: bool,
}

const fn upload(path: &'static str, length: usize, fragment: usize) -> Upload {
    Upload { path, length, fragment, finalize: Finalize::LastFragment, is_synced: false }
}

const fn closed(upload: Upload) -> Upload {
    Upload { finalize: Finalize::Close, ..upload }
}

const fn synced(upload: Upload) -> Upload {
    Upload { is_synced: true, ..upload }
}

const UPLOADS: [Upload; 10] = [
    upload("/small", 5_000, 10_000),
    upload("/folder/large", 200_000, 70_000),
    upload("/replaced", 30_000, 20_000),
    closed(upload("/closed-small", 5_000, 10_000)),
    closed(upload("/folder/closed", 50_000, 20_000)),
    synced(upload("/synced-small", 5_000, 10_000)),
    synced(upload("/folder/synced", 200_000, 70_000)),
    synced(upload("/replaced-synced", 30_000, 20_000)),
    synced(closed(upload("/closed-synced", 50_000, 20_000))),
    upload("/last", 100, 100),
];

impl Upload {
    fn replaces(&self) -> bool {
        self.path.starts_with("/replaced")
    }

    fn client(&self) -> FileClient {
        FileClient::new(self.path, content(self.path.len() as u64, self.length), self.fragment)
    }

    fn engine(&self, store: &Arc<DirStore>) -> Engine {
        let config = EngineConfig::new(Arc::clone(store) as _).free_space_reserve(0);
        Engine::new(config.finalize(self.finalize).allow_overwrite(self.replaces())).unwrap()
    }

    /// Whether the server has acknowledged the delivery.
    fn is_delivered(&self, client: &FileClient) -> bool {
        let is_complete = client.session.is_some() && client.acknowledged == self.length;
        client.is_closed || is_complete && self.finalize == Finalize::LastFragment
    }

    /// Asserts that the file is complete. If its delivery was not acknowledged, it may also be missing or the previous
    /// one.
    fn check_file(&self, root: &Path, client: &FileClient) {
        let file = fs::read(root.join(&self.path[1..]));
        let is_previous = match &file {
            Ok(file) => self.replaces() && file == PREVIOUS,
            Err(error) => !self.replaces() && error.kind() == io::ErrorKind::NotFound,
        };
        let is_whole = file.as_ref().is_ok_and(|file| *file == client.content);
        let delivered = self.is_delivered(client);
        assert!(
            is_whole || is_previous && !delivered,
            "{} (delivered: {delivered}): {:?} bytes",
            self.path,
            file.map(|file| file.len())
        );
    }
}

/// What the clients knew at a moment.
struct Moment {
    /// The number of commands that the disk had received.
    position: usize,
    clients: Vec<FileClient>,
}

fn run(mount: Mount, durability: Durability) {
    let root = mount.path().join("root");
    fs::create_dir_all(root.join("folder")).unwrap();
    for upload in UPLOADS.iter().filter(|upload| upload.replaces()) {
        fs::write(root.join(&upload.path[1..]), PREVIOUS).unwrap();
    }
    mount.sync().unwrap();
    mount.disk().restart_recording();
    let moments = receive(&mount, &root, durability);

    let (file_system, disk) = (mount.file_system, mount.disk().clone());
    mount.unmount();
    let states = std::env::var(STATES).map_or(DEFAULT_STATES, |states| states.parse().unwrap());
    let mut random = Rng::with_seed(12);
    let mut violations = Vec::new();
    for number in 0..states {
        // Half of the power losses directly follow an Ack. The last moment is before the clean shutdown.
        let last = moments.last().unwrap().position;
        let end = match number % 2 {
            0 => moments[random.usize(..moments.len())].position,
            _ => random.usize(..=last),
        };
        let surviving = [0, 100, 50, 90][number / 2 % 4];
        let image = disk.content_after_power_loss(end, || random.u8(..100) < surviving);
        let clients = &moments.iter().rfind(|moment| moment.position <= end).unwrap().clients;
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let mount = file_system.mount(image).unwrap();
            check(&mount.path().join("root"), durability, clients, number);
            mount.unmount();
        }));
        if let Err(panic) = checked {
            violations.push(format!("after {end} commands, {surviving} %: {}", message(&*panic)));
        }
    }
    let FileSystem { name, options, .. } = file_system;
    println!("{name} ({options}), {durability:?}: {states} states, {} violations", violations.len());
    assert!(violations.is_empty(), "{violations:#?}");
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Receives the uploads.
fn receive(mount: &Mount, root: &Path, durability: Durability) -> Vec<Moment> {
    let mut clients = UPLOADS.each_ref().map(Upload::client).to_vec();
    let mut moments = vec![Moment { position: 0, clients: clients.clone() }];
    let store = store(root, durability);
    for (number, upload) in UPLOADS.iter().enumerate() {
        let engine = upload.engine(&store);
        while clients[number].next() != Next::Nothing {
            assert_eq!(clients[number].step(&engine), 200, "{}", upload.path);
            moments.push(Moment { position: mount.disk().position(), clients: clients.clone() });
            if upload.is_synced {
                mount.sync().unwrap();
                moments.push(Moment { position: mount.disk().position(), clients: clients.clone() });
            }
        }
    }
    moments
}

fn store(root: &Path, durability: Durability) -> Arc<DirStore> {
    Arc::new(DirStore::open(root, DirOptions::default().durability(durability)).unwrap())
}

/// Checks a root after a power loss, and a server that continues with it.
fn check(root: &Path, durability: Durability, clients: &[FileClient], turn: usize) {
    reboot(root);
    let all = || UPLOADS.iter().zip(clients);
    for (upload, client) in all() {
        upload.check_file(root, client);
    }
    let store = store(root, durability);
    // Recovers all sessions, which must not destroy what a client would then send again.
    let found = store.sessions().unwrap();
    for (upload, client) in all() {
        upload.check_file(root, client);
    }
    assert_eq!(found.unreadable, []);
    for (upload, client) in all() {
        let record = found.sessions.iter().map(|stored| &stored.record);
        let record = record.into_iter().find(|record| client.session == Some(record.id.to_string()));
        match record {
            Some(record) if record.phase == SessionPhase::Delivered => {}
            record => check_session(&store, durability, upload, client, record),
        }
    }
    // A third of the clients, because each syncs its file.
    for (upload, client) in all().skip(turn % 3).step_by(3) {
        let mut client = client.clone();
        client.finish(&upload.engine(&store));
        client.is_closed = true;
        upload.check_file(root, &client);
    }
}

/// Checks the bytes of a session that was not delivered.
fn check_session(
    store: &DirStore,
    durability: Durability,
    upload: &Upload,
    client: &FileClient,
    record: Option<&SessionRecord>,
) {
    let mut bytes = Vec::new();
    if let Some(record) = record {
        bytes.resize(usize::try_from(store.open(record.id).unwrap().received()).unwrap(), 0);
        assert_eq!(store.read(record.id).unwrap().read_at(0, &mut bytes).unwrap(), bytes.len());
    }
    assert!(client.content.starts_with(&bytes), "{}: the session has wrong bytes", upload.path);
    if durability == Durability::Fragment && client.session.is_some() && !upload.is_delivered(client) {
        let (held, acknowledged) = (bytes.len(), client.acknowledged);
        assert!(held >= acknowledged, "{}: {held} of {acknowledged} bytes", upload.path);
    }
}

/// Makes the next server see another boot id than this system's.
fn reboot(root: &Path) {
    let path = root.join(".bitsup/boot");
    let Ok(mut text) = fs::read_to_string(&path) else { return };
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    if text.starts_with(&id) {
        text.replace_range(..1, if text.starts_with('0') { "1" } else { "0" });
        fs::write(&path, text).unwrap();
    }
}
