//! Power loss at any moment of a session, for each `--durability`. See docs/operations/durability.md.
//!
//! Each test runs itself again under strace, as a server that prints what a client learned. Then it simulates a power
//! loss after each system call, and starts a new server with what is left on the disk.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bitsup::engine::{Engine, EngineConfig, Hooks, Upload, Verdict};
use bitsup::proto::names;
use bitsup::store::{DirOptions, DirStore, Durability, SessionPhase, Store};
use test_support::packets::{PacketClient, read};
use test_support::process;

use crate::power;
use crate::power::disk::Disk;

/// The variable with the root for the process under strace.
const ROOT: &str = "BITSUP_TEST_POWER";
const REPLY: &[u8] = b"the reply of the application, which is not short";
/// The previous content of `/replaced`.
const PREVIOUS: &[u8] = b"theirs";

#[test]
fn with_durability_none_a_restarted_server_completes_the_uploads() {
    run("with_durability_none_a_restarted_server_completes_the_uploads", Durability::None);
}

#[test]
fn with_durability_file_no_power_loss_loses_an_acknowledged_file() {
    run("with_durability_file_no_power_loss_loses_an_acknowledged_file", Durability::File);
}

#[test]
fn with_durability_fragment_no_power_loss_loses_an_acknowledged_byte() {
    run("with_durability_fragment_no_power_loss_loses_an_acknowledged_byte", Durability::Fragment);
}

fn run(name: &str, durability: Durability) {
    if let Some(root) = std::env::var_os(ROOT) {
        return serve(root.as_ref(), durability);
    }
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("folder")).unwrap();
    fs::write(root.path().join("replaced"), PREVIOUS).unwrap();
    let before = Disk::of(root.path());
    let program = std::env::current_exe().unwrap();
    let calls = power::trace::calls(
        &program,
        &process::arguments(&format!("power_loss::{name}")),
        &[(ROOT, root.path().to_str().unwrap())],
    );
    for (heading, from, to) in PHASES {
        assert_eq!(power::steps(&calls, from, to), documented_calls(heading, durability), "{heading}");
    }
    // The next start must see another boot id.
    let boot = fs::read("/proc/sys/kernel/random/boot_id").unwrap();
    let boot = boot.trim_ascii_end();
    let other: Vec<u8> = boot.iter().map(|byte| if *byte == b'-' { b'-' } else { b'0' }).collect();
    let memory = Path::new("/dev/shm");
    let states = power::power_losses(before, &calls, |state, output| {
        let root = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let mut state = state.clone();
        state.replace(boot, &other);
        state.write_to(root.path());
        let checked = std::panic::catch_unwind(|| check(root.path(), durability, output));
        assert!(checked.is_ok(), "after {output:?} with {state:?}");
    });
    println!("{states} states");
    assert!(states > 200, "only {states} states");
}

/// The phases of an upload that the document describes, and the lines of output between which each takes place.
const PHASES: [(&str, &str, &str); 3] = [
    ("### Create-Session", "/folder/closed begins", "/folder/closed session"),
    ("### A fragment", "/folder/closed acknowledged 300", "/folder/closed acknowledged 600"),
    ("### The last fragment", "/replied acknowledged 600", "/replied acknowledged 900"),
];

/// Returns the calls that docs/operations/durability.md lists below this heading for this durability.
fn documented_calls(heading: &str, durability: Durability) -> Vec<String> {
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

/// The uploads, and how they end.
const FILES: [(&str, Ending); 5] = [
    ("/folder/closed", Ending::Close),
    ("/replaced", Ending::Close),
    ("/replied", Ending::None),
    ("/cancelled", Ending::Cancel),
    ("/unfinished", Ending::None),
];

#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Close,
    Cancel,
    None,
}

/// Each file is sent in three fragments of this length.
const FRAGMENT: usize = 300;

fn content(path: &str) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(path.len() as u64);
    // Without zeros, which would look like lost bytes.
    std::iter::repeat_with(|| random.u8(1..)).take(3 * FRAGMENT).collect()
}

/// Replies to one of the files.
struct Application;

impl Hooks for Application {
    fn on_received(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        if upload.target == "/replied" {
            verdict.set_reply_bytes(REPLY);
        }
    }
}

fn store(root: &Path, durability: Durability) -> Arc<DirStore> {
    Arc::new(DirStore::open(root, DirOptions::default().durability(durability)).unwrap())
}

/// Returns the engine for a file. Only `/replaced` may overwrite.
fn engine(store: &Arc<DirStore>, path: &str) -> Engine {
    let config = EngineConfig::new(Arc::clone(store) as _);
    Engine::new(config.hooks(Arc::new(Application)).allow_overwrite(path == "/replaced")).unwrap()
}

fn print(line: &str) {
    // In one write, without the capture of the test harness.
    rustix::io::write(std::io::stdout(), format!("@{line}\n").as_bytes()).unwrap();
}

/// Runs in the process under strace.
fn serve(root: &Path, durability: Durability) {
    let store = store(root, durability);
    for (path, ending) in FILES {
        print(&format!("{path} begins"));
        let client = PacketClient::create(&engine(&store, path), path);
        print(&format!("{path} session {}", client.id));
        let fragments = if path == "/unfinished" || ending == Ending::Cancel { 2 } else { 3 };
        for number in 0..fragments {
            assert_eq!(send(&client, number * FRAGMENT, (number + 1) * FRAGMENT), 200);
            print(&format!("{path} acknowledged {}", (number + 1) * FRAGMENT));
        }
        if ending != Ending::None {
            print(&format!("{path} ends"));
        }
        match ending {
            Ending::Close => assert_eq!(client.close().status, 200),
            Ending::Cancel => assert_eq!(client.cancel().status, 200),
            Ending::None => {}
        }
    }
    // Not closed, because the power is lost while the server runs.
    std::mem::forget(store);
}

