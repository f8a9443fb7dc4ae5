//! Paths through the listener, and uploads while an attacker with write access to the root replaces files and folders
//! with links, pipes and other folders.
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
use test_support::packets::{self, PacketClient};
use test_support::raw_http::{RawHttp, TIMEOUT, create};

use crate::url_cases::{ACCEPTED, REJECTED};

/// A root, and a folder outside of it that must not change.
struct Fixture {
    outer: tempfile::TempDir,
    before: Vec<String>,
}

const SECRET: &[u8] = b"content outside of the root";

impl Fixture {
    fn new() -> Self {
        let outer = tempfile::tempdir().unwrap();
        for folder in ["root", "root/a", "root/b", "outside", "outside/b"] {
            fs::create_dir(outer.path().join(folder)).unwrap();
        }
        fs::write(outer.path().join("outside/secret"), SECRET).unwrap();
        let before = snapshot(&outer.path().join("outside"));
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
        assert_eq!(snapshot(&self.at("outside")), self.before);
    }
}

/// Describes the content of a folder: names, modes, times, links and contents.
fn snapshot(folder: &Path) -> Vec<String> {
    let mut entries = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        entries.push(format!(
            "{path:?} {:o} {} {} {:?}",
            metadata.mode(),
            metadata.nlink(),
            metadata.ctime_nsec(),
            content
        ));
        if metadata.is_dir() {
            entries.extend(snapshot(&path));
        }
    }
    entries.sort();
    entries
}

/// CRE-14, CRE-16
#[test]
fn the_listener_rejects_unsafe_spellings_and_accepts_the_others() {
    let fixture = Fixture::new();
    let server = Server::start(ServerConfig::default().mount("/", fixture.engine(None))).unwrap();
    for (spelling, reason) in REJECTED {
        // One connection each, because an invalid request line ends it, with or without a response.
        let mut http = RawHttp::connect(&server);
        http.send(create(spelling));
        http.socket.shutdown(std::net::Shutdown::Write).unwrap();
        http.socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        let mut response = String::new();
        http.socket.read_to_string(&mut response).unwrap();
        // 505 for a spelling with a space, which ends the target.
        let rejected = ["HTTP/1.1 4", "HTTP/1.1 505"].iter().any(|status| response.starts_with(status));
        assert!(rejected || is_absolute_url(spelling, &response), "{spelling:?}, {reason}: {response}");
    }
    let mut http = RawHttp::connect(&server);
    for (spelling, file) in ACCEPTED.iter().filter(|(spelling, _)| spelling.is_ascii()) {
        let folders = file.rsplit_once('/').map_or("", |(folders, _)| folders);
        fs::create_dir_all(fixture.at("root").join(folders)).unwrap();
        assert_eq!(http.request(create(spelling)).status, 200, "{spelling}");
    }
    fixture.assert_untouched();
}

/// Returns whether the spelling was accepted as an absolute URL, which is a valid request target.
fn is_absolute_url(spelling: &str, response: &str) -> bool {
    spelling.starts_with("http://") && response.starts_with("HTTP/1.1 200")
}

struct Replies;

impl Hooks for Replies {
    fn on_received(&self, _: &Upload<'_>, verdict: &mut Verdict) {
        verdict.set_reply_bytes(b"reply");
    }
}

/// Duration of the attacks.
const TIME: Duration = Duration::from_millis(1300);

