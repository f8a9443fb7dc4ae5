//! The operator's listener: what it says of sessions and of the server's health, and to whom.

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

/// A server over memory that operators see, and where.
fn watched(adjust: impl FnOnce(&mut ServerConfig)) -> (Server, String) {
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
    let (server, url) = watched(|_| {});
    assert_eq!(sessions(&url), Vec::<Value>::new());
    let mut client = RawHttp::connect(&server);
    let id = client.request(create("/a%20b")).session();
    let [made] = <[Value; 1]>::try_from(sessions(&url)).unwrap();
    assert_eq!(made["received"], 0);
    assert_eq!(made["total"], Value::Null);

    client.request(fragment("/a%20b", &id, 0, 5, 10, &[]) + "hello");
    let [half] = <[Value; 1]>::try_from(sessions(&url)).unwrap();
    let expected = json!({
        "prefix": "/", "id": id, "target": "a b", "owner": null, "state": "receiving", "received": 5, "total": 10,
        "created_ms": half["created_ms"], "last_active_ms": half["last_active_ms"],
    });
    assert_eq!(half, expected);
    let now = get(&url, "/sessions").json()["now_ms"].as_u64().unwrap();
    let (created, active) = (half["created_ms"].as_u64().unwrap(), half["last_active_ms"].as_u64().unwrap());
    assert!(created <= active && active <= now && now - created < 60_000, "{half} at {now}");

    client.request(fragment("/a%20b", &id, 5, 5, 10, &[]) + "world");
    let [whole] = <[Value; 1]>::try_from(sessions(&url)).unwrap();
    assert_eq!((&whole["state"], &whole["received"]), (&json!("delivered"), &json!(10)));
    client.request(packet("Close-Session", "/a%20b", &[&format!("BITS-Session-Id: {id}")], 0));
    assert_eq!(sessions(&url), Vec::<Value>::new());
}

/// Names the owner that the client claims to be, and lets nobody through before the test says so.
struct Slow {
    asked: Mutex<Sender<()>>,
    release: Mutex<Receiver<()>>,
}

impl Hooks for Slow {
    fn on_request(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        verdict.set_owner(upload.headers.get("X-Owner").unwrap_or_default());
    }

    fn on_received(&self, _: &Upload<'_>, verdict: &mut Verdict) {
        self.asked.lock().unwrap().send(()).unwrap();
        self.release.lock().unwrap().recv().unwrap();
        verdict.reject(403, HResult::E_ACCESSDENIED, Context::Application, "no");
    }
}

#[test]
fn a_session_in_a_callback_is_listed_without_blocking() {
    let ((asked, is_asked), (release, released)) = (channel(), channel());
    let hooks = Slow { asked: Mutex::new(asked), release: Mutex::new(released) };
    let (server, url) = watched(|config| {
        let mut engine = EngineConfig::new(Arc::new(MemoryStore::new(u64::MAX)));
        engine.hooks = Some(Arc::new(hooks));
        config.mounts = vec![("/up/".into(), Engine::new(engine).unwrap())];
    });
    let mut client = RawHttp::connect(&server);
    let id = client.request(create("/up/a").replacen("\r\n", "\r\nX-Owner: an<na\r\n", 1)).session();
    let last = fragment("/up/a", &id, 0, 5, 5, &["X-Owner: an<na"]);
    client.send(last + "hello");
    is_asked.recv().unwrap();
    let [session] = <[Value; 1]>::try_from(sessions(&url)).unwrap();
    let told = ["prefix", "owner", "state", "received"].map(|name| session[name].clone());
    assert_eq!(told, [json!("/up/"), json!("an<na"), json!("asking"), json!(5)]);
    release.send(()).unwrap();
    assert_eq!(client.response().status, 403);
    assert_eq!(sessions(&url)[0]["state"], "refused");
}

#[test]
fn a_working_server_is_healthy() {
    let (_server, url) = watched(|_| {});
    let answer = get(&url, "/health");
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
}

