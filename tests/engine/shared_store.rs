//! Two engines over one root: changes made by one of them apply to the other.
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bitsup::Status;
use bitsup::clock::{Clock, ManualClock, SystemClock};
use bitsup::engine::{EndReason, Engine, EngineConfig, RequestHead};
use bitsup::proto::{SessionId, names};
use bitsup::store::{DirOptions, DirStore, Store};
use tempfile::TempDir;
use test_support::packets::{self, PacketClient, Response};

use crate::slow_hooks::{SlowHooks, TIMEOUT};

const FILE: &[u8] = b"0123456789";

/// Two engines over one root, and the channels of their application.
struct Engines {
    root: TempDir,
    clock: Arc<ManualClock>,
    first: Engine,
    second: Engine,
    called: Receiver<()>,
    statuses: Sender<u16>,
    ended: Receiver<EndReason>,
}

impl Engines {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl Fn(&mut EngineConfig)) -> Self {
        let (root, clock) = (TempDir::new().unwrap(), Arc::new(ManualClock::new(SystemClock.now_ms())));
        let (calls, called) = channel();
        let (statuses, next_status) = channel();
        let (ends, ended) = channel();
        let hooks = SlowHooks { called: calls, status: Mutex::new(next_status), ended: ends };
        let hooks = Arc::new(hooks);
        let engine = || {
            let mut config = EngineConfig::new(store(&root)).hooks(hooks.clone()).clock(clock.clone());
            change(&mut config);
            Engine::new(config).unwrap()
        };
        let (first, second) = (engine(), engine());
        Self { root, clock, first, second, called, statuses, ended }
    }

    /// Creates a session at the first engine whose last Fragment is waiting for the callback. Returns a client of the
    /// second engine for the same session, and the thread of the request.
    fn start_callback(&self, path: &'static str) -> (PacketClient, JoinHandle<Response>) {
        let client = PacketClient::create(&self.first, path);
        let other = self.at_other(&client);
        let request = thread::spawn(move || client.send_file(FILE));
        self.called.recv_timeout(TIMEOUT).unwrap();
        (other, request)
    }

    /// Returns a client of the second engine for the same session.
    fn at_other(&self, client: &PacketClient) -> PacketClient {
        PacketClient { engine: self.second.clone(), ..client.clone() }
    }

    fn assert_not_called_again(&self) {
        assert!(self.called.try_recv().is_err(), "the callback was called again");
    }

    fn file(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.root.path().join(name)).ok()
    }

    fn session(&self, client: &PacketClient, name: &str) -> PathBuf {
        self.root.path().join(".bitsup").join(&client.id).join(name)
    }
}

fn store(root: &TempDir) -> Arc<DirStore> {
    let options = DirOptions::default().shared(true);
    Arc::new(DirStore::open(root.path(), options).unwrap())
}

fn id(client: &PacketClient) -> SessionId {
    SessionId::parse(&client.id).unwrap()
}

/// Begins a Fragment with the whole file, without its body.
fn begin(client: &PacketClient) -> bitsup::engine::Exchange {
    let range = format!("bytes 0-{}/{}", FILE.len() - 1, FILE.len());
    let headers = [
        (names::PACKET_TYPE, "Fragment"),
        (names::SESSION_ID, &client.id),
        (names::CONTENT_LENGTH, &FILE.len().to_string()),
        (names::CONTENT_RANGE, &range),
    ];
    client.engine.begin(
        RequestHead::new(names::METHOD.to_owned(), client.path.to_owned())
            .headers(headers.into_iter().collect()),
    )
}

#[test]
fn a_stalled_body_at_one_server_is_taken_over_at_the_other() {
    let engines = Engines::with(|config| config.hooks = None);
    let client = PacketClient::create(&engines.first, "/a");
    let other = engines.at_other(&client);
    let mut stalled = begin(&client);
    stalled.body(&FILE[..4]);

    let range = format!("bytes 6-9/{}", FILE.len());
    let gap = other.packet("Fragment", &[(names::CONTENT_RANGE, &range)], &FILE[6..]);
    assert_eq!((gap.status, gap.get(names::RECEIVED_CONTENT_RANGE)), (416, "4"), "the stored prefix is kept");
    stalled.body(b"XXXX");
    assert_eq!(stalled.finish().status, 503, "the older request is rejected");
    assert_eq!(other.send_file(FILE).status, 200);
    assert_eq!(engines.file("a").as_deref(), Some(FILE));
    assert_eq!(client.close().status, 200);
    assert_eq!(other.close().status, 200, "the other server knows that the session was closed");
}

#[test]
fn a_last_fragment_sent_to_both_servers_causes_one_callback() {
    let engines = Engines::new();
    let (client, first) = engines.start_callback("/a");
    let second = thread::spawn(move || client.send_file(FILE));
    engines.statuses.send(200).unwrap();
    for request in [first, second] {
        let response = request.join().unwrap();
        assert_eq!(response.status, 200);
        assert!(response.get(names::REPLY_URL).ends_with("/responsefile.bin"));
    }
    engines.assert_not_called_again();
    assert_eq!(engines.file("a").as_deref(), Some(FILE));
}

