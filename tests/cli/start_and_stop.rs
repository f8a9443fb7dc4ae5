//! Start and orderly stop of a server with many sessions, and with entries in `.bitsup` that no server made.
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use bitsup::proto::SessionId;
use bitsup::store::{DirOptions, DirStore, Durability, Store};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use test_support::raw_http::{RawHttp, TIMEOUT, create, fragment};

use crate::program::{TestServer, Workspace, bitsup};

/// Starts a server under strace, which writes the system calls named by `trace` to the file `trace` of the workspace.
/// strace runs beside the server, so signals reach the server.
fn traced_server(workspace: Workspace, trace: &[&str], options: &[&str]) -> TestServer {
    let log = workspace.path_str("trace");
    let root = workspace.path_str("root");
    let serve = [&["serve", "--root", &root, "--listen", "127.0.0.1:0"], options].concat();
    let server = bitsup(&serve);
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-qq", "-o", &log]).args(trace).arg(server.get_program());
    command.args(server.get_args());
    for (name, value) in server.get_envs() {
        assert_eq!(value, None, "variables are only removed");
        command.env_remove(name);
    }
    TestServer::spawn(&mut command, workspace)
}

/// Stops the server in an orderly way. Returns its workspace and what it wrote to standard error.
fn stop(mut server: TestServer) -> (Workspace, String) {
    server.process.signal(Signal::TERM);
    let outcome = server.process.finish();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    (server.workspace, outcome.stderr)
}

/// The names of the calls that strace recorded after a line that contains `after`.
fn calls_after(workspace: &Workspace, after: &str) -> Vec<String> {
    let trace = fs::read_to_string(workspace.path("trace")).unwrap();
    let calls = trace.lines().skip_while(|line| !line.contains(after)).skip(1);
    // `PID name(...`, or `PID <... name resumed>` for the rest of a call.
    let names = calls.filter_map(|line| line.split_whitespace().nth(1)?.split_once('('));
    names.map(|(name, _)| name.to_owned()).collect()
}

fn reboot(root: &Path) {
    fs::write(root.join(".bitsup/boot"), "00000000-0000-0000-0000-000000000000\n").unwrap();
}

fn store(workspace: &Workspace, durability: Durability) -> DirStore {
    DirStore::open(workspace.root(), DirOptions::default().durability(durability)).unwrap()
}

#[test]
fn an_orderly_stop_makes_as_many_sync_calls_for_many_sessions_as_for_few() {
    let table = [("none", Durability::None), ("file", Durability::File), ("fragment", Durability::Fragment)];
    for (name, durability) in table {
        for count in [1, 40] {
            let trace = ["-e", "trace=fsync,fdatasync,sync,syncfs,sync_file_range,msync"];
            let server = traced_server(Workspace::in_memory(), &trace, &["--durability", name]);
            let mut http = RawHttp::connect_to(server.address());
            let ids: Vec<String> = (0..count)
                .map(|number| {
                    let path = format!("/{number}");
                    let id = http.request(create(&path)).session();
                    let ack = http.request(fragment(&path, &id, 0, 5, 10, &[]) + "hello");
                    assert_eq!(ack.status, 200);
                    id
                })
                .collect();
            drop(http);
            let (workspace, stderr) = stop(server);
            assert_eq!(stderr, "");
            let calls = calls_after(&workspace, "SIGTERM");
            match durability {
                Durability::None => assert_eq!(calls, Vec::<String>::new()),
                // All bytes, and then the mark that they are there.
                _ => assert_eq!(calls, ["syncfs", "fdatasync"], "{count} sessions with {name}"),
            }
            // The next start is in another boot of the system.
            let boot = workspace.root().join(".bitsup/boot");
            let is_closed = fs::read(&boot).unwrap().starts_with(b"closed");
            assert_eq!(is_closed, durability != Durability::None);
            if !is_closed {
                reboot(&workspace.root());
            }
            let store = store(&workspace, durability);
            for id in ids {
                let held = store.open(SessionId::parse(&id).unwrap()).unwrap().received();
                assert_eq!(held, if is_closed { 5 } else { 0 }, "{name}");
            }
        }
    }
}

