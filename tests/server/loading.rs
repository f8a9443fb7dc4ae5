//! A server that serves while the sessions of its engine are loaded.
#![cfg(unix)]

use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitsup::engine::{Engine, EngineConfig};
use bitsup::log::{Level, Logger};
use bitsup::server::{AdminConfig, Server, ServerConfig};
use bitsup::store::{DirOptions, DirStore};
use tempfile::TempDir;
use test_support::administrator::get;
use test_support::raw_http::{RawHttp, TIMEOUT, close, create, fragment, wait_until_refused};

/// A server whose loading has begun and waits for [`Self::proceed`].
struct Loading {
    root: TempDir,
    server: Server,
    engine: Engine,
    ids: Vec<String>,
    proceed: Sender<()>,
}

const SESSIONS: usize = 20;

fn store(root: &TempDir) -> Arc<DirStore> {
    Arc::new(DirStore::open(root.path(), DirOptions::default()).unwrap())
}

fn serve(engine: &Engine) -> Server {
    let config = ServerConfig::default()
        .mount("/", engine.clone())
        .admin(AdminConfig::new("127.0.0.1", 0))
        // A worker that loads sessions could not serve packets.
        .max_workers(1);
    Server::start(config).unwrap()
}

impl Loading {
    fn new(change: impl FnOnce(&mut EngineConfig)) -> Self {
        let root = TempDir::new().unwrap();
        let mut server = serve(&Engine::new(EngineConfig::new(store(&root))).unwrap());
        let mut http = RawHttp::connect(&server);
        let ids = (0..SESSIONS).map(|number| http.request(create(&format!("/{number}"))).session()).collect();
        drop(http);
        server.stop(Duration::ZERO).unwrap();
        drop(server);
        // The loading logs this, and then waits.
        fs::write(root.path().join(".bitsup/foreign"), b"").unwrap();
        let (logger, reached, proceed) = gate();
        let mut config = EngineConfig::new(store(&root)).logger(logger);
        change(&mut config);
        let engine = Engine::new_unloaded(config).unwrap();
        let server = serve(&engine);
        reached.recv_timeout(TIMEOUT).unwrap();
        assert_eq!((engine.session_count(), engine.is_loaded()), (0, false));
        Self { root, server, engine, ids, proceed }
    }

    fn wait_until_loaded(&self) {
        let begin = std::time::Instant::now();
        while !self.engine.is_loaded() {
            assert!(begin.elapsed() < TIMEOUT, "the sessions are not loaded");
            std::thread::yield_now();
        }
    }

    fn listed(&self) -> usize {
        let url = self.server.admin_url().unwrap();
        get(&url, "/sessions").json()["sessions"].as_array().unwrap().len()
    }

    fn counted(&self) -> String {
        let metrics = get(&self.server.admin_url().unwrap(), "/metrics").body;
        let line =
            metrics.lines().find(|line| line.contains("sessions{") && line.contains("receiving")).unwrap();
        line.rsplit(' ').next().unwrap().to_owned()
    }
}

/// A logger that reports the message about a foreign entry and then waits.
fn gate() -> (Logger, Receiver<()>, Sender<()>) {
    let ((reached, at_gate), (proceed, next)) = (channel(), channel());
    let next = Mutex::new(next);
    let logger = Logger::new(Level::Warn, move |_, _, text| {
        if text.contains("foreign") {
            reached.send(()).unwrap();
            next.lock().unwrap().recv_timeout(TIMEOUT).unwrap();
        }
    });
    (logger, at_gate, proceed)
}

#[test]
fn packets_are_processed_before_their_sessions_are_loaded() {
    let loading = Loading::new(|_| {});
    let mut http = RawHttp::connect(&loading.server);
    let send = |http: &mut RawHttp, number: usize| {
        let head = fragment(&format!("/{number}"), &loading.ids[number], 0, 5, 5, &[]);
        http.request(head + "hello").status
    };
    assert_eq!(send(&mut http, 3), 200);
    assert_eq!(http.request(close("/3", &loading.ids[3])).status, 200);
    assert_eq!(fs::read(loading.root.path().join("3")).unwrap(), b"hello");
    let new = http.request(create("/new")).session();
    assert_eq!(http.request(fragment("/new", &new, 0, 5, 10, &[]) + "hello").status, 200);
    assert_eq!((loading.listed(), loading.counted().as_str()), (1, "1"));

    loading.proceed.send(()).unwrap();
    loading.wait_until_loaded();
    assert_eq!((loading.listed(), loading.counted()), (SESSIONS, SESSIONS.to_string()));
    assert_eq!(send(&mut http, 4), 200);
}

#[test]
fn an_expired_session_is_unknown_before_and_after_it_is_loaded() {
    use bitsup::clock::{Clock, ManualClock, SystemClock};
    let clock = Arc::new(ManualClock::new(SystemClock.now_ms()));
    clock.advance(15 * 86_400_000);
    let loading = Loading::new(|config| config.clock = clock);
    let mut http = RawHttp::connect(&loading.server);
    let mut status = |number: usize| {
        let head = fragment(&format!("/{number}"), &loading.ids[number], 0, 5, 5, &[]);
        let response = http.request(head + "hello");
        assert_eq!(response.field("BITS-Error-Code"), Some("0x8020001F"), "{}", response.text);
    };
    status(0);
    loading.proceed.send(()).unwrap();
    loading.wait_until_loaded();
    status(1);
}

/// The stop does not wait until all sessions are loaded.
#[test]
fn a_stop_interrupts_the_loading() {
    let Loading { mut server, engine, proceed, .. } = Loading::new(|_| {});
    let address = server.local_addr();
    let stopping = std::thread::spawn(move || server.stop(Duration::ZERO).map(|()| drop(server)));
    wait_until_refused(address);
    proceed.send(()).unwrap();
    stopping.join().unwrap().unwrap();
    assert_eq!((engine.session_count(), engine.is_loaded()), (0, false));
}
