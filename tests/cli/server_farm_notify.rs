//! Two real servers over one root behind a real HAProxy, and SIGKILL for the one that asks the application: the
//! other one takes over, the application has said yes at least once, and there is one outcome.
#![cfg(unix)]

use std::fs;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use test_support::application::{Application, NotifyMode, Request, derived};

use crate::kill_harness::{seeded, spin};
use crate::nodes::{Node, Proxy};
use crate::program::{Running, Workspace};

const SIZE: usize = 200_000;
const REPLY: usize = 100_000;
const COPY: &str = "BITS-Copy-File-To-Destination: x\r\n";
/// Longer than anything takes.
const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, PartialEq)]
enum Moment {
    /// The application has the file, and has not answered.
    Thinking,
    /// Its answer is on the way, or in the record already.
    Answering,
}

#[test]
fn by_value_the_other_node_takes_over() {
    rounds(NotifyMode::Value);
}

#[test]
fn by_reference_the_other_node_takes_over() {
    rounds(NotifyMode::Reference);
}

#[test]
fn with_a_reply_file_the_other_node_takes_over() {
    rounds(NotifyMode::ReplyFile);
}

fn rounds(way: NotifyMode) {
    for moment in [Moment::Thinking, Moment::Answering] {
        round(way, moment);
    }
}

fn round(way: NotifyMode, moment: Moment) {
    let mut random = seeded();
    let place = Workspace::new();
    let (give_sign, signs) = channel();
    let application = application(way, give_sign);
    let mut nodes = [0, 1].map(|node| {
        let url = application.url(&format!("/{node}"));
        Node::start(&place, "127.0.0.1:0", &["--notify", way.option(), "--notify-url", &url])
    });
    let proxy = Proxy::start(&place, &nodes);
    let (source, content) = place.source("source", SIZE);
    let (url, state) = (format!("http://{}/file", proxy.address), place.text("state"));
    let paths = ["upload", &source, &url, "--state-dir", &state, "--reply", &place.text("reply")];
    let mut client = Running::start(&[&paths[..], &["--retry-delay", "20ms"]].concat());

    let (asking, leash) = signs.recv_timeout(TIMEOUT).expect("nobody asks");
    assert!(!place.received("file").exists(), "delivered before the application has agreed");
    let leash = Some(leash).filter(|_| moment == Moment::Thinking);
    spin(random.usize(..200_000));
    nodes[asking].kill();
    client.finish().succeeded();
    drop(leash);

    assert!(fs::read(place.received("file")).unwrap() == content, "the file differs from its source");
    assert!(fs::read(place.path("reply")).unwrap() == derived(&content, REPLY), "the reply differs");
    assert_eq!((place.names(), place.sessions()), (vec!["file".to_owned()], vec![]), "one outcome");
    assert_asked(&application.requests(), asking, moment);
}

/// An application that always agrees. The first call is answered once its leash is gone; it tells which node made
/// that.
fn application(way: NotifyMode, signs: Sender<(usize, Sender<()>)>) -> Application {
    Application::start(move |request| {
        let answer = way.respond(request, COPY, REPLY);
        if request.number > 1 {
            return answer;
        }
        let (leash, released) = channel();
        let _ = signs.send((node(request), leash));
        answer.when(released)
    })
}

/// The node that was killed asked once, and the other one once if it had to, in the same words.
fn assert_asked(requests: &[Request], killed: usize, moment: Moment) {
    let nodes: Vec<usize> = requests.iter().map(node).collect();
    match moment {
        Moment::Thinking => assert_eq!(nodes, [killed, 1 - killed]),
        Moment::Answering => assert!(nodes == [killed] || nodes == [killed, 1 - killed], "{nodes:?}"),
    }
    let key = |request: &Request| request.get("Idempotency-Key").unwrap().to_owned();
    assert!(requests.iter().all(|request| key(request) == key(&requests[0])), "{requests:?}");
}

/// The node that made a call.
fn node(request: &Request) -> usize {
    request.line().split(' ').nth(1).unwrap()[1..].parse().unwrap()
}