fn send(client: &PacketClient, first: usize, end: usize) -> u16 {
    let content = content(client.path);
    let range = format!("bytes {first}-{}/{}", end - 1, content.len());
    client.packet("Fragment", &[(names::CONTENT_RANGE, &range)], &content[first..end]).status
}

/// What a client knows about one file.
struct ClientView<'a> {
    path: &'static str,
    session: Option<&'a str>,
    acknowledged: usize,
    ends: bool,
}

impl<'a> ClientView<'a> {
    fn of(path: &'static str, output: &'a [String]) -> Self {
        let mut view = Self { path, session: None, acknowledged: 0, ends: false };
        for line in output.iter().filter_map(|line| line[1..].strip_prefix(path)) {
            match line.trim_start().split_once(' ').unwrap_or((line.trim_start(), "")) {
                ("session", id) => view.session = Some(id),
                ("acknowledged", count) => view.acknowledged = count.parse().unwrap(),
                ("ends", _) => view.ends = true,
                ("begins", _) => {}
                _ => panic!("{line}"),
            }
        }
        view
    }

    fn is_complete(&self) -> bool {
        self.acknowledged == 3 * FRAGMENT
    }
}

/// Checks a root after a power loss, and a server that continues with it.
fn check(root: &Path, durability: Durability, output: &[String]) {
    for (path, _) in FILES {
        if durability != Durability::None {
            check_file(root, &ClientView::of(path, output));
        }
    }
    let store = store(root, durability);
    let found = store.sessions().unwrap();
    assert_eq!(found.unreadable, []);
    // The recovery must not destroy what a client would then send again.
    for (path, _) in FILES {
        if durability != Durability::None {
            check_file(root, &ClientView::of(path, output));
        }
    }
    for (path, _) in FILES {
        let (view, engine) = (ClientView::of(path, output), engine(&store, path));
        let session = found
            .sessions
            .iter()
            .map(|stored| &stored.record)
            .find(|record| record.remote().segments().join("/") == path[1..]);
        let stored =
            session.and_then(|record| store.open(record.id).ok()).map_or(0, |sink| sink.received() as usize);
        let delivered = session.is_some_and(|record| record.phase == SessionPhase::Delivered);
        if durability == Durability::Fragment && view.session.is_some() && !view.ends {
            assert!(delivered || stored >= view.acknowledged, "{path}: {stored} of {}", view.acknowledged);
        }
        if let Some(record) = session.filter(|_| !delivered && stored > 0) {
            let mut bytes = vec![0; stored];
            assert_eq!(store.read(record.id).unwrap().read_at(0, &mut bytes).unwrap(), stored);
            assert!(bytes == content(path)[..stored], "{path}: the session has bytes that were never sent");
        }
        let client =
            session.map(|record| PacketClient { engine: engine.clone(), path, id: record.id.to_string() });
        // Durability::None does not guarantee that a delivered file survives.
        if durability != Durability::None || !delivered && !is_damaged(root, path) {
            finish(root, &engine, client, path, if delivered { 2 * FRAGMENT } else { stored });
        }
        if path == "/replied" && durability == Durability::Fragment && view.is_complete() {
            assert_eq!(reply(&engine, view.session.unwrap()), Some(REPLY.to_vec()));
        }
    }
}

/// Asserts that the file is complete. If not all of it was acknowledged, it may also be missing or the previous one.
fn check_file(root: &Path, view: &ClientView<'_>) {
    let file = fs::read(root.join(&view.path[1..])).ok();
    let is_whole = file.as_deref() == Some(&content(view.path)[..]);
    let is_previous = file.as_deref() == (view.path == "/replaced").then_some(PREVIOUS);
    assert!(
        is_whole || is_previous && !view.is_complete(),
        "{}: {:?} bytes",
        view.path,
        file.map(|file| file.len())
    );
}

fn is_damaged(root: &Path, path: &str) -> bool {
    let file = fs::read(root.join(&path[1..]));
    path != "/replaced" && file.is_ok_and(|file| file != content(path))
}

/// Completes the upload, with the existing session or with a new one, and checks the file and the reply.
fn finish(root: &Path, engine: &Engine, client: Option<PacketClient>, path: &'static str, stored: usize) {
    let file = || fs::read(root.join(&path[1..])).is_ok_and(|file| file == content(path));
    let continued = client.is_some_and(|client| send(&client, stored.min(2 * FRAGMENT), 3 * FRAGMENT) == 200);
    // A complete file need not be sent again.
    if !continued && !file() {
        let client = PacketClient::create(engine, path);
        assert_eq!(send(&client, 0, 3 * FRAGMENT), 200, "{path} in a new session");
        if path == "/replied" {
            assert_eq!(reply(engine, &client.id), Some(REPLY.to_vec()));
        }
    }
    assert!(file(), "{path} differs from what was sent");
}

fn reply(engine: &Engine, session: &str) -> Option<Vec<u8>> {
    let url = format!("http://host/BITS-Sessions/Replies/{session}/responsefile.bin");
    let response = read(engine, "GET", &url, &[]);
    (response.status == 200).then_some(response.body)
}
