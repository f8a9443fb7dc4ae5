//! Requests during a callback: those of the same session wait for its result, others do not.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use bitsup::clock::ManualClock;
use bitsup::engine::{EndReason, Engine, EngineConfig};
use bitsup::proto::{SessionId, names};
use bitsup::store::MemoryStore;
use test_support::packets::{PacketClient, Response};

use crate::slow_hooks::{SlowHooks, TIMEOUT};

const FILE: &[u8] = b"0123456789";

/// An engine, and the channels of its application.
struct Fixture {
    engine: Engine,
    store: MemoryStore,
    clock: Arc<ManualClock>,
    called: Receiver<()>,
    statuses: Sender<u16>,
    ended: Receiver<EndReason>,
}

impl Fixture {
    fn new() -> Self {
        let (store, clock) = (MemoryStore::default(), Arc::new(ManualClock::new(1_000_000)));
        let (calls, called) = channel();
        let (statuses, next_status) = channel();
        let (ends, ended) = channel();
        let hooks = SlowHooks { called: calls, status: Mutex::new(next_status), ended: ends };
        let config = EngineConfig::new(Arc::new(store.clone())).hooks(Arc::new(hooks)).clock(clock.clone());
        let engine = Engine::new(config).unwrap();
        Self { engine, store, clock, called, statuses, ended }
    }

    /// Creates a session whose last Fragment is waiting for the callback. Returns that request's thread.
    fn start_callback(&self, path: &'static str) -> (PacketClient, JoinHandle<Response>) {
        let client = PacketClient::create(&self.engine, path);
        let sender = client.clone();
        let request = thread::spawn(move || sender.send_file(FILE));
        self.called.recv_timeout(TIMEOUT).unwrap();
        (client, request)
    }

    fn assert_not_called_again(&self) {
        assert!(self.called.try_recv().is_err(), "the callback was called again");
    }
}

#[test]
fn a_repeated_fragment_gets_the_result_of_the_callback_in_progress() {
    let fixture = Fixture::new();
    let (client, first) = fixture.start_callback("/a");
    let second = thread::spawn(move || client.send_file(FILE));
    fixture.statuses.send(200).unwrap();
    for request in [first, second] {
        let response = request.join().unwrap();
        assert_eq!(response.status, 200);
        assert!(response.get(names::REPLY_URL).ends_with("/responsefile.bin"));
    }
    fixture.assert_not_called_again();
    assert_eq!(fixture.store.file("a").as_deref(), Some(FILE));
}

#[test]
fn a_newer_request_replaces_a_waiting_one_and_gets_the_rejection() {
    let fixture = Fixture::new();
    let (client, first) = fixture.start_callback("/a");
    let (older, newer) = (client.clone(), client.clone());
    let older = thread::spawn(move || older.close());
    // The newer request replaces the older one, which ends at once. The order of the two is not known.
    let newer = thread::spawn(move || newer.close());
    while !older.is_finished() && !newer.is_finished() {
        thread::yield_now();
    }
    fixture.statuses.send(500).unwrap();
    let mut statuses = [older, newer].map(|request| request.join().unwrap().status);
    statuses.sort_unstable();
    assert_eq!(statuses, [500, 503]);
    assert_eq!(first.join().unwrap().status, 500);
    fixture.assert_not_called_again();
    assert_eq!(fixture.engine.session_count(), 1);

    fixture.statuses.send(200).unwrap();
    assert_eq!(client.send_file(FILE).status, 200, "a later Fragment calls again");
    assert!(fixture.called.try_recv().is_ok());
}

// B-EMBED-03
#[test]
fn other_sessions_do_not_wait_for_a_callback() {
    let fixture = Fixture::new();
    let (_, first) = fixture.start_callback("/a");
    let other = PacketClient::create(&fixture.engine, "/b");
    assert_eq!(other.cancel().status, 200);
    assert_eq!(fixture.ended.recv_timeout(TIMEOUT), Ok(EndReason::Cancelled));
    fixture.clock.advance(u64::from(u32::MAX));
    assert_eq!(
        fixture.engine.tick().unwrap().expired,
        0,
        "a session with a callback in progress is not idle"
    );
    fixture.statuses.send(200).unwrap();
    assert_eq!(first.join().unwrap().status, 200);
    assert_eq!(fixture.engine.tick().unwrap().expired, 0, "the idle time starts again after the callback");
    fixture.clock.advance(u64::from(u32::MAX));
    assert_eq!(fixture.engine.tick().unwrap().expired, 1);
    assert_eq!(fixture.ended.recv_timeout(TIMEOUT), Ok(EndReason::Expired));
}

#[test]
fn a_session_ended_during_a_callback_ends_after_it() {
    let fixture = Fixture::new();
    let (client, first) = fixture.start_callback("/a");
    assert!(fixture.engine.end_session(SessionId::parse(&client.id).unwrap()).unwrap());
    assert!(fixture.ended.try_recv().is_err(), "ended before the callback returned");
    assert_eq!(
        client.send_file(FILE).get(names::ERROR),
        "0x8020001F",
        "other requests do not find it any more"
    );
    fixture.statuses.send(200).unwrap();
    assert_eq!(first.join().unwrap().get(names::ERROR), "0x8020001F");
    assert_eq!(fixture.ended.recv_timeout(TIMEOUT), Ok(EndReason::Cancelled));
    assert_eq!((fixture.engine.session_count(), fixture.store.file("a")), (0, None));
}

#[test]
fn uploads_disabled_during_a_callback_end_after_it() {
    let fixture = Fixture::new();
    let (_, first) = fixture.start_callback("/a");
    fixture.engine.set_enabled(false).unwrap();
    fixture.statuses.send(200).unwrap();
    assert_eq!(first.join().unwrap().status, 500);
    assert_eq!((fixture.engine.session_count(), fixture.store.files()), (0, Vec::new()));
}

#[test]
fn cancel_and_close_wait_for_the_callback() {
    for (cancels, reason) in [(true, EndReason::Cancelled), (false, EndReason::Closed)] {
        let fixture = Fixture::new();
        let (client, first) = fixture.start_callback("/a");
        let last = thread::spawn(move || if cancels { client.cancel() } else { client.close() });
        fixture.statuses.send(200).unwrap();
        assert_eq!(last.join().unwrap().status, 200);
        assert_eq!(first.join().unwrap().status, 200);
        assert_eq!(fixture.ended.recv_timeout(TIMEOUT), Ok(reason));
        assert_eq!(fixture.store.file("a").as_deref(), Some(FILE), "the file was not delivered");
        fixture.assert_not_called_again();
    }
}

#[test]
fn a_panic_in_a_callback_leaves_the_session_unchanged() {
    let fixture = Fixture::new();
    let (client, first) = fixture.start_callback("/a");
    let Fixture { statuses, engine, called, .. } = fixture;
    drop(statuses);
    assert!(first.join().is_err());
    let again = thread::spawn(move || client.send_file(FILE));
    called.recv_timeout(TIMEOUT).unwrap();
    assert!(again.join().is_err(), "the second callback did not panic");
    assert_eq!(engine.session_count(), 1);
}
