//! Starts the program, feeds it and reads it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The program, with no environment that could change what it does.
pub fn bitsup(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bitsup"));
    command.args(args).stdin(Stdio::null());
    for scheme in ["http", "https", "all", "no"] {
        let name = format!("{scheme}_proxy");
        command.env_remove(&name).env_remove(name.to_uppercase());
    }
    command
}

/// Runs the program to its end.
pub fn run(args: &[&str]) -> Outcome {
    bitsup(args).output().unwrap().into()
}

/// How a run ended.
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
    /// Exit code 0 and nothing on standard error.
    #[track_caller]
    pub fn succeeded(&self) -> &Self {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self
    }

    /// That exit code, and all of `words` on standard error.
    #[track_caller]
    pub fn failed(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {self:?}");
        }
        self
    }

    /// Standard output as JSON events.
    pub fn events(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A process with a standard output to read from. Killed when dropped.
pub struct Running {
    pub child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    pub fn start(args: &[&str]) -> Self {
        Self::by(&mut bitsup(args))
    }

    /// What that command starts.
    pub fn by(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line; empty at the end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').into()
    }

    /// Reads JSON events until one is wanted.
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

    /// Waits for the end; what was not yet read of the output is in the outcome.
    pub fn finish(&mut self) -> Outcome {
        let stdout = std::io::read_to_string(&mut self.lines).unwrap();
        let stderr = self.child.stderr.take().map(|text| std::io::read_to_string(text).unwrap());
        let code = self.child.wait().unwrap().code();
        Outcome { code, stdout, stderr: stderr.unwrap_or_default() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server on a free port, over a directory that lives as long as the fixture.
pub struct Served {
    pub process: Running,
    pub url: String,
    pub place: Workspace,
}

impl Served {
    pub fn new(options: &[&str]) -> Self {
        Self::over(Workspace::new(), "127.0.0.1:0", options)
    }

    pub fn over(place: Workspace, listen: &str, options: &[&str]) -> Self {
        let root = place.root();
        let args = [&["serve", "--root", root.to_str().unwrap(), "--listen", listen], options].concat();
        Self::by(&mut bitsup(&args), place)
    }

    /// A server that is started by that command.
    pub fn by(command: &mut Command, place: Workspace) -> Self {
        let mut process = Running::by(command);
        let line = process.line();
        let url = line.strip_prefix("listening on ").map(str::to_owned);
        let url = url.unwrap_or_else(|| panic!("{line:?}, {:?}", process.finish()));
        Self { process, url, place }
    }

    pub fn url_of(&self, name: &str) -> String {
        format!("{}{name}", self.url)
    }

    pub fn address(&self) -> SocketAddr {
        self.url.strip_prefix("http://").unwrap().trim_end_matches('/').parse().unwrap()
    }

    /// Kills the server at once; what it served stays.
    pub fn kill(mut self) -> Workspace {
        self.process.child.kill().unwrap();
        self.process.child.wait().unwrap();
        self.place
    }
}

/// A temporary directory with a root for a server, state for a client, and sources.
pub struct Workspace(TempDir);

impl Workspace {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("root")).unwrap();
        Self(directory)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().into()
    }

    pub fn root(&self) -> PathBuf {
        self.path("root")
    }

    pub fn received(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Makes a source of `length` bytes without a pattern that repeats; its path and content.
    pub fn source(&self, name: &str, length: usize) -> (String, Vec<u8>) {
        let mut random = fastrand::Rng::with_seed(length as u64);
        let content: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
        fs::write(self.path(name), &content).unwrap();
        (self.text(name), content)
    }

    /// Names below the root, the server's own directory aside.
    pub fn names(&self) -> Vec<String> {
        names(&self.root()).into_iter().filter(|name| name != ".bitsup").collect()
    }

    /// The sessions that a server keeps under the root.
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
