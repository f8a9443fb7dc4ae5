//! Disks that fail for a while: no file is delivered whose bytes are not on the disk.
//!
//! After a failed write Linux treats the lost bytes as written, and the next sync succeeds. Each test therefore compares
//! the file after the file system was unmounted and mounted again.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::sync::Arc;

use bitsup::engine::{Engine, EngineConfig};
use bitsup::store::{DirOptions, DirStore, Durability};

use crate::block_device::client::{FileClient, Next, content, is_content};
use crate::block_device::{BTRFS, EXT4, Mount, XFS, with_file_system};

/// The file is sent in five fragments, which do not end with a page.
const LENGTH: usize = 700_000;
const FRAGMENT: usize = 150_001;

#[test]
fn ext4_never_delivers_lost_bytes_with_durability_file() {
    with_file_system(EXT4, |mount| run(mount, Durability::File));
}

#[test]
fn ext4_never_delivers_lost_bytes_with_durability_fragment() {
    with_file_system(EXT4, |mount| run(mount, Durability::Fragment));
}

#[test]
fn xfs_never_delivers_lost_bytes_with_durability_file() {
    with_file_system(XFS, |mount| run(mount, Durability::File));
}

#[test]
fn xfs_never_delivers_lost_bytes_with_durability_fragment() {
    with_file_system(XFS, |mount| run(mount, Durability::Fragment));
}

#[test]
fn btrfs_never_delivers_lost_bytes_with_durability_file() {
    with_file_system(BTRFS, |mount| run(mount, Durability::File));
}

#[test]
fn btrfs_never_delivers_lost_bytes_with_durability_fragment() {
    with_file_system(BTRFS, |mount| run(mount, Durability::Fragment));
}

#[test]
fn ext4_never_delivers_lost_bytes_after_the_whole_disk_failed() {
    with_file_system(EXT4, |mount| {
        let mount = disk_fails(mount, "/file", Durability::File);
        disk_fails(mount, "/fragment", Durability::Fragment).unmount();
    });
}

#[test]
fn xfs_never_delivers_lost_bytes_after_the_whole_disk_failed() {
    with_file_system(XFS, |mount| {
        let mount = disk_fails(mount, "/file", Durability::File);
        disk_fails(mount, "/fragment", Durability::Fragment).unmount();
    });
}

#[test]
fn btrfs_never_delivers_lost_bytes_after_the_whole_disk_failed() {
    with_file_system(BTRFS, |mount| {
        let mount = disk_fails(mount, "/file", Durability::File);
        disk_fails(mount, "/fragment", Durability::Fragment).unmount();
    });
}

/// Uploads a file for each kind of failure, and compares the files after the file system was mounted again.
fn run(mount: Mount, durability: Durability) {
    let mut clients = vec![delivery_fails(&mount, durability), writes_fail(&mount, durability)];
    if durability == Durability::File {
        clients.push(background_write_fails(&mount));
        clients.push(background_write_fails_before_a_restart(&mount));
    }
    let mount = mount.again();
    for client in clients {
        assert_delivered(&mount, &client);
    }
    mount.unmount();
}

/// Asserts that the file is what the client has sent.
fn assert_delivered(mount: &Mount, client: &FileClient) {
    let file = fs::read(mount.path().join(&client.path[1..])).unwrap();
    let wrong = file.iter().zip(&client.content).filter(|(found, sent)| found != sent).count();
    assert!(file == client.content, "{}: {} bytes, {wrong} of them wrong", client.path, file.len());
}

/// Only the last sync fails, the one before the delivery.
fn delivery_fails(mount: &Mount, durability: Durability) -> FileClient {
    let mut transfer = Transfer::begin(mount, "/delivery", durability);
    transfer.send(LENGTH / FRAGMENT);
    mount.disk().fail_writes(is_content);
    assert_eq!(transfer.client.step(&transfer.engine), 500);
    transfer.complete(mount)
}

