//! A store of the program's own, by the few calls of a [`Backend`].

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use bitsup::engine::{Engine, EngineConfig};
use bitsup::log::{Level, Logger};
use bitsup::proto::{SessionId, names};
use bitsup::store::{Backend, BackendStore, Destination, Part, PartInfo, StoreError};
use test_support::packets::Peer;

const FILE: &[u8] = b"0123456789";

type Failure = fn() -> StoreError;

/// What the program keeps; a clone shares it. It has nothing of what a backend may leave out.
#[derive(Clone, Default)]
struct Own(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    records: BTreeMap<SessionId, Vec<u8>>,
    data: BTreeMap<SessionId, Vec<u8>>,
    files: BTreeMap<String, Vec<u8>>,
    /// What writing answers.
    failure: Option<Failure>,
}

impl Own {
    fn with<T>(&self, act: impl FnOnce(&mut Inside) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    fn engine(&self) -> Engine {
        Engine::new(EngineConfig::new(Arc::new(BackendStore::new(self.clone())))).unwrap()
    }
}

impl Backend for Own {
    fn create(&self, id: SessionId, record: &[u8]) -> Result<(), StoreError> {
        self.with(|own| own.data.insert(id, Vec::new()));
        self.with(|own| own.records.insert(id, record.to_vec()));
        Ok(())
    }

    fn save(&self, id: SessionId, record: &[u8]) -> Result<(), StoreError> {
        self.with(|own| own.records.insert(id, record.to_vec())).map(drop).ok_or(StoreError::NotFound)
    }

    fn list(&self, found: &mut dyn FnMut(SessionId, &[u8], u64)) -> Result<(), StoreError> {
        self.with(|own| own.records.iter().for_each(|(id, record)| found(*id, record, 0)));
        Ok(())
    }

    fn stat(&self, id: SessionId, part: Part) -> Result<PartInfo, StoreError> {
        let length = self.with(|own| own.data.get(&id).map(Vec::len));
        match (part, length) {
            (Part::Data, Some(length)) => Ok(PartInfo { length: length as u64, modified_ms: 0 }),
            _ => Err(StoreError::NotFound),
        }
    }

    fn write(&self, id: SessionId, _: Part, offset: u64, data: &[u8]) -> Result<(), StoreError> {
        self.with(|own| {
            if let Some(failure) = own.failure {
                return Err(failure());
            }
            let held = own.data.get_mut(&id).ok_or(StoreError::NotFound)?;
            assert_eq!(held.len() as u64, offset);
            held.extend_from_slice(data);
            Ok(())
        })
    }

    fn read(&self, _: SessionId, _: Part, _: u64, _: &mut [u8]) -> Result<usize, StoreError> {
        Err(StoreError::NotFound)
    }

    fn commit(&self, id: SessionId, to: &Destination, _: bool, record: &[u8]) -> Result<(), StoreError> {
        let data = self.with(|own| own.data.remove(&id));
        if let Some(data) = data {
            self.with(|own| own.files.insert(String::from(to.clone()), data));
        }
        self.save(id, record)
    }

    fn remove(&self, id: SessionId, part: Option<Part>) -> Result<(), StoreError> {
        if part != Some(Part::Reply) {
            self.with(|own| own.data.remove(&id));
        }
        if part.is_none() {
            self.with(|own| own.records.remove(&id));
        }
        Ok(())
    }
}

// B-STORE-02
#[test]
fn what_goes_wrong_decides_about_the_answer() {
    let failures: [(Failure, u16, &str); 4] = [
        (|| StoreError::NotFound, 404, "0x80190194"),
        (|| StoreError::Denied(io::ErrorKind::PermissionDenied.into()), 403, "0x80070005"),
        (|| StoreError::NoSpace(io::ErrorKind::StorageFull.into()), 500, "0x80070070"),
        (|| StoreError::Io(io::Error::other("it broke")), 500, "0x801901F4"),
    ];
    for (failure, status, hresult) in failures {
        let own = Own::default();
        let peer = Peer::create(&own.engine(), "/a");
        own.with(|own| own.failure = Some(failure));
        let answer = peer.whole(FILE);
        assert_eq!((answer.status, answer.get(names::ERROR)), (status, hresult), "{:?}", failure());
        assert!(own.with(|own| own.files.is_empty()));
    }
}

// B-STORE-03
#[test]
fn sessions_outlive_the_engine() {
    let own = Own::default();
    let mut peer = Peer::create(&own.engine(), "/a");
    let first = peer.packet("Fragment", &[(names::CONTENT_RANGE, "bytes 0-3/10")], &FILE[..4]);
    assert_eq!(first.status, 200);
    peer.engine = own.engine();
    let rest = peer.packet("Fragment", &[(names::CONTENT_RANGE, "bytes 4-9/10")], &FILE[4..]);
    assert_eq!(rest.status, 200, "{rest:?}");
    assert_eq!(own.with(|own| own.files["a"].clone()), FILE);
    assert_eq!(peer.close().status, 200);
    assert!(own.with(|own| own.records.is_empty()));
}

// B-LOG-02
#[test]
fn below_its_level_a_logger_hears_nothing() {
    // A session that is made is worth Level::Info, a packet that is refused Level::Debug.
    for (max_level, expected) in [(Level::Warn, 0), (Level::Info, 1), (Level::Debug, 2)] {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        let mut config = EngineConfig::new(Arc::new(BackendStore::new(Own::default())));
        config.logger = Logger::new(max_level, move |level, _, _| log.lock().unwrap().push(level));
        let peer = Peer::create(&Engine::new(config).unwrap(), "/a");
        assert_eq!(peer.packet("Fragment", &[(names::CONTENT_RANGE, "nonsense")], &[]).status, 400);
        let heard = heard.lock().unwrap();
        let mut levels = heard.clone();
        levels.dedup();
        assert!(levels.len() == expected && heard.iter().all(|level| *level <= max_level), "{heard:?}");
    }
}
