//! The example `examples/c/store.c`: a store in the C API that keeps uploads in an SQLite database.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;
use test_support::cc::{WARNINGS, include, library, succeed, tool};
use test_support::examples::{Serve, sample};

/// A directory with the compiled examples `store` and `upload`, and a database.
struct Fixture {
    directory: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self { directory: tempfile::tempdir().unwrap() };
        symlink(library(), fixture.path("libbitsup.so")).unwrap();
        symlink(library(), fixture.path("libbitsup.so.0")).unwrap();
        for name in ["store", "upload"] {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/c/{name}.c"));
            let mut command = tool("cc", "gcc");
            command.arg("-std=c11").args(WARNINGS).arg("-I").arg(include()).arg(source);
            command.arg("-o").arg(fixture.path(name)).arg("-L").arg(fixture.directory.path());
            succeed(command.args(["-lbitsup", "-lsqlite3", "-pthread", "-Wl,-rpath,$ORIGIN"]));
        }
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn store(&self) -> Command {
        let mut command = Command::new(self.path("store"));
        command.arg(self.path("database"));
        command
    }

    /// Starts the store example as a server. The port is its last argument.
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

/// Size of the first fragment of an upload.
const FIRST_FRAGMENT: u64 = 128 * 1024;

/// The number of acknowledged bytes in a line "progress SENT TOTAL".
fn sent(line: &str) -> u64 {
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_file_is_stored_in_the_database_unchanged() {
    let fixture = Fixture::new();
    let (path, data) = sample(fixture.directory.path(), 1_000_000);
    let server = fixture.serve("0");
    let url = format!("{}copy.bin", server.url);
    succeed(&mut fixture.upload(&path, &url));
    assert!(fixture.get("copy.bin") == data, "the copy differs");
    let rejected = fixture.upload(&path, &url).stderr(Stdio::piped()).output().unwrap();
    let stderr = String::from_utf8(rejected.stderr).unwrap();
    assert!(stderr.contains("HTTP 403"), "{stderr}");
    assert_eq!(fixture.store().args(["get", "other.bin"]).output().unwrap().status.code(), Some(1));
    assert_eq!(server.stop(Signal::TERM), Some(0));
}

// B-STORE-03
#[test]
fn an_upload_resumes_after_client_and_server_were_killed() {
    let fixture = Fixture::new();
    let (path, data) = sample(fixture.directory.path(), 24 << 20);
    let server = fixture.serve("0");
    let port = server.url.trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
    let mut upload = fixture.upload(&path, &format!("{}copy.bin", server.url));
    let mut client = upload.arg(fixture.path("state")).spawn().unwrap();
    let mut stdout = BufReader::new(client.stdout.take().unwrap());
    let mut line = String::new();
    // More than the first fragment, which is also sent first if the upload restarts.
    while line.is_empty() || sent(&line) <= FIRST_FRAGMENT {
        line.clear();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "the client ended");
    }
    client.kill().unwrap();
    client.wait().unwrap();
    let acknowledged = sent(&line);
    assert!(acknowledged > 0 && acknowledged < data.len() as u64, "{line}");
    assert_eq!(server.stop(Signal::KILL), None);

    let server = fixture.serve(&port);
    let mut client = upload.spawn().unwrap();
    let mut stdout = BufReader::new(client.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(sent(&line) >= acknowledged, "the upload restarted: {acknowledged}, then {line}");
    stdout.read_to_end(&mut Vec::new()).unwrap();
    assert!(client.wait().unwrap().success());
    assert!(fixture.get("copy.bin") == data, "the copy differs");
    assert_eq!(server.stop(Signal::TERM), Some(0));
}
