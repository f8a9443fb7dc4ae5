//! The exchange as an HTTP server drives it: the body in pieces or from a descriptor, and what happens to the
//! older of two requests.

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
use test_support::packets::Peer;

/// More than a pipe or a socket holds.
const LONG: usize = 3 << 20;

/// An engine over a folder, and over memory.
struct Place {
    root: TempDir,
    memory: MemoryStore,
    engines: [Engine; 2],
}

impl Place {
    fn new() -> Self {
        let (root, memory) = (tempfile::tempdir().unwrap(), MemoryStore::default());
        let files = DirStore::open(root.path(), DirOptions::default()).unwrap();
        let engines = [
            Engine::new(EngineConfig::new(Arc::new(files))).unwrap(),
            Engine::new(EngineConfig::new(Arc::new(memory.clone()))).unwrap(),
        ];
        Self { root, memory, engines }
    }

    fn assert_both_hold(&self, name: &str, content: &[u8]) {
        assert!(fs::read(self.root.path().join(name)).unwrap() == content, "{name} in the folder");
        assert!(self.memory.file(name).unwrap() == content, "{name} in memory");
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * at / 7) as u8).collect()
}

/// A Fragment of that length whose body is to come.
fn fragment(peer: &Peer, first: usize, length: usize, total: usize) -> Exchange {
    let range = format!("bytes {first}-{}/{total}", first + length - 1);
    let mut head = RequestHead::from_wire(names::METHOD.as_bytes(), peer.path.as_bytes());
    for (name, value) in [
        (names::PACKET_TYPE, "Fragment"),
        (names::SESSION_ID, peer.id.as_str()),
        (names::CONTENT_RANGE, range.as_str()),
        (names::CONTENT_LENGTH, length.to_string().as_str()),
    ] {
        head.headers.push(name, value);
    }
    peer.engine.begin(head)
}

/// Takes the whole body from the descriptor; how often it was asked.
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

/// Sends the content through a pair of ends, and takes it on the other side.
fn passes<W: Write + Send>(path: &'static str, most: u64, ends: impl Fn() -> (W, std::os::fd::OwnedFd)) {
    let (place, data) = (Place::new(), content(LONG));
    for engine in &place.engines {
        let peer = Peer::create(engine, path);
        let mut exchange = fragment(&peer, 0, LONG, LONG);
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
                "what follows the body is not taken"
            );
        });
        let mut next = [0; 16];
        assert_eq!(rustix::io::read(&far, &mut next).unwrap(), 16);
        assert_eq!(&next, b"the next request");
        assert_eq!(exchange.finish().status, 200);
    }
    place.assert_both_hold(&path[1..], &data);
}

#[test]
fn a_body_comes_from_a_tcp_socket() {
    passes("/tcp", u64::MAX, || {
        let (near, far) = sockets();
        (near, far.into())
    });
}

#[test]
fn a_body_comes_from_a_unix_socket() {
    passes("/unix", 100_000, || {
        let (near, far) = UnixStream::pair().unwrap();
        (near, far.into())
    });
}

#[test]
fn a_body_comes_from_a_pipe() {
    passes("/pipe", u64::MAX, || {
        let (far, near) = pipe().unwrap();
        (near, far.into())
    });
}

#[test]
fn a_body_comes_from_a_file_at_its_position() {
    let (place, data) = (Place::new(), content(LONG));
    let path = place.root.path().join("source");
    fs::write(&path, &data).unwrap();
    for engine in &place.engines {
        let peer = Peer::create(engine, "/file");
        let mut file = File::open(&path).unwrap();
        let mut first = fragment(&peer, 0, 1000, LONG);
        assert_eq!(drain(&mut first, &file, u64::MAX), 1);
        assert_eq!(first.finish().status, 200);
        assert_eq!(file.stream_position().unwrap(), 1000);
        let mut rest = fragment(&peer, 1000, LONG - 1000, LONG);
        drain(&mut rest, &file, u64::MAX);
        assert_eq!(rest.finish().status, 200);
    }
    place.assert_both_hold("file", &data);
}

