//! An engine whose sessions are loaded while it processes packets.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use bitsup::clock::{Clock, ManualClock, SystemClock};
use bitsup::engine::{Engine, EngineConfig};
use bitsup::store::{MemoryStore, Store};
use test_support::packets::PacketClient;

use crate::slow_hooks::TIMEOUT;

const FILE: &[u8] = b"0123456789";
const PATHS: [&str; 4] = ["/a", "/b", "/c", "/d"];

struct Fixture {
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    ids: Vec<String>,
    #[cfg(unix)]
    _root: tempfile::TempDir,
}

impl Fixture {
    fn config(&self) -> EngineConfig {
        EngineConfig::new(Arc::clone(&self.store)).clock(self.clock.clone())
    }

    /// An engine that has not loaded the four sessions of its store.
    fn engine(&self) -> Engine {
        Engine::new_unloaded(self.config()).unwrap()
    }

    fn client(&self, engine: &Engine, number: usize) -> PacketClient {
        PacketClient { engine: engine.clone(), path: PATHS[number], id: self.ids[number].clone() }
    }
}

/// A store of each kind with four sessions: one looks up single sessions, the other lists all.
fn fixtures() -> Vec<Fixture> {
    let clock = || Arc::new(ManualClock::new(SystemClock.now_ms()));
    let fixture = |store: Arc<dyn Store>, _root| {
        let engine = Engine::new(EngineConfig::new(Arc::clone(&store))).unwrap();
        let ids = PATHS.iter().map(|path| PacketClient::create(&engine, path).id).collect();
        Fixture {
            store,
            clock: clock(),
            ids,
            #[cfg(unix)]
            _root,
        }
    };
    let root = || tempfile::TempDir::new().unwrap();
    let mut fixtures = vec![fixture(Arc::new(MemoryStore::new(u64::MAX)), root())];
    #[cfg(unix)]
    {
        let root = root();
        let store = bitsup::store::DirStore::open(root.path(), bitsup::store::DirOptions::default()).unwrap();
        fixtures.push(fixture(Arc::new(store), root));
    }
    fixtures
}

#[test]
fn a_session_that_is_not_loaded_is_found_by_its_packets() {
    for fixture in fixtures() {
        let engine = fixture.engine();
        assert_eq!((engine.session_count(), engine.is_loaded()), (0, false));
        assert_eq!(fixture.client(&engine, 0).send_file(FILE).status, 200);
        assert_eq!(fixture.client(&engine, 0).close().status, 200);
        assert_eq!(fixture.client(&engine, 1).cancel().status, 200);
        assert_eq!(fixture.client(&engine, 2).send_file(FILE).status, 200);
        let unknown = PacketClient {
            id: "{00000000-0000-0000-0000-00000000000F}".into(),
            ..fixture.client(&engine, 0)
        };
        assert_eq!(unknown.send_file(FILE).rejection().1, "0x8020001F");
        assert!(
            engine.end_session("{00000000-0000-0000-0000-00000000000F}".parse_id()).is_ok_and(|found| !found)
        );
        assert_eq!(engine.session_count(), 1);
        assert!(engine.load(|| true).unwrap());
        assert_eq!((engine.session_count(), engine.is_loaded()), (2, true));
        assert_eq!(engine.sessions().unwrap().len(), 2);
        assert_eq!(fixture.client(&engine, 2).close().status, 200);
        assert_eq!(fixture.client(&engine, 3).cancel().status, 200);
        assert_eq!(engine.session_count(), 0);
    }
}

trait ParseId {
    fn parse_id(&self) -> bitsup::proto::SessionId;
}

impl ParseId for str {
    fn parse_id(&self) -> bitsup::proto::SessionId {
        bitsup::proto::SessionId::parse(self).unwrap()
    }
}

#[test]
fn an_expired_session_that_is_not_loaded_is_unknown() {
    for fixture in fixtures() {
        let engine = fixture.engine();
        fixture.clock.advance(15 * 86_400_000);
        assert_eq!(fixture.client(&engine, 0).send_file(FILE).rejection().1, "0x8020001F");
        assert_eq!(fixture.store.find(fixture.ids[0].parse_id()).unwrap(), None);
        assert_eq!(engine.tick().unwrap().expired, 3);
        assert!(engine.is_loaded());
        assert_eq!(fixture.store.sessions().unwrap(), Default::default());
    }
}

#[test]
fn limits_count_all_sessions_once_they_are_loaded() {
    for fixture in fixtures() {
        let engine = Engine::new_unloaded(fixture.config().max_sessions(5)).unwrap();
        let first = PacketClient::create(&engine, "/e");
        let second = PacketClient::create(&engine, "/f");
        assert_eq!(engine.session_count(), 2);
        assert!(engine.load(|| true).unwrap());
        assert_eq!(engine.session_count(), 6);
        assert_eq!(first.cancel().status, 200);
        let create = |client: &PacketClient| {
            use bitsup::proto::names;
            client.packet("Create-Session", &[(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID)], &[]).status
        };
        assert_eq!(create(&PacketClient { id: String::new(), ..second.clone() }), 503);
        assert_eq!(second.cancel().status, 200);
        assert_eq!(create(&PacketClient { id: String::new(), ..second }), 200);
    }
}

#[test]
fn loading_that_was_stopped_can_be_repeated() {
    for fixture in fixtures() {
        let engine = fixture.engine();
        for _ in 0..2 {
            let mut left = 2;
            let loaded = engine.load(|| {
                left -= 1;
                left > 0
            });
            assert!(!loaded.unwrap());
            assert!(!engine.is_loaded() && engine.session_count() >= 2);
        }
        assert_eq!(fixture.client(&engine, 3).send_file(FILE).status, 200);
        assert!(engine.load(|| true).unwrap());
        assert_eq!(engine.session_count(), 4);
    }
}

/// A store may have read a session before it ends and pass it to the engine afterwards.
#[test]
fn a_session_that_ends_while_sessions_are_loaded_does_not_return() {
    for fixture in fixtures() {
        let engine = fixture.engine();
        let (reached, at_first) = channel();
        let (proceed, next) = channel::<()>();
        let loading = engine.clone();
        let thread = thread::spawn(move || {
            loading.load(|| {
                reached.send(()).unwrap();
                next.recv_timeout(TIMEOUT).is_ok()
            })
        });
        at_first.recv_timeout(TIMEOUT).unwrap();
        for number in 0..PATHS.len() {
            assert_eq!(fixture.client(&engine, number).cancel().status, 200, "{number}");
        }
        for _ in PATHS {
            // A store that looks up each session finds no more, so the loading may be complete.
            let _ = proceed.send(());
        }
        assert!(thread.join().unwrap().unwrap());
        assert_eq!((engine.session_count(), engine.is_loaded()), (0, true));
        assert_eq!(fixture.client(&engine, 0).send_file(FILE).rejection().1, "0x8020001F");
    }
}

#[test]
fn disabling_uploads_ends_sessions_that_are_not_loaded() {
    for fixture in fixtures() {
        let engine = fixture.engine();
        engine.set_enabled(false).unwrap();
        assert_eq!(fixture.store.sessions().unwrap(), Default::default());
        engine.set_enabled(true).unwrap();
        assert_eq!(fixture.client(&engine, 0).send_file(FILE).rejection().1, "0x8020001F");
    }
}
