//! Failing disks: a write or a synchronization that failed once is never believed, although the next one succeeds.
//!
//! Each test runs itself again under strace, which makes the system call with that number fail.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bitsup::engine::{Engine, EngineConfig};
use bitsup::proto::names;
use bitsup::store::{DirOptions, DirStore, Durability, SessionRecord, Store};
use test_support::packets::{PacketClient, Response};
use test_support::process;

use crate::records::{delivered, held, received};

const ROOT: &str = "BITSUP_TEST_DISK_ERRORS";
const CONTENT: &[u8] = b"0123456789";

/// Runs `scenario` in a child process in which one system call fails: `fdatasync:error=EIO:when=2`.
fn with_failing(call: &str, test: &str, scenario: impl FnOnce(&Path)) {
    if let Some(root) = std::env::var_os(ROOT) {
        return scenario(root.as_ref());
    }
    let root = tempfile::tempdir().unwrap();
    let test = format!("disk_errors::{test}");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "signal=none", "-e", &format!("inject={call}")]);
    // A store keeps at most 16 data files open then.
    strace.args(["sh", "-c", "ulimit -n 64; exec \"$0\" \"$@\""]);
    strace.arg(std::env::current_exe().unwrap()).args(process::arguments(&test)).env(ROOT, root.path());
    process::run(&mut strace, &test);
}

fn client(root: &Path, durability: Durability) -> PacketClient {
    let store = DirStore::open(root, DirOptions::default().durability(durability)).unwrap();
    PacketClient::create(&Engine::new(EngineConfig::new(Arc::new(store))).unwrap(), "/a")
}

fn send(client: &PacketClient, first: usize, end: usize) -> Response {
    let range = format!("bytes {first}-{}/{}", end - 1, CONTENT.len());
    client.packet("Fragment", &[(names::CONTENT_RANGE, &range)], &CONTENT[first..end])
}

/// The status of a Fragment and the next offset.
fn status_and_offset(response: &Response) -> (u16, &str) {
    (response.status, response.get(names::RECEIVED_CONTENT_RANGE))
}

fn file(root: &Path) -> Option<Vec<u8>> {
    std::fs::read(root.join("a")).ok()
}

/// Call 1 writes the boot id.
#[test]
fn a_file_that_could_not_be_synced_at_its_delivery_is_sent_again() {
    let test = "a_file_that_could_not_be_synced_at_its_delivery_is_sent_again";
    with_failing("fdatasync:error=EIO:when=2", test, |root| {
        let client = client(root, Durability::File);
        assert_eq!(send(&client, 0, 5).status, 200);
        // No byte is proven to be on the disk.
        assert_eq!(status_and_offset(&send(&client, 5, 10)), (500, "0"));
        assert_eq!(file(root), None);
        assert_eq!(status_and_offset(&send(&client, 5, 10)), (416, "0"));
        assert_eq!(send(&client, 0, 10).status, 200);
        assert_eq!(file(root).as_deref(), Some(CONTENT));
    });
}

/// Sends fragments and checks the status and the next offset of each response, then the delivered file.
fn upload(root: &Path, durability: Durability, fragments: &[(usize, usize, (u16, &str))]) {
    let client = client(root, durability);
    for (first, end, expected) in fragments {
        assert_eq!(status_and_offset(&send(&client, *first, *end)), *expected, "{first} to {end}");
    }
    assert_eq!(file(root).as_deref(), Some(CONTENT));
}

/// Calls 1 to 5: the boot id, the record twice, the first fragment and its length.
#[test]
fn a_fragment_that_could_not_be_synced_is_sent_again() {
    let test = "a_fragment_that_could_not_be_synced_is_sent_again";
    with_failing("fdatasync:error=EIO:when=6", test, |root| {
        upload(root, Durability::Fragment, &[(0, 5, (200, "5")), (5, 10, (500, "5")), (5, 10, (200, "10"))]);
    });
}

/// Call 1 writes the boot id, as in the other tests of failed writes.
#[test]
fn after_a_failed_write_only_synced_bytes_count() {
    let test = "after_a_failed_write_only_synced_bytes_count";
    with_failing("pwrite64:error=EIO:when=3", test, |root| {
        upload(root, Durability::File, &[(0, 5, (200, "5")), (5, 10, (500, "0")), (0, 10, (200, "10"))]);
    });
}

