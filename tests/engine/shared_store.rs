//! Two engines over one root: what is at one of them holds at the other.
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bitsup::clock::{Clock, ManualClock, SystemClock};
use bitsup::engine::{EndReason, Engine, EngineConfig, RequestHead};
use bitsup::proto::{SessionId, names};
use bitsup::store::{DirOptions, DirStore, Store};
use tempfile::TempDir;
use test_support::packets::{self, Peer, Response};

use crate::slow_hooks::{LONG, Slow};

const FILE: &[u8] = b"0123456789";

/// Two servers, and the other ends of their application.
struct SharedStore {
    root: TempDir,
    clock: Arc<ManualClock>,
    here: Engine,
    there: Engine,
    asked: Receiver<()>,
    say: Sender<u16>,
    ended: Receiver<EndReason>,
}

impl SharedStore {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl Fn(&mut EngineConfig)) -> Self {
        let (root, clock) = (TempDir::new().unwrap(), Arc::new(ManualClock::new(SystemClock.now_ms())));
        let ((asked, was_asked), (say, told), (ended, has_ended)) = (channel(), channel(), channel());
        let slow = Arc::new(Slow { asked, say: Mutex::new(told), ended });
        let engine = || {
            let mut config = EngineConfig::new(store(&root)).hooks(slow.clone()).clock(clock.clone());
            change(&mut config);
            Engine::new(config).unwrap()
        };
        let (here, there) = (engine(), engine());
        Self { root, clock, here, there, asked: was_asked, say, ended: has_ended }
    }

    /// A session here whose last Fragment is with the application, the answer to come, and the same session
    /// there.
    fn asking(&self, path: &'static str) -> (Peer, JoinHandle<Response>) {
        let peer = Peer::create(&self.here, path);
        let there = self.at_other(&peer);
        let answer = thread::spawn(move || peer.whole(FILE));
        self.asked.recv_timeout(LONG).unwrap();
        (there, answer)
    }

    fn at_other(&self, peer: &Peer) -> Peer {
        Peer { engine: self.there.clone(), ..peer.clone() }
    }

    fn assert_not_asked_again(&self) {
        assert!(self.asked.try_recv().is_err(), "the application was asked again");
    }

    fn file(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.root.path().join(name)).ok()
    }

    fn session(&self, peer: &Peer, name: &str) -> PathBuf {
        self.root.path().join(".bitsup").join(&peer.id).join(name)
    }
}

fn store(root: &TempDir) -> Arc<DirStore> {
    let options = DirOptions::default().shared(true);
    Arc::new(DirStore::open(root.path(), options).unwrap())
}

fn id(peer: &Peer) -> SessionId {
    SessionId::parse(&peer.id).unwrap()
}

/// Sends the head of a Fragment with the whole file.
fn begin(peer: &Peer) -> bitsup::engine::Exchange {
    let range = format!("bytes 0-{}/{}", FILE.len() - 1, FILE.len());
    let headers = [
        (names::PACKET_TYPE, "Fragment"),
        (names::SESSION_ID, &peer.id),
        (names::CONTENT_LENGTH, &FILE.len().to_string()),
        (names::CONTENT_RANGE, &range),
    ];
    peer.engine.begin(
        RequestHead::new(names::METHOD.to_owned(), peer.path.to_owned())
            .headers(headers.into_iter().collect()),
    )
}

#[test]
fn a_body_that_hangs_at_one_server_is_taken_over_at_the_other() {
    let farm = SharedStore::with(|config| config.hooks = None);
    let peer = Peer::create(&farm.here, "/a");
    let other = farm.at_other(&peer);
    let mut hanging = begin(&peer);
    hanging.body(&FILE[..4]);

    let range = format!("bytes 6-9/{}", FILE.len());
    let gap = other.packet("Fragment", &[(names::CONTENT_RANGE, &range)], &FILE[6..]);
    assert_eq!((gap.status, gap.get(names::RECEIVED_CONTENT_RANGE)), (416, "4"), "the stored prefix stays");
    hanging.body(b"XXXX");
    assert_eq!(hanging.finish().status, 503, "the older request finds the door closed");
    assert_eq!(other.whole(FILE).status, 200);
    assert_eq!(farm.file("a").as_deref(), Some(FILE));
    assert_eq!(peer.close().status, 200);
    assert_eq!(other.close().get(names::ERROR), "0x8020001F", "closed there, gone here");
}

