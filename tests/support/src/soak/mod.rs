//! A soak test: a real server with limits on memory and descriptors, and many clients of different behavior.

mod client_profiles;
mod connection;

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::application::{Application, NotifyMode};
pub use client_profiles::ClientProfile;
use client_profiles::{Client, REPLY};

/// Settings of a soak test.
pub struct Settings {
    pub time: Duration,
    pub clients: usize,
    /// Maximum file size, in bytes.
    pub longest: usize,
    /// Maximum resident memory of the server, in bytes.
    pub memory: u64,
    /// Maximum descriptors of the server.
    pub descriptors: usize,
    /// The session timeout of the server.
    pub session_timeout: &'static str,
}

/// Results of a soak test.
#[derive(Debug)]
pub struct Report {
    /// How often each profile was completed.
    pub runs: Vec<(ClientProfile, usize)>,
    pub files: usize,
    pub bytes: u64,
    /// Peak of the server's resident memory, in bytes.
    pub memory: u64,
    pub most_descriptors: usize,
    pub most_threads: usize,
    pub most_sessions: usize,
    /// CPU time of the server.
    pub cpu: Duration,
    pub time: Duration,
}

/// Runs a soak test. Panics if the server misbehaves.
pub fn run(settings: &Settings) -> Report {
    let folder = tempfile::tempdir().unwrap();
    ["plain", "notified"].iter().for_each(|root| fs::create_dir(folder.path().join(root)).unwrap());
    let application = Application::start(|request| {
        NotifyMode::Reference.respond(request, "BITS-Copy-File-To-Destination: yes\r\n", REPLY)
    });
    let start = Instant::now();
    let server = Process::start(folder.path(), settings, &application.url("/"), settings.session_timeout);
    let mut report = run_clients(settings, folder.path(), &server);
    report.time = start.elapsed();
    server.stop();
    // Sessions of clients that vanished expire.
    let server = Process::start(folder.path(), settings, &application.url("/"), "1ms");
    let start = Instant::now();
    while sessions(folder.path()) > 0 {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "{} sessions did not expire",
            sessions(folder.path())
        );
        thread::sleep(Duration::from_millis(5));
    }
    server.stop();
    let left = |root: &str| fs::read_dir(folder.path().join(root)).unwrap().count();
    assert_eq!((left("plain"), left("notified")), (1, 1), "unexpected files");
    report
}

/// The clients of one server.
struct Clients<'a> {
    settings: &'a Settings,
    folder: &'a Path,
    server: &'a Process,
    end: Instant,
    runs: [AtomicUsize; ClientProfile::ALL.len()],
    files: AtomicUsize,
    bytes: AtomicU64,
    ended: AtomicBool,
}

fn run_clients(settings: &Settings, folder: &Path, server: &Process) -> Report {
    let clients = Clients {
        settings,
        folder,
        server,
        end: Instant::now() + settings.time,
        runs: ClientProfile::ALL.map(|_| AtomicUsize::new(0)),
        files: AtomicUsize::new(0),
        bytes: AtomicU64::new(0),
        ended: AtomicBool::new(false),
    };
    let peak = clients.run();
    let runs = clients.runs.map(AtomicUsize::into_inner);
    Report {
        runs: ClientProfile::ALL.into_iter().zip(runs).collect(),
        files: clients.files.into_inner(),
        bytes: clients.bytes.into_inner(),
        memory: peak.memory,
        most_descriptors: peak.descriptors,
        most_threads: peak.threads,
        most_sessions: peak.sessions,
        cpu: server.cpu(),
        time: Duration::ZERO,
    }
}

impl Clients<'_> {
    fn run(&self) -> Peak {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut peak = Peak::default();
        thread::scope(|scope| {
            let client = |number: usize| {
                let small = thread::Builder::new().stack_size(256 * 1024);
                let random = fastrand::Rng::with_seed(seed.wrapping_add(number as u64));
                small.spawn_scoped(scope, move || self.run_client(number, random)).unwrap()
            };
            let clients: Vec<_> = (0..self.settings.clients).map(client).collect();
            while !clients.iter().all(ScopedJoinHandle::is_finished) {
                peak.update(self.server, self.folder);
                // A client that ends early has failed, which ends the test.
                self.ended.fetch_or(clients.iter().any(ScopedJoinHandle::is_finished), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(20));
            }
        });
        assert!(peak.memory <= self.settings.memory, "{} bytes of memory", peak.memory);
        peak
    }

    /// Runs one client until the end. It cycles through the profiles, so that even a short test covers all of them.
    fn run_client(&self, number: usize, random: fastrand::Rng) {
        let (server, folder) = (self.server.address, self.folder.to_owned());
        let mut client = Client { server, folder, number, random, longest: self.settings.longest, done: 0 };
        for turn in number.. {
            let at = turn % ClientProfile::ALL.len();
            let profile = ClientProfile::ALL[at];
            let accepted = client.run(profile).unwrap_or_else(|error| panic!("{profile:?}: {error}"));
            self.runs[at].fetch_add(1, Ordering::Relaxed);
            self.files.fetch_add(usize::from(accepted > 0), Ordering::Relaxed);
            self.bytes.fetch_add(accepted as u64, Ordering::Relaxed);
            if Instant::now() > self.end || self.ended.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// A running `bitsup serve`. Killed when dropped.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(folder: &Path, settings: &Settings, application: &str, timeout: &str) -> Self {
        let config = folder.join("bitsup.toml");
        let text = format!(
            "listen = \"127.0.0.1:0\"\nsession-timeout = \"{timeout}\"\ncleanup-interval = \"100ms\"\n\
             [[directory]]\nurl-prefix = \"/plain/\"\nroot = \"plain\"\n\
             [[directory]]\nurl-prefix = \"/notified/\"\nroot = \"notified\"\n\
             notify = \"reference\"\nnotify-url = \"{application}\"\n"
        );
        fs::write(&config, text).unwrap();
        // The address space includes the stacks of all threads, most of which are never used.
        let address_space = 4 * 1024 * 1024;
        let script = format!(
            "ulimit -n {}; ulimit -v {address_space}; exec \"$0\" serve --config \"$1\"",
            settings.descriptors
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(crate::program()).arg(config);
        command.stderr(File::create(folder.join("log")).unwrap()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").map(|url| url.trim_end_matches('/'));
        let log = || fs::read_to_string(folder.join("log"));
        let address = address.unwrap_or_else(|| panic!("{line:?}, {:?}", log())).parse().unwrap();
        Self { child, address }
    }

    /// Stops the server, which must exit with 0.
    fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.child.id())
    }

    /// Returns a number from `/proc/PID/status`.
    fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(self.proc("stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Default)]
struct Peak {
    memory: u64,
    descriptors: usize,
    threads: usize,
    sessions: usize,
}

impl Peak {
    fn update(&mut self, server: &Process, folder: &Path) {
        let descriptors = fs::read_dir(server.proc("fd")).unwrap().count();
        self.memory = self.memory.max(server.status("VmHWM:") * 1024);
        self.threads = self.threads.max(server.status("Threads:") as usize);
        self.descriptors = self.descriptors.max(descriptors);
        self.sessions = self.sessions.max(sessions(folder));
    }
}

/// Counts the sessions in both roots.
fn sessions(folder: &Path) -> usize {
    let in_root = |root: &str| {
        // The root's lock is a file.
        fs::read_dir(folder.join(root).join(".bitsup"))
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().is_dir())
            .count()
    };
    in_root("plain") + in_root("notified")
}