#[test]
fn a_reply_can_be_read_at_the_other_server() {
    let engines = Engines::new();
    let (client, first) = engines.start_callback("/a");
    engines.statuses.send(200).unwrap();
    let url = first.join().unwrap().get(names::REPLY_URL).to_owned();
    assert_eq!(packets::read(&engines.second, "GET", &url, &[]).body, b"reply");
    assert_eq!(packets::read(&engines.first, "GET", &url, &[]).body, b"reply");
    assert_eq!(client.close().status, 200);
    assert_eq!(packets::read(&engines.first, "GET", &url, &[]).status, 404, "closed at the other server");
}

/// Waits until the session has a generation above this one.
fn wait_for_generation(engines: &Engines, client: &PacketClient, generation: u64) {
    let state = || -> serde_json::Value {
        serde_json::from_slice(&fs::read(engines.session(client, "lock")).unwrap()).unwrap()
    };
    while state()["turn"].as_u64().unwrap() <= generation {
        thread::yield_now();
    }
}

#[test]
fn a_request_waiting_at_the_other_server_gets_the_rejection() {
    let engines = Engines::new();
    let (client, first) = engines.start_callback("/a");
    let other = client.clone();
    let second = thread::spawn(move || other.send_file(FILE));
    wait_for_generation(&engines, &client, 1);
    engines.statuses.send(500).unwrap();
    assert_eq!(first.join().unwrap().status, 500);
    let second = second.join().unwrap();
    assert_eq!((second.status, second.get(names::ERROR_CONTEXT)), (500, "0x7"));
    engines.assert_not_called_again();

    engines.statuses.send(200).unwrap();
    assert_eq!(client.send_file(FILE).status, 200, "a later Fragment calls again");
    assert!(engines.called.try_recv().is_ok());
}

#[test]
fn a_newer_request_at_the_other_server_replaces_a_waiting_one() {
    let engines = Engines::new();
    let (client, first) = engines.start_callback("/a");
    let other = PacketClient { engine: engines.first.clone(), ..client.clone() };
    let (older, newer) = (client.clone(), other);
    let older = thread::spawn(move || older.close());
    wait_for_generation(&engines, &client, 1);
    let newer = thread::spawn(move || newer.close());
    assert_eq!(older.join().unwrap().status, 503);
    engines.statuses.send(200).unwrap();
    assert_eq!(newer.join().unwrap().status, 200);
    assert_eq!(first.join().unwrap().status, 200);
}

#[test]
fn a_session_ended_by_the_other_server_during_a_callback_ends_after_it() {
    let engines = Engines::new();
    let (client, first) = engines.start_callback("/a");
    assert!(engines.second.end_session(id(&client)).unwrap());
    assert!(engines.ended.try_recv().is_err(), "ended before the callback returned");
    assert_eq!(
        client.send_file(FILE).get(names::ERROR),
        "0x8020001F",
        "other requests do not find it any more"
    );
    engines.statuses.send(200).unwrap();
    assert_eq!(first.join().unwrap().get(names::ERROR), "0x8020001F");
    assert_eq!(engines.ended.recv_timeout(TIMEOUT), Ok(EndReason::Cancelled));
    assert_eq!(engines.file("a"), None);
    assert!(!engines.session(&client, "").exists());
}

#[test]
fn a_callback_interrupted_by_a_crash_is_repeated_at_the_other_server() {
    let engines = Engines::new();
    let client = PacketClient::create(&engines.first, "/a");
    engines.statuses.send(500).unwrap();
    assert_eq!(client.send_file(FILE).status, 500);
    // The state after a crash: it contains a callback, but no process holds the lock of the callback.
    let store = store(&engines.root);
    let mut lock = store.shared().unwrap().try_lock(id(&client)).unwrap();
    let mut state: serde_json::Value = serde_json::from_slice(lock.state()).unwrap();
    assert_eq!(state["away"], serde_json::Value::Null);
    state["away"] = "Received".into();
    lock.write_state(&serde_json::to_vec(&state).unwrap()).unwrap();
    assert!(!lock.callback_in_progress().unwrap());
    drop(lock);

    engines.statuses.send(200).unwrap();
    assert_eq!(engines.at_other(&client).send_file(FILE).status, 200);
    assert_eq!(engines.called.try_iter().count(), 2);
}

#[test]
fn a_session_expires_once_and_only_if_no_server_used_it() {
    let engines = Engines::with(|config| config.session_timeout = Duration::from_secs(60));
    let client = PacketClient::create(&engines.first, "/a");
    let other = engines.at_other(&client);
    let range = |first: usize| format!("bytes {first}-{first}/{}", FILE.len());
    for first in 0..3 {
        engines.clock.advance(40_000);
        let sent = other.packet("Fragment", &[(names::CONTENT_RANGE, &range(first))], &FILE[first..=first]);
        assert_eq!(sent.status, 200);
        assert_eq!(engines.first.tick().unwrap().expired, 0, "used at the other server");
    }
    engines.clock.advance(70_000);
    let expired = [&engines.first, &engines.second].map(|engine| engine.tick().unwrap().expired);
    assert_eq!(expired, [1, 0]);
    assert_eq!(engines.ended.try_iter().collect::<Vec<_>>(), [EndReason::Expired]);
    assert_eq!([&engines.first, &engines.second].map(Engine::session_count), [0, 0]);
}