#[test]
fn a_last_fragment_sent_to_both_servers_is_one_notification_and_one_answer() {
    let farm = SharedStore::new();
    let (peer, first) = farm.asking("/a");
    let second = thread::spawn(move || peer.whole(FILE));
    farm.say.send(200).unwrap();
    for answer in [first, second] {
        let answer = answer.join().unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.get(names::REPLY_URL).ends_with("/responsefile.bin"));
    }
    farm.assert_not_asked_again();
    assert_eq!(farm.file("a").as_deref(), Some(FILE));
}

#[test]
fn a_reply_can_be_read_at_the_other_server() {
    let farm = SharedStore::new();
    let (peer, first) = farm.asking("/a");
    farm.say.send(200).unwrap();
    let url = first.join().unwrap().get(names::REPLY_URL).to_owned();
    assert_eq!(packets::read(&farm.there, "GET", &url, &[]).body, b"reply");
    assert_eq!(packets::read(&farm.here, "GET", &url, &[]).body, b"reply");
    assert_eq!(peer.close().status, 200);
    assert_eq!(packets::read(&farm.here, "GET", &url, &[]).status, 404, "closed there, gone here");
}

/// Waits until somebody took a turn after that many.
fn wait_for_turn(farm: &SharedStore, peer: &Peer, turn: u64) {
    let note = || -> serde_json::Value {
        serde_json::from_slice(&fs::read(farm.session(peer, "lock")).unwrap()).unwrap()
    };
    while note()["turn"].as_u64().unwrap() <= turn {
        thread::yield_now();
    }
}

#[test]
fn whoever_waited_at_the_other_server_learns_the_rejection() {
    let farm = SharedStore::new();
    let (peer, first) = farm.asking("/a");
    let other = peer.clone();
    let second = thread::spawn(move || other.whole(FILE));
    wait_for_turn(&farm, &peer, 1);
    farm.say.send(500).unwrap();
    assert_eq!(first.join().unwrap().status, 500);
    let second = second.join().unwrap();
    assert_eq!((second.status, second.get(names::ERROR_CONTEXT)), (500, "0x7"));
    farm.assert_not_asked_again();

    farm.say.send(200).unwrap();
    assert_eq!(peer.whole(FILE).status, 200, "a later Fragment asks again");
    assert!(farm.asked.try_recv().is_ok());
}

#[test]
fn whoever_waits_leaves_when_a_newer_request_comes_to_the_other_server() {
    let farm = SharedStore::new();
    let (there, first) = farm.asking("/a");
    let here = Peer { engine: farm.here.clone(), ..there.clone() };
    let (older, newer) = (there.clone(), here.clone());
    let older = thread::spawn(move || older.close());
    wait_for_turn(&farm, &there, 1);
    let newer = thread::spawn(move || newer.close());
    assert_eq!(older.join().unwrap().status, 503);
    farm.say.send(200).unwrap();
    assert_eq!(newer.join().unwrap().status, 200);
    assert_eq!(first.join().unwrap().status, 200);
}

#[test]
fn a_session_that_another_server_ends_meanwhile_ends_with_the_answer() {
    let farm = SharedStore::new();
    let (there, first) = farm.asking("/a");
    assert!(farm.there.end_session(id(&there)).unwrap());
    assert!(farm.ended.try_recv().is_err(), "not while the application is asked");
    assert_eq!(there.whole(FILE).get(names::ERROR), "0x8020001F", "but at once for everybody else");
    farm.say.send(200).unwrap();
    assert_eq!(first.join().unwrap().get(names::ERROR), "0x8020001F");
    assert_eq!(farm.ended.recv_timeout(LONG), Ok(EndReason::Cancelled));
    assert_eq!(farm.file("a"), None);
    assert!(!farm.session(&there, "").exists());
}

