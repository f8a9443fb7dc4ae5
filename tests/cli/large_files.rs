//! Real processes at the edges: past 4 GiB, and with no room left.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::process::Command;

use crate::program::{Running, Served, Workspace, run};

const GIB: u64 = 1 << 30;

/// A sparse source of 5 GiB, of which the server already holds all but the last bytes: every offset, range and
/// sum is beyond 32 bits, and nobody has to move 5 GiB.
#[test]
fn frg_18_a_sparse_file_over_4_gib_is_resumed_beyond_4_gib() {
    let served = Served::new(&[]);
    let source = served.place.path("source");
    let tail = b"the end of a long file";
    let length = 5 * GIB + tail.len() as u64;
    File::create(&source).unwrap().write_all_at(tail, 5 * GIB).unwrap();
    let (file, url, state) = (source.to_str().unwrap(), served.url_of("file"), served.place.text("state"));
    let upload = ["upload", file, &url, "--state-dir", &state, "--fragment-size", "1m", "--json"];

    let mut client = Running::start(&[&upload[..], &["--limit-rate", "4m"]].concat());
    client.wait_for(|event| event["event"] == "progress");
    client.child.kill().unwrap();
    client.child.wait().unwrap();

    let [session] = &served.place.sessions()[..] else { panic!("one session") };
    let data = served.place.root().join(".bitsup").join(session).join("data");
    File::options().write(true).open(&data).unwrap().set_len(5 * GIB - 3).unwrap();

    let events = run(&upload).succeeded().events();
    let done = events.last().unwrap();
    assert_eq!((done["event"].as_str(), done["total"].as_u64()), (Some("done"), Some(length)));
    let received = File::open(served.place.received("file")).unwrap();
    assert_eq!(received.metadata().unwrap().size(), length);
    let mut end = vec![1; tail.len() + 3];
    received.read_exact_at(&mut end, 5 * GIB - 3).unwrap();
    assert_eq!(end, [b"\0\0\0", &tail[..]].concat());
}

/// The server may write files of 512 KiB only; then it may again.
#[test]
fn frg_25_a_server_without_room_loses_nothing_and_says_so() {
    let place = Workspace::new();
    let (source, content) = place.source("source", 1 << 20);
    let root = place.root();
    let limited = "ulimit -f 512; exec \"$@\""; // dash counts in 512-byte blocks, bash in 1 KiB
    let mut shell = Command::new("bash");
    shell.args(["-c", limited, "bash", env!("CARGO_BIN_EXE_bitsup"), "serve", "--listen", "127.0.0.1:0"]);
    let served = Served::by(shell.arg("--root").arg(&root), place);
    let (listen, url) = (served.address().to_string(), served.url_of("file"));
    let state = served.place.text("state");
    let upload = ["upload", &source, &url, "--state-dir", &state, "--fragment-size", "64k"];

    let outcome = run(&[&upload[..], &["--no-progress-timeout", "0"]].concat());
    outcome.failed(3, &["500", "0x80070070", "ERROR_DISK_FULL", "free space"]);
    assert_eq!(served.place.names(), [""; 0], "nothing partial is visible");
    assert_eq!(served.place.sessions().len(), 1, "the session waits");

    let served = Served::over(served.kill(), &listen, &[]);
    run(&upload).failed(0, &[]);
    assert!(fs::read(served.place.received("file")).unwrap() == content, "the file differs from its source");
}