#[test]
fn a_session_with_a_callback_at_another_server_is_not_idle() {
    let engines = Engines::new();
    let (_, first) = engines.start_callback("/a");
    engines.clock.advance(u64::from(u32::MAX));
    assert_eq!(engines.second.tick().unwrap().expired, 0);
    engines.statuses.send(200).unwrap();
    assert_eq!(first.join().unwrap().status, 200);
}

#[test]
fn sessions_ended_by_other_servers_do_not_count_toward_the_limit() {
    let engines = Engines::with(|config| config.max_sessions = 2);
    for _ in 0..5 {
        let client = PacketClient::create(&engines.first, "/a");
        assert_eq!(engines.at_other(&client).cancel().status, 200);
    }
    let sessions = [PacketClient::create(&engines.first, "/b"), PacketClient::create(&engines.first, "/c")];
    let create = [(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID)];
    assert_eq!(sessions[0].packet("Create-Session", &create, &[]).status, 503);
}

#[test]
fn a_server_finds_the_sessions_of_a_server_that_is_gone() {
    let engines = Engines::new();
    let client = PacketClient::create(&engines.first, "/a");
    assert_eq!(engines.second.session_count(), 0);
    let tick = engines.second.tick().unwrap();
    assert_eq!(engines.second.session_count(), 1);
    assert!(tick.next.unwrap() <= Duration::from_secs(60), "the next tick is too late");
    engines.second.set_enabled(false).unwrap();
    assert_eq!(client.send_file(FILE).get(names::ERROR), "0x8020001F");
}

#[test]
fn a_clean_up_skips_a_session_that_another_process_holds() {
    let engines = Engines::with(|config| config.session_timeout = Duration::from_secs(60));
    let [held, other] = ["/a", "/b"].map(|path| PacketClient::create(&engines.first, path));
    assert_eq!(engines.second.session_count(), 0);
    let store = store(&engines.root);
    let lock = store.shared().unwrap().try_lock(id(&held)).unwrap();
    engines.clock.advance(70_000);
    for engine in [&engines.first, &engines.second] {
        let tick = engine.tick().unwrap();
        assert_eq!(tick.skipped, 1);
        assert!(tick.next.unwrap() <= Duration::from_secs(60), "the next tick is too late");
    }
    assert!(!engines.session(&other, "").exists());
    let listed: Vec<SessionId> = engines.second.sessions().unwrap().into_iter().map(|info| info.id).collect();
    assert_eq!(listed, [id(&held)], "a held session is listed");
    drop(lock);
    let tick = engines.second.tick().unwrap();
    assert_eq!((tick.expired, tick.skipped), (1, 0));
    assert!(!engines.session(&held, "").exists());
}

#[test]
fn a_session_that_another_process_holds_is_busy_until_it_is_released() {
    let engines = Engines::with(|config| config.hooks = None);
    let [held, other] = ["/a", "/b"].map(|path| PacketClient::create(&engines.first, path));
    let store = store(&engines.root);
    let lock = store.shared().unwrap().try_lock(id(&held)).unwrap();
    let busy = held.send_file(FILE);
    assert_eq!((busy.status, busy.get(names::RETRY_AFTER)), (503, "5"));
    assert_eq!(engines.first.end_session(id(&held)).unwrap_err().status(), Status::Busy);
    assert_eq!(engines.first.set_enabled(false).unwrap_err().status(), Status::Busy);
    assert!(!engines.session(&other, "").exists(), "the other sessions end");
    engines.first.set_enabled(true).unwrap();
    drop(lock);
    assert_eq!(held.send_file(FILE).status, 200);
    assert_eq!(engines.file("a").as_deref(), Some(FILE));
}

/// Aborts waits until the request has its response.
fn abort(engine: &Engine, request: JoinHandle<Response>) -> Response {
    while !request.is_finished() {
        engine.abort_waits();
        thread::yield_now();
    }
    request.join().unwrap()
}

#[test]
fn waits_for_another_server_can_be_aborted() {
    let engines = Engines::new();
    let (client, first) = engines.start_callback("/a");
    let other = client.clone();
    let waiting = thread::spawn(move || other.close());
    wait_for_generation(&engines, &client, 1);
    assert_eq!(abort(&engines.second, waiting).status, 503, "it waited for the callback");
    let store = store(&engines.root);
    let lock = store.shared().unwrap().try_lock(id(&client)).unwrap();
    let other = client.clone();
    let waiting = thread::spawn(move || other.close());
    assert_eq!(abort(&engines.second, waiting).status, 503, "it waited for the lock");
    drop(lock);
    engines.statuses.send(200).unwrap();
    assert_eq!(first.join().unwrap().status, 200);
    assert_eq!(client.close().status, 200);
}
