//! The access log, over real sockets: one complete line per request and event, without secrets.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bitsup::engine::{Engine, EngineConfig, Hooks, Upload, Verdict};
use bitsup::log::{Level, Logger};
use bitsup::proto::{Context, HResult, SessionId, names};
use bitsup::server::{AccessLog, LogFormat, Server, ServerConfig};
use bitsup::store::{MemoryStore, Store};
use serde_json::Value;
use tempfile::TempDir;
use test_support::raw_http::{RawHttp, TIMEOUT, close, create, engine, fragment, packet, ping, serve};

/// A server with an access log in a temporary folder.
struct LoggedServer {
    server: Server,
    folder: TempDir,
}

impl LoggedServer {
    fn start(format: LogFormat, adjust: impl FnOnce(&mut ServerConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(&MemoryStore::new(u64::MAX), |config| {
            config.access_log = Some(AccessLog::to_file(folder.path().join("log"), format).unwrap());
            adjust(config);
        });
        Self { server, folder }
    }

    fn json() -> Self {
        Self::start(LogFormat::Json, |_| {})
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn events(&self) -> Vec<Value> {
        events(&self.path())
    }

    /// Returns the lines of an event.
    fn lines_of(&self, name: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["event"] == name).collect()
    }

    /// Waits for an event that may be logged after the response was sent.
    fn wait_for(&self, name: &str) -> Value {
        let began = Instant::now();
        loop {
            if let Some(event) = self.lines_of(name).pop() {
                return event;
            }
            assert!(began.elapsed() < TIMEOUT, "no {name} in {}", self.text());
            thread::yield_now();
        }
    }
}

fn events(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

fn cancel(path: &str, session: &str) -> String {
    packet("Cancel-Session", path, &[&format!("BITS-Session-Id: {session}")], 0)
}

fn with_field(request: &str, field: &str) -> String {
    request.replacen("\r\n", &format!("\r\n{field}\r\n"), 1)
}

fn event_names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

#[test]
fn each_request_is_logged_with_its_details() {
    let logged = LoggedServer::json();
    let mut http = RawHttp::connect(&logged.server);
    let client = http.socket.local_addr().unwrap().to_string();
    let created = http.request(create("/a%20b?x=1"));
    let session = created.session();
    let head = fragment("/a%20b?x=1", &session, 0, 5, 9, &[]);
    let response = http.request(head.clone() + "hello");
    let lines = logged.lines_of("request");
    let line = &lines[1];
    for (key, value) in [
        ("peer", client.as_str()),
        ("method", "BITS_POST"),
        ("packet", "Fragment"),
        ("session", &session),
        ("path", "/a%20b"),
        ("range", "bytes 0-4/9"),
    ] {
        assert_eq!(line[key], value, "{key}: {line}");
    }
    assert_eq!((&line["status"], &line["bytes_stored"]), (&200.into(), &5.into()));
    assert_eq!(line["bytes_in"], head.len() + 5);
    assert_eq!(line["bytes_out"], response.text.len());
    assert!(line["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0 && ms < 20_000.0), "{line}");
    let time = line["time"].as_str().unwrap();
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z");
    for absent in ["owner", "hresult", "tls"] {
        assert_eq!(line.get(absent), None, "{line}");
    }
    assert_eq!((&lines[0]["session"], &lines[0]["packet"]), (&session.into(), &"Create-Session".into()));
}

#[test]
fn text_lines_have_a_time_an_event_and_pairs() {
    let logged = LoggedServer::start(LogFormat::Text, |_| {});
    let mut http = RawHttp::connect(&logged.server);
    http.request(ping("/a"));
    let text = logged.text();
    let line = text.lines().last().unwrap();
    let mut parts = line.split(' ');
    assert!(parts.next().unwrap().ends_with('Z'));
    assert_eq!(parts.next(), Some("request"));
    let pairs: BTreeMap<_, _> = parts.map(|pair| pair.split_once('=').unwrap()).collect();
    assert_eq!((pairs["packet"], pairs["path"], pairs["status"]), ("Ping", "/a", "200"));
    assert_eq!(pairs["peer"], http.socket.local_addr().unwrap().to_string());
}

#[test]
fn rejected_requests_are_logged_with_their_reason() {
    let logged = LoggedServer::json();
    let mut http = RawHttp::connect(&logged.server);
    let unknown = "{11111111-2222-3333-4444-555555555555}";
    assert_eq!(http.request(close("/a", unknown)).status, 500);
    assert_eq!(http.request("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").status, 404);
    assert_eq!(http.request("no request\r\n\r\n").status, 400);
    let lines = logged.lines_of("request");
    assert_eq!((&lines[0]["status"], &lines[0]["hresult"]), (&500.into(), &"0x8020001F".into()));
    assert_eq!(lines[0]["session"], unknown);
    assert_eq!((&lines[1]["status"], &lines[1]["method"]), (&404.into(), &"GET".into()));
    assert_eq!((&lines[2]["status"], lines[2].get("method")), (&400.into(), None));
}

#[test]
fn session_events_are_logged_in_order() {
    let logged = LoggedServer::json();
    let mut http = RawHttp::connect(&logged.server);
    let done = http.request(create("/done?secret")).session();
    http.request(fragment("/done?secret", &done, 0, 5, 5, &[]) + "hello");
    http.request(close("/done?secret", &done));
    let cancelled = http.request(create("/b")).session();
    http.request(cancel("/b", &cancelled));
    let failed = http.request(create("/c")).session();
    assert_eq!(http.request(close("/c", &failed)).status, 400);
    let events = logged.events();
    assert_eq!(
        event_names(&events),
        [
            "server-started",
            "session-created",
            "request",
            "session-received",
            "request",
            "session-closed",
            "request",
            "session-created",
            "request",
            "session-cancelled",
            "request",
            "session-created",
            "request",
            "session-failed",
            "request",
        ]
    );
    let received = &events[3];
    assert_eq!((&received["session"], &received["path"]), (&done.into(), &"/done".into()));
    assert_eq!(received["total"], 5);
    assert_eq!(received["peer"], http.socket.local_addr().unwrap().to_string());
}

#[test]
fn expired_sessions_and_server_events_are_logged() {
    let store = MemoryStore::new(u64::MAX);
    let config = EngineConfig::new(Arc::new(store)).session_timeout(Duration::from_millis(100));
    let engine = Engine::new(config).unwrap();
    let mut logged = LoggedServer::start(LogFormat::Json, |config| {
        config.mounts = vec![("/up/".into(), engine)];
        config.cleanup_interval = Duration::from_millis(100);
    });
    let session = RawHttp::connect(&logged.server).request(create("/up/a")).session();
    let expired = logged.wait_for("session-expired");
    assert_eq!((&expired["session"], &expired["path"]), (&session.into(), &"/up/a".into()));
    let url = logged.server.url();
    logged.server.stop(Duration::ZERO).unwrap();
    assert_eq!(logged.events()[0]["url"], url);
    let events = logged.events();
    let server_events: Vec<&str> =
        event_names(&events).into_iter().filter(|name| name.starts_with("server")).collect();
    assert_eq!(server_events, ["server-started", "server-stopping", "server-stopped"]);
}

#[test]
fn a_takeover_and_the_lost_request_are_logged() {
    let store = MemoryStore::new(u64::MAX);
    let logged =
        LoggedServer::start(LogFormat::Json, |config| config.mounts = vec![("/".into(), engine(&store))]);
    let mut first = RawHttp::connect(&logged.server);
    let session = first.request(create("/a")).session();
    first.send(fragment("/a", &session, 0, 5, 9, &[]) + "he");
    let id = SessionId::parse(&session).unwrap();
    let began = Instant::now();
    while store.read(id).unwrap().length() < 2 {
        assert!(began.elapsed() < TIMEOUT, "no bytes were stored");
    }
    assert_eq!(logged.lines_of("session-taken-over").len(), 0);
    let mut second = RawHttp::connect(&logged.server);
    assert_eq!(second.request(fragment("/a", &session, 2, 7, 9, &[]) + "llo you").status, 200);
    assert_eq!(logged.wait_for("session-taken-over")["session"], session);
    drop(first);
    let began = Instant::now();
    let lost = loop {
        let fragments = logged.lines_of("request").into_iter().filter(|line| line["packet"] == "Fragment");
        let lost = fragments.into_iter().find(|line| line["range"] == "bytes 0-4/9");
        assert!(began.elapsed() < TIMEOUT, "{}", logged.text());
        if let Some(lost) = lost {
            break lost;
        }
    };
    assert_eq!((lost.get("status"), &lost["bytes_out"]), (None, &0.into()), "{lost}");
    assert_eq!(lost["bytes_stored"], 2);
}

struct Application;

impl Hooks for Application {
    fn on_request(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        match upload.headers.get("Authorization") {
            Some("Bearer planted-good") => verdict.set_owner("ann = \"\u{1b}[2J\n"),
            Some(_) => verdict.challenge("Bearer"),
            None => {}
        }
    }

    fn on_received(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        if upload.target.contains("bad") {
            verdict.reject(409, HResult(0x8012_3456), Context::Application, "bad");
        }
    }
}

fn serve_application() -> LoggedServer {
    let config = EngineConfig::new(Arc::new(MemoryStore::new(u64::MAX))).hooks(Arc::new(Application));
    let engine = Engine::new(config).unwrap();
    LoggedServer::start(LogFormat::Json, |config| config.mounts = vec![("/".into(), engine)])
}

#[test]
fn application_decisions_are_logged() {
    let logged = serve_application();
    let mut http = RawHttp::connect(&logged.server);
    for (path, status) in [("/good", 200), ("/bad", 409)] {
        let session = http.request(create(path)).session();
        assert_eq!(http.request(fragment(path, &session, 0, 5, 5, &[]) + "hello").status, status);
    }
    let notified = logged.lines_of("session-notified");
    assert_eq!((&notified[0]["outcome"], notified[0].get("status")), (&"accepted".into(), None));
    assert_eq!((&notified[1]["outcome"], &notified[1]["status"]), (&"refused".into(), &409.into()));
    assert!(notified[0]["duration_ms"].as_f64().is_some_and(|ms| ms < 20_000.0));
    assert_eq!(logged.lines_of("request")[3]["hresult"], "0x80123456");
}

/// Everything that a client can send and that could end up in the log.
#[test]
fn secrets_and_control_characters_are_not_logged() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let users = [("anna", "planted-password")];
        let logged = LoggedServer::start(format, |config| {
            users.iter().for_each(|(name, password)| config.users.add(name, password).unwrap());
        });
        let mut http = RawHttp::connect(&logged.server);
        let basic = |credentials: &str| format!("Authorization: Basic {}", STANDARD.encode(credentials));
        let valid = basic("anna:planted-password");
        for (request, status) in [
            (with_field(&ping("/a?token=planted-query"), &valid), 200),
            (
                with_field(&ping("http://planted-user:planted-host@h/a?planted-query#planted-part"), &valid),
                200,
            ),
            (with_field(&ping("/a"), &basic("anna:planted-wrong")), 401),
            (with_field(&ping("/a"), &basic("planted-name:planted-wrong")), 401),
            (with_field(&ping("/a"), "Authorization: Bearer planted-token"), 401),
            (with_field(&ping("*?planted-query"), &valid), 404),
            (with_field(&with_field(&ping("/a"), &valid), "Cookie: planted-cookie"), 200),
            (with_field(&with_field(&ping("/a"), &valid), "Proxy-Authorization: Basic planted-proxy"), 200),
            (with_field(&with_field(&ping("/a"), &valid), "Content-Range: x\u{85}\"\\\t=\u{202e}"), 200),
            (with_field(&with_field(&ping("/%0a%22\"\u{e9}"), &valid), "BITS-Session-Id: x"), 200),
        ] {
            assert_eq!(http.request(&request).status, status, "{request}");
        }
        let mut raw = RawHttp::connect(&logged.server);
        let invalid = with_field(&ping("/PATH"), &valid).replace("PATH", "\u{1}");
        assert_eq!(raw.request(invalid).status, 400);
        let mut raw = RawHttp::connect(&logged.server);
        let field = with_field(&with_field(&ping("/bytes"), &valid), "Content-Range: FIELD");
        let mut bytes = field.into_bytes();
        let at = bytes.windows(5).position(|window| window == b"FIELD").unwrap();
        bytes.splice(at..at + 5, *b"\xff\xfe\xc3");
        assert_eq!(raw.request(bytes).status, 200);

        let text = logged.text();
        assert!(!text.contains("planted"), "{text}");
        assert!(!text.contains(&STANDARD.encode("anna:planted-password")[..8]), "{text}");
        assert!(!text.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text:?}");
        assert_eq!(text.lines().count(), 1 + 12 + 3, "{text}");
        assert_eq!(text.matches("auth-failed").count(), 3, "{text}");
        assert_eq!(text.matches("anna").count(), 8, "{text}");
    }
}

#[test]
fn the_owner_is_logged_on_one_line_and_a_challenge_as_auth_failed() {
    let logged = serve_application();
    let mut http = RawHttp::connect(&logged.server);
    assert_eq!(http.request(with_field(&ping("/a"), "Authorization: Bearer planted-good")).status, 200);
    assert_eq!(http.request(with_field(&ping("/a"), "Authorization: Bearer planted-bad")).status, 401);
    assert_eq!(logged.lines_of("request")[0]["owner"], "ann = \"\u{1b}[2J\n");
    assert_eq!(logged.lines_of("auth-failed").len(), 1);
    assert!(!logged.text().contains("planted") && !logged.text().contains('\u{1b}'));
}

#[test]
fn the_log_file_is_private_and_appended_to() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    for _ in 0..2 {
        let log = AccessLog::to_file(&path, LogFormat::Json).unwrap();
        drop(serve(&MemoryStore::new(0), |config| config.access_log = Some(log)));
    }
    let started = events(&path).iter().filter(|event| event["event"] == "server-started").count();
    assert_eq!(started, 2);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let error = AccessLog::to_file(folder.path(), LogFormat::Json).err().unwrap();
    assert!(error.message().contains("access log") && error.message().contains("director"), "{error}");
}

#[test]
fn rotation_under_load_loses_and_splits_no_line() {
    const REQUESTS: usize = 300;
    let logged = LoggedServer::json();
    let rotated = thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|client| {
                let mut http = RawHttp::connect(&logged.server);
                scope.spawn(move || {
                    (0..REQUESTS).for_each(|number| {
                        http.request(ping(&format!("/{client}-{number}")));
                    });
                })
            })
            .collect();
        let mut rotated = Vec::new();
        while clients.iter().any(|client| !client.is_finished()) {
            let old = logged.folder.path().join(format!("log.{}", rotated.len()));
            fs::rename(logged.path(), &old).unwrap();
            logged.server.reopen_access_log().unwrap();
            rotated.push(old);
        }
        rotated
    });
    let files = rotated.iter().cloned().chain([logged.path()]);
    let mut paths: Vec<String> = files
        .flat_map(|file| events(&file))
        .filter_map(|event| Some(event["path"].as_str()?.to_owned()))
        .collect();
    paths.sort();
    let mut expected: Vec<String> =
        (0..3).flat_map(|client| (0..REQUESTS).map(move |number| format!("/{client}-{number}"))).collect();
    expected.sort();
    assert_eq!(paths, expected);
    assert!(rotated.len() > 1);
}

