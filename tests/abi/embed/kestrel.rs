//! ASP.NET Core's HTTP server with the engine in it, by the C# library: the host of `examples/csharp/Embed` with a test in
//! the place of its application, `bindings/csharp/Bitsup.Embedded`.

use std::io::{BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};

use test_support::cc::{library, succeed};
use test_support::vector::app::App;
use test_support::vector::drive::Host;
use test_support::vector::environment::{EngineSettings, Mode};

use super::{reads_otherwise, refuses_without_asking, vectors};
use crate::embed::embedded::{listening, speak};

const KESTREL: Mode = Mode { store: "dir", via: "embedded", start: Some(start) };

fn start(root: &Path, settings: &EngineSettings, app: Option<&Arc<App>>) -> Box<dyn Host> {
    Box::new(Kestrel::start("dir", root, settings, app))
}

/// A running .NET with no case to serve. It ends when its stdin does, as it does when the tests are over.
struct Idle {
    child: Child,
    stdin: Arc<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

/// As .NET takes its time to start, and to compile what it runs, one case leaves it to the next.
static IDLE: Mutex<Vec<Idle>> = Mutex::new(Vec::new());

impl Idle {
    fn get() -> Self {
        let left = IDLE.lock().unwrap().pop();
        left.unwrap_or_else(Self::spawn)
    }

    fn spawn() -> Self {
        static BUILT: OnceLock<()> = OnceLock::new();
        BUILT.get_or_init(|| {
            succeed(dotnet().args([
                "build",
                "--nologo",
                "--verbosity",
                "quiet",
                "bindings/csharp/Bitsup.Embedded",
            ]));
        });
        let mut command = dotnet();
        command.arg("target/csharp/bin/Bitsup.Embedded/Bitsup.Embedded.dll").env("BITSUP_LIBRARY", library());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = Arc::new(child.stdin.take().unwrap());
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }
}

fn dotnet() -> Command {
    let mut command = Command::new("tools/dotnet");
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// A case's Kestrel, with an engine of its own.
struct Kestrel {
    address: SocketAddr,
    /// None once it is stopped.
    running: Option<Running>,
}

struct Running {
    child: Child,
    stdin: Arc<ChildStdin>,
    /// Gives back what it listened to, unless the program ended by itself.
    application: JoinHandle<Option<BufReader<ChildStdout>>>,
}

impl Kestrel {
    fn start(store: &str, root: &Path, settings: &EngineSettings, app: Option<&Arc<App>>) -> Self {
        let Idle { child, stdin, mut stdout } = Idle::get();
        let mut words = vec!["serve", store, root.to_str().unwrap()];
        words.extend(app.map(|_| "app"));
        words.extend(settings.iter().flat_map(|(name, value)| [name.as_str(), value]));
        (&*stdin).write_all(format!("{}\n", words.join("\t")).as_bytes()).unwrap();
        let address = listening(&mut stdout);
        let (app, answers) = (app.cloned().unwrap_or_default(), Arc::clone(&stdin));
        let application = thread::spawn(move || {
            let ended = speak(&app, &answers, &mut stdout);
            ended.then_some(stdout)
        });
        Self { address, running: Some(Running { child, stdin, application }) }
    }
}

impl Host for Kestrel {
    fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills .NET, as a restart finds what is on the disk and nothing else.
    fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.child.kill().unwrap();
            running.child.wait().unwrap();
            running.application.join().expect("the application saw what the case says");
        }
    }
}

impl Drop for Kestrel {
    fn drop(&mut self) {
        let Some(Running { mut child, stdin, application }) = self.running.take() else { return };
        // What the application saw counts, unless something else has failed already.
        let heard = (!thread::panicking()).then(|| {
            // It may be there no more, which the application has seen.
            let _ = (&*stdin).write_all(b"end\n");
            application.join()
        });
        if let Some(Ok(Some(stdout))) = heard {
            IDLE.lock().unwrap().push(Idle { child, stdin, stdout });
            return;
        }
        child.kill().ok();
        child.wait().ok();
        if let Some(heard) = heard {
            heard.expect("the application saw what the case says").expect("the program serves the next case");
        }
    }
}

/// Cases that Kestrel answers itself, without asking the engine, and how.
const ANSWERED: &[(&str, &str)] = &[
    ("no path leads outside the root", "Kestrel answers %00 with a 400 of its own, which has no BITS fields"),
    ("an absolute target, as some clients send it", "Kestrel answers 400 where Host names another host"),
];

vectors! { KESTREL, ANSWERED; general ping create fragment close cancel sessions app reply }

/// The vectors over a store that is written in C#, `bindings/csharp/Bitsup.Embedded/FileStorage.cs`.
mod own_store {
    use super::*;

    /// To the cases it is a directory, for its files lie where those of a directory store do.
    const OWN: Mode = Mode { store: "dir", via: "embedded", start: Some(start) };

    fn start(root: &Path, settings: &EngineSettings, app: Option<&Arc<App>>) -> Box<dyn Host> {
        Box::new(Kestrel::start("own", root, settings, app))
    }

    /// Cases that do not go over it, besides those that Kestrel answers, and why.
    const LEFT_OUT: &[(&str, &str)] = &[
        ANSWERED[0],
        ANSWERED[1],
        (
            "an application writes its reply to the given path",
            "only a directory store has a path for the reply of an application",
        ),
    ];

    vectors! { OWN, LEFT_OUT; general ping create fragment close cancel sessions app reply }
}

/// Heads that Kestrel reads otherwise than bitsup's own listener: see the table for libmicrohttpd.
const OTHERWISE: &[(&str, &str, u16, u16, &str)] = &[
    ("BITS_POST /a HTTP/1.0", "", 505, 200, "it speaks HTTP/1.0"),
    ("BITS_POST /a HTTP/1.1", "Expect: money\r\n", 417, 200, "it passes over other expectations"),
];

#[test]
fn some_heads_are_read_otherwise() {
    let root = tempfile::tempdir().unwrap();
    reads_otherwise(&Kestrel::start("dir", root.path(), &EngineSettings::new(), None), OTHERWISE);
}

/// PROTOCOL 2.1 #15
#[test]
fn a_refused_client_that_waits_to_be_asked_is_not_asked() {
    let root = tempfile::tempdir().unwrap();
    refuses_without_asking(&Kestrel::start("dir", root.path(), &EngineSettings::new(), None));
}
