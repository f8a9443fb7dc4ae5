//! A real server under a ceiling of memory and of descriptors, and a crowd of clients of mixed habits.

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

use crate::application::{Application, Way};
pub use client_profiles::ClientProfile;
use client_profiles::{Client, REPLY};

/// How long and how hard.
pub struct Settings {
    pub time: Duration,
    pub clients: usize,
    /// Longest file, in bytes.
    pub longest: usize,
    /// Most resident memory of the server, in bytes.
    pub memory: u64,
    /// Most descriptors of the server.
    pub descriptors: usize,
    /// How long the server keeps what a client left.
    pub session_timeout: &'static str,
}

/// What came of it.
#[derive(Debug)]
pub struct Figures {
    /// How often each habit was played to its end.
    pub played: Vec<(ClientProfile, usize)>,
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

/// Lets the clients at a server. Panics as soon as the server does not do as it must.
pub fn run(settings: &Settings) -> Figures {
    let folder = tempfile::tempdir().unwrap();
    ["plain", "asked"].iter().for_each(|root| fs::create_dir(folder.path().join(root)).unwrap());
    let application = Application::start(|request| {
        Way::Reference.answer(request, "BITS-Copy-File-To-Destination: yes\r\n", REPLY)
    });
    let began = Instant::now();
    let server = Process::start(folder.path(), settings, &application.url("/"), settings.session_timeout);
    let mut figures = crowd(settings, folder.path(), &server);
    figures.time = began.elapsed();
    server.stop();
    // Whatever was left by those who vanished goes by its time-out.
    let server = Process::start(folder.path(), settings, &application.url("/"), "1ms");
    let patience = Instant::now();
    while sessions(folder.path()) > 0 {
        assert!(patience.elapsed() < Duration::from_secs(30), "{} sessions stay", sessions(folder.path()));
        thread::sleep(Duration::from_millis(5));
    }
    server.stop();
    let left = |root: &str| fs::read_dir(folder.path().join(root)).unwrap().count();
    assert_eq!((left("plain"), left("asked")), (1, 1), "files stay that nobody was told of");
    figures
}

/// The crowd at one server.
struct Crowd<'a> {
    settings: &'a Settings,
    folder: &'a Path,
    server: &'a Process,
    end: Instant,
    played: [AtomicUsize; ClientProfile::ALL.len()],
    files: AtomicUsize,
    bytes: AtomicU64,
    over: AtomicBool,
}

fn crowd(settings: &Settings, folder: &Path, server: &Process) -> Figures {
    let crowd = Crowd {
        settings,
        folder,
        server,
        end: Instant::now() + settings.time,
        played: ClientProfile::ALL.map(|_| AtomicUsize::new(0)),
        files: AtomicUsize::new(0),
        bytes: AtomicU64::new(0),
        over: AtomicBool::new(false),
    };
    let peak = crowd.let_loose();
    let played = crowd.played.map(AtomicUsize::into_inner);
    Figures {
        played: ClientProfile::ALL.into_iter().zip(played).collect(),
        files: crowd.files.into_inner(),
        bytes: crowd.bytes.into_inner(),
        memory: peak.memory,
        most_descriptors: peak.descriptors,
        most_threads: peak.threads,
        most_sessions: peak.sessions,
        cpu: server.cpu(),
        time: Duration::ZERO,
    }
}

impl Crowd<'_> {
    fn let_loose(&self) -> Peak {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut peak = Peak::default();
        thread::scope(|scope| {
            let client = |number: usize| {
                let small = thread::Builder::new().stack_size(256 * 1024);
                let random = fastrand::Rng::with_seed(seed.wrapping_add(number as u64));
                small.spawn_scoped(scope, move || self.play(number, random)).unwrap()
            };
            let clients: Vec<_> = (0..self.settings.clients).map(client).collect();
            while !clients.iter().all(ScopedJoinHandle::is_finished) {
                peak.watch(self.server, self.folder);
                // Who ends before its time has failed, which ends the soak.
                self.over.fetch_or(clients.iter().any(ScopedJoinHandle::is_finished), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(20));
            }
        });
        assert!(peak.memory <= self.settings.memory, "{} bytes of memory", peak.memory);
        peak
    }

    /// One client, until the time is over: each habit in turn, so that even a short soak has all of them.
    fn play(&self, number: usize, random: fastrand::Rng) {
        let (server, folder) = (self.server.address, self.folder.to_owned());
        let mut client = Client { server, folder, number, random, longest: self.settings.longest, done: 0 };
        for turn in number.. {
            let at = turn % ClientProfile::ALL.len();
            let habit = ClientProfile::ALL[at];
            let accepted = client.act(habit).unwrap_or_else(|error| panic!("{habit:?}: {error}"));
            self.played[at].fetch_add(1, Ordering::Relaxed);
            self.files.fetch_add(usize::from(accepted > 0), Ordering::Relaxed);
            self.bytes.fetch_add(accepted as u64, Ordering::Relaxed);
            if Instant::now() > self.end || self.over.load(Ordering::Relaxed) {
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
             [[directory]]\nurl-prefix = \"/asked/\"\nroot = \"asked\"\n\
             notify = \"reference\"\nnotify-url = \"{application}\"\n"
        );
        fs::write(&config, text).unwrap();
        // Address space is counted with the stacks of all threads, most of which nobody ever touches.
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

    /// Stops the server, which has nothing to complain of.
    fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.child.id())
    }

    /// A number of `/proc/PID/status`.
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
    fn watch(&mut self, server: &Process, folder: &Path) {
        let descriptors = fs::read_dir(server.proc("fd")).unwrap().count();
        self.memory = self.memory.max(server.status("VmHWM:") * 1024);
        self.threads = self.threads.max(server.status("Threads:") as usize);
        self.descriptors = self.descriptors.max(descriptors);
        self.sessions = self.sessions.max(sessions(folder));
    }
}

/// How many sessions lie in both roots.
fn sessions(folder: &Path) -> usize {
    let in_root = |root: &str| {
        // The root's lock is the one other thing there.
        fs::read_dir(folder.join(root).join(".bitsup"))
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().is_dir())
            .count()
    };
    in_root("plain") + in_root("asked")
}
