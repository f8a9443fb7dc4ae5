//! Exchanges as an HTTP server drives them: bodies in pieces or from a descriptor, and takeover by a newer request.

#![cfg(unix)]

use std::fs::{self, File};
use std::io::{Seek, Write, pipe};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bitsup::Status;
use bitsup::engine::{Engine, EngineConfig, Exchange, RequestHead, Want};
use bitsup::proto::names;
use bitsup::store::{DirOptions, DirStore, MemoryStore};
use tempfile::TempDir;
use test_support::packets::PacketClient;

/// More than the buffer of a pipe or a socket holds.
const LONG: usize = 3 << 20;

/// Two engines, one over a directory store and one over a memory store.
struct Fixture {
    root: TempDir,
    memory: MemoryStore,
    engines: [Engine; 2],
}

impl Fixture {
    fn new() -> Self {
        let (root, memory) = (tempfile::tempdir().unwrap(), MemoryStore::default());
        let files = DirStore::open(root.path(), DirOptions::default()).unwrap();
        let engines = [
            Engine::new(EngineConfig::new(Arc::new(files))).unwrap(),
            Engine::new(EngineConfig::new(Arc::new(memory.clone()))).unwrap(),
        ];
        Self { root, memory, engines }
    }

    fn assert_delivered_by_both(&self, name: &str, content: &[u8]) {
        assert!(fs::read(self.root.path().join(name)).unwrap() == content, "{name} in the directory");
        assert!(self.memory.file(name).unwrap() == content, "{name} in memory");
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * at / 7) as u8).collect()
}

/// Begins a Fragment of this length, without its body.
fn fragment(client: &PacketClient, first: usize, length: usize, total: usize) -> Exchange {
    let range = format!("bytes {first}-{}/{total}", first + length - 1);
    let mut head = RequestHead::from_wire(names::METHOD.as_bytes(), client.path.as_bytes());
    for (name, value) in [
        (names::PACKET_TYPE, "Fragment"),
        (names::SESSION_ID, client.id.as_str()),
        (names::CONTENT_RANGE, range.as_str()),
        (names::CONTENT_LENGTH, length.to_string().as_str()),
    ] {
        head.headers.push(name, value);
    }
    client.engine.begin(head)
}

/// Reads the whole body from the descriptor, at most `most` bytes per call. Returns the number of calls.
fn drain(exchange: &mut Exchange, source: impl AsFd, most: u64) -> usize {
    let mut calls = 0;
    while let Want::Body(wanted) = exchange.want() {
        let taken = exchange.body_from_fd(&source, most).unwrap();
        assert!(taken > 0 && taken <= wanted.min(most), "{taken} of {wanted}, at most {most}");
        calls += 1;
    }
    calls
}

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

/// Writes a body to one end of a channel, and lets the exchange read it from the other end.
fn upload_through<W: Write + Send>(
    path: &'static str,
    most: u64,
    ends: impl Fn() -> (W, std::os::fd::OwnedFd),
) {
    let (fixture, data) = (Fixture::new(), content(LONG));
    for engine in &fixture.engines {
        let client = PacketClient::create(engine, path);
        let mut exchange = fragment(&client, 0, LONG, LONG);
        let (mut near, far) = ends();
        thread::scope(|scope| {
            scope.spawn(|| {
                near.write_all(&data).unwrap();
                near.write_all(b"the next request").unwrap();
            });
            drain(&mut exchange, &far, most);
            assert_eq!(
                exchange.body_from_fd(&far, u64::MAX).unwrap(),
                0,
                "bytes after the body were consumed"
            );
        });
        let mut next = [0; 16];
        assert_eq!(rustix::io::read(&far, &mut next).unwrap(), 16);
        assert_eq!(&next, b"the next request");
        assert_eq!(exchange.finish().status, 200);
    }
    fixture.assert_delivered_by_both(&path[1..], &data);
}

#[test]
fn a_body_is_read_from_a_tcp_socket() {
    upload_through("/tcp", u64::MAX, || {
        let (near, far) = sockets();
        (near, far.into())
    });
}

#[test]
fn a_body_is_read_from_a_unix_socket() {
    upload_through("/unix", 100_000, || {
        let (near, far) = UnixStream::pair().unwrap();
        (near, far.into())
    });
}

#[test]
fn a_body_is_read_from_a_pipe() {
    upload_through("/pipe", u64::MAX, || {
        let (far, near) = pipe().unwrap();
        (near, far.into())
    });
}

#[test]
fn a_body_is_read_from_a_file_at_its_position() {
    let (fixture, data) = (Fixture::new(), content(LONG));
    let path = fixture.root.path().join("source");
    fs::write(&path, &data).unwrap();
    for engine in &fixture.engines {
        let client = PacketClient::create(engine, "/file");
        let mut file = File::open(&path).unwrap();
        let mut first = fragment(&client, 0, 1000, LONG);
        assert_eq!(drain(&mut first, &file, u64::MAX), 1);
        assert_eq!(first.finish().status, 200);
        assert_eq!(file.stream_position().unwrap(), 1000);
        let mut rest = fragment(&client, 1000, LONG - 1000, LONG);
        drain(&mut rest, &file, u64::MAX);
        assert_eq!(rest.finish().status, 200);
    }
    fixture.assert_delivered_by_both("file", &data);
}

