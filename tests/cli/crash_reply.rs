//! Kills client, server or both with SIGKILL at random moments of an upload with a reply: while fragments are sent,
//! while the application decides, while the reply is fetched, and around Close-Session. Running the same command
//! again completes the upload.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use test_support::application::{Application, NotifyMode, Request, derived};

use crate::kill_harness::{seeded_rng, spin};
use crate::program::{Outcome, TestServer, Workspace, bitsup};

const SIZE: usize = 1024 * 1024;
/// Fragment size. An upload has 64 fragments.
const FRAGMENT: &str = "16k";
/// Maximum length of a reply.
const REPLY: usize = 2 * 1024 * 1024;
/// Kills per round.
const KILLS: usize = 4;
/// Maximum time between two events.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Thirty rounds, in ten tests that run in parallel.
macro_rules! rounds {
    ($($name:ident)*) => { $(#[test] fn $name() { (0..3).for_each(|_| Round::new().run()); })* };
}

rounds! {
    rounds_1_to_3 rounds_4_to_6 rounds_7_to_9 rounds_10_to_12 rounds_13_to_15
    rounds_16_to_18 rounds_19_to_21 rounds_22_to_24 rounds_25_to_27 rounds_28_to_30
}

/// Phase of an upload, as observed at client and application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Sending,
    Deciding,
    Fetching,
    Closing,
    Ended,
}

/// Reports that the upload has reached a phase.
struct PhaseEvent {
    phase: Phase,
    /// The application waits until this is dropped.
    _release: Option<Sender<()>>,
}

/// One upload, with its processes and what was observed of it.
struct Round {
    random: fastrand::Rng,
    mode: NotifyMode,
    delivers_file: bool,
    content: Vec<u8>,
    reply: Vec<u8>,
    upload: Vec<String>,
    application: Application,
    events: Receiver<PhaseEvent>,
    event_sender: Sender<PhaseEvent>,
    server: Option<TestServer>,
    client: Client,
    /// Number of servers started. Each calls the application with its own path.
    server_runs: usize,
    /// The server run in which the client first fetched the reply, so that the application had accepted the upload.
    accepted_in_run: Option<usize>,
    /// Number of clients that were killed while closing.
    killed_while_closing: usize,
}

impl Round {
    fn new() -> Self {
        let mut random = seeded_rng();
        let (mode, delivers_file) = (NotifyMode::ALL[random.usize(..3)], random.bool());
        let length = random.usize(..REPLY);
        let (event_sender, events) = channel();
        let application = application(mode, delivers_file, length, event_sender.clone());
        let workspace = Workspace::new();
        let (source, content) = workspace.source("source", SIZE);
        let (state, out) = (workspace.path_str("state"), workspace.path_str("reply"));
        let server = serve(workspace, "127.0.0.1:0", mode, &application, 1);
        let url = server.url_of("file");
        let paths = ["upload", &source, &url, "--state-dir", &state, "--reply", &out];
        let options = ["--json", "--fragment-size", FRAGMENT, "--retry-delay", "20ms"];
        let upload: Vec<String> = paths.into_iter().chain(options).map(str::to_owned).collect();
        let (client, reply) = (Client::start(&upload, &event_sender), derived(&content, length));
        let server = Some(server);
        Self {
            random,
            mode,
            delivers_file,
            content,
            reply,
            upload,
            application,
            events,
            event_sender,
            server,
            client,
            server_runs: 1,
            accepted_in_run: None,
            killed_while_closing: 0,
        }
    }

    fn run(mut self) {
        let phases = [Phase::Sending, Phase::Deciding, Phase::Fetching, Phase::Closing];
        let mut kill_phases: Vec<Phase> = (0..KILLS).map(|_| phases[self.random.usize(..4)]).collect();
        kill_phases.sort();
        kill_phases.push(Phase::Ended);
        for phase in kill_phases {
            let more = self.random.usize(..if phase == Phase::Sending { 40 } else { 2 });
            let Some(event) = self.wait_for_phase(phase, more) else { break };
            // Kills before the application responds if the event is kept, otherwise while or after it responds.
            let release = self.random.bool().then_some(event);
            spin(self.random.usize(..50_000));
            self.kill_at_random();
            drop(release);
        }
        let outcome = self.client.end();
        self.assert_finished(&outcome);
        self.assert_notifications();
    }

    /// Waits for `more` + 1 events of a phase, or for one of a later phase. Returns `None` if the client ended.
    fn wait_for_phase(&mut self, phase: Phase, mut more: usize) -> Option<PhaseEvent> {
        loop {
            let event = self.events.recv_timeout(TIMEOUT).expect("no event within the timeout");
            if event.phase == Phase::Fetching {
                self.accepted_in_run.get_or_insert(self.server_runs);
            }
            match event.phase {
                Phase::Ended => return None,
                reached if reached > phase || reached == phase && more == 0 => return Some(event),
                reached if reached == phase => more -= 1,
                _ => {}
            }
        }
    }

    /// Kills the server, the client, or both, checks the files, and restarts what was killed.
    fn kill_at_random(&mut self) {
        let (kill_server, kill_client) = [(true, false), (false, true), (true, true)][self.random.usize(..3)];
        if kill_client {
            self.client.child.kill().unwrap();
        }
        if kill_server {
            let server = self.server.take().unwrap();
            let listen = server.address().to_string();
            let workspace = server.kill();
            self.assert_nothing_partial(&workspace);
            self.server_runs += 1;
            self.server = Some(serve(workspace, &listen, self.mode, &self.application, self.server_runs));
        }
        self.assert_nothing_partial(&self.server.as_ref().unwrap().workspace);
        if kill_client {
            let killed = self.client.end();
            self.killed_while_closing += usize::from(killed.stdout.contains(r#""to":"transferred""#));
            // The events of the killed client do not count for the next one, except that the reply was fetched.
            let accepted_in_run =
                self.events.try_iter().filter(|event| event.phase == Phase::Fetching).count() > 0;
            self.accepted_in_run = self.accepted_in_run.or(accepted_in_run.then_some(self.server_runs));
            self.client = Client::start(&self.upload, &self.event_sender);
        }
    }

    fn assert_nothing_partial(&self, workspace: &Workspace) {
        match fs::read(workspace.received("file")) {
            Ok(file) => {
                assert!(self.delivers_file && file == self.content, "{} bytes of the file", file.len())
            }
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
        if let Ok(reply) = fs::read(workspace.path("reply")) {
            assert!(reply == self.reply, "{} of {} bytes of the reply", reply.len(), self.reply.len());
        }
    }

    fn assert_finished(&self, outcome: &Outcome) {
        // A client that is killed after closing its session leaves no state, so the same command is a new upload, and
        // the file exists already.
        let killed_after_closing =
            self.delivers_file && self.killed_while_closing > 0 && outcome.stderr.contains("0x80070005");
        assert!(outcome.code == Some(0) || killed_after_closing, "{outcome:?}");
        let workspace = &self.server.as_ref().unwrap().workspace;
        self.assert_nothing_partial(workspace);
        assert_eq!(workspace.received("file").exists(), self.delivers_file);
        assert!(workspace.path("reply").exists() && !workspace.path("reply.part").exists());
        // A Create-Session whose response was lost leaves an orphaned session.
        assert!(workspace.sessions().len() <= KILLS, "{:?}", workspace.sessions());
    }

    /// Each server called the application at most once per upload, and not at all after the client had fetched the
    /// reply.
    fn assert_notifications(&self) {
        let mut calls = BTreeMap::<String, Vec<usize>>::new();
        for request in self.application.requests() {
            calls.entry(key(&request)).or_default().push(run(&request));
        }
        for runs in calls.values() {
            assert_eq!(runs.len(), runs.iter().collect::<BTreeSet<_>>().len(), "{calls:?}");
        }
        let accepted_in_run = self.accepted_in_run.expect("the client never fetched a reply");
        let first = &calls[&key(&self.application.requests()[0])];
        assert!(
            first.iter().all(|run| *run <= accepted_in_run),
            "{calls:?}, accepted in run {accepted_in_run}"
        );
        assert!(
            calls.len() <= 1 + self.killed_while_closing,
            "{calls:?}, {} clients killed while closing",
            self.killed_while_closing
        );
    }
}

/// Starts an application that responds once its event has been dropped.
fn application(
    mode: NotifyMode,
    delivers_file: bool,
    length: usize,
    events: Sender<PhaseEvent>,
) -> Application {
    let fields = if delivers_file { "BITS-Copy-File-To-Destination: x\r\n" } else { "" };
    let lock = Mutex::new(());
    Application::start(move |request| {
        // The calls of a killed server and of the next one name the same files.
        let _guard = lock.lock().unwrap();
        let (release, released) = channel();
        let response = mode.respond(request, fields, length).when(released);
        let _ = events.send(PhaseEvent { phase: Phase::Deciding, _release: Some(release) });
        response
    })
}

fn serve(
    workspace: Workspace,
    listen: &str,
    mode: NotifyMode,
    application: &Application,
    run: usize,
) -> TestServer {
    let url = application.url(&format!("/{run}"));
    TestServer::start_in(workspace, listen, &["--notify", mode.option(), "--notify-url", &url])
}

/// The number of the server that made a call.
fn run(request: &Request) -> usize {
    let path = request.line().split(' ').nth(1).unwrap();
    path[1..].parse().unwrap()
}

/// The upload that a call refers to.
fn key(request: &Request) -> String {
    request.get("Idempotency-Key").unwrap().into()
}

/// A client process whose JSON output is turned into phase events.
struct Client {
    child: Child,
    reader: Option<JoinHandle<String>>,
}

impl Client {
    fn start(args: &[String], events: &Sender<PhaseEvent>) -> Self {
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let mut command = bitsup(&args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, events) = (BufReader::new(child.stdout.take().unwrap()), events.clone());
        let reader = thread::spawn(move || {
            let mut whole = String::new();
            for line in stdout.lines() {
                let line = line.unwrap();
                if let Some(phase) = phase_of(&line) {
                    let _ = events.send(PhaseEvent { phase, _release: None });
                }
                whole += &(line + "\n");
            }
            let _ = events.send(PhaseEvent { phase: Phase::Ended, _release: None });
            whole
        });
        Self { child, reader: Some(reader) }
    }

    /// Waits for the process to exit.
    fn end(&mut self) -> Outcome {
        let code = self.child.wait().unwrap().code();
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        Outcome { code, stdout: self.reader.take().unwrap().join().unwrap(), stderr }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn phase_of(line: &str) -> Option<Phase> {
    let contains = |what: &str| line.contains(what);
    match () {
        () if contains(r#""event":"progress""#) => Some(Phase::Sending),
        () if contains(r#""to":"fetching_reply""#) || contains(r#""event":"reply_progress""#) => {
            Some(Phase::Fetching)
        }
        () if contains(r#""to":"transferred""#) => Some(Phase::Closing),
        () => None,
    }
}