#[test]
fn the_admin_listener_serves_the_metrics() {
    let (server, url) = watched(|_| {});
    let answer = get(&url, "/metrics");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let names = |text: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&answer.body), names(&server.metrics().render()));
}

#[test]
fn an_unwritable_store_is_unhealthy() {
    let root = tempfile::tempdir().unwrap();
    let store = DirStore::open(root.path(), DirOptions::default()).unwrap();
    let engine = Engine::new(EngineConfig::new(Arc::new(store))).unwrap();
    let (_server, url) = watched(|config| config.mounts = vec![("/up/".into(), engine)]);
    assert_eq!(get(&url, "/health").status, 200);
    let left = fs::read_dir(root.path().join(".bitsup")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| name == "lock" || name == "boot"), "the probe is removed");

    // Nothing can be made in a directory that is unlinked, whoever one is.
    fs::remove_dir_all(root.path().join(".bitsup")).unwrap();
    let answer = get(&url, "/health");
    assert_eq!(answer.status, 503);
    assert!(answer.body.starts_with("/up/: cannot write to the store: "), "{answer:?}");
}

#[test]
fn a_stopping_server_is_unhealthy_and_responds_until_the_end() {
    let ((asked, is_asked), (release, released)) = (channel(), channel());
    let hooks = Slow { asked: Mutex::new(asked), release: Mutex::new(released) };
    let (mut server, url) = watched(|config| {
        let mut engine = EngineConfig::new(Arc::new(MemoryStore::new(u64::MAX)));
        engine.hooks = Some(Arc::new(hooks));
        config.mounts = vec![("/".into(), Engine::new(engine).unwrap())];
    });
    let mut client = RawHttp::connect(&server);
    let id = client.request(create("/a")).session();
    client.send(fragment("/a", &id, 0, 5, 5, &[]) + "hello");
    is_asked.recv().unwrap();
    let stopping = std::thread::spawn(move || server.stop(Duration::from_secs(20)));
    let answer = std::iter::repeat_with(|| get(&url, "/health")).find(|answer| answer.status != 200).unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (503, "the server is stopping\n"));
    assert!(!stopping.is_finished());
    release.send(()).unwrap();
    client.response();
    drop(client);
    stopping.join().unwrap().unwrap();
    assert!(TcpStream::connect(authority(&url)).is_err());
}

#[test]
fn dropping_the_server_closes_the_admin_listener() {
    let (server, url) = watched(|_| {});
    drop(server);
    raw_http::wait_until_refused(authority(&url).parse().unwrap());
}

#[test]
fn other_methods_paths_and_hosts_are_rejected() {
    let (_server, url) = watched(|_| {});
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
    let (_server, url) = watched(|_| {});
    for path in ["/", "/health", "/sessions"] {
        let whole = get(&url, path);
        let head = request(&url, &format!("HEAD {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        if path != "/sessions" {
            assert_eq!(head.field("Content-Length").unwrap(), whole.body.len().to_string());
        }
    }
}

#[test]
fn every_response_has_security_headers() {
    let (_server, url) = watched(|_| {});
    for path in ["/", "/page.css", "/page.js", "/sessions", "/nowhere"] {
        let answer = get(&url, path);
        let policy = answer.field("Content-Security-Policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.field("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(answer.field("Cache-Control"), Some("no-store"));
        assert_eq!(answer.field("Access-Control-Allow-Origin"), None);
    }
}

#[test]
fn a_silent_or_slow_connection_blocks_no_other() {
    let (_server, url) = watched(|_| {});
    let mut silent: Vec<_> = (0..8).map(|_| TcpStream::connect(authority(&url)).unwrap()).collect();
    silent[0].write_all(b"GET /hea").unwrap();
    assert_eq!(get(&url, "/health").status, 200);
    silent[0].write_all(b"lth HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    silent[0].read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}