/// A workspace with `count` sessions of five bytes each, after a power failure. Returns the ids. The file of each session
/// is named after its number.
fn after_power_failure(count: usize) -> (Workspace, Vec<String>) {
    let server = TestServer::start_in(Workspace::in_memory(), "127.0.0.1:0", &["--durability", "none"]);
    let template = RawHttp::connect_to(server.address()).request(create("/template")).session();
    let (workspace, _) = stop(server);
    let own = workspace.root().join(".bitsup");
    let record = fs::read_to_string(own.join(&template).join("session.json")).unwrap();
    fs::remove_dir_all(own.join(&template)).unwrap();
    let ids = (0..count).map(|number| {
        let id = SessionId::from_u128(number as u128).to_string();
        let session = own.join(&id);
        fs::create_dir(&session).unwrap();
        let record = record.replace(template.trim_matches(['{', '}']), id.trim_matches(['{', '}']));
        fs::write(session.join("session.json"), record.replace("template", &number.to_string())).unwrap();
        fs::write(session.join("data"), b"lost?").unwrap();
        id
    });
    let ids = ids.collect();
    reboot(&workspace.root());
    (workspace, ids)
}

/// Whatever the number of sessions, the server makes the same calls until it listens.
#[test]
fn the_server_listens_before_it_reads_any_session() {
    let calls_before_listening = [0, 3000].map(|count| {
        let (workspace, ids) = after_power_failure(count);
        let server = traced_server(workspace, &["--seccomp-bpf", "-e", "trace=%file,%desc,listen"], &[]);
        let mut http = RawHttp::connect_to(server.address());
        // Whether its session is loaded or not, a packet is processed.
        if let Some(id) = ids.last() {
            let path = format!("/{}", ids.len() - 1);
            let ack = http.request(fragment(&path, id, 0, 5, 10, &[]) + "hello");
            assert_eq!(ack.status, 200, "{}", ack.text);
        }
        drop(http);
        let (workspace, stderr) = stop(server);
        assert_eq!(stderr, "");
        let trace = fs::read_to_string(workspace.path("trace")).unwrap();
        let (before, after) = trace.split_once(" listen(").unwrap();
        for id in &ids {
            assert!(!before.contains(id), "session {id} is used before the server listens");
        }
        assert!(ids.iter().any(|id| after.contains(id)) || ids.is_empty());
        let own = workspace.root().join(".bitsup").to_str().unwrap().to_owned();
        assert!(!before.contains(&format!("{own}/")));
        before.lines().count()
    });
    let [few, many] = calls_before_listening;
    assert!(few > 0);
    assert_eq!(few, many);
}

/// The server is killed while it recovers sessions: at a random moment, which does not matter.
#[test]
fn a_kill_during_the_recovery_loses_nothing() {
    let (mut workspace, ids) = after_power_failure(250);
    let mut continued = Vec::new();
    for round in 0..3 {
        let server = TestServer::start_in(workspace, "127.0.0.1:0", &[]);
        let mut http = RawHttp::connect_to(server.address());
        for step in 0..5 {
            let number = ids.len() - 1 - 60 * round - 10 * step;
            let ack = http.request(fragment(&format!("/{number}"), &ids[number], 0, 7, 10, &[]) + "goes on");
            assert_eq!(ack.status, 200, "{}", ack.text);
            continued.push(number);
        }
        let id = http.request(create(&format!("/new{round}"))).session();
        assert_eq!(http.request(fragment(&format!("/new{round}"), &id, 0, 5, 9, &[]) + "hello").status, 200);
        drop(http);
        workspace = server.kill();
        assert_eq!(fs::read(workspace.root().join(".bitsup").join(&id).join("data")).unwrap(), b"hello");
        let store = store(&workspace, Durability::File);
        let length = |number: usize| store.open(SessionId::parse(&ids[number]).unwrap()).unwrap().received();
        assert!(continued.iter().all(|number| length(*number) == 7), "round {round}");
        assert_eq!(length(0), 0);
        let boot = fs::read(workspace.root().join(".bitsup/boot")).unwrap();
        drop(store);
        // What this process used to look at the sessions is not an orderly stop.
        fs::write(workspace.root().join(".bitsup/boot"), boot).unwrap();
    }
}