/// splice(2) refuses such a source; then the bytes are read.
#[test]
fn a_body_comes_from_what_cannot_be_spliced() {
    let place = Place::new();
    let peer = Peer::create(&place.engines[0], "/zeros");
    let (mut exchange, terminal) = (fragment(&peer, 0, 500_000, 500_000), File::open("/dev/zero").unwrap());
    drain(&mut exchange, &terminal, u64::MAX);
    assert_eq!(exchange.finish().status, 200);
    assert!(fs::read(place.root.path().join("zeros")).unwrap() == [0; 500_000]);
}

#[test]
fn known_bytes_of_an_overlap_are_passed_over_and_pieces_mix() {
    let (place, data) = (Place::new(), content(10_000));
    for engine in &place.engines {
        let peer = Peer::create(engine, "/mixed");
        let mut first = fragment(&peer, 0, 4000, 10_000);
        first.body(&data[..4000]);
        assert_eq!(first.finish().status, 200);
        let (far, mut near) = pipe().unwrap();
        let mut second = fragment(&peer, 1000, 9000, 10_000);
        // Within what is known, across its end, behind it.
        near.write_all(&data[1000..1500]).unwrap();
        assert_eq!(second.body_from_fd(&far, u64::MAX).unwrap(), 500);
        near.write_all(&data[1500..6000]).unwrap();
        assert_eq!(second.body_from_fd(&far, u64::MAX).unwrap(), 4500);
        assert_eq!(second.body(&data[6000..7000]), Want::Body(3000));
        near.write_all(&data[7000..]).unwrap();
        assert_eq!(second.body_from_fd(&far, u64::MAX).unwrap(), 3000);
        assert_eq!(second.finish().status, 200);
    }
    place.assert_both_hold("mixed", &data);
}

