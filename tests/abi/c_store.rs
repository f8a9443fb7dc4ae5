//! The store of the example `examples/c/store.c`: an SQLite database that takes uploads through the C API.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;
use test_support::cc::{WARNINGS, include, library, succeed, tool};
use test_support::examples::{Serve, sample};

/// The examples `store` and `upload`, and a database.
struct Stage {
    folder: TempDir,
}

impl Stage {
    fn new() -> Self {
        let stage = Self { folder: tempfile::tempdir().unwrap() };
        symlink(library(), stage.path("libbitsup.so")).unwrap();
        symlink(library(), stage.path("libbitsup.so.0")).unwrap();
        for name in ["store", "upload"] {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/c/{name}.c"));
            let mut command = tool("cc", "gcc");
            command.arg("-std=c11").args(WARNINGS).arg("-I").arg(include()).arg(source);
            command.arg("-o").arg(stage.path(name)).arg("-L").arg(stage.folder.path());
            succeed(command.args(["-lbitsup", "-lsqlite3", "-pthread", "-Wl,-rpath,$ORIGIN"]));
        }
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn store(&self) -> Command {
        let mut command = Command::new(self.path("store"));
        command.arg(self.path("database"));
        command
    }

    /// The port is the last argument.
    fn serve(&self, port: &str) -> Serve {
        Serve::start(self.store(), Path::new(port))
    }

    fn get(&self, name: &str) -> Vec<u8> {
        succeed(self.store().args(["get", name])).stdout
    }

    fn upload(&self, file: &Path, url: &str) -> Command {
        let mut command = Command::new(self.path("upload"));
        command.arg(file).arg(url).stdout(Stdio::piped());
        command
    }
}

/// Bytes of the first fragment of an upload.
const FIRST_FRAGMENT: u64 = 128 * 1024;

/// How much is acknowledged by a line "progress SENT TOTAL".
fn sent(line: &str) -> u64 {
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_file_goes_into_the_database_and_comes_out_as_it_was() {
    let stage = Stage::new();
    let (path, data) = sample(stage.folder.path(), 1_000_000);
    let server = stage.serve("0");
    let url = format!("{}copy.bin", server.url);
    succeed(&mut stage.upload(&path, &url));
    assert!(stage.get("copy.bin") == data, "the copy differs");
    let refused = stage.upload(&path, &url).stderr(Stdio::piped()).output().unwrap();
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(stderr.contains("HTTP 403"), "{stderr}");
    assert_eq!(stage.store().args(["get", "other.bin"]).output().unwrap().status.code(), Some(1));
    assert_eq!(server.stop(Signal::TERM), Some(0));
}

// B-STORE-03
#[test]
fn an_upload_goes_on_in_the_database_when_client_and_server_were_killed() {
    let stage = Stage::new();
    let (path, data) = sample(stage.folder.path(), 24 << 20);
    let server = stage.serve("0");
    let port = server.url.trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
    let mut upload = stage.upload(&path, &format!("{}copy.bin", server.url));
    let mut client = upload.arg(stage.path("state")).spawn().unwrap();
    let mut stdout = BufReader::new(client.stdout.take().unwrap());
    let mut line = String::new();
    // More than the first fragment, for that one also goes out first when an upload begins anew.
    while line.is_empty() || sent(&line) <= FIRST_FRAGMENT {
        line.clear();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "the client ended");
    }
    client.kill().unwrap();
    client.wait().unwrap();
    let before = sent(&line);
    assert!(before > 0 && before < data.len() as u64, "{line}");
    assert_eq!(server.stop(Signal::KILL), None);

    let server = stage.serve(&port);
    let mut client = upload.spawn().unwrap();
    let mut stdout = BufReader::new(client.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(sent(&line) >= before, "it began anew: {before}, then {line}");
    stdout.read_to_end(&mut Vec::new()).unwrap();
    assert!(client.wait().unwrap().success());
    assert!(stage.get("copy.bin") == data, "the copy differs");
    assert_eq!(server.stop(Signal::TERM), Some(0));
}
