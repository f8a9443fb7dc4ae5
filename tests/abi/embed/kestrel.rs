//! The engine embedded in Kestrel, the HTTP server of ASP.NET Core, through the C# library. Runs
//! `bindings/csharp/Bitsup.Embedded`, the host of `examples/csharp/Embed` with the test as its application.

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

use super::{assert_parsed_differently, assert_rejected_without_100_continue, vectors};
use crate::embed::embedded::{listening, serve_calls};

const KESTREL: Mode = Mode { store: "dir", via: "embedded", start: Some(start) };

fn start(root: &Path, settings: &EngineSettings, app: Option<&Arc<App>>) -> Box<dyn Host> {
    Box::new(Kestrel::start("dir", root, settings, app))
}

/// A running .NET process that serves no case. It exits when its standard input is closed.
struct Idle {
    child: Child,
    stdin: Arc<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

/// Processes are reused by later cases, because .NET is slow to start.
static IDLE: Mutex<Vec<Idle>> = Mutex::new(Vec::new());

impl Idle {
    fn get() -> Self {
        let idle = IDLE.lock().unwrap().pop();
        idle.unwrap_or_else(Self::spawn)
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

/// Kestrel with the engine of one case.
struct Kestrel {
    address: SocketAddr,
    /// `None` once it is stopped.
    running: Option<Running>,
}

struct Running {
    child: Child,
    stdin: Arc<ChildStdin>,
    /// Returns the standard output of the program, unless the program exited.
    app_thread: JoinHandle<Option<BufReader<ChildStdout>>>,
}

impl Kestrel {
    fn start(store: &str, root: &Path, settings: &EngineSettings, app: Option<&Arc<App>>) -> Self {
        let Idle { child, stdin, mut stdout } = Idle::get();
        let mut args = vec!["serve", store, root.to_str().unwrap()];
        args.extend(app.map(|_| "app"));
        args.extend(settings.iter().flat_map(|(name, value)| [name.as_str(), value]));
        (&*stdin).write_all(format!("{}\n", args.join("\t")).as_bytes()).unwrap();
        let address = listening(&mut stdout);
        let (app, app_stdin) = (app.cloned().unwrap_or_default(), Arc::clone(&stdin));
        let app_thread = thread::spawn(move || {
            let ended = serve_calls(&app, &app_stdin, &mut stdout);
            ended.then_some(stdout)
        });
        Self { address, running: Some(Running { child, stdin, app_thread }) }
    }
}

impl Host for Kestrel {
    fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills the process, so that a restart depends on the files only.
    fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.child.kill().unwrap();
            running.child.wait().unwrap();
            running.app_thread.join().expect("the application got the calls that the case expects");
        }
    }
}

impl Drop for Kestrel {
    fn drop(&mut self) {
        let Some(Running { mut child, stdin, app_thread }) = self.running.take() else { return };
        // Checks the calls, unless the test has failed already.
        let result = (!thread::panicking()).then(|| {
            // Fails if the process has exited, which the application thread reports.
            let _ = (&*stdin).write_all(b"end\n");
            app_thread.join()
        });
        if let Some(Ok(Some(stdout))) = result {
            IDLE.lock().unwrap().push(Idle { child, stdin, stdout });
            return;
        }
        child.kill().ok();
        child.wait().ok();
        if let Some(result) = result {
            result.expect("the application got the calls that the case expects").expect("the program exited");
        }
    }
}

/// Cases whose requests Kestrel rejects without calling the engine, and how.
const HANDLED_BY_KESTREL: &[(&str, &str)] = &[
    ("no path leads outside the root", "Kestrel rejects %00 with its own 400, which has no BITS fields"),
    ("an absolute target, as some clients send it", "Kestrel returns 400 if Host names another host"),
];

vectors! { KESTREL, HANDLED_BY_KESTREL; general ping create fragment close cancel sessions app reply }

/// The vectors with a store written in C#, `bindings/csharp/Bitsup.Embedded/FileStorage.cs`.
mod own_store {
    use super::*;

    /// The cases treat it as a directory store, because its files have the same paths.
    const FILE_STORAGE: Mode = Mode { store: "dir", via: "embedded", start: Some(start) };

    fn start(root: &Path, settings: &EngineSettings, app: Option<&Arc<App>>) -> Box<dyn Host> {
        Box::new(Kestrel::start("own", root, settings, app))
    }

    /// Cases that are skipped, and why.
    const SKIPPED: &[(&str, &str)] = &[
        HANDLED_BY_KESTREL[0],
        HANDLED_BY_KESTREL[1],
        (
            "an application writes its reply to the given path",
            "only a directory store offers a path for the reply",
        ),
    ];

    vectors! { FILE_STORAGE, SKIPPED; general ping create fragment close cancel sessions app reply }
}

/// Request heads that Kestrel parses differently from bitsup's own listener, in the format of the table for
/// libmicrohttpd.
const DIFFERENCES: &[(&str, &str, u16, u16, &str)] = &[
    ("BITS_POST /a HTTP/1.0", "", 505, 200, "it supports HTTP/1.0"),
    ("BITS_POST /a HTTP/1.1", "Expect: money\r\n", 417, 200, "it ignores other expectations"),
];

#[test]
fn some_request_heads_are_parsed_differently() {
    let root = tempfile::tempdir().unwrap();
    assert_parsed_differently(&Kestrel::start("dir", root.path(), &EngineSettings::new(), None), DIFFERENCES);
}

/// PROTOCOL 2.1 #15
#[test]
fn a_rejected_request_gets_no_100_continue() {
    let root = tempfile::tempdir().unwrap();
    assert_rejected_without_100_continue(&Kestrel::start("dir", root.path(), &EngineSettings::new(), None));
}
