//! Runs the Rust examples.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use bitsup::client::{Client, ClientConfig, Source};
use bitsup::proto::Context;

/// Returns the path of an example, which cargo builds together with this test.
fn example(name: &str) -> PathBuf {
    let target = env::current_exe().unwrap();
    let path = target.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.is_file(), "{} is missing; run `cargo build --example {name}`", path.display());
    path
}

/// A running example, killed if the test ends early.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn the_reply_example_counts_lines() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    let mut command = Command::new(example("reply"));
    let child = command.arg(&root).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let mut line = String::new();
    BufReader::new(running.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url =
        line.trim().strip_prefix("listening on ").expect("the first line must contain the URL").to_owned();

    let client = Client::new(ClientConfig::default()).unwrap();
    let mut job = client.job(&format!("{url}a.txt"), Source::from_bytes("one\ntwo\n")).unwrap();
    let reply = folder.path().join("reply");
    job.set_reply_path(&reply).unwrap();
    job.run().unwrap();
    assert_eq!(fs::read_to_string(&reply).unwrap(), "2\n");
    assert!(!root.join("a.txt").exists(), "the example must not keep the file");
    let rejected = client.job(&format!("{url}a.bin"), Source::from_bytes("one")).unwrap().run().unwrap_err();
    assert_eq!((rejected.http_status(), rejected.context()), (Some(403), Some(Context::Application)));

    drop(running.0.stdin.take());
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}
