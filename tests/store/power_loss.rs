//! What a loss of power leaves, at any moment of the life of sessions, for each `--durability`; the argument is in
//! docs/operations/durability.md.
//!
//! Each test runs itself once more under strace: there it is a server that says on standard output what a client
//! was told. Then it cuts the power behind each system call and lets a new server go on with what is left.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bitsup::engine::{Engine, EngineConfig, Hooks, Upload, Verdict};
use bitsup::proto::names;
use bitsup::store::{DirOptions, DirStore, Durability, SessionPhase, Store};
use test_support::packets::{Peer, read};
use test_support::process;

use crate::power;
use crate::power::disk::Disk;

/// Where the process under strace finds its root.
const STAGE: &str = "BITSUP_TEST_POWER";
const REPLY: &[u8] = b"the reply of the application, which is not short";
/// What was at `/replaced` before.
const FORMER: &[u8] = b"theirs";

#[test]
fn with_durability_none_a_server_starts_again_and_gets_the_files_whole() {
    play("with_durability_none_a_server_starts_again_and_gets_the_files_whole", Durability::None);
}

#[test]
fn with_durability_file_no_cut_loses_an_acknowledged_file() {
    play("with_durability_file_no_cut_loses_an_acknowledged_file", Durability::File);
}

#[test]
fn with_durability_fragment_no_cut_loses_an_acknowledged_byte() {
    play("with_durability_fragment_no_cut_loses_an_acknowledged_byte", Durability::Fragment);
}

fn play(name: &str, durability: Durability) {
    if let Some(root) = std::env::var_os(STAGE) {
        return serve(root.as_ref(), durability);
    }
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("folder")).unwrap();
    fs::write(root.path().join("replaced"), FORMER).unwrap();
    let before = Disk::of(root.path());
    let program = std::env::current_exe().unwrap();
    let calls = power::trace::calls(
        &program,
        &process::arguments(&format!("power_loss::{name}")),
        &[(STAGE, root.path().to_str().unwrap())],
    );
    for (heading, from, to) in MOMENTS {
        assert_eq!(power::steps(&calls, from, to), described(heading, durability), "{heading}");
    }
    // The next start has another boot id.
    let boot = fs::read("/proc/sys/kernel/random/boot_id").unwrap();
    let boot = boot.trim_ascii_end();
    let other: Vec<u8> = boot.iter().map(|byte| if *byte == b'-' { b'-' } else { b'0' }).collect();
    let memory = Path::new("/dev/shm");
    let states = power::cuts(before, &calls, |state, said| {
        let place = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let mut state = state.clone();
        state.replace(boot, &other);
        state.lay_out(place.path());
        let checked = std::panic::catch_unwind(|| check(place.path(), durability, said));
        assert!(checked.is_ok(), "after {said:?} with {state:?}");
    });
    println!("{states} states");
    assert!(states > 200, "only {states} states");
}

/// The moments in the life of an upload that the document describes: after which line on standard output they
/// begin and before which they end.
const MOMENTS: [(&str, &str, &str); 3] = [
    ("### Create-Session", "/folder/closed begins", "/folder/closed session"),
    ("### A fragment", "/folder/closed acknowledged 300", "/folder/closed acknowledged 600"),
    ("### The last fragment", "/asked acknowledged 600", "/asked acknowledged 900"),
];

/// The calls that docs/operations/durability.md names below that heading for this durability.
fn described(heading: &str, durability: Durability) -> Vec<String> {
    let rows =
        include_str!("../../docs/operations/durability.md").lines().skip_while(|line| *line != heading);
    let rows = rows.skip_while(|line| !line.starts_with("| `")).take_while(|line| line.starts_with('|'));
    let column = match durability {
        Durability::None => 2,
        Durability::File => 3,
        Durability::Fragment => 4,
    };
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    cells.filter(|cells| cells[column] == "x").map(|cells| cells[1].trim_matches('`').to_owned()).collect()
}

/// The uploads: what they are, and how they end.
const FILES: [(&str, Ending); 5] = [
    ("/folder/closed", Ending::Close),
    ("/replaced", Ending::Close),
    ("/asked", Ending::Stay),
    ("/cancelled", Ending::Cancel),
    ("/unfinished", Ending::Stay),
];

#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Close,
    Cancel,
    Stay,
}

/// In three fragments of this length.
const FRAGMENT: usize = 300;

fn content(path: &str) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(path.len() as u64);
    // No zeros, which would look as if they were lost.
    std::iter::repeat_with(|| random.u8(1..)).take(3 * FRAGMENT).collect()
}

/// Wants a reply for one of the files.
struct Application;

impl Hooks for Application {
    fn on_received(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        if upload.target == "/asked" {
            verdict.set_reply_bytes(REPLY);
        }
    }
}

fn store(root: &Path, durability: Durability) -> Arc<DirStore> {
    Arc::new(DirStore::open(root, DirOptions::default().durability(durability)).unwrap())
}

/// The engine for that file: one of them may replace what is there.
fn engine(store: &Arc<DirStore>, path: &str) -> Engine {
    let config = EngineConfig::new(Arc::clone(store) as _);
    Engine::new(config.hooks(Arc::new(Application)).allow_overwrite(path == "/replaced")).unwrap()
}

fn say(line: &str) {
    // In one write, past the test harness.
    rustix::io::write(std::io::stdout(), format!("@{line}\n").as_bytes()).unwrap();
}