/// Call 3 writes the length of the first fragment.
#[test]
fn after_a_failed_write_synced_bytes_count() {
    let test = "after_a_failed_write_synced_bytes_count";
    with_failing("pwrite64:error=EIO:when=4", test, |root| {
        upload(root, Durability::Fragment, &[(0, 5, (200, "5")), (5, 10, (500, "5")), (5, 10, (200, "10"))]);
    });
}

#[test]
fn a_full_disk_loses_nothing() {
    with_failing("pwrite64:error=ENOSPC:when=3", "a_full_disk_loses_nothing", |root| {
        upload(root, Durability::File, &[(0, 5, (200, "5")), (5, 10, (500, "5")), (5, 10, (200, "10"))]);
    });
}

/// As with delayed allocation or a quota; bytes that are in the cache only do not count.
#[test]
fn a_fragment_for_which_the_disk_has_no_room_at_its_sync_is_sent_again() {
    let test = "a_fragment_for_which_the_disk_has_no_room_at_its_sync_is_sent_again";
    with_failing("fdatasync:error=ENOSPC:when=6", test, |root| {
        upload(root, Durability::Fragment, &[(0, 5, (200, "5")), (5, 10, (500, "5")), (5, 10, (200, "10"))]);
    });
}

/// The data cannot be truncated, because its second name may be a delivered file's.
#[test]
fn a_session_whose_failed_write_cannot_be_undone_is_lost() {
    let test = "a_session_whose_failed_write_cannot_be_undone_is_lost";
    with_failing("pwrite64:error=EIO:when=3", test, |root| {
        let client = client(root, Durability::File);
        assert_eq!(send(&client, 0, 5).status, 200);
        let other = root.join("other name");
        std::fs::hard_link(root.join(".bitsup").join(&client.id).join("data"), &other).unwrap();
        assert_eq!(send(&client, 5, 10).status, 500);
        for _ in 0..2 {
            assert_eq!(send(&client, 0, 5).get(names::ERROR), "0x8020001F");
        }
        assert_eq!(std::fs::read(&other).unwrap(), CONTENT[..5]);
        let next = PacketClient::create(&client.engine, "/a");
        assert_eq!(send(&next, 0, 10).status, 200);
        assert_eq!(file(root).as_deref(), Some(CONTENT));
    });
}

/// Calls 1 to 3: the check of the file system, and the names of the boot id and of `.bitsup`.
#[test]
fn a_name_that_could_not_be_synced_is_made_again() {
    let test = "a_name_that_could_not_be_synced_is_made_again";
    with_failing("fsync:error=EIO:when=4", test, |root| {
        let client = client(root, Durability::File);
        assert_eq!(send(&client, 0, 10).status, 500);
        assert_eq!(file(root), None);
        assert_eq!(send(&client, 5, 10).status, 200);
        assert_eq!(file(root).as_deref(), Some(CONTENT));
    });
}

/// Uses so many other sessions that the data of the earlier ones is closed.
fn use_other_sessions(store: &DirStore) {
    for number in 100..120 {
        received(store, number, "other", CONTENT);
    }
}

fn complete(store: &DirStore, number: u128, path: &str) -> SessionRecord {
    SessionRecord { total: Some(10), ..received(store, number, path, CONTENT) }
}

/// Call 2 is that of the oldest file, which is to be closed. Its request may be in a callback of the application.
#[test]
fn a_file_that_could_not_be_synced_between_two_requests_is_not_delivered() {
    let test = "a_file_that_could_not_be_synced_between_two_requests_is_not_delivered";
    with_failing("fdatasync:error=EIO:when=2", test, |root| {
        let store = DirStore::open(root, DirOptions::default()).unwrap();
        let record = complete(&store, 1, "a");
        use_other_sessions(&store);
        store.commit(&delivered(&record), false).unwrap_err();
        assert_eq!(file(root), None);
        assert_eq!(held(&store, record.id).unwrap(), 0);
    });
}

