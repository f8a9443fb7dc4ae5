//! Servers that share a root while one of them hangs: the others serve all sessions except those that it holds.
#![cfg(unix)]

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use test_support::application::{Application, NotifyMode};
use test_support::raw_http::{RawHttp, Response, close, create, fragment};

use crate::nodes::Node;
use crate::program::Workspace;

/// Longer than any operation takes.
const TIMEOUT: Duration = Duration::from_secs(20);
const GRACE: [&str; 2] = ["--stop-grace", "50ms"];
/// Longer than the grace, and much shorter than the wait for a callback at another server.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
const FRAGMENT: usize = 1024 * 1024;

fn start(workspace: &Workspace, options: &[&str]) -> Node {
    Node::start(workspace, "127.0.0.1:0", options)
}

fn create_at(node: &Node, path: &str) -> String {
    RawHttp::connect_to(node.address).request(create(path)).session()
}

/// Sends the first of two bytes.
fn send_half(node: &Node, path: &str, id: &str) -> Response {
    RawHttp::connect_to(node.address).request(fragment(path, id, 0, 1, 2, &[]) + "a")
}

fn file_of(workspace: &Workspace, id: &str, name: &str) -> PathBuf {
    workspace.root().join(".bitsup").join(id).join(name)
}

fn set_modified(workspace: &Workspace, id: &str, time: SystemTime) {
    for name in ["session.json", "data"] {
        let file = File::options().write(true).open(file_of(workspace, id, name)).unwrap();
        file.set_modified(time).unwrap();
    }
}

/// Waits until the session has had that many requests.
fn wait_for_generation(workspace: &Workspace, id: &str, generation: u64) {
    let began = Instant::now();
    let current = || {
        let state: Value =
            serde_json::from_slice(&fs::read(file_of(workspace, id, "lock")).unwrap()).unwrap();
        state["turn"].as_u64().unwrap()
    };
    while current() < generation {
        assert!(began.elapsed() < TIMEOUT, "the request did not arrive");
        thread::yield_now();
    }
}

/// Locks a session as a hung server does.
fn hold(workspace: &Workspace, id: &str) -> File {
    let lock = File::options().write(true).open(file_of(workspace, id, "lock")).unwrap();
    lock.lock().unwrap();
    lock
}

/// Suspends the server while it holds the session, of which it is receiving bytes.
fn suspend_within_a_step(node: &Node, workspace: &Workspace, id: &str) {
    let began = Instant::now();
    loop {
        node.suspend();
        let lock = File::options().write(true).open(file_of(workspace, id, "lock")).unwrap();
        if lock.try_lock().is_err() {
            return;
        }
        drop(lock);
        node.resume();
        assert!(began.elapsed() < TIMEOUT, "never suspended within a step");
    }
}

#[track_caller]
fn assert_held(response: &Response) {
    assert_eq!((response.status, response.field("Retry-After")), (503, Some("5")), "{}", response.text);
}

#[test]
fn a_server_that_is_suspended_within_a_step_hangs_nothing_but_its_session() {
    let workspace = Workspace::new();
    let hung = start(&workspace, &GRACE);
    let id = create_at(&hung, "/held");
    let expired = create_at(&hung, "/expired");

    // Sends fragments until the server was suspended during one.
    let suspended = AtomicBool::new(false);
    thread::scope(|scope| {
        let upload = scope.spawn(|| {
            let (mut client, body) = (RawHttp::connect_to(hung.address), vec![b'h'; FRAGMENT]);
            let mut first = 0;
            while !suspended.load(Ordering::SeqCst) {
                client.send(fragment("/held", &id, first, FRAGMENT, usize::MAX >> 1, &[]));
                client.send(&body);
                let response = client.response();
                assert_eq!(response.status, 200, "{}", response.text);
                first += FRAGMENT;
            }
            first
        });
        // The lock exists after the first step.
        while !file_of(&workspace, &id, "lock").exists() {
            thread::yield_now();
        }
        suspend_within_a_step(&hung, &workspace, &id);
        suspended.store(true, Ordering::SeqCst);
        serve_next_to_a_suspended_server(&workspace, &id, &expired);
        set_modified(&workspace, &id, SystemTime::now());
        hung.resume();
        let acknowledged = upload.join().unwrap();
        let length = fs::metadata(file_of(&workspace, &id, "data")).unwrap().len();
        assert_eq!(length, acknowledged as u64, "the suspended fragment was completed");
    });
    let other = start(&workspace, &GRACE);
    let response = RawHttp::connect_to(other.address).request(close("/held", &id));
    assert_eq!(response.status, 400, "closed before all bytes arrived: {}", response.text);
    for node in [hung, other] {
        assert_eq!(node.stop(STOP_TIMEOUT).code, Some(0));
    }
}