#[test]
fn swapping_files_and_folders_never_leads_an_upload_out_of_the_root() {
    let fixture = Fixture::new();
    let engine = fixture.engine(Some(Arc::new(Replies)));
    symlink(fixture.at("outside"), fixture.at("root/link")).unwrap();
    let (ended, swaps) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut delivered, mut rejected) = (0, 0);
    thread::scope(|scope| {
        let attack = |swap: fn(&Fixture, &mut fastrand::Rng)| {
            let (fixture, ended, swaps) = (&fixture, &ended, &swaps);
            scope.spawn(move || {
                let mut random = fastrand::Rng::new();
                while !ended.load(Ordering::Relaxed) {
                    swap(fixture, &mut random);
                    swaps.fetch_add(1, Ordering::Relaxed);
                }
            });
        };
        attack(swap_the_folder);
        attack(replace_the_destination);
        attack(replace_a_session_file);
        let end = Instant::now() + TIME;
        while Instant::now() < end {
            for path in ["/a/new", "/b/target", "/b/secret"] {
                if upload(&engine, path) {
                    delivered += 1;
                } else {
                    rejected += 1;
                }
            }
        }
        ended.store(true, Ordering::Relaxed);
    });
    fixture.assert_untouched();
    let swaps = swaps.into_inner();
    assert!(
        delivered > 0 && rejected > 0 && swaps > 100,
        "{delivered} delivered, {rejected} rejected, {swaps} swaps"
    );
    for path in ["a/new", "b/target", "b/secret"] {
        let file = fixture.at("root").join(path);
        if fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_file()) {
            assert_ne!(fs::read(&file).unwrap(), SECRET, "{path}");
        }
    }
}

/// Uploads a file and reads its reply. Returns whether everything was accepted. A reply must be the right one.
fn upload(engine: &Engine, path: &'static str) -> bool {
    let mut client = PacketClient { engine: engine.clone(), path, id: String::new() };
    let fields = [(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID)];
    let ack = client.packet("Create-Session", &fields, &[]);
    let Some(id) = ack.headers.get(names::SESSION_ID).filter(|_| ack.status == 200) else { return false };
    client.id = id.to_owned();
    let content = [b'x'; 3000];
    for first in [0, 1000, 2000] {
        let range = format!("bytes {first}-{}/3000", first + 999);
        let ack = client.packet("Fragment", &[(names::CONTENT_RANGE, &range)], &content[..1000]);
        if ack.status != 200 {
            client.cancel();
            return false;
        }
    }
    let url = format!("http://host/BITS-Sessions/Replies/{}/responsefile.bin", client.id);
    let reply = packets::read(engine, "GET", &url, &[]);
    assert!(reply.status != 200 || reply.body == b"reply", "{:?}", String::from_utf8_lossy(&reply.body));
    client.close().status == 200
}

/// Exchanges a folder with a link to the folder outside.
fn swap_the_folder(fixture: &Fixture, _: &mut fastrand::Rng) {
    let (folder, link) = (fixture.at("root/a"), fixture.at("root/link"));
    renameat_with(CWD, folder, CWD, link, RenameFlags::EXCHANGE).unwrap();
}

fn replace_the_destination(fixture: &Fixture, random: &mut fastrand::Rng) {
    replace(fixture, &fixture.at("root/b/target"), random);
}

/// Replaces a file of a session. Only the store's own user has access to these, and even that user must not succeed.
fn replace_a_session_file(fixture: &Fixture, random: &mut fastrand::Rng) {
    let session = fs::read_dir(fixture.at("root/.bitsup")).unwrap().flatten().map(|entry| entry.path());
    let names = ["data", "session.json", "session.json.new", "reply", "reply.new", "delivery", "lock"];
    if let Some(session) = session.filter(|path| path.is_dir()).last() {
        replace(fixture, &session.join(names[random.usize(0..names.len())]), random);
    }
    // Pauses, so that most uploads succeed.
    thread::yield_now();
    while random.u8(0..100) > 0 && !random.bool() {
        std::hint::spin_loop();
    }
}

/// Replaces the path with a link, a pipe, a folder or nothing. Fails silently if the store was faster.
fn replace(fixture: &Fixture, path: &Path, random: &mut fastrand::Rng) {
    let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
    match random.u8(0..5) {
        0 => drop(symlink(fixture.at("outside/secret"), path)),
        1 => drop(symlink(fixture.at("outside/created"), path)),
        2 => drop(mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)),
        3 => drop(fs::create_dir(path)),
        _ => {}
    }
}
