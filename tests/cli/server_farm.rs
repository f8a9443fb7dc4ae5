//! Two servers that share a root behind HAProxy, which alternates between them. One of them is killed during an
//! upload.
#![cfg(unix)]

use std::fs;

use crate::kill_harness::{assert_exact_or_absent, seeded_rng, spin, wait_for_acks};
use crate::nodes::{Node, Proxy};
use crate::program::{self, Process, Workspace};

const SIZE: usize = 3 * 1024 * 1024;
/// Kills per round. A round has 48 fragments.
const KILLS: usize = 2;

/// Twenty rounds, in ten tests that run in parallel.
macro_rules! rounds {
    ($($name:ident)*) => { $(#[test] fn $name() { (0..2).for_each(|_| round()); })* };
}

rounds! {
    rounds_1_and_2 rounds_3_and_4 rounds_5_and_6 rounds_7_and_8 rounds_9_and_10
    rounds_11_and_12 rounds_13_and_14 rounds_15_and_16 rounds_17_and_18 rounds_19_and_20
}

fn round() {
    let mut random = seeded_rng();
    let workspace = Workspace::new();
    let mut nodes: Vec<Node> = (0..2).map(|_| Node::start(&workspace, "127.0.0.1:0", &[])).collect();
    let proxy = Proxy::start(&workspace, &nodes);
    let (source, content) = workspace.source("source", SIZE);
    let (url, state) = (format!("http://{}/file", proxy.address), workspace.path_str("state"));
    // Slow enough not to finish while a node is down.
    let options = ["--fragment-size", "64k", "--limit-rate", "8m", "--retry-delay", "20ms"];
    let upload = [&["upload", &source, &url, "--json", "--state-dir", &state], &options[..]].concat();
    let mut client = Process::start(&upload);
    for _ in 0..KILLS {
        if !wait_for_acks(&mut client, random.usize(3..20)) {
            break;
        }
        spin(random.usize(0..20_000));
        let victim = random.usize(0..nodes.len());
        let address = nodes[victim].kill();
        if !wait_for_acks(&mut client, random.usize(0..5)) {
            break;
        }
        assert_exact_or_absent(&workspace, &content);
        nodes[victim] = Node::start(&workspace, &address.to_string(), &[]);
    }
    let outcome = client.finish();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(fs::read(workspace.received("file")).unwrap() == content, "the file differs from its source");
    // A Create-Session whose response was lost leaves an orphaned session.
    assert!(workspace.sessions().len() <= KILLS, "{:?}", workspace.sessions());
    assert!(proxy.log_says_both_nodes_served(), "{}", proxy.log());
}

#[test]
fn an_exclusive_server_cannot_use_a_shared_root() {
    let workspace = Workspace::new();
    let root = workspace.root();
    let _node = Node::start(&workspace, "127.0.0.1:0", &[]);
    let exclusive = ["serve", "--root", root.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    program::run(&exclusive)
        .assert_failure(1, &["is shared by other servers: start this one in shared mode too"]);
}
