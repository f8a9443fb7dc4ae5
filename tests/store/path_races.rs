//! Paths at work: every spelling of the corpus through the listener, and uploads while somebody who may write below
//! the root puts links, pipes and folders in the place of what the store is about to use.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bitsup::engine::{Engine, EngineConfig, Hooks, Upload, Verdict};
use bitsup::proto::names;
use bitsup::server::{Server, ServerConfig};
use bitsup::store::{DirOptions, DirStore};
use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use test_support::packets::{self, Peer};
use test_support::raw_http::{PATIENCE, RawHttp, create};

use crate::url_cases::{ACCEPTED, REFUSED};

/// A root with a neighbour that nothing may touch.
struct World {
    outer: tempfile::TempDir,
    before: Vec<String>,
}

const SECRET: &[u8] = b"what nobody who uploads may see";

impl World {
    fn new() -> Self {
        let outer = tempfile::tempdir().unwrap();
        for folder in ["root", "root/a", "root/b", "outside", "outside/b"] {
            fs::create_dir(outer.path().join(folder)).unwrap();
        }
        fs::write(outer.path().join("outside/secret"), SECRET).unwrap();
        let before = told(&outer.path().join("outside"));
        Self { outer, before }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.outer.path().join(name)
    }

    fn engine(&self, hooks: Option<Arc<dyn Hooks>>) -> Engine {
        let store = Arc::new(DirStore::open(self.at("root"), DirOptions::default()).unwrap());
        let mut config = EngineConfig::new(store).allow_overwrite(true);
        config.hooks = hooks;
        Engine::new(config).unwrap()
    }

    fn assert_untouched(&self) {
        assert_eq!(told(&self.at("outside")), self.before);
    }
}

/// All that can be told of a folder: names, kinds, times, links and contents.
fn told(folder: &Path) -> Vec<String> {
    let mut told = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let is = fs::symlink_metadata(&path).unwrap();
        let content = if is.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        told.push(format!("{path:?} {:o} {} {} {:?}", is.mode(), is.nlink(), is.ctime_nsec(), content));
        if is.is_dir() {
            told.extend(self::told(&path));
        }
    }
    told.sort();
    told
}

/// CRE-14, CRE-16
#[test]
fn no_refused_spelling_gets_through_the_listener_and_every_other_one_does() {
    let world = World::new();
    let server = Server::start(ServerConfig::default().mount("/", world.engine(None))).unwrap();
    for (spelling, reason) in REFUSED {
        // A connection each: what is no request line ends it, with an answer or without.
        let mut http = RawHttp::connect(&server);
        http.send(create(spelling));
        http.socket.shutdown(std::net::Shutdown::Write).unwrap();
        http.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = String::new();
        http.socket.read_to_string(&mut answer).unwrap();
        // 505, because a space ends the target.
        let refused = ["HTTP/1.1 4", "HTTP/1.1 505"].iter().any(|status| answer.starts_with(status));
        assert!(refused || is_a_whole_url(spelling, &answer), "{spelling:?}, {reason}: {answer}");
    }
    let mut http = RawHttp::connect(&server);
    for (spelling, file) in ACCEPTED.iter().filter(|(spelling, _)| spelling.is_ascii()) {
        let folders = file.rsplit_once('/').map_or("", |(folders, _)| folders);
        fs::create_dir_all(world.at("root").join(folders)).unwrap();
        assert_eq!(http.request(create(spelling)).status, 200, "{spelling}");
    }
    world.assert_untouched();
}

/// A request may name its target with scheme and host; the corpus is one of paths.
fn is_a_whole_url(spelling: &str, answer: &str) -> bool {
    spelling.starts_with("http://") && answer.starts_with("HTTP/1.1 200")
}

struct Replies;

impl Hooks for Replies {
    fn on_received(&self, _: &Upload<'_>, verdict: &mut Verdict) {
        verdict.set_reply_bytes(b"reply");
    }
}

/// How long the hostile ones are at it.
const TIME: Duration = Duration::from_millis(1300);