/// splice(2) rejects such a source, so the engine falls back to read(2).
#[test]
fn a_body_is_read_from_a_source_without_splice() {
    let fixture = Fixture::new();
    let client = PacketClient::create(&fixture.engines[0], "/zeros");
    let (mut exchange, source) = (fragment(&client, 0, 500_000, 500_000), File::open("/dev/zero").unwrap());
    drain(&mut exchange, &source, u64::MAX);
    assert_eq!(exchange.finish().status, 200);
    assert!(fs::read(fixture.root.path().join("zeros")).unwrap() == [0; 500_000]);
}

#[test]
fn stored_bytes_of_an_overlap_are_skipped_and_sources_can_be_mixed() {
    let (fixture, data) = (Fixture::new(), content(10_000));
    for engine in &fixture.engines {
        let client = PacketClient::create(engine, "/mixed");
        let mut first = fragment(&client, 0, 4000, 10_000);
        first.body(&data[..4000]);
        assert_eq!(first.finish().status, 200);
        let (far, mut near) = pipe().unwrap();
        let mut second = fragment(&client, 1000, 9000, 10_000);
        // Within the stored bytes, across their end, and after them.
        near.write_all(&data[1000..1500]).unwrap();
        assert_eq!(second.body_from_fd(&far, u64::MAX).unwrap(), 500);
        near.write_all(&data[1500..6000]).unwrap();
        assert_eq!(second.body_from_fd(&far, u64::MAX).unwrap(), 4500);
        assert_eq!(second.body(&data[6000..7000]), Want::Body(3000));
        near.write_all(&data[7000..]).unwrap();
        assert_eq!(second.body_from_fd(&far, u64::MAX).unwrap(), 3000);
        assert_eq!(second.finish().status, 200);
    }
    fixture.assert_delivered_by_both("mixed", &data);
}

