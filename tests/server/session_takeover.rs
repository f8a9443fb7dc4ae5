//! A client that comes back while its old connection hangs in the body goes ahead at once, and what the old one
//! brought stays.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use bitsup::store::MemoryStore;
use test_support::certificates::Authority;
use test_support::raw_http::{RawHttp, close, create, fragment, serve};
use test_support::tls::{connect, serve_tls};

/// A hundred times what it takes on a machine that has nothing else to do; 100 ms is what is promised.
const BOUND: Duration = Duration::from_secs(2);
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
        // The client does not know how much came; it asks with what it begins anew.
        let ack = new.request(fragment(&path, &session, 0, 10, 10, &[]) + "helloworld");
        longest = longest.max(began.elapsed());
        assert_eq!((ack.status, ack.field("BITS-Received-Content-Range")), (200, Some("10")));
        assert_eq!(new.request(close(&path, &session)).status, 200);
        assert_eq!(store.file(&path[1..]).unwrap(), b"helloworld");
        drop(old);
    }
    println!("taken over within {longest:?}");
    assert!(longest < BOUND, "{longest:?}");
}

#[test]
fn a_connection_that_hangs_is_taken_over() {
    let store = MemoryStore::new(u64::MAX);
    let server = serve(&store, |_| {});
    take_over(&store, || RawHttp::connect(&server));
}

#[test]
fn a_tls_connection_that_hangs_is_taken_over() {
    let authority = Authority::named("root");
    let client = authority.client_config();
    let store = MemoryStore::new(u64::MAX);
    let server = serve_tls(&authority, &store, |_| {});
    take_over(&store, || connect(&server, &client));
}

/// The stored prefix counts: the new connection goes on behind it and need not send it again.
#[test]
fn what_the_old_connection_brought_stays() {
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
        // Either the bytes are not there yet, or the question has taken the session over and they never will be.
        assert!(began.elapsed() < BOUND, "the bytes did not come");
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
