//! Runs the examples `serve` and `upload` of any language against each other.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A running `serve`. Killed when dropped.
pub struct Serve {
    child: Child,
    pub url: String,
}

impl Serve {
    /// Starts the program with the root as its argument and waits until it prints its URL.
    pub fn start(mut command: Command, root: &Path) -> Self {
        let mut child = command.arg(root).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("serve prints its URL").to_owned();
        Self { child, url }
    }

    pub fn stop(mut self, signal: Signal) -> Option<i32> {
        signal_to(&self.child, signal);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub fn signal_to(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Creates a file of this size in the folder. Returns its path and content.
pub fn sample(folder: &Path, size: usize) -> (PathBuf, Vec<u8>) {
    let data: Vec<u8> = (0..size).map(|i| (i * i / 7) as u8).collect();
    let path = folder.join("sample.bin");
    fs::write(&path, &data).unwrap();
    (path, data)
}

/// Uploads a file from one program to the other. Asserts that it arrives intact and that its progress is shown.
pub fn transfer_file(serve: Command, mut upload: Command) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    let server = Serve::start(serve, &root);
    let (path, data) = sample(folder.path(), 300_000);
    let output = upload.arg(path).arg(format!("{}copy.bin", server.url)).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.lines().all(|line| line.starts_with("progress ")), "{stdout}");
    assert_eq!(stdout.lines().last(), Some("progress 300000 300000"));
    assert!(fs::read(root.join("copy.bin")).unwrap() == data, "the copy differs");
    assert_eq!(server.stop(Signal::TERM), Some(0));
}
