//! The admin listener: sessions, health, metrics, and which requests it accepts.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bitsup::engine::{Engine, EngineConfig, Hooks, Upload, Verdict};
use bitsup::proto::{Context, HResult};
use bitsup::server::{AdminConfig, Server, ServerConfig};
use bitsup::store::{DirOptions, DirStore, MemoryStore};
use serde_json::{Value, json};
use test_support::administrator::{self, authority, get, request};
use test_support::raw_http::{self, RawHttp, create, fragment, packet, serve};

/// Starts a server with an admin listener, over memory; returns it with the listener's URL.
fn serve_with_admin(adjust: impl FnOnce(&mut ServerConfig)) -> (Server, String) {
    let server = serve(&MemoryStore::new(u64::MAX), |config| {
        config.admin = Some(AdminConfig::new("127.0.0.1", 0));
        adjust(config);
    });
    let url = server.admin_url().unwrap();
    (server, url)
}

fn sessions(url: &str) -> Vec<Value> {
    get(url, "/sessions").json()["sessions"].as_array().unwrap().clone()
}

#[test]
fn there_is_no_admin_listener_by_default() {
    assert_eq!(raw_http::serve_anything().admin_url(), None);
}

#[test]
fn sessions_are_listed_with_their_progress() {
    let (server, url) = serve_with_admin(|_| {});
    assert_eq!(sessions(&url), Vec::<Value>::new());
    let mut client = RawHttp::connect(&server);
    let id = client.request(create("/a%20b")).session();
    let [created] = <[Value; 1]>::try_from(sessions(&url)).unwrap();
    assert_eq!(created["received"], 0);
    assert_eq!(created["total"], Value::Null);

    client.request(fragment("/a%20b", &id, 0, 5, 10, &[]) + "hello");
    let [half] = <[Value; 1]>::try_from(sessions(&url)).unwrap();
    let expected = json!({
        "prefix": "/", "id": id, "target": "a b", "owner": null, "state": "receiving", "received": 5, "total": 10,
        "created_ms": half["created_ms"], "last_active_ms": half["last_active_ms"],
    });
    assert_eq!(half, expected);
    let now = get(&url, "/sessions").json()["now_ms"].as_u64().unwrap();
    let (created_ms, active_ms) =
        (half["created_ms"].as_u64().unwrap(), half["last_active_ms"].as_u64().unwrap());
    assert!(created_ms <= active_ms && active_ms <= now && now - created_ms < 60_000, "{half} at {now}");

    client.request(fragment("/a%20b", &id, 5, 5, 10, &[]) + "world");
    let [complete] = <[Value; 1]>::try_from(sessions(&url)).unwrap();
    assert_eq!((&complete["state"], &complete["received"]), (&json!("delivered"), &json!(10)));
    client.request(packet("Close-Session", "/a%20b", &[&format!("BITS-Session-Id: {id}")], 0));
    assert_eq!(sessions(&url), Vec::<Value>::new());
}

/// Trusts the owner that the client names, and rejects the upload once the test releases it.
struct BlockingHooks {
    called: Mutex<Sender<()>>,
    release: Mutex<Receiver<()>>,
}

impl Hooks for BlockingHooks {
    fn on_request(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        verdict.set_owner(upload.headers.get("X-Owner").unwrap_or_default());
    }

    fn on_received(&self, _: &Upload<'_>, verdict: &mut Verdict) {
        self.called.lock().unwrap().send(()).unwrap();
        self.release.lock().unwrap().recv().unwrap();
        verdict.reject(403, HResult::E_ACCESSDENIED, Context::Application, "no");
    }
}

#[test]
fn a_session_in_a_callback_is_listed_without_blocking() {
    let ((called, is_called), (release, released)) = (channel(), channel());
    let hooks = BlockingHooks { called: Mutex::new(called), release: Mutex::new(released) };
    let (server, url) = serve_with_admin(|config| {
        let mut engine = EngineConfig::new(Arc::new(MemoryStore::new(u64::MAX)));
        engine.hooks = Some(Arc::new(hooks));
        config.mounts = vec![("/up/".into(), Engine::new(engine).unwrap())];
    });
    let mut client = RawHttp::connect(&server);
    let id = client.request(create("/up/a").replacen("\r\n", "\r\nX-Owner: an<na\r\n", 1)).session();
    let last = fragment("/up/a", &id, 0, 5, 5, &["X-Owner: an<na"]);
    client.send(last + "hello");
    is_called.recv().unwrap();
    let [session] = <[Value; 1]>::try_from(sessions(&url)).unwrap();
    let listed = ["prefix", "owner", "state", "received"].map(|name| session[name].clone());
    assert_eq!(listed, [json!("/up/"), json!("an<na"), json!("notifying"), json!(5)]);
    release.send(()).unwrap();
    assert_eq!(client.response().status, 403);
    assert_eq!(sessions(&url)[0]["state"], "refused");
}