/// The same error is not forgotten by a shutdown, either.
#[test]
fn bytes_that_could_not_be_synced_are_discarded_at_the_next_start() {
    let test = "bytes_that_could_not_be_synced_are_discarded_at_the_next_start";
    with_failing("fdatasync:error=EIO:when=2", test, |root| {
        let store = DirStore::open(root, DirOptions::default()).unwrap();
        let record = complete(&store, 1, "a");
        // The data cannot be truncated, because its other name may be a delivered file's.
        let data = root.join(".bitsup").join(record.id.to_string()).join("data");
        let other = root.join("other name");
        std::fs::hard_link(data, &other).unwrap();
        use_other_sessions(&store);
        assert!(store.open(record.id).is_err());
        drop(store);
        let store = DirStore::open(root, DirOptions::default()).unwrap();
        assert_eq!(store.sessions().unwrap().sessions.len(), 21);
        assert_eq!(held(&store, record.id).unwrap(), 0);
        assert_eq!(std::fs::read(&other).unwrap(), CONTENT);
    });
}

/// The next start is in the same boot of the system, which treats the lost bytes as written.
#[test]
fn after_a_shutdown_that_could_not_be_synced_only_synced_bytes_count() {
    let test = "after_a_shutdown_that_could_not_be_synced_only_synced_bytes_count";
    with_failing("syncfs:error=EIO:when=1", test, |root| {
        let store = DirStore::open(root, DirOptions::default()).unwrap();
        let record = complete(&store, 1, "a");
        drop(store);
        let store = DirStore::open(root, DirOptions::default()).unwrap();
        assert_eq!(store.sessions().unwrap().unreadable, []);
        assert_eq!(held(&store, record.id).unwrap(), 0);
    });
}

/// A shutdown with durability `none` syncs nothing, but remembers the session whose data failed. Calls 1 to 3: the boot
/// id and the data of two sessions.
#[test]
fn with_durability_none_only_the_session_whose_write_failed_is_discarded() {
    let test = "with_durability_none_only_the_session_whose_write_failed_is_discarded";
    with_failing("pwrite64:error=EIO:when=4", test, |root| {
        let open = || DirStore::open(root, DirOptions::default().durability(Durability::None)).unwrap();
        let store = open();
        let (record, other) = (complete(&store, 1, "a"), complete(&store, 2, "b"));
        // The data cannot be truncated, because its other name may be a delivered file's.
        let data = root.join(".bitsup").join(record.id.to_string()).join("data");
        std::fs::hard_link(data, root.join("other name")).unwrap();
        store.open(record.id).unwrap().write(b"more").unwrap_err();
        drop(store);
        let store = open();
        assert_eq!(store.sessions().unwrap().unreadable, []);
        assert_eq!([record.id, other.id].map(|id| held(&store, id).unwrap()), [0, 10]);
        assert_eq!(std::fs::read(root.join("other name")).unwrap(), CONTENT);
    });
}

/// No call fails. With a limit for each store, enough stores would use up all descriptors.
#[test]
fn all_stores_of_a_process_share_the_limit_of_open_data_files() {
    let test = "all_stores_of_a_process_share_the_limit_of_open_data_files";
    with_failing("fdatasync:error=EIO:when=1000", test, |root| {
        let stores: Vec<_> = ["1", "2", "3", "4", "5"]
            .map(|name| {
                let root = root.join(name);
                std::fs::create_dir(&root).unwrap();
                DirStore::open(&root, DirOptions::default()).unwrap()
            })
            .into();
        stores.iter().for_each(use_other_sessions);
    });
}

/// Another server has delivered the file, so the data of the session is no longer this server's. Call 1 is that of the
/// delivery, call 2 that of the server that still has the file open.
#[test]
fn a_file_that_another_server_delivered_is_not_truncated() {
    let test = "a_file_that_another_server_delivered_is_not_truncated";
    with_failing("fdatasync:error=EIO:when=2", test, |root| {
        let options = DirOptions::default().shared(true);
        let (store, other) = (DirStore::open(root, options).unwrap(), DirStore::open(root, options).unwrap());
        let record = complete(&store, 1, "a");
        other.commit(&delivered(&record), false).unwrap();
        use_other_sessions(&store);
        assert_eq!(file(root).as_deref(), Some(CONTENT));
        assert!(store.open(record.id).is_err());
        assert_eq!(file(root).as_deref(), Some(CONTENT));
    });
}