#[test]
fn a_full_disk_does_not_stop_the_server_and_lost_lines_are_counted() {
    let log = AccessLog::to_file("/dev/full", LogFormat::Json).unwrap();
    let server = serve(&MemoryStore::new(u64::MAX), |config| config.access_log = Some(log));
    let mut http = RawHttp::connect(&server);
    (0..10).for_each(|_| assert_eq!(http.request(ping("/a")).status, 200));
    let lost = "bitsup_access_log_lost_lines_total 11\n";
    assert!(server.metrics().render().contains(lost), "{}", server.metrics().render());
}

// B-LOG-01
#[test]
fn the_lines_can_go_to_a_logger() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let logger = Logger::new(Level::Info, move |level, target, line| {
        sink.lock().unwrap().push((level, target.to_owned(), line.to_owned()));
    });
    let server = serve(&MemoryStore::new(u64::MAX), |config| {
        config.access_log = Some(AccessLog::to_logger(logger, LogFormat::Json).unwrap());
    });
    RawHttp::connect(&server).request(ping("/a"));
    let lines = lines.lock().unwrap();
    assert!(lines.iter().all(|(level, target, _)| (*level, target.as_str()) == (Level::Info, "access")));
    let last: Value = serde_json::from_str(&lines.last().unwrap().2).unwrap();
    assert_eq!((&last["packet"], lines.len()), (&"Ping".into(), 2));
    assert_eq!(names::METHOD, last["method"]);
}