/// Puts entries of many kinds into `.bitsup`, most of them at the sessions `ids`. Returns how many of these are odd.
fn add_odd_entries(own: &Path, ids: &[String]) -> usize {
    let at = |number: usize| own.join(&ids[number]);
    fs::create_dir(own.join("lost+found")).unwrap();
    fs::write(own.join(OsStr::from_bytes(b"\xff")), b"").unwrap();
    for (number, name) in [(0, "data"), (1, "session.json")] {
        fs::remove_file(at(number).join(name)).unwrap();
        fs::create_dir(at(number).join(name)).unwrap();
    }
    fs::remove_file(at(2).join("data")).unwrap();
    symlink("/etc/passwd", at(2).join("data")).unwrap();
    fs::remove_file(at(3).join("session.json")).unwrap();
    mknodat(CWD, at(3).join("session.json"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    for number in [4, 5] {
        fs::remove_dir_all(at(number)).unwrap();
    }
    fs::write(at(4), b"").unwrap();
    symlink("lost+found", at(5)).unwrap();
    6
}

/// The lines that a server writes to standard error.
struct Log {
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Log {
    fn of(server: &mut TestServer) -> Self {
        let stderr = BufReader::new(server.process.child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || stderr.lines().try_for_each(|line| sender.send(line.unwrap())));
        Self { lines, seen: Vec::new() }
    }

    fn has(&self, text: &str) -> bool {
        self.seen.iter().any(|line| line.contains(text))
    }

    /// Reads until a line contains `text`.
    fn wait_for(&mut self, text: &str) {
        while !self.has(text) {
            let line = self.lines.recv_timeout(TIMEOUT);
            self.seen.push(line.unwrap_or_else(|_| panic!("{text} is not in {:?}", self.seen)));
        }
    }
}

/// After a power failure, with a session whose directory cannot be opened, and again after an orderly stop. The kernel
/// reports these errors for damaged inodes and for disks with unreadable sectors.
#[test]
fn a_server_starts_serves_and_stops_with_odd_entries() {
    for (error, message) in [("EUCLEAN", "Structure needs cleaning"), ("EIO", "Input/output error")] {
        let (mut workspace, ids) = after_power_failure(10);
        let ([good, damaged], rest) = ids.split_first_chunk().unwrap();
        let (odd, fine) = rest.split_at(add_odd_entries(&workspace.root().join(".bitsup"), rest));
        let inject = format!("inject=openat:error={error}");
        for round in 0..2 {
            let trace = ["-P", damaged, "-e", "trace=openat", "-e", &inject];
            let mut server = traced_server(workspace, &trace, &[]);
            let mut log = Log::of(&mut server);
            let mut http = RawHttp::connect_to(server.address());
            if round == 0 {
                assert_eq!(http.request(fragment("/0", good, 0, 5, 5, &[]) + "hello").status, 200);
                assert_eq!(fs::read(server.workspace.received("0")).unwrap(), b"hello");
            }
            let path = format!("/new{round}");
            let id = http.request(create(&path)).session();
            assert_eq!(http.request(fragment(&path, &id, 0, 3, 3, &[]) + "new").status, 200);
            drop(http);
            for name in odd.iter().chain([damaged]).map(String::as_str) {
                log.wait_for(name);
            }
            ["lost+found", "\\xFF", message].into_iter().for_each(|text| log.wait_for(text));
            workspace = stop(server).0;
            assert!(fs::read(workspace.root().join(".bitsup/boot")).unwrap().starts_with(b"closed"));
            log.seen.extend(log.lines.iter());
            assert!(!fine.iter().any(|name| log.has(name)), "{:?}", log.seen);
        }
    }
}
