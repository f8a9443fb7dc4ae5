//! Files over 4 GiB, and a full disk.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::process::Command;

use crate::program::{Process, TestServer, Workspace, run};

const GIB: u64 = 1 << 30;

/// A sparse source of 5 GiB, of which the server already stores all but the last bytes. All offsets need more than
/// 32 bits, without transferring 5 GiB.
#[test]
fn frg_18_a_sparse_file_over_4_gib_is_resumed_beyond_4_gib() {
    let server = TestServer::new(&[]);
    let source = server.workspace.path("source");
    let tail = b"the end of a long file";
    let length = 5 * GIB + tail.len() as u64;
    File::create(&source).unwrap().write_all_at(tail, 5 * GIB).unwrap();
    let (file, url, state) =
        (source.to_str().unwrap(), server.url_of("file"), server.workspace.path_str("state"));
    let upload = ["upload", file, &url, "--state-dir", &state, "--fragment-size", "1m", "--json"];

    let mut client = Process::start(&[&upload[..], &["--limit-rate", "4m"]].concat());
    client.wait_for(|event| event["event"] == "progress");
    client.child.kill().unwrap();
    client.child.wait().unwrap();

    let [session] = &server.workspace.sessions()[..] else { panic!("expected one session") };
    let data = server.workspace.root().join(".bitsup").join(session).join("data");
    File::options().write(true).open(&data).unwrap().set_len(5 * GIB - 3).unwrap();

    let events = run(&upload).assert_success().events();
    let done = events.last().unwrap();
    assert_eq!((done["event"].as_str(), done["total"].as_u64()), (Some("done"), Some(length)));
    let received = File::open(server.workspace.received("file")).unwrap();
    assert_eq!(received.metadata().unwrap().size(), length);
    let mut end = vec![1; tail.len() + 3];
    received.read_exact_at(&mut end, 5 * GIB - 3).unwrap();
    assert_eq!(end, [b"\0\0\0", &tail[..]].concat());
}

/// The first server can write at most 512 KiB per file, the second one has no such limit.
#[test]
fn frg_25_a_full_disk_is_reported_and_loses_nothing() {
    let workspace = Workspace::new();
    let (source, content) = workspace.source("source", 1 << 20);
    let root = workspace.root();
    let limited = "ulimit -f 512; exec \"$@\""; // dash counts in 512-byte blocks, bash in 1 KiB
    let mut shell = Command::new("bash");
    shell.args(["-c", limited, "bash", env!("CARGO_BIN_EXE_bitsup"), "serve", "--listen", "127.0.0.1:0"]);
    let server = TestServer::spawn(shell.arg("--root").arg(&root), workspace);
    let (listen, url) = (server.address().to_string(), server.url_of("file"));
    let state = server.workspace.path_str("state");
    let upload = ["upload", &source, &url, "--state-dir", &state, "--fragment-size", "64k"];

    let outcome = run(&[&upload[..], &["--no-progress-timeout", "0"]].concat());
    outcome.assert_failure(3, &["500", "0x80070070", "ERROR_DISK_FULL", "free space"]);
    assert_eq!(server.workspace.names(), [""; 0], "nothing partial is visible");
    assert_eq!(server.workspace.sessions().len(), 1, "the session is kept");

    let server = TestServer::start_in(server.kill(), &listen, &[]);
    run(&upload).assert_failure(0, &[]);
    assert!(
        fs::read(server.workspace.received("file")).unwrap() == content,
        "the file differs from its source"
    );
}
