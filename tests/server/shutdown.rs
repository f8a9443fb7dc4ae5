//! Starting and stopping.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bitsup::Status;
use bitsup::log::{Level, Logger};
use bitsup::server::{Server, ServerConfig};
use bitsup::store::MemoryStore;
use test_support::raw_http::{
    RawHttp, TIMEOUT, TINY, create, engine, fragment, ping, serve, serve_anything, wait_until_refused,
};

/// Longer than a stop without anything to wait for takes on a busy machine.
const SOON: Duration = Duration::from_secs(5);
const GRACE: Duration = Duration::from_millis(150);

/// Stops the server and returns how long that took.
fn stop(server: &mut Server, grace: Duration) -> Duration {
    let began = Instant::now();
    server.stop(grace).unwrap();
    let elapsed = began.elapsed();
    let refused = TcpStream::connect(server.local_addr());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    elapsed
}

#[test]
fn stopping_does_not_wait_for_idle_connections() {
    let mut server = serve_anything();
    let [mut used, mut unused] = [(); 2].map(|()| RawHttp::connect(&server));
    assert_eq!(used.request(ping("/a")).status, 200);
    assert!(stop(&mut server, TIMEOUT) < SOON);
    used.assert_closed();
    unused.assert_gone();
}

#[test]
fn a_head_gets_only_the_grace_period() {
    let mut server = serve_anything();
    let mut http = RawHttp::connect(&server);
    let request = ping("/a");
    let (incomplete, _) = request.split_at(request.len() - 1);
    // The response to the first request shows that the server has received the second before it is stopped.
    assert_eq!(http.request(ping("/a") + incomplete).status, 200);
    let elapsed = stop(&mut server, GRACE);
    assert!((GRACE..SOON).contains(&elapsed), "{elapsed:?}");
    http.assert_gone();
}

#[test]
fn a_body_gets_only_the_grace_period_and_its_bytes_are_kept() {
    let store = MemoryStore::new(u64::MAX);
    let mut server = serve(&store, |_| {});
    let mut http = RawHttp::connect(&server);
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 0, 10, 10, &["Expect: 100-continue"]));
    http.read_continue();
    let elapsed = stop(&mut server, GRACE);
    assert!((GRACE..SOON).contains(&elapsed), "{elapsed:?}");
    http.assert_gone();
    let server = serve(&store, |_| {});
    let ack = RawHttp::connect(&server).request(fragment("/a", &session, 0, 10, 10, &[]) + "helloworld");
    assert_eq!(ack.status, 200);
}

#[test]
fn a_request_that_ends_within_the_grace_period_is_answered() {
    let store = MemoryStore::new(u64::MAX);
    let mut server = serve(&store, |_| {});
    let mut http = RawHttp::connect(&server);
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 0, 5, 5, &["Expect: 100-continue"]));
    http.read_continue();
    let address = server.local_addr();
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| stop(&mut server, TIMEOUT));
        wait_until_refused(address);
        let ack = http.request("hello");
        assert_eq!((ack.status, ack.closes()), (200, true));
        http.assert_closed();
        drop(http);
        assert!(stopping.join().unwrap() < SOON);
    });
    assert_eq!(store.file("a").unwrap(), b"hello");
}

/// Some of the requests wait in the kernel, unread, when the server is stopped; some of their connections are not even
/// accepted.
#[test]
fn requests_that_arrived_before_the_stop_are_answered() {
    let mut server = serve(&MemoryStore::new(0), |_| {});
    let clients: Vec<_> = (0..200)
        .map(|_| {
            let mut client = RawHttp::connect(&server);
            client.send(ping("/a"));
            client
        })
        .collect();
    stop(&mut server, TIMEOUT);
    for mut client in clients {
        assert_eq!(client.response().status, 200);
    }
}

#[test]
fn a_client_that_does_not_read_gets_only_the_grace_period() {
    let mut server = serve_anything();
    let mut http = RawHttp::connect(&server);
    assert_eq!(http.send_until_blocked(TINY, GRACE), ErrorKind::WouldBlock);
    assert!(stop(&mut server, GRACE) < SOON);
}

#[test]
fn a_lingering_connection_gets_only_the_grace_period() {
    let mut server = serve_anything();
    let mut http = RawHttp::connect(&server);
    assert_eq!(http.request("garbage\r\n\r\n").status, 400);
    assert!(stop(&mut server, Duration::ZERO) < Duration::from_millis(1500));
    http.assert_gone();
}

