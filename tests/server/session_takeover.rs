//! A client that reconnects while its old connection is stalled in a body continues at once; the bytes that the old
//! connection sent are kept.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use bitsup::store::MemoryStore;
use test_support::certificates::Authority;
use test_support::raw_http::{RawHttp, close, create, fragment, serve};
use test_support::tls::{connect, serve_tls};

/// The documented limit is 100 ms; the test allows more for a busy machine.
const MAX_DELAY: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;

fn take_over<S: Read + Write>(store: &MemoryStore, connect: impl Fn() -> RawHttp<S>) {
    let mut longest = Duration::ZERO;
    for round in 0..ROUNDS {
        let path = format!("/{round}");
        let mut old = connect();
        let session = old.request(create(&path)).session();
        old.send(fragment(&path, &session, 0, 10, 10, &["Expect: 100-continue"]));
        old.read_continue();
        old.send("hello");

        let mut new = connect();
        let began = Instant::now();
        // The client does not know how much arrived, and sends everything again.
        let ack = new.request(fragment(&path, &session, 0, 10, 10, &[]) + "helloworld");
        longest = longest.max(began.elapsed());
        assert_eq!((ack.status, ack.field("BITS-Received-Content-Range")), (200, Some("10")));
        assert_eq!(new.request(close(&path, &session)).status, 200);
        assert_eq!(store.file(&path[1..]).unwrap(), b"helloworld");
        drop(old);
    }
    println!("taken over within {longest:?}");
    assert!(longest < MAX_DELAY, "{longest:?}");
}

#[test]
fn a_session_is_taken_over_from_a_stalled_connection() {
    let store = MemoryStore::new(u64::MAX);
    let server = serve(&store, |_| {});
    take_over(&store, || RawHttp::connect(&server));
}

#[test]
fn a_session_is_taken_over_from_a_stalled_tls_connection() {
    let authority = Authority::named("root");
    let client = authority.client_config();
    let store = MemoryStore::new(u64::MAX);
    let server = serve_tls(&authority, &store, |_| {});
    take_over(&store, || connect(&server, &client));
}

/// The new connection continues after the stored bytes and need not send them again.
#[test]
fn the_bytes_of_the_old_connection_are_kept() {
    let store = MemoryStore::new(u64::MAX);
    let server = serve(&store, |_| {});
    let mut old = RawHttp::connect(&server);
    let session = old.request(create("/a")).session();
    old.send(fragment("/a", &session, 0, 10, 10, &[]) + "hello");
    let began = Instant::now();
    while RawHttp::connect(&server)
        .request(fragment("/a", &session, 9, 1, 10, &[]) + "d")
        .field("BITS-Received-Content-Range")
        != Some("5")
    {
        // Either the bytes have not arrived yet, or this request took over the session before they did.
        assert!(began.elapsed() < MAX_DELAY, "the bytes were not stored");
        old = RawHttp::connect(&server);
        old.send(fragment("/a", &session, 0, 10, 10, &[]) + "hello");
    }
    assert_eq!(
        RawHttp::connect(&server).request(fragment("/a", &session, 5, 5, 10, &[]) + "world").status,
        200
    );
    assert_eq!(store.file("a").unwrap(), b"helloworld");
    drop(old);
}