fn serve_next_to_a_suspended_server(workspace: &Workspace, held: &str, expired: &str) {
    let two_days_ago = SystemTime::now() - Duration::from_secs(2 * 86_400);
    [held, expired].iter().for_each(|id| set_modified(workspace, id, two_days_ago));
    let other = start(workspace, &["--session-timeout", "1d", GRACE[0], GRACE[1]]);
    let began = Instant::now();
    while file_of(workspace, expired, "").exists() {
        assert!(began.elapsed() < TIMEOUT, "the session did not expire");
        thread::yield_now();
    }
    assert_eq!(send_half(&other, "/new", &create_at(&other, "/new")).status, 200);
    assert_held(&send_half(&other, "/held", held));
    assert_held(&RawHttp::connect_to(other.address).request(close("/held", held)));
    assert!(file_of(workspace, held, "session.json").exists(), "a held session does not expire");
    let mut waiting = RawHttp::connect_to(other.address);
    waiting.send(close("/held", held));
    assert_eq!(other.stop(STOP_TIMEOUT).code, Some(0));
}

#[test]
fn impatient_retries_for_a_held_session_do_not_block_others() {
    let workspace = Workspace::new();
    let node = start(&workspace, &["--max-workers", "2"]);
    let id = create_at(&node, "/held");
    assert_eq!(send_half(&node, "/held", &id).status, 200);
    let lock = hold(&workspace, &id);
    let mut retries: Vec<RawHttp> = (0..40).map(|_| RawHttp::connect_to(node.address)).collect();
    let began = Instant::now();
    retries.iter_mut().for_each(|retry| retry.send(close("/held", &id)));
    assert_eq!(send_half(&node, "/new", &create_at(&node, "/new")).status, 200);
    assert!(began.elapsed() < TIMEOUT);
    retries.iter_mut().for_each(|retry| assert_held(&retry.response()));
    // One waited for a second, the others left when a newer one arrived or knew that the session is held.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(lock);
    let last = RawHttp::connect_to(node.address).request(fragment("/held", &id, 1, 1, 2, &[]) + "b");
    assert_eq!(last.status, 200, "{}", last.text);
    assert_eq!(fs::read(workspace.received("held")).unwrap(), b"ab");
}

#[test]
fn a_server_suspended_during_a_callback_does_not_delay_the_stop_of_another() {
    let workspace = Workspace::new();
    let (call, called) = channel();
    let application = Application::start(move |request| {
        let (release, released) = channel();
        let _ = call.send(release);
        NotifyMode::Value.respond(request, "BITS-Copy-File-To-Destination: x\r\n", 0).when(released)
    });
    let url = application.url("/");
    let notify = ["--notify", NotifyMode::Value.option(), "--notify-url", &url];
    let hung = start(&workspace, &[&notify[..], &GRACE].concat());
    let other = start(&workspace, &[&notify[..], &["--max-workers", "2"], &GRACE].concat());
    let id = create_at(&hung, "/file");
    let mut first = RawHttp::connect_to(hung.address);
    first.send(fragment("/file", &id, 0, 2, 2, &[]) + "ab");
    let release = called.recv_timeout(TIMEOUT).unwrap();
    hung.suspend();
    // Each waits for the callback until the next one arrives.
    let mut waiting: Option<RawHttp> = None;
    for generation in 2..8 {
        let mut newer = RawHttp::connect_to(other.address);
        newer.send(close("/file", &id));
        wait_for_generation(&workspace, &id, generation);
        if let Some(mut older) = waiting.replace(newer) {
            assert_eq!(older.response().status, 503);
        }
    }
    assert_eq!(RawHttp::connect_to(other.address).request(create("/new")).status, 200);
    assert_eq!(other.stop(STOP_TIMEOUT).code, Some(0));
    hung.resume();
    drop(release);
    assert_eq!(first.response().status, 200, "a request in a callback finishes its step");
    assert_eq!(fs::read(workspace.received("file")).unwrap(), b"ab");
    assert_eq!(hung.stop(STOP_TIMEOUT).code, Some(0));
}
