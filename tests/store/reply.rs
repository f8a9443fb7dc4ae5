//! Content and replies in all stores.

use std::fs;
use std::path::Path;

use bitsup::store::{
    Content, DirOptions, DirStore, Durability, MemoryStore, NewReply, Outcome, ReplyKind, SessionRecord,
    Store, StoreError,
};
use test_support::callback_store;

use crate::records::{delivered, held, received, record};

/// Runs a test with each store and each durability. Its second argument is a folder for its files.
fn for_each_store(test: impl Fn(&dyn Store, &Path)) {
    let outer = tempfile::tempdir().unwrap();
    test(&MemoryStore::default(), outer.path());
    test(&*callback_store::Files::default().open(), outer.path());
    for durability in [Durability::None, Durability::File, Durability::Fragment] {
        let root = tempfile::tempdir().unwrap();
        test(
            &DirStore::open(root.path(), DirOptions::default().durability(durability)).unwrap(),
            outer.path(),
        );
    }
}

fn read_all(content: &dyn Content) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut piece = [0; 3];
    loop {
        match content.read_at(bytes.len() as u64, &mut piece).unwrap() {
            0 => break,
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
    assert_eq!(content.length(), bytes.len() as u64);
    bytes
}

#[test]
fn received_bytes_can_be_read() {
    for_each_store(|store, _| {
        let record = received(store, 1, "a", b"received");
        let content = store.read(record.id).unwrap();
        assert_eq!(read_all(&*content), b"received");
        assert!(content.modified_ms() > 1_600_000_000_000);
        if let Some(path) = content.path() {
            assert!(path.is_absolute());
            assert_eq!(fs::read(path).unwrap(), b"received");
        }
        store.remove(record.id).unwrap();
        assert!(matches!(store.read(record.id), Err(StoreError::NotFound)));
    });
}

/// Not required of custom stores.
#[test]
fn a_reader_is_not_affected_by_the_end_of_the_session() {
    let root = tempfile::tempdir().unwrap();
    let directory = DirStore::open(root.path(), DirOptions::default()).unwrap();
    for store in [&MemoryStore::default() as &dyn Store, &directory] {
        let record = received(store, 1, "a", b"received");
        let content = store.read(record.id).unwrap();
        store.remove(record.id).unwrap();
        assert_eq!(read_all(&*content), b"received");
    }
}

#[test]
fn a_reply_is_kept_when_the_file_is_delivered() {
    for_each_store(|store, _| {
        let record = received(store, 1, "a", b"received");
        store.put_reply(record.id, NewReply::Bytes(b"reply")).unwrap();
        store.commit(&delivered(&record), false).unwrap();
        assert!(matches!(store.read(record.id), Err(StoreError::NotFound)));
        assert_eq!(read_all(&*store.reply(record.id).unwrap()), b"reply");
    });
}

#[test]
fn a_reply_of_bytes_is_kept_until_its_session_ends() {
    for_each_store(|store, _| {
        let id = received(store, 1, "a", b"x").id;
        assert!(matches!(store.reply(id), Err(StoreError::NotFound)));
        for reply in [b"reply".as_slice(), b"", b"another"] {
            store.put_reply(id, NewReply::Bytes(reply)).unwrap();
            assert_eq!(read_all(&*store.reply(id).unwrap()), reply);
        }
        assert_eq!(held(store, id).unwrap(), 1, "the uploaded data changed");
        store.remove(id).unwrap();
        assert!(matches!(store.reply(id), Err(StoreError::NotFound)));
    });
}

#[test]
fn a_reply_file_is_moved_into_the_store() {
    for_each_store(|store, folder| {
        let id = received(store, 1, "a", b"x").id;
        let path = folder.join("reply");
        fs::write(&path, "from elsewhere").unwrap();
        store.put_reply(id, NewReply::File(&path)).unwrap();
        assert_eq!(read_all(&*store.reply(id).unwrap()), b"from elsewhere");
        assert!(!path.exists());
        assert!(matches!(store.put_reply(id, NewReply::File(&path)), Err(StoreError::NotFound)));
        assert!(store.put_reply(id, NewReply::File(folder)).is_err(), "a folder was accepted as a reply");
    });
}

#[test]
fn staging_discards_the_leftovers_of_a_previous_attempt() {
    for_each_store(|store, _| {
        let id = received(store, 1, "a", b"x").id;
        store.put_reply(id, NewReply::Bytes(b"old")).unwrap();
        if let Some(path) = store.stage_reply(id).unwrap() {
            assert!(path.is_absolute());
            fs::write(&path, "half").unwrap();
            assert_eq!(store.stage_reply(id).unwrap().as_ref(), Some(&path));
            assert!(!path.exists());
            fs::write(&path, "whole").unwrap();
            store.put_reply(id, NewReply::File(&path)).unwrap();
            assert_eq!(read_all(&*store.reply(id).unwrap()), b"whole");
        }
        store.stage_reply(id).unwrap();
        assert!(matches!(store.reply(id), Err(StoreError::NotFound)));
    });
}

#[test]
fn a_link_to_a_reply_is_followed_and_its_target_kept() {
    let (root, outer) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = DirStore::open(root.path(), DirOptions::default()).unwrap();
    let id = received(&store, 1, "a", b"x").id;
    let (target, link) = (outer.path().join("target"), outer.path().join("link"));
    fs::write(&target, "linked").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    store.put_reply(id, NewReply::File(&link)).unwrap();
    assert_eq!(read_all(&*store.reply(id).unwrap()), b"linked");
    assert!(target.exists() && !link.exists());
}

#[test]
fn the_outcome_survives_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let open = || DirStore::open(root.path(), DirOptions::default()).unwrap();
    let store = open();
    let mut expected: SessionRecord = record(1, "a");
    store.create(&expected).unwrap();
    expected.outcome =
        Some(Outcome::Accepted { keep: false, reply: ReplyKind::Url("http://static/".into()) });
    expected.url = Some("http://host/a".into());
    expected.redirect(Some(String::from("b/c").try_into().unwrap()));
    store.save(&expected).unwrap();
    drop(store);
    let found = open().sessions().unwrap().sessions.remove(0).record;
    assert_eq!(found, expected);
    assert_eq!(found.remote(), record(1, "a").remote());
    assert!(found.is_done());
}

#[test]
fn a_reply_counts_toward_the_size_limit() {
    let store = MemoryStore::new(10);
    let id = received(&store, 1, "a", b"12345").id;
    assert!(matches!(store.put_reply(id, NewReply::Bytes(b"123456")), Err(StoreError::NoSpace(_))));
    store.put_reply(id, NewReply::Bytes(b"12345")).unwrap();
    assert!(matches!(store.open(id).unwrap().write(b"6"), Err(StoreError::NoSpace(_))));
}
