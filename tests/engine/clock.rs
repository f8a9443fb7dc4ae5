//! Times that were stored before the system's clock was set back.

use std::sync::Arc;
use std::time::Duration;

use bitsup::clock::ManualClock;
use bitsup::engine::{Engine, EngineConfig};
use bitsup::proto::SessionId;
use bitsup::store::{Destination, MemoryStore, SessionPhase, SessionRecord, Store};

#[test]
fn a_session_whose_last_use_is_in_the_future_expires() {
    let store = MemoryStore::new(1000);
    let record = SessionRecord {
        id: SessionId::from_u128(1),
        destination: Destination::from_url_path("/a").unwrap(),
        remote: None,
        url: None,
        query: None,
        owner: None,
        total: None,
        created_ms: 1_700_000_000_000,
        phase: SessionPhase::Receiving,
        outcome: None,
    };
    store.create(&record).unwrap();
    let clock = Arc::new(ManualClock::new(0));
    let config = EngineConfig::new(Arc::new(store)).clock(clock.clone());
    let engine = Engine::new(config.session_timeout(Duration::from_secs(1))).unwrap();
    assert_eq!(engine.tick().unwrap().expired, 0);
    clock.advance(1000);
    assert_eq!(engine.tick().unwrap().expired, 1);
}
