//! A store of the host application that implements [`Backend`].

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use bitsup::engine::{Engine, EngineConfig};
use bitsup::log::{Level, Logger};
use bitsup::proto::{SessionId, names};
use bitsup::store::{Backend, BackendStore, Destination, Part, PartInfo, StoreError};
use test_support::packets::PacketClient;

const FILE: &[u8] = b"0123456789";

type Failure = fn() -> StoreError;

/// A backend in memory without the optional methods. Clones share the content.
#[derive(Clone, Default)]
struct MapBackend(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    records: BTreeMap<SessionId, Vec<u8>>,
    data: BTreeMap<SessionId, Vec<u8>>,
    files: BTreeMap<String, Vec<u8>>,
    /// The error of `write`.
    failure: Option<Failure>,
}

impl MapBackend {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    fn engine(&self) -> Engine {
        Engine::new(EngineConfig::new(Arc::new(BackendStore::new(self.clone())))).unwrap()
    }
}

impl Backend for MapBackend {
    fn create(&self, id: SessionId, record: &[u8]) -> Result<(), StoreError> {
        self.with(|state| state.data.insert(id, Vec::new()));
        self.with(|state| state.records.insert(id, record.to_vec()));
        Ok(())
    }

    fn save(&self, id: SessionId, record: &[u8]) -> Result<(), StoreError> {
        self.with(|state| state.records.insert(id, record.to_vec())).map(drop).ok_or(StoreError::NotFound)
    }

    fn list(&self, found: &mut dyn FnMut(SessionId, &[u8], u64)) -> Result<(), StoreError> {
        self.with(|state| state.records.iter().for_each(|(id, record)| found(*id, record, 0)));
        Ok(())
    }

    fn stat(&self, id: SessionId, part: Part) -> Result<PartInfo, StoreError> {
        let length = self.with(|state| state.data.get(&id).map(Vec::len));
        match (part, length) {
            (Part::Data, Some(length)) => Ok(PartInfo { length: length as u64, modified_ms: 0 }),
            _ => Err(StoreError::NotFound),
        }
    }

    fn write(&self, id: SessionId, _: Part, offset: u64, data: &[u8]) -> Result<(), StoreError> {
        self.with(|state| {
            if let Some(failure) = state.failure {
                return Err(failure());
            }
            let stored = state.data.get_mut(&id).ok_or(StoreError::NotFound)?;
            assert_eq!(stored.len() as u64, offset);
            stored.extend_from_slice(data);
            Ok(())
        })
    }

    fn read(&self, _: SessionId, _: Part, _: u64, _: &mut [u8]) -> Result<usize, StoreError> {
        Err(StoreError::NotFound)
    }

    fn commit(&self, id: SessionId, to: &Destination, _: bool, record: &[u8]) -> Result<(), StoreError> {
        let data = self.with(|state| state.data.remove(&id));
        if let Some(data) = data {
            self.with(|state| state.files.insert(String::from(to.clone()), data));
        }
        self.save(id, record)
    }

    fn remove(&self, id: SessionId, part: Option<Part>) -> Result<(), StoreError> {
        if part != Some(Part::Reply) {
            self.with(|state| state.data.remove(&id));
        }
        if part.is_none() {
            self.with(|state| state.records.remove(&id));
        }
        Ok(())
    }
}

// B-STORE-02
#[test]
fn the_error_of_the_backend_determines_the_response() {
    let failures: [(Failure, u16, &str); 4] = [
        (|| StoreError::NotFound, 404, "0x80190194"),
        (|| StoreError::Denied(io::ErrorKind::PermissionDenied.into()), 403, "0x80070005"),
        (|| StoreError::NoSpace(io::ErrorKind::StorageFull.into()), 500, "0x80070070"),
        (|| StoreError::Io(io::Error::other("I/O error")), 500, "0x801901F4"),
    ];
    for (failure, status, hresult) in failures {
        let backend = MapBackend::default();
        let client = PacketClient::create(&backend.engine(), "/a");
        backend.with(|state| state.failure = Some(failure));
        let response = client.send_file(FILE);
        assert_eq!((response.status, response.get(names::ERROR)), (status, hresult), "{:?}", failure());
        assert!(backend.with(|state| state.files.is_empty()));
    }
}

// B-STORE-03
#[test]
fn sessions_survive_a_restart_of_the_engine() {
    let backend = MapBackend::default();
    let mut client = PacketClient::create(&backend.engine(), "/a");
    let first = client.packet("Fragment", &[(names::CONTENT_RANGE, "bytes 0-3/10")], &FILE[..4]);
    assert_eq!(first.status, 200);
    client.engine = backend.engine();
    let rest = client.packet("Fragment", &[(names::CONTENT_RANGE, "bytes 4-9/10")], &FILE[4..]);
    assert_eq!(rest.status, 200, "{rest:?}");
    assert_eq!(backend.with(|state| state.files["a"].clone()), FILE);
    assert_eq!(client.close().status, 200);
    assert!(backend.with(|state| state.records.is_empty()));
}

// B-LOG-02
#[test]
fn a_logger_receives_only_messages_up_to_its_level() {
    // A new session is logged with Level::Info, a rejected packet with Level::Debug.
    for (max_level, expected) in [(Level::Warn, 0), (Level::Info, 1), (Level::Debug, 2)] {
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        let mut config = EngineConfig::new(Arc::new(BackendStore::new(MapBackend::default())));
        config.logger = Logger::new(max_level, move |level, _, _| log.lock().unwrap().push(level));
        let client = PacketClient::create(&Engine::new(config).unwrap(), "/a");
        assert_eq!(client.packet("Fragment", &[(names::CONTENT_RANGE, "nonsense")], &[]).status, 400);
        let received = received.lock().unwrap();
        let mut levels = received.clone();
        levels.dedup();
        assert!(levels.len() == expected && received.iter().all(|level| *level <= max_level), "{received:?}");
    }
}
