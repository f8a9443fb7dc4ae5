//! Timeouts, the limit of connections, and workers that block or panic.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use bitsup::clock::{Clock, ManualClock};
use bitsup::engine::{Engine, EngineConfig};
use bitsup::log::{Level, Logger};
use bitsup::store::MemoryStore;
use test_support::raw_http::{RawHttp, TIMEOUT, TINY, close, create, fragment, ping, serve};

const SHORT: Duration = Duration::from_millis(100);

#[test]
fn a_slow_head_gets_408() {
    let server = serve(&MemoryStore::new(0), |config| config.head_timeout = SHORT);
    let mut http = RawHttp::connect(&server);
    assert_eq!(http.request(ping("/a")).status, 200);
    http.send("BITS_POST /a HTTP/1.1\r\nHost:");
    let response = http.response();
    assert_eq!((response.status, response.closes()), (408, true));
    http.assert_closed();
}

#[test]
fn a_head_sent_byte_by_byte_gets_no_extra_time() {
    let server = serve(&MemoryStore::new(0), |config| config.head_timeout = SHORT);
    let mut http = RawHttp::connect(&server);
    // Ends only when the server responds: each byte comes 10 ms after the one before.
    while http.is_silent_for(Duration::from_millis(10)) {
        http.send("X");
    }
    assert_eq!(http.response().status, 408);
}

#[test]
fn an_idle_connection_is_closed_without_a_response() {
    let server = serve(&MemoryStore::new(0), |config| config.idle_timeout = SHORT);
    let (mut used, mut unused) = (RawHttp::connect(&server), RawHttp::connect(&server));
    assert_eq!(used.request(ping("/a")).status, 200);
    used.assert_closed();
    unused.assert_closed();
}

#[test]
fn a_stalled_body_closes_the_connection_and_its_bytes_are_kept() {
    let store = MemoryStore::new(u64::MAX);
    let server = serve(&store, |config| config.read_timeout = SHORT);
    let mut http = RawHttp::connect(&server);
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 0, 10, 10, &[]) + "hello");
    http.assert_gone();
    let mut http = RawHttp::connect(&server);
    assert_eq!(http.request(fragment("/a", &session, 5, 5, 10, &[]) + "world").status, 200);
    assert_eq!(http.request(close("/a", &session)).status, 200);
    assert_eq!(store.file("a").unwrap(), b"helloworld");
}

#[test]
fn a_client_that_does_not_read_times_out() {
    let server = serve(&MemoryStore::new(0), |config| {
        config.read_timeout = SHORT;
        // With both directions full, the kernel may hold back the rest of a head until these have passed.
        config.head_timeout = TIMEOUT / 4;
        config.idle_timeout = TIMEOUT / 4;
    });
    let mut http = RawHttp::connect(&server);
    let error = http.send_until_blocked(TINY, TIMEOUT);
    assert!(matches!(error, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
}

#[test]
fn connections_over_the_limit_wait_until_one_closes() {
    let server = serve(&MemoryStore::new(0), |config| config.max_connections = 2);
    let [mut first, mut second] = [(); 2].map(|()| RawHttp::connect(&server));
    assert_eq!(first.request(ping("/a")).status, 200);
    assert_eq!(second.request(ping("/a")).status, 200);
    let mut third = RawHttp::connect(&server);
    third.send(ping("/a"));
    assert!(third.is_silent_for(SHORT));
    assert_eq!(second.request(ping("/a")).status, 200);
    drop(first);
    assert_eq!(third.response().status, 200);
}

#[test]
fn idle_sessions_expire_without_a_request() {
    let (sender, log) = mpsc::channel();
    let store = MemoryStore::new(u64::MAX);
    let clock = Arc::new(ManualClock::new(0));
    let mut config = EngineConfig::new(Arc::new(store.clone()));
    config.clock = clock.clone();
    config.session_timeout = Duration::from_secs(60);
    let engine = Engine::new(config).unwrap();
    let server = serve(&store, |config| {
        config.mounts = vec![("/".into(), engine.clone())];
        config.cleanup_interval = Duration::from_millis(1);
        config.logger = Logger::new(Level::Info, move |_, _, text| drop(sender.send(text.to_owned())));
    });
    RawHttp::connect(&server).request(create("/a")).session();
    assert_eq!(engine.session_count(), 1);
    clock.advance(60_000);
    while !log.recv_timeout(TIMEOUT).unwrap().contains("1 sessions expired") {}
    assert_eq!(engine.session_count(), 0);
}

/// A clock in place of application code; it can be made to block or to panic.
#[derive(Default)]
struct FaultyClock {
    /// How many of the next calls block.
    blocks: AtomicUsize,
    panics: AtomicBool,
    released: Mutex<bool>,
    release: Condvar,
}

impl FaultyClock {
    fn release(&self) {
        *self.released.lock().unwrap() = true;
        self.release.notify_all();
    }
}

impl Clock for FaultyClock {
    fn now_ms(&self) -> u64 {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "injected panic");
        let blocks = self.blocks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if blocks.is_ok() {
            let released = self.released.lock().unwrap();
            let waited = self.release.wait_timeout_while(released, TIMEOUT, |released| !*released).unwrap();
            assert!(!waited.1.timed_out(), "never released");
        }
        0
    }
}

fn faulty_engine(clock: &Arc<FaultyClock>) -> Engine {
    let mut config = EngineConfig::new(Arc::new(MemoryStore::new(u64::MAX)));
    config.clock = clock.clone();
    Engine::new(config).unwrap()
}

#[test]
fn blocked_workers_do_not_delay_other_requests() {
    let clock = Arc::new(FaultyClock::default());
    let server =
        serve(&MemoryStore::new(0), |config| config.mounts = vec![("/".into(), faulty_engine(&clock))]);
    let mut warm = RawHttp::connect(&server);
    let session = warm.request(create("/free")).session();
    // Far more than there are processors, so that the server must start more workers.
    let blocked = 24;
    clock.blocks.store(blocked, Ordering::SeqCst);
    let mut waiting: Vec<_> = (0..blocked).map(|_| RawHttp::connect(&server)).collect();
    waiting.iter_mut().enumerate().for_each(|(i, http)| http.send(create(&format!("/{i}"))));
    while clock.blocks.load(Ordering::SeqCst) > 0 {
        std::thread::yield_now();
    }
    assert_eq!(warm.request(fragment("/free", &session, 0, 1, 1, &[]) + "x").status, 200);
    clock.release();
    waiting.iter_mut().for_each(|http| assert_eq!(http.response().status, 200));
}

#[test]
fn a_panic_closes_its_connection_and_no_other() {
    let (sender, log) = mpsc::channel();
    let clock = Arc::new(FaultyClock::default());
    let server = serve(&MemoryStore::new(0), |config| {
        config.mounts = vec![("/".into(), faulty_engine(&clock))];
        config.max_workers = 1;
        config.logger = Logger::new(Level::Error, move |_, _, text| drop(sender.send(text.to_owned())));
    });
    let [mut other, mut http] = [(); 2].map(|()| RawHttp::connect(&server));
    assert_eq!(other.request(ping("/a")).status, 200);
    clock.panics.store(true, Ordering::SeqCst);
    http.send(create("/a"));
    http.assert_gone();
    assert!(log.recv_timeout(TIMEOUT).unwrap().contains("injected panic"));
    assert_eq!(other.request(create("/b")).status, 200);
}