#[test]
fn nobody_who_swaps_folders_and_files_leads_an_upload_out_of_the_root() {
    let world = World::new();
    let engine = world.engine(Some(Arc::new(Replies)));
    symlink(world.at("outside"), world.at("root/link")).unwrap();
    let (over, swaps) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut delivered, mut refused) = (0, 0);
    thread::scope(|scope| {
        let hostile = |swap: fn(&World, &mut fastrand::Rng)| {
            let (world, over, swaps) = (&world, &over, &swaps);
            scope.spawn(move || {
                let mut random = fastrand::Rng::new();
                while !over.load(Ordering::Relaxed) {
                    swap(world, &mut random);
                    swaps.fetch_add(1, Ordering::Relaxed);
                }
            });
        };
        hostile(swap_the_folder);
        hostile(put_something_at_the_destination);
        hostile(put_something_in_a_session);
        let end = Instant::now() + TIME;
        while Instant::now() < end {
            for path in ["/a/new", "/b/target", "/b/secret"] {
                match upload(&engine, path) {
                    true => delivered += 1,
                    false => refused += 1,
                }
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    world.assert_untouched();
    let swaps = swaps.into_inner();
    assert!(
        delivered > 0 && refused > 0 && swaps > 100,
        "{delivered} delivered, {refused} refused, {swaps} swaps"
    );
    for path in ["a/new", "b/target", "b/secret"] {
        let file = world.at("root").join(path);
        if fs::symlink_metadata(&file).is_ok_and(|is| is.is_file()) {
            assert_ne!(fs::read(&file).unwrap(), SECRET, "{path}");
        }
    }
}

/// A whole upload with its reply; whether all of it was accepted. A reply, if there is one, is the right one.
fn upload(engine: &Engine, path: &'static str) -> bool {
    let mut peer = Peer { engine: engine.clone(), path, id: String::new() };
    let fields = [(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID)];
    let ack = peer.packet("Create-Session", &fields, &[]);
    let Some(id) = ack.headers.get(names::SESSION_ID).filter(|_| ack.status == 200) else { return false };
    peer.id = id.to_owned();
    let content = [b'x'; 3000];
    for first in [0, 1000, 2000] {
        let range = format!("bytes {first}-{}/3000", first + 999);
        let ack = peer.packet("Fragment", &[(names::CONTENT_RANGE, &range)], &content[..1000]);
        if ack.status != 200 {
            peer.cancel();
            return false;
        }
    }
    let url = format!("http://host/BITS-Sessions/Replies/{}/responsefile.bin", peer.id);
    let reply = packets::read(engine, "GET", &url, &[]);
    assert!(reply.status != 200 || reply.body == b"reply", "{:?}", String::from_utf8_lossy(&reply.body));
    peer.close().status == 200
}

/// A folder becomes a link to the neighbour, and again a folder.
fn swap_the_folder(world: &World, _: &mut fastrand::Rng) {
    let (folder, link) = (world.at("root/a"), world.at("root/link"));
    renameat_with(CWD, folder, CWD, link, RenameFlags::EXCHANGE).unwrap();
}

fn put_something_at_the_destination(world: &World, random: &mut fastrand::Rng) {
    put(world, &world.at("root/b/target"), random);
}

/// In the place of a session's file; the store's own folder is closed to everybody but its user, and even that
/// one gets nowhere.
fn put_something_in_a_session(world: &World, random: &mut fastrand::Rng) {
    let session = fs::read_dir(world.at("root/.bitsup")).unwrap().flatten().map(|entry| entry.path());
    let names = ["data", "session.json", "session.json.new", "reply", "reply.new", "delivery", "lock"];
    if let Some(session) = session.filter(|path| path.is_dir()).last() {
        put(world, &session.join(names[random.usize(0..names.len())]), random);
    }
    // Most uploads are to come through.
    thread::yield_now();
    while random.u8(0..100) > 0 && !random.bool() {
        std::hint::spin_loop();
    }
}

/// Puts a link, a pipe or a folder there, or nothing at all. Whoever is quicker may have put something else.
fn put(world: &World, path: &Path, random: &mut fastrand::Rng) {
    let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
    match random.u8(0..5) {
        0 => drop(symlink(world.at("outside/secret"), path)),
        1 => drop(symlink(world.at("outside/made"), path)),
        2 => drop(mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)),
        3 => drop(fs::create_dir(path)),
        _ => {}
    }
}