#[test]
fn what_a_server_left_that_died_with_its_request_away_is_asked_again_at_the_other() {
    let farm = SharedStore::new();
    let peer = Peer::create(&farm.here, "/a");
    farm.say.send(500).unwrap();
    assert_eq!(peer.whole(FILE).status, 500);
    // As the kernel leaves it: the note says that somebody is away, and nobody holds the lock.
    let store = store(&farm.root);
    let mut hold = store.shared().unwrap().lock(id(&peer)).unwrap();
    let mut note: serde_json::Value = serde_json::from_slice(hold.state()).unwrap();
    assert_eq!(note["away"], serde_json::Value::Null);
    note["away"] = "Received".into();
    hold.write_state(&serde_json::to_vec(&note).unwrap()).unwrap();
    assert!(!hold.callback_in_progress().unwrap());
    drop(hold);

    farm.say.send(200).unwrap();
    assert_eq!(farm.at_other(&peer).whole(FILE).status, 200);
    assert_eq!(farm.asked.try_iter().count(), 2);
}

#[test]
fn a_session_expires_only_when_no_server_used_it_and_only_once() {
    let farm = SharedStore::with(|config| config.session_timeout = Duration::from_secs(60));
    let peer = Peer::create(&farm.here, "/a");
    let other = farm.at_other(&peer);
    let range = |first: usize| format!("bytes {first}-{first}/{}", FILE.len());
    for first in 0..3 {
        farm.clock.advance(40_000);
        let sent = other.packet("Fragment", &[(names::CONTENT_RANGE, &range(first))], &FILE[first..=first]);
        assert_eq!(sent.status, 200);
        assert_eq!(farm.here.tick().unwrap().expired, 0, "used there");
    }
    farm.clock.advance(70_000);
    let expired = [&farm.here, &farm.there].map(|engine| engine.tick().unwrap().expired);
    assert_eq!(expired, [1, 0]);
    assert_eq!(farm.ended.try_iter().collect::<Vec<_>>(), [EndReason::Expired]);
    assert_eq!([&farm.here, &farm.there].map(Engine::session_count), [0, 0]);
}

#[test]
fn a_session_that_is_with_the_application_of_another_server_is_not_idle() {
    let farm = SharedStore::new();
    let (_, first) = farm.asking("/a");
    farm.clock.advance(u64::from(u32::MAX));
    assert_eq!(farm.there.tick().unwrap().expired, 0);
    farm.say.send(200).unwrap();
    assert_eq!(first.join().unwrap().status, 200);
}

#[test]
fn sessions_that_others_ended_do_not_count_for_the_limit() {
    let farm = SharedStore::with(|config| config.max_sessions = 2);
    for _ in 0..5 {
        let peer = Peer::create(&farm.here, "/a");
        assert_eq!(farm.at_other(&peer).cancel().status, 200);
    }
    let held = [Peer::create(&farm.here, "/b"), Peer::create(&farm.here, "/c")];
    let create = [(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID)];
    assert_eq!(held[0].packet("Create-Session", &create, &[]).status, 503);
}

#[test]
fn a_server_learns_of_the_sessions_of_one_that_never_comes_back() {
    let farm = SharedStore::new();
    let peer = Peer::create(&farm.here, "/a");
    assert_eq!(farm.there.session_count(), 0);
    let tick = farm.there.tick().unwrap();
    assert_eq!(farm.there.session_count(), 1);
    assert!(tick.next.unwrap() <= Duration::from_secs(60), "and looks again soon");
    farm.there.set_enabled(false).unwrap();
    assert_eq!(peer.whole(FILE).get(names::ERROR), "0x8020001F");
}