#[test]
fn a_working_server_is_healthy() {
    let (_server, url) = serve_with_admin(|_| {});
    let response = get(&url, "/health");
    assert_eq!((response.status, response.body.as_str()), (200, "ok\n"));
}

#[test]
fn the_admin_listener_serves_the_metrics() {
    let (server, url) = serve_with_admin(|_| {});
    let response = get(&url, "/metrics");
    assert_eq!(response.status, 200);
    assert_eq!(response.field("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let names = |text: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&response.body), names(&server.metrics().render()));
}

#[test]
fn an_unwritable_store_is_unhealthy() {
    let root = tempfile::tempdir().unwrap();
    let store = DirStore::open(root.path(), DirOptions::default()).unwrap();
    let engine = Engine::new(EngineConfig::new(Arc::new(store))).unwrap();
    let (_server, url) = serve_with_admin(|config| config.mounts = vec![("/up/".into(), engine)]);
    assert_eq!(get(&url, "/health").status, 200);
    let left = fs::read_dir(root.path().join(".bitsup")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| name == "lock" || name == "boot"), "the probe file was not removed");

    // Nobody, not even root, can create a file in a directory that was removed.
    fs::remove_dir_all(root.path().join(".bitsup")).unwrap();
    let response = get(&url, "/health");
    assert_eq!(response.status, 503);
    assert!(response.body.starts_with("/up/: cannot write to the store: "), "{response:?}");
}

#[test]
fn a_stopping_server_is_unhealthy_and_responds_until_the_end() {
    let ((called, is_called), (release, released)) = (channel(), channel());
    let hooks = BlockingHooks { called: Mutex::new(called), release: Mutex::new(released) };
    let (mut server, url) = serve_with_admin(|config| {
        let mut engine = EngineConfig::new(Arc::new(MemoryStore::new(u64::MAX)));
        engine.hooks = Some(Arc::new(hooks));
        config.mounts = vec![("/".into(), Engine::new(engine).unwrap())];
    });
    let mut client = RawHttp::connect(&server);
    let id = client.request(create("/a")).session();
    client.send(fragment("/a", &id, 0, 5, 5, &[]) + "hello");
    is_called.recv().unwrap();
    let stopping = std::thread::spawn(move || server.stop(Duration::from_secs(20)));
    let response =
        std::iter::repeat_with(|| get(&url, "/health")).find(|response| response.status != 200).unwrap();
    assert_eq!((response.status, response.body.as_str()), (503, "the server is stopping\n"));
    assert!(!stopping.is_finished());
    release.send(()).unwrap();
    client.response();
    drop(client);
    stopping.join().unwrap().unwrap();
    assert!(TcpStream::connect(authority(&url)).is_err());
}

#[test]
fn dropping_the_server_closes_the_admin_listener() {
    let (server, url) = serve_with_admin(|_| {});
    drop(server);
    raw_http::wait_until_refused(authority(&url).parse().unwrap());
}

#[test]
fn other_methods_paths_and_hosts_are_rejected() {
    let (_server, url) = serve_with_admin(|_| {});
    for (request, status) in [
        ("POST /sessions HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        ("DELETE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        ("BITS_POST /a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
        ("GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
        ("GET /health HTTP/1.1\r\nHost: rebound.test\r\n\r\n", 421),
        ("GET /health HTTP/1.1\r\n\r\n", 400),
        ("GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", 505),
        ("GET /health?verbose HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    ] {
        assert_eq!(administrator::request(&url, request).status, status, "{request}");
    }
}

#[test]
fn a_head_request_gets_the_response_without_its_body() {
    let (_server, url) = serve_with_admin(|_| {});
    for path in ["/", "/health", "/sessions"] {
        let get_response = get(&url, path);
        let head = request(&url, &format!("HEAD {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        if path != "/sessions" {
            assert_eq!(head.field("Content-Length").unwrap(), get_response.body.len().to_string());
        }
    }
}

#[test]
fn every_response_has_security_headers() {
    let (_server, url) = serve_with_admin(|_| {});
    for path in ["/", "/page.css", "/page.js", "/sessions", "/nowhere"] {
        let response = get(&url, path);
        let policy = response.field("Content-Security-Policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(response.field("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(response.field("Cache-Control"), Some("no-store"));
        assert_eq!(response.field("Access-Control-Allow-Origin"), None);
    }
}

#[test]
fn a_silent_or_slow_connection_blocks_no_other() {
    let (_server, url) = serve_with_admin(|_| {});
    let mut silent: Vec<_> = (0..8).map(|_| TcpStream::connect(authority(&url)).unwrap()).collect();
    silent[0].write_all(b"GET /hea").unwrap();
    assert_eq!(get(&url, "/health").status, 200);
    silent[0].write_all(b"lth HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    let mut response = String::new();
    silent[0].read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
}
