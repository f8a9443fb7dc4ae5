//! Runs the `bitsup` command, and a server with its directory.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The `bitsup` command, without proxy settings from the environment.
pub fn bitsup(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bitsup"));
    command.args(args).stdin(Stdio::null());
    for scheme in ["http", "https", "all", "no"] {
        let name = format!("{scheme}_proxy");
        command.env_remove(&name).env_remove(name.to_uppercase());
    }
    command
}

/// Runs the command until it exits.
pub fn run(args: &[&str]) -> Outcome {
    bitsup(args).output().unwrap().into()
}

/// Exit code and output of a command.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Outcome {
    /// Asserts exit code 0 and empty standard error.
    #[track_caller]
    pub fn assert_success(&self) -> &Self {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self
    }

    /// Asserts the exit code, and that standard error contains all of `words`.
    #[track_caller]
    pub fn assert_failure(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {self:?}");
        }
        self
    }

    /// Parses standard output as JSON events.
    pub fn events(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A running process whose standard output can be read line by line. Killed when dropped.
pub struct Process {
    pub child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    /// Starts `bitsup` with these arguments.
    pub fn start(args: &[&str]) -> Self {
        Self::spawn(&mut bitsup(args))
    }

    /// Starts a command.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Reads the next line. Returns an empty string at the end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').into()
    }

    /// Reads JSON events until one matches, and returns it.
    pub fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "the program ended early: {:?}", self.finish());
            let event = serde_json::from_str(&line).unwrap();
            if wanted(&event) {
                return event;
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the process to exit. The outcome contains the output that was not read yet.
    pub fn finish(&mut self) -> Outcome {
        let stdout = std::io::read_to_string(&mut self.lines).unwrap();
        let stderr = self.child.stderr.take().map(|text| std::io::read_to_string(text).unwrap());
        let code = self.child.wait().unwrap().code();
        Outcome { code, stdout, stderr: stderr.unwrap_or_default() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running `bitsup serve` and its workspace.
pub struct TestServer {
    pub process: Process,
    pub url: String,
    pub workspace: Workspace,
}

impl TestServer {
    /// Starts a server on a free port with a new workspace.
    pub fn new(options: &[&str]) -> Self {
        Self::start_in(Workspace::new(), "127.0.0.1:0", options)
    }

    /// Starts a server on an existing workspace.
    pub fn start_in(workspace: Workspace, listen: &str, options: &[&str]) -> Self {
        let root = workspace.root();
        let args = [&["serve", "--root", root.to_str().unwrap(), "--listen", listen], options].concat();
        Self::spawn(&mut bitsup(&args), workspace)
    }

    /// Starts the server with a command, and reads its URL from the first line.
    pub fn spawn(command: &mut Command, workspace: Workspace) -> Self {
        let mut process = Process::spawn(command);
        let line = process.line();
        let url = line.strip_prefix("listening on ").map(str::to_owned);
        let url = url.unwrap_or_else(|| panic!("{line:?}, {:?}", process.finish()));
        Self { process, url, workspace }
    }

    pub fn url_of(&self, name: &str) -> String {
        format!("{}{name}", self.url)
    }

    pub fn address(&self) -> SocketAddr {
        self.url.strip_prefix("http://").unwrap().trim_end_matches('/').parse().unwrap()
    }

    /// Kills the server. Returns its workspace.
    pub fn kill(mut self) -> Workspace {
        self.process.child.kill().unwrap();
        self.process.child.wait().unwrap();
        self.workspace
    }
}

/// A temporary directory with a root for a server, state for a client, and sources.
pub struct Workspace(TempDir);

impl Workspace {
    pub fn new() -> Self {
        Self::of(tempfile::tempdir().unwrap())
    }

    /// Creates a workspace in memory if possible, for tests that would otherwise wait for many syncs.
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        Self::of(if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap())
    }

    fn of(directory: TempDir) -> Self {
        fs::create_dir(directory.path().join("root")).unwrap();
        Self(directory)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The path of a file as a string.
    pub fn path_str(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().into()
    }

    pub fn root(&self) -> PathBuf {
        self.path("root")
    }

    pub fn received(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Creates a source of `length` pseudo-random bytes. Returns its path and content.
    pub fn source(&self, name: &str, length: usize) -> (String, Vec<u8>) {
        let mut random = fastrand::Rng::with_seed(length as u64);
        let content: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
        fs::write(self.path(name), &content).unwrap();
        (self.path_str(name), content)
    }

    /// The names in the root, except the server's own directory.
    pub fn names(&self) -> Vec<String> {
        names(&self.root()).into_iter().filter(|name| name != ".bitsup").collect()
    }

    /// The names of the session directories under the root.
    pub fn sessions(&self) -> Vec<String> {
        let own = self.root().join(".bitsup");
        names(&own).into_iter().filter(|name| own.join(name).is_dir()).collect()
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
