//! Two servers that share a root behind HAProxy. The one that calls the application is killed with SIGKILL, and the
//! other one completes the upload with one result.
#![cfg(unix)]

use std::fs;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use test_support::application::{Application, NotifyMode, Request, derived};

use crate::kill_harness::{seeded_rng, spin};
use crate::nodes::{Node, Proxy};
use crate::program::{Process, Workspace};

const SIZE: usize = 200_000;
const REPLY: usize = 100_000;
const DELIVER: &str = "BITS-Copy-File-To-Destination: x\r\n";
/// Maximum time until the application is called.
const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, PartialEq)]
enum KillPoint {
    /// The application has received the call and has not responded.
    BeforeResponse,
    /// The application is responding, or its response is already recorded.
    DuringResponse,
}

#[test]
fn the_other_node_takes_over_by_value() {
    rounds(NotifyMode::Value);
}

#[test]
fn the_other_node_takes_over_by_reference() {
    rounds(NotifyMode::Reference);
}

#[test]
fn the_other_node_takes_over_with_a_reply_file() {
    rounds(NotifyMode::ReplyFile);
}

fn rounds(mode: NotifyMode) {
    for kill_point in [KillPoint::BeforeResponse, KillPoint::DuringResponse] {
        round(mode, kill_point);
    }
}

fn round(mode: NotifyMode, kill_point: KillPoint) {
    let mut random = seeded_rng();
    let workspace = Workspace::new();
    let (call_sender, calls) = channel();
    let application = application(mode, call_sender);
    let mut nodes = [0, 1].map(|node| {
        let url = application.url(&format!("/{node}"));
        Node::start(&workspace, "127.0.0.1:0", &["--notify", mode.option(), "--notify-url", &url])
    });
    let proxy = Proxy::start(&workspace, &nodes);
    let (source, content) = workspace.source("source", SIZE);
    let (url, state) = (format!("http://{}/file", proxy.address), workspace.path_str("state"));
    let paths = ["upload", &source, &url, "--state-dir", &state, "--reply", &workspace.path_str("reply")];
    let mut client = Process::start(&[&paths[..], &["--retry-delay", "20ms"]].concat());

    let (calling_node, release) = calls.recv_timeout(TIMEOUT).expect("the application was not called");
    assert!(!workspace.received("file").exists(), "delivered before the application accepted");
    let release = (kill_point == KillPoint::BeforeResponse).then_some(release);
    spin(random.usize(..200_000));
    nodes[calling_node].kill();
    client.finish().assert_success();
    drop(release);

    assert!(fs::read(workspace.received("file")).unwrap() == content, "the file differs from its source");
    assert!(fs::read(workspace.path("reply")).unwrap() == derived(&content, REPLY), "the reply differs");
    assert_eq!((workspace.names(), workspace.sessions()), (vec!["file".to_owned()], vec![]), "one result");
    assert_calls(&application.requests(), calling_node, kill_point);
}

/// Starts an application that accepts every upload. It sends the calling node of the first call to a channel, and
/// responds to that call once the sender that comes with it is dropped.
fn application(mode: NotifyMode, calls: Sender<(usize, Sender<()>)>) -> Application {
    Application::start(move |request| {
        let response = mode.respond(request, DELIVER, REPLY);
        if request.number > 1 {
            return response;
        }
        let (release, released) = channel();
        let _ = calls.send((node(request), release));
        response.when(released)
    })
}

/// The killed node called once, and the other one once if there was no response yet, with the same key.
fn assert_calls(requests: &[Request], killed: usize, kill_point: KillPoint) {
    let nodes: Vec<usize> = requests.iter().map(node).collect();
    match kill_point {
        KillPoint::BeforeResponse => assert_eq!(nodes, [killed, 1 - killed]),
        KillPoint::DuringResponse => assert!(nodes == [killed] || nodes == [killed, 1 - killed], "{nodes:?}"),
    }
    let key = |request: &Request| request.get("Idempotency-Key").unwrap().to_owned();
    assert!(requests.iter().all(|request| key(request) == key(&requests[0])), "{requests:?}");
}

/// The node that made a call.
fn node(request: &Request) -> usize {
    request.line().split(' ').nth(1).unwrap()[1..].parse().unwrap()
}
