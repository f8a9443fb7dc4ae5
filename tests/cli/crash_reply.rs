//! SIGKILL for real processes at random moments of an upload with a reply: while fragments are sent, while the
//! application decides, while the reply is fetched, and around Close. The same command again ends the upload.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use test_support::application::{Application, NotifyMode, Request, derived};

use crate::kill_harness::{seeded, spin};
use crate::program::{Outcome, Served, Workspace, bitsup};

const SIZE: usize = 1024 * 1024;
/// Of fragments; an upload has 64.
const FRAGMENT: &str = "16k";
/// Longest reply.
const REPLY: usize = 2 * 1024 * 1024;
/// Kills in one round.
const KILLS: usize = 4;
/// Longer than anything takes.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Thirty rounds, in parts that run side by side.
macro_rules! rounds {
    ($($name:ident)*) => { $(#[test] fn $name() { (0..3).for_each(|_| Round::new().run()); })* };
}

rounds! {
    rounds_1_to_3 rounds_4_to_6 rounds_7_to_9 rounds_10_to_12 rounds_13_to_15
    rounds_16_to_18 rounds_19_to_21 rounds_22_to_24 rounds_25_to_27 rounds_28_to_30
}

/// How far an upload is, as far as client and application show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Sending,
    Deciding,
    Fetching,
    Closing,
    Over,
}

/// A sign of life in some phase.
struct Sign {
    phase: Phase,
    /// The application waits until this is gone.
    _leash: Option<Sender<()>>,
}

/// One upload, and all that happens to it.
struct Round {
    random: fastrand::Rng,
    way: NotifyMode,
    keeps_file: bool,
    content: Vec<u8>,
    reply: Vec<u8>,
    upload: Vec<String>,
    application: Application,
    signs: Receiver<Sign>,
    give_sign: Sender<Sign>,
    served: Option<Served>,
    client: Client,
    /// How many servers there were. Each calls the application by a path of its own.
    runs: usize,
    /// The run in which the client was seen to know of the application's consent.
    accepted: Option<usize>,
    /// Clients that were killed when they had begun to close.
    late: usize,
}

impl Round {
    fn new() -> Self {
        let mut random = seeded();
        let (way, keeps_file) = (NotifyMode::ALL[random.usize(..3)], random.bool());
        let length = random.usize(..REPLY);
        let (give_sign, signs) = channel();
        let application = application(way, keeps_file, length, give_sign.clone());
        let place = Workspace::new();
        let (source, content) = place.source("source", SIZE);
        let (state, out) = (place.text("state"), place.text("reply"));
        let served = serve(place, "127.0.0.1:0", way, &application, 1);
        let url = served.url_of("file");
        let paths = ["upload", &source, &url, "--state-dir", &state, "--reply", &out];
        let options = ["--json", "--fragment-size", FRAGMENT, "--retry-delay", "20ms"];
        let upload: Vec<String> = paths.into_iter().chain(options).map(str::to_owned).collect();
        let (client, reply) = (Client::start(&upload, &give_sign), derived(&content, length));
        let served = Some(served);
        Self {
            random,
            way,
            keeps_file,
            content,
            reply,
            upload,
            application,
            signs,
            give_sign,
            served,
            client,
            runs: 1,
            accepted: None,
            late: 0,
        }
    }

    fn run(mut self) {
        let phases = [Phase::Sending, Phase::Deciding, Phase::Fetching, Phase::Closing];
        let mut strikes: Vec<Phase> = (0..KILLS).map(|_| phases[self.random.usize(..4)]).collect();
        strikes.sort();
        strikes.push(Phase::Over);
        for phase in strikes {
            let signs =
                if phase == Phase::Sending { self.random.usize(..40) } else { self.random.usize(..2) };
            let Some(sign) = self.await_sign(phase, signs) else { break };
            // With the application at its thoughts, or with its answer on the way.
            let leash = self.random.bool().then_some(sign);
            spin(self.random.usize(..50_000));
            self.kill_at_random();
            drop(leash);
        }
        let outcome = self.client.end();
        self.assert_over(&outcome);
        self.assert_told();
    }

    /// Waits for so many signs of a phase and one more, or for one of a later phase; `None`: the client ended.
    fn await_sign(&mut self, phase: Phase, mut more: usize) -> Option<Sign> {
        loop {
            let sign = self.signs.recv_timeout(TIMEOUT).expect("no sign of life");
            if sign.phase == Phase::Fetching {
                self.accepted.get_or_insert(self.runs);
            }
            match sign.phase {
                Phase::Over => return None,
                seen if seen > phase || seen == phase && more == 0 => return Some(sign),
                seen if seen == phase => more -= 1,
                _ => {}
            }
        }
    }

    /// Kills the server, the client, or both, looks at what is there, and starts what was killed.
    fn kill_at_random(&mut self) {
        let (kill_server, kill_client) = [(true, false), (false, true), (true, true)][self.random.usize(..3)];
        if kill_client {
            self.client.child.kill().unwrap();
        }
        if kill_server {
            let served = self.served.take().unwrap();
            let listen = served.address().to_string();
            let place = served.kill();
            self.assert_nothing_partial(&place);
            self.runs += 1;
            self.served = Some(serve(place, &listen, self.way, &self.application, self.runs));
        }
        self.assert_nothing_partial(&self.served.as_ref().unwrap().place);
        if kill_client {
            let killed = self.client.end();
            self.late += usize::from(killed.stdout.contains(r#""to":"transferred""#));
            // What the dead one said has no meaning for its successor.
            let accepted = self.signs.try_iter().filter(|sign| sign.phase == Phase::Fetching).count() > 0;
            self.accepted = self.accepted.or(accepted.then_some(self.runs));
            self.client = Client::start(&self.upload, &self.give_sign);
        }
    }

    fn assert_nothing_partial(&self, place: &Workspace) {
        match fs::read(place.received("file")) {
            Ok(file) => assert!(self.keeps_file && file == self.content, "{} bytes of the file", file.len()),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
        if let Ok(reply) = fs::read(place.path("reply")) {
            assert!(reply == self.reply, "{} of {} bytes of the reply", reply.len(), self.reply.len());
        }
    }

    fn assert_over(&self, outcome: &Outcome) {
        // Killed between the end of its upload and its own, a client leaves no state, and the same command
        // again is a new upload to a name that is taken.
        let came_too_late = self.keeps_file && self.late > 0 && outcome.stderr.contains("0x80070005");
        assert!(outcome.code == Some(0) || came_too_late, "{outcome:?}");
        let place = &self.served.as_ref().unwrap().place;
        self.assert_nothing_partial(place);
        assert_eq!(place.received("file").exists(), self.keeps_file);
        assert!(place.path("reply").exists() && !place.path("reply.part").exists());
        // A Create-Session whose answer was lost leaves a session that nobody knows of.
        assert!(place.sessions().len() <= KILLS, "{:?}", place.sessions());
    }

    /// The application was asked about each upload at most once by each server, and not at all once the client
    /// knew of its consent.
    fn assert_told(&self) {
        let mut calls = BTreeMap::<String, Vec<usize>>::new();
        for request in self.application.requests() {
            calls.entry(key(&request)).or_default().push(run(&request));
        }
        for runs in calls.values() {
            assert_eq!(runs.len(), runs.iter().collect::<BTreeSet<_>>().len(), "{calls:?}");
        }
        let accepted = self.accepted.expect("the client never fetched a reply");
        let first = &calls[&key(&self.application.requests()[0])];
        assert!(first.iter().all(|run| *run <= accepted), "{calls:?}, accepted by {accepted}");
        assert!(calls.len() <= 1 + self.late, "{calls:?}, {} too late", self.late);
    }
}

/// An application that waits until its sign is taken notice of.
fn application(way: NotifyMode, keeps_file: bool, length: usize, signs: Sender<Sign>) -> Application {
    let fields = if keeps_file { "BITS-Copy-File-To-Destination: x\r\n" } else { "" };
    let turn = Mutex::new(());
    Application::start(move |request| {
        // The call of a server that was killed and that of the next one name the same files.
        let _turn = turn.lock().unwrap();
        let (leash, released) = channel();
        let answer = way.respond(request, fields, length).when(released);
        let _ = signs.send(Sign { phase: Phase::Deciding, _leash: Some(leash) });
        answer
    })
}

fn serve(place: Workspace, listen: &str, way: NotifyMode, application: &Application, run: usize) -> Served {
    let url = application.url(&format!("/{run}"));
    Served::over(place, listen, &["--notify", way.option(), "--notify-url", &url])
}

/// The server that made a call.
fn run(request: &Request) -> usize {
    let path = request.line().split(' ').nth(1).unwrap();
    path[1..].parse().unwrap()
}

/// The upload that a call is about.
fn key(request: &Request) -> String {
    request.get("Idempotency-Key").unwrap().into()
}

/// A client whose events become signs.
struct Client {
    child: Child,
    reader: Option<JoinHandle<String>>,
}

impl Client {
    fn start(args: &[String], signs: &Sender<Sign>) -> Self {
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let mut command = bitsup(&args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, signs) = (BufReader::new(child.stdout.take().unwrap()), signs.clone());
        let reader = thread::spawn(move || {
            let mut whole = String::new();
            for line in stdout.lines() {
                let line = line.unwrap();
                if let Some(phase) = phase_of(&line) {
                    let _ = signs.send(Sign { phase, _leash: None });
                }
                whole += &(line + "\n");
            }
            let _ = signs.send(Sign { phase: Phase::Over, _leash: None });
            whole
        });
        Self { child, reader: Some(reader) }
    }

    /// Waits for the end.
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
    let says = |what: &str| line.contains(what);
    match () {
        () if says(r#""event":"progress""#) => Some(Phase::Sending),
        () if says(r#""to":"fetching_reply""#) || says(r#""event":"reply_progress""#) => {
            Some(Phase::Fetching)
        }
        () if says(r#""to":"transferred""#) => Some(Phase::Closing),
        () => None,
    }
}
