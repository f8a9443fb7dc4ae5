//! Packets that end a session, repeated because their response was lost.
#![cfg(unix)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitsup::clock::ManualClock;
use bitsup::engine::{Engine, EngineConfig, Finalize, RequestHead};
use bitsup::proto::names;
use bitsup::store::{DirOptions, DirStore};
use test_support::packets::PacketClient;

const UNKNOWN: &str = "0x8020001F";

fn engine(root: &Path) -> Engine {
    let store = DirStore::open(root, DirOptions::default()).unwrap();
    Engine::new(EngineConfig::new(Arc::new(store))).unwrap()
}

/// The same client at a server that was restarted.
fn restart(client: PacketClient, root: &Path) -> PacketClient {
    let PacketClient { engine: old, path, id } = client;
    drop(old);
    PacketClient { engine: engine(root), path, id }
}

#[test]
fn a_repeated_close_is_acknowledged_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let client = PacketClient::create(&engine(root.path()), "/a");
    assert_eq!(client.send_file(b"content").status, 200);
    assert_eq!(client.close().status, 200);
    let client = restart(client, root.path());
    for _ in 0..2 {
        let response = client.close();
        assert_eq!((response.status, response.get(names::SESSION_ID)), (200, &*client.id));
    }
    assert_eq!(client.cancel().get(names::ERROR), UNKNOWN, "a closed session cannot be cancelled");
    assert_eq!(client.send_file(b"content").get(names::ERROR), UNKNOWN);
    for path in ["/b", "/a/../../b"] {
        let elsewhere = PacketClient { engine: client.engine.clone(), path, id: client.id.clone() };
        assert_eq!(elsewhere.close().get(names::ERROR), UNKNOWN, "of another URL: {path}");
    }
    assert_eq!(std::fs::read(root.path().join("a")).unwrap(), b"content");
}

#[test]
fn a_repeated_cancel_is_acknowledged_and_a_close_after_it_is_not() {
    let root = tempfile::tempdir().unwrap();
    let client = PacketClient::create(&engine(root.path()), "/a");
    assert_eq!(client.cancel().status, 200);
    let client = restart(client, root.path());
    assert_eq!(client.cancel().status, 200);
    assert_eq!(client.close().get(names::ERROR), UNKNOWN);
}

/// The first Close-Session may never have arrived: nothing says that there is a file.
#[test]
fn a_close_of_an_expired_session_is_unknown() {
    let root = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(0));
    let store = Arc::new(DirStore::open(root.path(), DirOptions::default()).unwrap());
    let config = EngineConfig::new(store).clock(clock.clone()).finalize(Finalize::Close);
    let engine = Engine::new(config.session_timeout(Duration::from_secs(1))).unwrap();
    let client = PacketClient::create(&engine, "/a");
    assert_eq!(client.send_file(b"content").status, 200);
    clock.advance(2000);
    assert_eq!(client.close().get(names::ERROR), UNKNOWN);
    assert!(!root.path().join("a").exists());
}

/// The delivery failed, so the last Fragment is repeated, and its client is killed. The response must not wait for the
/// session that its own request holds.
#[test]
fn a_repeated_last_fragment_without_its_body_is_rejected_at_once() {
    let root = tempfile::tempdir().unwrap();
    let client = PacketClient::create(&engine(root.path()), "/a");
    std::fs::write(root.path().join("a"), "another").unwrap();
    assert_ne!(client.send_file(b"content").status, 200);
    let headers = [
        (names::HOST, "host"),
        (names::PACKET_TYPE, "Fragment"),
        (names::SESSION_ID, &client.id),
        (names::CONTENT_LENGTH, "7"),
        (names::CONTENT_RANGE, "bytes 0-6/7"),
    ];
    let head = RequestHead::new(names::METHOD.to_owned(), client.path.to_owned())
        .headers(headers.into_iter().collect());
    let begun = Instant::now();
    let response = client.engine.begin(head).finish();
    assert_eq!(response.status, 400);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
