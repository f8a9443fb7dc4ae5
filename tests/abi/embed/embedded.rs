//! C programs that embed the engine in libmicrohttpd, and their protocol with the test, which plays the application.

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

/// A directory with a compiled program and the library under its SONAME.
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

    /// Runs the program under Valgrind, which fails it on memory errors and leaks.
    pub fn under_valgrind(&self) -> Command {
        let mut command = tool("valgrind", "valgrind");
        command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
        command.arg("--errors-for-leak-kinds=definite,indirect").arg(self.0.path().join("program"));
        command
    }
}

/// A running `tests/c/embedded.c`.
pub struct Embedded {
    child: Child,
    address: SocketAddr,
    app_thread: Option<JoinHandle<bool>>,
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
        let app_thread =
            app.cloned().map(|app| thread::spawn(move || serve_calls(&app, &stdin, &mut stdout)));
        Self { child, address, app_thread }
    }
}

/// Reads the address from the first line of the program.
pub fn listening(stdout: &mut impl BufRead) -> SocketAddr {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").expect("the first line is the URL");
    address.trim_end_matches('/').parse().unwrap()
}

/// Passes the lines of the program to the application and writes back its results. Returns `true` if the program
/// reported the end of the case, `false` if it exited.
pub fn serve_calls(app: &App, mut stdin: &ChildStdin, stdout: &mut impl BufRead) -> bool {
    for line in stdout.lines().map(Result::unwrap) {
        if line == "ended" {
            return true;
        }
        // The program may have been killed meanwhile.
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
        if let Some(app_thread) = self.app_thread.take() {
            app_thread.join().expect("the application got the calls that the case expects");
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        // Checks the calls, unless the test has failed already.
        if let Some(app_thread) = self.app_thread.take().filter(|_| !thread::panicking()) {
            app_thread.join().expect("the application got the calls that the case expects");
        }
    }
}
