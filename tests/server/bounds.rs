//! Limits of request heads, connections per address, body rate and free space.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitsup::engine::{Engine, EngineConfig};
use bitsup::server::Server;
use bitsup::store::{DirOptions, DirStore, MemoryStore};
use test_support::raw_http::{RawHttp, TIMEOUT, close, create, fragment, packet, ping, serve};

const SHORT: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(10);

#[test]
fn a_head_beyond_the_limits_gets_431() {
    let server = serve(&MemoryStore::new(0), |config| {
        config.max_head_bytes = 1000;
        config.max_head_fields = 10;
    });
    let padded = |length| packet("Ping", "/a", &[&format!("X: {}", "x".repeat(length))], 0);
    let longest = 1000 - padded(0).len();
    assert_eq!(RawHttp::connect(&server).request(padded(longest)).status, 200);
    assert_eq!(RawHttp::connect(&server).request(packet("Ping", "/a", &["X: y"; 4], 0)).status, 200);
    for oversized in [padded(longest + 1), packet("Ping", "/a", &["X: y"; 5], 0)] {
        let mut http = RawHttp::connect(&server);
        let response = http.request(oversized);
        assert_eq!((response.status, response.closes()), (431, true));
        http.assert_closed();
    }
}

#[test]
fn one_connection_too_many_from_an_address_gets_503() {
    let server = serve(&MemoryStore::new(0), |config| config.max_connections_per_address = 2);
    let [mut first, mut second] = [(); 2].map(|()| RawHttp::connect(&server));
    assert_eq!(first.request(ping("/a")).status, 200);
    assert_eq!(second.request(ping("/a")).status, 200);
    let mut third = RawHttp::connect(&server);
    let response = third.request(ping("/a"));
    assert_eq!((response.status, response.closes()), (503, true));
    assert_eq!(response.field("Retry-After"), Some("60"));
    third.assert_closed();
    assert_eq!(second.request(ping("/a")).status, 200);
    drop(first);
    let began = Instant::now();
    while RawHttp::connect(&server).request(ping("/a")).status != 200 {
        assert!(began.elapsed() < TIMEOUT, "the closed connection still counts");
    }
}

#[test]
fn a_slow_body_closes_the_connection_and_its_bytes_are_kept() {
    let store = MemoryStore::new(u64::MAX);
    let server = serve(&store, |config| {
        config.min_body_rate = 1 << 30;
        config.body_grace = SHORT;
    });
    let mut http = RawHttp::connect(&server);
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 0, 100_000, 100_000, &[]) + "hello");
    let began = Instant::now();
    while http.is_silent_for(PAUSE) && http.socket.write_all(b"x").is_ok() {
        assert!(began.elapsed() < TIMEOUT, "the connection was not closed");
    }
    http.assert_gone();
    assert!(began.elapsed() >= SHORT, "closed within the grace period");
    let stored = next_offset(&server, &session);
    assert!((5..100_000).contains(&stored), "{stored}");
}

/// Returns the number of stored bytes of a session for 100,000 bytes.
fn next_offset(server: &Server, session: &str) -> u64 {
    let rejected = RawHttp::connect(server).request(fragment("/a", session, 99_999, 1, 100_000, &[]) + "x");
    assert_eq!(rejected.status, 416);
    rejected.field("BITS-Received-Content-Range").unwrap().parse().unwrap()
}

#[test]
fn a_fast_start_leaves_time_for_a_pause() {
    let store = MemoryStore::new(u64::MAX);
    let server = serve(&store, |config| {
        config.min_body_rate = 100;
        config.body_grace = Duration::ZERO;
    });
    let mut http = RawHttp::connect(&server);
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 0, 100_000, 100_000, &[]) + &"x".repeat(99_999));
    assert!(http.is_silent_for(SHORT));
    assert_eq!(http.request("x").status, 200);
    assert_eq!(http.request(close("/a", &session)).status, 200);
}

#[test]
fn a_slow_unwanted_body_closes_the_connection() {
    let server = serve(&MemoryStore::new(0), |config| {
        config.min_body_rate = 1 << 30;
        config.body_grace = SHORT;
    });
    let mut http = RawHttp::connect(&server);
    http.send(packet("Nonsense", "/a", &[], 100_000));
    let began = Instant::now();
    while http.is_silent_for(PAUSE) && http.socket.write_all(b"x").is_ok() {
        assert!(began.elapsed() < TIMEOUT, "the connection was not closed");
    }
    http.assert_gone();
}

/// Starts a server over `root` that keeps `reserve` bytes of the volume free.
fn serve_root(root: &Path, reserve: u64) -> Server {
    let store = DirStore::open(root, DirOptions::default()).unwrap();
    let mut config = EngineConfig::new(Arc::new(store));
    config.free_space_reserve = reserve;
    let mounts = vec![("/".to_owned(), Engine::new(config).unwrap())];
    serve(&MemoryStore::new(0), |config| config.mounts = mounts)
}

#[test]
fn a_volume_with_only_its_reserve_left_is_full() {
    let root = tempfile::tempdir().unwrap();
    let mut server = serve_root(root.path(), 0);
    let session = RawHttp::connect(&server).request(create("/a")).session();
    server.stop(Duration::ZERO).unwrap();
    drop(server);

    let mut server = serve_root(root.path(), u64::MAX);
    let mut http = RawHttp::connect(&server);
    let rejected = http.request(create("/b"));
    assert_eq!((rejected.status, rejected.closes()), (500, false));
    assert_eq!(rejected.field("BITS-Error-Code"), Some("0x80070070"));
    let rejected = http.request(fragment("/a", &session, 0, 5, 5, &[]) + "hello");
    assert_eq!((rejected.status, rejected.field("BITS-Error-Code")), (500, Some("0x80070070")));
    assert_eq!(rejected.field("BITS-Received-Content-Range"), Some("0"));
    drop(http);
    server.stop(Duration::ZERO).unwrap();
    drop(server);

    let server = serve_root(root.path(), 1);
    let mut http = RawHttp::connect(&server);
    assert_eq!(http.request(fragment("/a", &session, 0, 5, 5, &[]) + "hello").status, 200);
    // More than any volume has: it is rejected before the body is sent.
    let session = http.request(create("/b")).session();
    let huge = 1 << 60;
    let rejected = http.request(fragment("/b", &session, 0, huge, huge, &["Expect: 100-continue"]));
    assert_eq!((rejected.status, rejected.field("BITS-Error-Code")), (500, Some("0x80070070")));
}