/// The process whose power is cut.
fn serve(root: &Path, durability: Durability) {
    let store = store(root, durability);
    for (path, ending) in FILES {
        say(&format!("{path} begins"));
        let peer = Peer::create(&engine(&store, path), path);
        say(&format!("{path} session {}", peer.id));
        let fragments = if path == "/unfinished" || ending == Ending::Cancel { 2 } else { 3 };
        for number in 0..fragments {
            assert_eq!(send(&peer, number * FRAGMENT, (number + 1) * FRAGMENT), 200);
            say(&format!("{path} acknowledged {}", (number + 1) * FRAGMENT));
        }
        if ending != Ending::Stay {
            say(&format!("{path} ends"));
        }
        match ending {
            Ending::Close => assert_eq!(peer.close().status, 200),
            Ending::Cancel => assert_eq!(peer.cancel().status, 200),
            Ending::Stay => {}
        }
    }
    // The power is cut while the server runs.
    std::mem::forget(store);
}

fn send(peer: &Peer, first: usize, end: usize) -> u16 {
    let content = content(peer.path);
    let range = format!("bytes {first}-{}/{}", end - 1, content.len());
    peer.packet("Fragment", &[(names::CONTENT_RANGE, &range)], &content[first..end]).status
}

/// What a client knows of one file.
struct Known<'a> {
    path: &'static str,
    session: Option<&'a str>,
    acknowledged: usize,
    ends: bool,
}

impl<'a> Known<'a> {
    fn of(path: &'static str, said: &'a [String]) -> Self {
        let mut known = Self { path, session: None, acknowledged: 0, ends: false };
        for line in said.iter().filter_map(|line| line[1..].strip_prefix(path)) {
            match line.trim_start().split_once(' ').unwrap_or((line.trim_start(), "")) {
                ("session", id) => known.session = Some(id),
                ("acknowledged", count) => known.acknowledged = count.parse().unwrap(),
                ("ends", _) => known.ends = true,
                ("begins", _) => {}
                _ => panic!("{line}"),
            }
        }
        known
    }

    fn is_complete(&self) -> bool {
        self.acknowledged == 3 * FRAGMENT
    }
}

/// What must hold of a root after a cut, and of the server that goes on with it.
fn check(root: &Path, durability: Durability, said: &[String]) {
    for (path, _) in FILES {
        if durability != Durability::None {
            check_file(root, &Known::of(path, said));
        }
    }
    let store = store(root, durability);
    // The recovery must not destroy what a client would then send again.
    for (path, _) in FILES {
        if durability != Durability::None {
            check_file(root, &Known::of(path, said));
        }
    }
    let found = store.sessions().unwrap();
    assert_eq!(found.unreadable, []);
    for (path, _) in FILES {
        let (known, engine) = (Known::of(path, said), engine(&store, path));
        let session = found
            .sessions
            .iter()
            .map(|stored| &stored.record)
            .find(|record| record.remote().segments().join("/") == path[1..]);
        let held =
            session.and_then(|record| store.open(record.id).ok()).map_or(0, |sink| sink.received() as usize);
        let delivered = session.is_some_and(|record| record.phase == SessionPhase::Delivered);
        if durability == Durability::Fragment && known.session.is_some() && !known.ends {
            assert!(delivered || held >= known.acknowledged, "{path}: {held} of {}", known.acknowledged);
        }
        if let Some(record) = session.filter(|_| !delivered && held > 0) {
            let mut bytes = vec![0; held];
            assert_eq!(store.read(record.id).unwrap().read_at(0, &mut bytes).unwrap(), held);
            assert!(bytes == content(path)[..held], "{path}: the session holds what was never sent");
        }
        let peer = session.map(|record| Peer { engine: engine.clone(), path, id: record.id.to_string() });
        // What was delivered, and is not there, is what that durability does not promise.
        if durability != Durability::None || !delivered && !is_damaged(root, path) {
            finish(root, &engine, peer, path, if delivered { 2 * FRAGMENT } else { held });
        }
        if path == "/asked" && durability == Durability::Fragment && known.is_complete() {
            assert_eq!(reply(&engine, known.session.unwrap()), Some(REPLY.to_vec()));
        }
    }
}

/// The name means nothing, what it meant before, or the whole file.
fn check_file(root: &Path, known: &Known<'_>) {
    let file = fs::read(root.join(&known.path[1..])).ok();
    let is_whole = file.as_deref() == Some(&content(known.path)[..]);
    let is_former = file.as_deref() == (known.path == "/replaced").then_some(FORMER);
    assert!(
        is_whole || is_former && !known.is_complete(),
        "{}: {:?} bytes",
        known.path,
        file.map(|file| file.len())
    );
}

fn is_damaged(root: &Path, path: &str) -> bool {
    let file = fs::read(root.join(&path[1..]));
    path != "/replaced" && file.is_ok_and(|file| file != content(path))
}

/// Ends the upload, with the session that there is or with a new one, and gets what it should.
fn finish(root: &Path, engine: &Engine, peer: Option<Peer>, path: &'static str, held: usize) {
    let file = || fs::read(root.join(&path[1..])).is_ok_and(|file| file == content(path));
    let went_on = peer.is_some_and(|peer| send(&peer, held.min(2 * FRAGMENT), 3 * FRAGMENT) == 200);
    // A file that is there may not be replaced, and need not.
    if !went_on && !file() {
        let peer = Peer::create(engine, path);
        assert_eq!(send(&peer, 0, 3 * FRAGMENT), 200, "{path} anew");
        if path == "/asked" {
            assert_eq!(reply(engine, &peer.id), Some(REPLY.to_vec()));
        }
    }
    assert!(file(), "{path} is not what was sent");
}

fn reply(engine: &Engine, session: &str) -> Option<Vec<u8>> {
    let url = format!("http://host/BITS-Sessions/Replies/{session}/responsefile.bin");
    let answer = read(engine, "GET", &url, &[]);
    (answer.status == 200).then_some(answer.body)
}