#[test]
fn a_descriptor_that_has_none_for_now_gives_none_and_one_that_ends_is_a_lost_connection() {
    let place = Place::new();
    for engine in &place.engines {
        let peer = Peer::create(engine, "/slow");
        let (mut near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        let mut exchange = fragment(&peer, 0, 10, 10);
        assert_eq!(exchange.body_from_fd(&far, u64::MAX).unwrap(), 0);
        near.write_all(b"01234").unwrap();
        assert_eq!(exchange.body_from_fd(&far, 0).unwrap(), 0);
        assert_eq!(exchange.body_from_fd(&far, u64::MAX).unwrap(), 5);
        assert_eq!(exchange.body_from_fd(&far, u64::MAX).unwrap(), 0);
        drop(near);
        let error = exchange.body_from_fd(&far, u64::MAX).unwrap_err();
        assert_eq!(error.status(), Status::Disconnected, "{error}");
        drop(exchange);
        // What was stored stays.
        let mut rest = fragment(&peer, 5, 5, 10);
        rest.body(b"56789");
        assert_eq!(rest.finish().status, 200);
    }
    place.assert_both_hold("slow", b"0123456789");
}

#[test]
fn a_descriptor_that_cannot_be_read_is_an_error_and_takes_nothing() {
    let place = Place::new();
    let folder = File::open(place.root.path()).unwrap();
    let (_far, write_end) = pipe().unwrap();
    for engine in &place.engines {
        let peer = Peer::create(engine, "/x");
        let mut exchange = fragment(&peer, 0, 10, 10);
        for source in [folder.as_fd(), write_end.as_fd()] {
            let error = exchange.body_from_fd(source, u64::MAX).unwrap_err();
            assert_eq!(error.status(), Status::Io, "{error}");
        }
        assert_eq!(exchange.want(), Want::Body(10));
    }
}

/// The body of a Fragment whose upload is complete, while the file cannot be delivered yet.
#[test]
fn a_body_that_only_goes_by_is_taken_from_the_descriptor_too() {
    let place = Place::new();
    let engine = &place.engines[0];
    let folder = place.root.path().join("late");
    fs::create_dir(&folder).unwrap();
    let peer = Peer::create(engine, "/late/file");
    fs::remove_dir(&folder).unwrap();
    assert_eq!(peer.whole(b"0123456789").status, 404);
    fs::create_dir(&folder).unwrap();
    let (far, mut near) = pipe().unwrap();
    near.write_all(b"0123456789").unwrap();
    let mut again = fragment(&peer, 0, 10, 10);
    assert_eq!(drain(&mut again, &far, u64::MAX), 1);
    assert_eq!(again.finish().status, 200);
    assert_eq!(fs::read(folder.join("file")).unwrap(), b"0123456789");
}

#[test]
fn the_newest_request_wins_and_the_older_one_learns_it_from_its_next_call() {
    let place = Place::new();
    for engine in &place.engines {
        let peer = Peer::create(engine, "/won");
        let mut older = fragment(&peer, 0, 10, 10);
        assert_eq!(older.body(b"0123"), Want::Body(6));
        assert_eq!(older.body(b""), Want::Body(6), "asking takes nothing");
        let mut newer = fragment(&peer, 4, 6, 10);
        assert_eq!(older.body(b""), Want::Finish);
        assert_eq!(older.body(b"xxxxxx"), Want::Finish, "it never wants again");
        let (far, mut near) = pipe().unwrap();
        near.write_all(b"xxxxxx").unwrap();
        assert_eq!(older.body_from_fd(&far, u64::MAX).unwrap(), 0);
        assert_eq!(newer.body(b"456789"), Want::Finish);
        let refused = older.finish();
        assert_eq!((refused.status, refused.close), (503, true));
        assert_eq!(newer.finish().status, 200);
    }
    place.assert_both_hold("won", b"0123456789");
}

#[test]
fn a_takeover_while_bytes_come_from_a_descriptor_loses_none_that_were_stored() {
    let place = Place::new();
    let peer = Peer::create(&place.engines[0], "/taken");
    let (far, mut near) = pipe().unwrap();
    near.write_all(b"01234").unwrap();
    let mut older = fragment(&peer, 0, 10, 10);
    assert_eq!(older.body_from_fd(&far, 3).unwrap(), 3);
    let mut newer = fragment(&peer, 3, 7, 10);
    assert_eq!(older.body_from_fd(&far, 9).unwrap(), 2, "taken, but not stored");
    assert_eq!(older.want(), Want::Finish);
    newer.body(b"3456789");
    assert_eq!(newer.finish().status, 200);
    assert_eq!(fs::read(place.root.path().join("taken")).unwrap(), b"0123456789");
}

#[test]
fn a_head_that_is_no_text_gets_an_answer() {
    let place = Place::new();
    let answer = |method: &[u8], target: &[u8]| {
        let mut head = RequestHead::from_wire(method, target);
        head.headers.push(names::PACKET_TYPE, "Create-Session");
        head.headers.push(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID);
        head.headers.push(names::CONTENT_LENGTH, "0");
        place.engines[0].begin(head).finish().status
    };
    assert_eq!(answer(b"BITS_\xFF", b"/a"), 405);
    assert_eq!(answer(b"BITS_POST", b"/a\xFF"), 400);
    assert_eq!(answer(b"BITS_POST", b"/a\0b"), 400);
    assert_eq!(answer(b"BITS_POST", b""), 400);
    assert_eq!(answer(b"BITS_POST", "/\u{e9}".as_bytes()), 200);
    assert_eq!(RequestHead::from_wire(b"GET", b"/a%20\xFF").target, "/a%20%FF");
}

#[test]
fn an_engine_says_which_requests_are_its_own() {
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
fn limits_that_would_let_nothing_through_are_refused() {
    let base = || EngineConfig::new(Arc::new(MemoryStore::default()));
    let bad = [base().max_fragment_size(0), base().session_timeout(Duration::ZERO)];
    for config in bad {
        let error = Engine::new(config).err().unwrap();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert!(error.message().ends_with("must be greater than 0"), "{error}");
    }
    let empty_files_only = base().max_upload_size(0);
    let engine = Engine::new(empty_files_only).unwrap();
    assert_eq!(fragment(&Peer::create(&engine, "/long"), 0, 1, 1).finish().status, 500);
}

/// The folder of the session, to be found without knowing its id.
fn data_of(root: &Path, peer: &Peer) -> Vec<u8> {
    fs::read(root.join(".bitsup").join(&peer.id).join("data")).unwrap()
}

#[test]
fn a_fragment_that_is_finished_early_is_refused_and_keeps_what_came() {
    let place = Place::new();
    let peer = Peer::create(&place.engines[0], "/early");
    let (far, mut near) = pipe().unwrap();
    near.write_all(b"012").unwrap();
    let mut exchange = fragment(&peer, 0, 10, 10);
    assert_eq!(exchange.body_from_fd(&far, u64::MAX).unwrap(), 3);
    assert_eq!(exchange.finish().status, 400);
    assert_eq!(data_of(place.root.path(), &peer), b"012");
}