#[test]
fn stopping_twice_is_harmless() {
    let mut server = serve_anything();
    stop(&mut server, GRACE);
    assert!(stop(&mut server, TIMEOUT) < SOON);
}

// B-HOOK-07
#[test]
fn a_stop_in_a_callback_returns_busy_and_still_stops() {
    let shared: Arc<Mutex<Option<Server>>> = Arc::default();
    let (sender, result) = mpsc::channel();
    let store = MemoryStore::new(0);
    let mut config = bitsup::engine::EngineConfig::new(Arc::new(store));
    let server = Arc::clone(&shared);
    config.logger = Logger::new(Level::Debug, move |_, _, _| {
        if let Some(server) = server.lock().unwrap().as_mut() {
            let _ = sender.send(server.stop(TIMEOUT).map_err(|error| error.status()));
        }
    });
    let server =
        Server::start(ServerConfig::default().mount("/", bitsup::engine::Engine::new(config).unwrap()))
            .unwrap();
    let mut http = RawHttp::connect(&server);
    *shared.lock().unwrap() = Some(server);
    assert!(http.request(ping("/a")).closes());
    assert_eq!(result.recv_timeout(TIMEOUT).unwrap(), Err(Status::Busy));
    drop(http);
    let mut server = shared.lock().unwrap().take().unwrap();
    assert!(stop(&mut server, TIMEOUT) < SOON);
}

#[test]
fn a_dropped_server_stops() {
    let server = serve_anything();
    let address = server.local_addr();
    let mut http = RawHttp::connect(&server);
    assert_eq!(http.request(ping("/a")).status, 200);
    drop(server);
    http.assert_gone();
    wait_until_refused(address);
}

#[test]
fn the_url_contains_the_actual_port() {
    let server = serve_anything();
    assert_eq!(server.url(), format!("http://127.0.0.1:{}/", server.local_addr().port()));
    // The machine may have no IPv6.
    let config = ServerConfig::default().host("::1").mount("/", engine(&MemoryStore::new(0)));
    match Server::start(config) {
        Ok(server) => assert_eq!(server.url(), format!("http://[::1]:{}/", server.local_addr().port())),
        Err(error) => assert!(error.message().contains("[::1]:0"), "{error}"),
    }
}

#[test]
fn an_unusable_address_is_named_in_the_error() {
    let other = serve_anything();
    let port = other.local_addr().port();
    let start = |host: &str, port| {
        let config = ServerConfig::default().host(host).port(port).mount("/", engine(&MemoryStore::new(0)));
        Server::start(config).err().unwrap()
    };
    let error = start("127.0.0.1", port);
    assert_eq!(error.status(), Status::Io);
    assert!(
        error.message().contains(&format!("127.0.0.1:{port}")) && error.message().contains("another port")
    );
    // An address reserved for documentation, which no machine has.
    let error = start("192.0.2.1", 0);
    assert_eq!(error.status(), Status::Io);
    assert!(error.message().contains("192.0.2.1:0"), "{error}");
    let error = start("no-such-host.invalid", 0);
    assert_eq!(error.status(), Status::Resolve);
    assert!(error.message().contains("no-such-host.invalid"), "{error}");
}

#[test]
fn an_invalid_configuration_is_rejected() {
    let mounted = |prefixes: &[&str]| {
        let engine = engine(&MemoryStore::new(0));
        let mounts = prefixes.iter().map(|prefix| (prefix.to_string(), engine.clone())).collect();
        ServerConfig::default().mounts(mounts)
    };
    let invalid = [
        mounted(&[]),
        mounted(&["/a", "a/"]),
        mounted(&["/a?b"]),
        mounted(&["/"]).max_workers(0),
        mounted(&["/"]).max_connections(0),
        mounted(&["/"]).head_timeout(Duration::ZERO),
        mounted(&["/"]).read_timeout(Duration::ZERO),
        mounted(&["/"]).idle_timeout(Duration::ZERO),
        mounted(&["/"]).cleanup_interval(Duration::ZERO),
    ];
    for config in invalid {
        assert_eq!(Server::start(config).err().unwrap().status(), Status::InvalidArgument);
    }
}