#[test]
fn a_descriptor_without_bytes_is_not_an_error_but_its_end_is_a_lost_connection() {
    let fixture = Fixture::new();
    for engine in &fixture.engines {
        let client = PacketClient::create(engine, "/slow");
        let (mut near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        let mut exchange = fragment(&client, 0, 10, 10);
        assert_eq!(exchange.body_from_fd(&far, u64::MAX).unwrap(), 0);
        near.write_all(b"01234").unwrap();
        assert_eq!(exchange.body_from_fd(&far, 0).unwrap(), 0);
        assert_eq!(exchange.body_from_fd(&far, u64::MAX).unwrap(), 5);
        assert_eq!(exchange.body_from_fd(&far, u64::MAX).unwrap(), 0);
        drop(near);
        let error = exchange.body_from_fd(&far, u64::MAX).unwrap_err();
        assert_eq!(error.status(), Status::Disconnected, "{error}");
        drop(exchange);
        // The stored bytes are kept.
        let mut rest = fragment(&client, 5, 5, 10);
        rest.body(b"56789");
        assert_eq!(rest.finish().status, 200);
    }
    fixture.assert_delivered_by_both("slow", b"0123456789");
}

#[test]
fn an_unreadable_descriptor_is_an_error_and_consumes_nothing() {
    let fixture = Fixture::new();
    let folder = File::open(fixture.root.path()).unwrap();
    let (_far, write_end) = pipe().unwrap();
    for engine in &fixture.engines {
        let client = PacketClient::create(engine, "/x");
        let mut exchange = fragment(&client, 0, 10, 10);
        for source in [folder.as_fd(), write_end.as_fd()] {
            let error = exchange.body_from_fd(source, u64::MAX).unwrap_err();
            assert_eq!(error.status(), Status::Io, "{error}");
        }
        assert_eq!(exchange.want(), Want::Body(10));
    }
}

/// The body of a repeated Fragment is discarded if the upload is complete but not yet delivered.
#[test]
fn a_discarded_body_is_read_from_the_descriptor_too() {
    let fixture = Fixture::new();
    let engine = &fixture.engines[0];
    let folder = fixture.root.path().join("late");
    fs::create_dir(&folder).unwrap();
    let client = PacketClient::create(engine, "/late/file");
    fs::remove_dir(&folder).unwrap();
    assert_eq!(client.send_file(b"0123456789").status, 404);
    fs::create_dir(&folder).unwrap();
    let (far, mut near) = pipe().unwrap();
    near.write_all(b"0123456789").unwrap();
    let mut again = fragment(&client, 0, 10, 10);
    assert_eq!(drain(&mut again, &far, u64::MAX), 1);
    assert_eq!(again.finish().status, 200);
    assert_eq!(fs::read(folder.join("file")).unwrap(), b"0123456789");
}

#[test]
fn the_newest_request_wins_and_the_older_one_ends_at_its_next_call() {
    let fixture = Fixture::new();
    for engine in &fixture.engines {
        let client = PacketClient::create(engine, "/won");
        let mut older = fragment(&client, 0, 10, 10);
        assert_eq!(older.body(b"0123"), Want::Body(6));
        assert_eq!(older.body(b""), Want::Body(6), "an empty piece consumed something");
        let mut newer = fragment(&client, 4, 6, 10);
        assert_eq!(older.body(b""), Want::Finish);
        assert_eq!(older.body(b"xxxxxx"), Want::Finish, "the older request wants bytes again");
        let (far, mut near) = pipe().unwrap();
        near.write_all(b"xxxxxx").unwrap();
        assert_eq!(older.body_from_fd(&far, u64::MAX).unwrap(), 0);
        assert_eq!(newer.body(b"456789"), Want::Finish);
        let rejected = older.finish();
        assert_eq!((rejected.status, rejected.close), (503, true));
        assert_eq!(newer.finish().status, 200);
    }
    fixture.assert_delivered_by_both("won", b"0123456789");
}

#[test]
fn a_takeover_keeps_the_bytes_stored_from_a_descriptor() {
    let fixture = Fixture::new();
    let client = PacketClient::create(&fixture.engines[0], "/taken");
    let (far, mut near) = pipe().unwrap();
    near.write_all(b"01234").unwrap();
    let mut older = fragment(&client, 0, 10, 10);
    assert_eq!(older.body_from_fd(&far, 3).unwrap(), 3);
    let mut newer = fragment(&client, 3, 7, 10);
    assert_eq!(older.body_from_fd(&far, 9).unwrap(), 2, "read, but not stored");
    assert_eq!(older.want(), Want::Finish);
    newer.body(b"3456789");
    assert_eq!(newer.finish().status, 200);
    assert_eq!(fs::read(fixture.root.path().join("taken")).unwrap(), b"0123456789");
}

#[test]
fn a_head_that_is_not_text_gets_a_response() {
    let fixture = Fixture::new();
    let status = |method: &[u8], target: &[u8]| {
        let mut head = RequestHead::from_wire(method, target);
        head.headers.push(names::PACKET_TYPE, "Create-Session");
        head.headers.push(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID);
        head.headers.push(names::CONTENT_LENGTH, "0");
        fixture.engines[0].begin(head).finish().status
    };
    assert_eq!(status(b"BITS_\xFF", b"/a"), 405);
    assert_eq!(status(b"BITS_POST", b"/a\xFF"), 400);
    assert_eq!(status(b"BITS_POST", b"/a\0b"), 400);
    assert_eq!(status(b"BITS_POST", b""), 400);
    assert_eq!(status(b"BITS_POST", "/\u{e9}".as_bytes()), 200);
    assert_eq!(RequestHead::from_wire(b"GET", b"/a%20\xFF").target, "/a%20%FF");
}

#[test]
fn accepts_is_true_for_packets_and_replies() {
    let store = Arc::new(MemoryStore::default());
    let plain = Engine::new(EngineConfig::new(store.clone())).unwrap();
    let posts = Engine::new(EngineConfig::new(store).method_override(true)).unwrap();
    let reply = "/BITS-Sessions/Replies/{7DF0354D-249B-430F-820D-3D2A9BEF4931}/responsefile.bin";
    let table = [
        ("BITS_POST", "/a", true, true),
        ("BITS_POST", "*", true, true),
        ("bits_post", "/a", false, false),
        ("POST", "/a", false, true),
        ("GET", "/a", false, false),
        ("GET", reply, true, true),
        ("HEAD", reply, true, true),
        ("PUT", reply, false, false),
    ];
    for (method, target, without, with) in table {
        assert_eq!(plain.accepts(method, target), without, "{method} {target}");
        assert_eq!(posts.accepts(method, target), with, "{method} {target} with the override");
    }
}

#[test]
fn limits_of_zero_are_rejected() {
    let base = || EngineConfig::new(Arc::new(MemoryStore::default()));
    let bad = [base().max_fragment_size(0), base().session_timeout(Duration::ZERO)];
    for config in bad {
        let error = Engine::new(config).err().unwrap();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert!(error.message().ends_with("must be greater than 0"), "{error}");
    }
    let empty_files_only = base().max_upload_size(0);
    let engine = Engine::new(empty_files_only).unwrap();
    assert_eq!(fragment(&PacketClient::create(&engine, "/long"), 0, 1, 1).finish().status, 500);
}

/// Returns the data of the session in a directory store.
fn session_data(root: &Path, client: &PacketClient) -> Vec<u8> {
    fs::read(root.join(".bitsup").join(&client.id).join("data")).unwrap()
}

#[test]
fn a_fragment_that_ends_early_is_rejected_but_its_bytes_are_kept() {
    let fixture = Fixture::new();
    let client = PacketClient::create(&fixture.engines[0], "/early");
    let (far, mut near) = pipe().unwrap();
    near.write_all(b"012").unwrap();
    let mut exchange = fragment(&client, 0, 10, 10);
    assert_eq!(exchange.body_from_fd(&far, u64::MAX).unwrap(), 3);
    assert_eq!(exchange.finish().status, 400);
    assert_eq!(session_data(fixture.root.path(), &client), b"012");
}
