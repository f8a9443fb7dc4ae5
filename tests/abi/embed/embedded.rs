//! C programs around libmicrohttpd, and what such a program and a test, its application, say to each other.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;
use test_support::cc::{WARNINGS, include, library, succeed, tool};
use test_support::vector::app::App;
use test_support::vector::drive::Host;

/// A compiled program with the library under its SONAME beside it.
pub struct Program(TempDir);

impl Program {
    pub fn compile(source: &str, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["libbitsup.so", "libbitsup.so.0"] {
            symlink(library(), folder.path().join(name)).unwrap();
        }
        let mut command = tool("cc", "gcc");
        command.args(["-std=c11", "-g"]).args(WARNINGS).args(options).arg("-I").arg(include());
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(source)).arg("-o");
        command.arg(folder.path().join("program")).arg("-L").arg(folder.path());
        succeed(command.args(["-lbitsup", "-lmicrohttpd", "-pthread", "-Wl,-rpath,$ORIGIN"]));
        Self(folder)
    }

    pub fn command(&self) -> Command {
        Command::new(self.0.path().join("program"))
    }

    /// Under Valgrind, which makes it fail when it errs or leaks.
    pub fn under_valgrind(&self) -> Command {
        let mut command = tool("valgrind", "valgrind");
        command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
        command.arg("--errors-for-leak-kinds=definite,indirect").arg(self.0.path().join("program"));
        command
    }
}

/// `tests/c/embedded.c`, running.
pub struct Embedded {
    child: Child,
    address: SocketAddr,
    application: Option<JoinHandle<bool>>,
}

impl Embedded {
    pub fn start(root: &Path, settings: &BTreeMap<String, String>, app: Option<&Arc<App>>) -> Self {
        static PROGRAM: OnceLock<Program> = OnceLock::new();
        let mut command = PROGRAM.get_or_init(|| Program::compile("tests/c/embedded.c", &[])).command();
        command.arg(root).args(app.map(|_| "app"));
        command.args(settings.iter().flat_map(|(name, value)| [name, value]));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, mut stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let address = listening(&mut stdout);
        let application = app.cloned().map(|app| thread::spawn(move || speak(&app, &stdin, &mut stdout)));
        Self { child, address, application }
    }
}

/// Where the program listens, which it says first.
pub fn listening(stdout: &mut impl BufRead) -> SocketAddr {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").expect("it says where it listens");
    address.trim_end_matches('/').parse().unwrap()
}

/// Answers the program's lines. True if it says that the case has ended, false if it ends itself.
pub fn speak(app: &App, mut stdin: &ChildStdin, stdout: &mut impl BufRead) -> bool {
    for line in stdout.lines().map(Result::unwrap) {
        if line == "ended" {
            return true;
        }
        // It may have been killed meanwhile.
        let _ = stdin.write_all(&app.handle_line(&line));
    }
    false
}

impl Host for Embedded {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        if let Some(application) = self.application.take() {
            application.join().expect("the application saw what the case says");
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        // What it saw counts, unless something else has failed already.
        if let Some(application) = self.application.take().filter(|_| !thread::panicking()) {
            application.join().expect("the application saw what the case says");
        }
    }
}
