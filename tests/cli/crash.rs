//! Kills client, server or both with SIGKILL at random moments. Running the same command again completes the upload,
//! and the file is bit-exact or absent at all times.

use std::fs;

use crate::kill_harness::{assert_exact_or_absent, seeded_rng, spin, wait_for_acks};
use crate::program::{Process, TestServer, Workspace};

const SIZE: usize = 6 * 1024 * 1024;
/// Kills per round. A round has about 96 fragments.
const KILLS: usize = 4;

/// Thirty rounds, in ten tests that run in parallel.
macro_rules! rounds {
    ($($name:ident)*) => { $(#[test] fn $name() { (0..3).for_each(|_| round()); })* };
}

rounds! {
    rounds_1_to_3 rounds_4_to_6 rounds_7_to_9 rounds_10_to_12 rounds_13_to_15
    rounds_16_to_18 rounds_19_to_21 rounds_22_to_24 rounds_25_to_27 rounds_28_to_30
}

fn round() {
    let mut random = seeded_rng();
    let workspace = Workspace::new();
    let (source, content) = workspace.source("source", SIZE);
    let state = workspace.path_str("state");
    let mut server = TestServer::start_in(workspace, "127.0.0.1:0", &[]);
    let listen = server.address().to_string();
    let url = server.url_of("file");
    let options = ["--json", "--fragment-size", "64k", "--retry-delay", "20ms"];
    let upload = [&["upload", &source, &url, "--state-dir", &state], &options[..]].concat();
    let mut client = Process::start(&upload);
    let mut killed_clients = 0;
    for _ in 0..KILLS {
        if !wait_for_acks(&mut client, random.usize(0..40)) {
            break;
        }
        spin(random.usize(0..20_000));
        let (kill_server, kill_client) = [(true, false), (false, true), (true, true)][random.usize(0..3)];
        if kill_client {
            client.child.kill().unwrap();
            client.child.wait().unwrap();
            killed_clients += 1;
        }
        if kill_server {
            let workspace = server.kill();
            assert_exact_or_absent(&workspace, &content);
            server = TestServer::start_in(workspace, &listen, &[]);
        }
        assert_exact_or_absent(&server.workspace, &content);
        if kill_client {
            client = Process::start(&upload);
        }
    }
    let outcome = client.finish();
    // A client that is killed after closing its session leaves no state, so the same command is a new upload, and
    // the file exists already.
    let killed_after_closing = killed_clients > 0 && outcome.stderr.contains("0x80070005");
    assert!(outcome.code == Some(0) || killed_after_closing, "{outcome:?}");
    assert!(
        fs::read(server.workspace.received("file")).unwrap() == content,
        "the file differs from its source"
    );
    // A Create-Session whose response was lost leaves an orphaned session.
    assert!(server.workspace.sessions().len() <= KILLS, "{:?}", server.workspace.sessions());
}
