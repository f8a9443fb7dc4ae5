//! Two real servers over one root, behind a real HAProxy that sends every request to the next of them, and one
//! of them killed in the middle of an upload.
#![cfg(unix)]

use std::fs;

use crate::kill_harness::{acked, assert_exact_or_absent, seeded, spin};
use crate::nodes::{Node, Proxy};
use crate::program::{self, Running, Workspace};

const SIZE: usize = 3 * 1024 * 1024;
/// Kills in one round; a round has 48 fragments.
const KILLS: usize = 2;

/// Twenty rounds, in parts that run side by side.
macro_rules! rounds {
    ($($name:ident)*) => { $(#[test] fn $name() { (0..2).for_each(|_| round()); })* };
}

rounds! {
    rounds_1_and_2 rounds_3_and_4 rounds_5_and_6 rounds_7_and_8 rounds_9_and_10
    rounds_11_and_12 rounds_13_and_14 rounds_15_and_16 rounds_17_and_18 rounds_19_and_20
}

fn round() {
    let mut random = seeded();
    let place = Workspace::new();
    let mut nodes: Vec<Node> = (0..2).map(|_| Node::start(&place, "127.0.0.1:0", &[])).collect();
    let proxy = Proxy::start(&place, &nodes);
    let (source, content) = place.source("source", SIZE);
    let (url, state) = (format!("http://{}/file", proxy.address), place.text("state"));
    // So slow that it does not end while a node is down.
    let pace = ["--fragment-size", "64k", "--limit-rate", "8m", "--retry-delay", "20ms"];
    let upload = [&["upload", &source, &url, "--json", "--state-dir", &state], &pace[..]].concat();
    let mut client = Running::start(&upload);
    for _ in 0..KILLS {
        if !acked(&mut client, random.usize(3..20)) {
            break;
        }
        spin(random.usize(0..20_000));
        let victim = random.usize(0..nodes.len());
        let address = nodes[victim].kill();
        if !acked(&mut client, random.usize(0..5)) {
            break;
        }
        assert_exact_or_absent(&place, &content);
        nodes[victim] = Node::start(&place, &address.to_string(), &[]);
    }
    let outcome = client.finish();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(fs::read(place.received("file")).unwrap() == content, "the file differs from its source");
    // A Create-Session whose answer was lost leaves a session that nobody knows of.
    assert!(place.sessions().len() <= KILLS, "{:?}", place.sessions());
    assert!(proxy.log_says_both_nodes_served(), "{}", proxy.log());
}

#[test]
fn a_root_is_not_shared_with_a_server_that_does_not_share_it() {
    let place = Workspace::new();
    let root = place.root();
    let _node = Node::start(&place, "127.0.0.1:0", &[]);
    let alone = ["serve", "--root", root.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    program::run(&alone).failed(1, &["is shared by other servers: start this one in shared mode too"]);
}
