//! While an application is asked, its session waits for the answer and nobody else waits for anything.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use bitsup::clock::ManualClock;
use bitsup::engine::{EndReason, Engine, EngineConfig};
use bitsup::proto::{SessionId, names};
use bitsup::store::MemoryStore;
use test_support::packets::{Peer, Response};

use crate::slow_hooks::{LONG, Slow};

const FILE: &[u8] = b"0123456789";

/// An engine, and the other ends of its application.
struct Stage {
    engine: Engine,
    store: MemoryStore,
    clock: Arc<ManualClock>,
    asked: Receiver<()>,
    say: Sender<u16>,
    ended: Receiver<EndReason>,
}

impl Stage {
    fn new() -> Self {
        let (store, clock) = (MemoryStore::default(), Arc::new(ManualClock::new(1_000_000)));
        let ((asked, was_asked), (say, told), (ended, has_ended)) = (channel(), channel(), channel());
        let slow = Slow { asked, say: Mutex::new(told), ended };
        let config = EngineConfig::new(Arc::new(store.clone())).hooks(Arc::new(slow)).clock(clock.clone());
        let engine = Engine::new(config).unwrap();
        Self { engine, store, clock, asked: was_asked, say, ended: has_ended }
    }

    /// A session whose last Fragment is with the application, and that Fragment's answer to come.
    fn asking(&self, path: &'static str) -> (Peer, JoinHandle<Response>) {
        let peer = Peer::create(&self.engine, path);
        let sender = peer.clone();
        let answer = thread::spawn(move || sender.whole(FILE));
        self.asked.recv_timeout(LONG).unwrap();
        (peer, answer)
    }

    fn assert_not_asked_again(&self) {
        assert!(self.asked.try_recv().is_err(), "the application was asked again");
    }
}

#[test]
fn a_repeated_fragment_gets_the_answer_that_is_under_way() {
    let stage = Stage::new();
    let (peer, first) = stage.asking("/a");
    let second = thread::spawn(move || peer.whole(FILE));
    stage.say.send(200).unwrap();
    for answer in [first, second] {
        let answer = answer.join().unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.get(names::REPLY_URL).ends_with("/responsefile.bin"));
    }
    stage.assert_not_asked_again();
    assert_eq!(stage.store.file("a").as_deref(), Some(FILE));
}

#[test]
fn whoever_waits_leaves_when_a_newer_request_comes_and_the_newest_learns_the_rejection() {
    let stage = Stage::new();
    let (peer, first) = stage.asking("/a");
    let (older, newer) = (peer.clone(), peer.clone());
    let older = thread::spawn(move || older.close());
    // One of both has to leave at once, whichever came first; the other one waits for the answer.
    let newer = thread::spawn(move || newer.close());
    while !older.is_finished() && !newer.is_finished() {
        thread::yield_now();
    }
    stage.say.send(500).unwrap();
    let mut statuses = [older, newer].map(|answer| answer.join().unwrap().status);
    statuses.sort_unstable();
    assert_eq!(statuses, [500, 503]);
    assert_eq!(first.join().unwrap().status, 500);
    stage.assert_not_asked_again();
    assert_eq!(stage.engine.session_count(), 1);

    stage.say.send(200).unwrap();
    assert_eq!(peer.whole(FILE).status, 200, "a later Fragment asks again");
    assert!(stage.asked.try_recv().is_ok());
}

// B-EMBED-03
#[test]
fn others_do_not_wait_for_an_application() {
    let stage = Stage::new();
    let (_, first) = stage.asking("/a");
    let other = Peer::create(&stage.engine, "/b");
    assert_eq!(other.cancel().status, 200);
    assert_eq!(stage.ended.recv_timeout(LONG), Ok(EndReason::Cancelled));
    stage.clock.advance(u64::from(u32::MAX));
    assert_eq!(stage.engine.tick().unwrap().expired, 0, "a session that is being asked about is not idle");
    stage.say.send(200).unwrap();
    assert_eq!(first.join().unwrap().status, 200);
    assert_eq!(stage.engine.tick().unwrap().expired, 0, "the answer is a sign of life");
    stage.clock.advance(u64::from(u32::MAX));
    assert_eq!(stage.engine.tick().unwrap().expired, 1);
    assert_eq!(stage.ended.recv_timeout(LONG), Ok(EndReason::Expired));
}

#[test]
fn a_session_that_the_host_ends_meanwhile_ends_with_the_answer() {
    let stage = Stage::new();
    let (peer, first) = stage.asking("/a");
    assert!(stage.engine.end_session(SessionId::parse(&peer.id).unwrap()).unwrap());
    assert!(stage.ended.try_recv().is_err(), "not while the application is asked");
    assert_eq!(peer.whole(FILE).get(names::ERROR), "0x8020001F", "but at once for everybody else");
    stage.say.send(200).unwrap();
    assert_eq!(first.join().unwrap().get(names::ERROR), "0x8020001F");
    assert_eq!(stage.ended.recv_timeout(LONG), Ok(EndReason::Cancelled));
    assert_eq!((stage.engine.session_count(), stage.store.file("a")), (0, None));
}

#[test]
fn uploads_that_are_switched_off_meanwhile_end_with_the_answer() {
    let stage = Stage::new();
    let (_, first) = stage.asking("/a");
    stage.engine.set_enabled(false).unwrap();
    stage.say.send(200).unwrap();
    assert_eq!(first.join().unwrap().status, 500);
    assert_eq!((stage.engine.session_count(), stage.store.files()), (0, Vec::new()));
}

#[test]
fn cancel_and_close_wait_for_the_answer_and_act_on_it() {
    for (cancels, reason) in [(true, EndReason::Cancelled), (false, EndReason::Closed)] {
        let stage = Stage::new();
        let (peer, first) = stage.asking("/a");
        let last = thread::spawn(move || if cancels { peer.cancel() } else { peer.close() });
        stage.say.send(200).unwrap();
        assert_eq!(last.join().unwrap().status, 200);
        // Acked, unless the last packet was faster than the answer to the first.
        assert_eq!(first.join().unwrap().status, 200);
        assert_eq!(stage.ended.recv_timeout(LONG), Ok(reason));
        assert_eq!(stage.store.file("a").as_deref(), Some(FILE), "it was delivered before");
        stage.assert_not_asked_again();
    }
}

#[test]
fn an_application_that_panics_leaves_the_session_as_it_was() {
    let stage = Stage::new();
    let (peer, first) = stage.asking("/a");
    let Stage { say, engine, asked, .. } = stage;
    drop(say);
    assert!(first.join().is_err());
    let again = thread::spawn(move || peer.whole(FILE));
    asked.recv_timeout(LONG).unwrap();
    assert!(again.join().is_err(), "asked again, and panicking again");
    assert_eq!(engine.session_count(), 1);
}