/// All writes fail for a while, until the client has seen several errors.
fn writes_fail(mount: &Mount, durability: Durability) -> FileClient {
    let mut transfer = Transfer::begin(mount, "/lasting", durability);
    transfer.send(2);
    mount.disk().fail_writes(is_content);
    let mut failures = 0;
    for _ in 0..50 {
        failures += usize::from(transfer.client.step(&transfer.engine) == 500);
        assert!(!mount.path().join("lasting").exists(), "delivered while the disk fails");
        if failures == 3 {
            return transfer.complete(mount);
        }
    }
    panic!("{failures} failures");
}

/// The kernel writes in the background, and fails. Another program learns that before the server.
fn background_write_fails(mount: &Mount) -> FileClient {
    let mut transfer = Transfer::begin(mount, "/background", Durability::File);
    transfer.send(3);
    lose_written_bytes(mount);
    transfer.send(1);
    assert_eq!(transfer.client.step(&transfer.engine), 500, "the lost bytes are not noticed");
    transfer.client.finish(&transfer.engine);
    transfer.client
}

/// The kernel writes in the background, and fails. The server stops and starts again.
fn background_write_fails_before_a_restart(mount: &Mount) -> FileClient {
    let mut transfer = Transfer::begin(mount, "/restarted", Durability::File);
    transfer.send(3);
    lose_written_bytes(mount);
    transfer = transfer.restart(mount, Durability::File);
    assert_eq!(transfer.client.step(&transfer.engine), 416, "the lost bytes are not noticed");
    transfer.client.finish(&transfer.engine);
    transfer.client
}

/// Lets the kernel write what it has of the unfinished upload, and fail.
fn lose_written_bytes(mount: &Mount) {
    let data = fs::read_dir(mount.path().join(".bitsup")).unwrap();
    let data = data.map(|entry| entry.unwrap().path().join("data")).find(|path| path.exists()).unwrap();
    let data = File::open(data).unwrap();
    mount.disk().fail_writes(is_content);
    data.sync_data().unwrap_err();
    assert!(mount.disk().repair() > 0);
    data.sync_data().unwrap();
}

/// Every write fails, also those of the file system itself, which gives up until it is mounted again.
fn disk_fails(mount: Mount, path: &'static str, durability: Durability) -> Mount {
    let mut transfer = Transfer::begin(&mount, path, durability);
    transfer.send(3);
    mount.disk().fail_writes(|_| true);
    let responses = (0..20).map(|_| transfer.client.step(&transfer.engine)).collect::<Vec<_>>();
    assert_ne!(transfer.client.next(), Next::Close, "{path}: acknowledged while the disk fails");
    assert!(responses.contains(&500), "{path}: {responses:?}");
    drop(transfer.engine);
    assert!(mount.disk().repair() > 0);

    let mount = mount.again();
    assert!(!mount.path().join(&path[1..]).exists(), "{path} was delivered");
    transfer.client.finish(&engine(&mount, durability));
    let mount = mount.again();
    assert_delivered(&mount, &transfer.client);
    mount
}

fn engine(mount: &Mount, durability: Durability) -> Engine {
    let store = DirStore::open(mount.path(), DirOptions::default().durability(durability)).unwrap();
    Engine::new(EngineConfig::new(Arc::new(store)).free_space_reserve(0)).unwrap()
}

/// An upload that is not complete.
struct Transfer {
    client: FileClient,
    engine: Engine,
}

impl Transfer {
    fn begin(mount: &Mount, path: &'static str, durability: Durability) -> Self {
        let engine = engine(mount, durability);
        let mut client = FileClient::new(path, content(path.len() as u64, LENGTH), FRAGMENT);
        assert_eq!(client.step(&engine), 200);
        Self { client, engine }
    }

    /// Stops the server in an orderly way, and starts another one.
    fn restart(self, mount: &Mount, durability: Durability) -> Self {
        drop(self.engine);
        Self { engine: engine(mount, durability), client: self.client }
    }

    /// Sends fragments while the disk works.
    fn send(&mut self, fragments: usize) {
        for _ in 0..fragments {
            assert_eq!(self.client.step(&self.engine), 200);
        }
    }

    /// Sends the rest, after the disk was repaired.
    fn complete(mut self, mount: &Mount) -> FileClient {
        assert!(mount.disk().repair() > 0, "no write has failed");
        self.client.finish(&self.engine);
        self.client
    }
}
