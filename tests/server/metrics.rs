//! The metrics: a strict parser accepts them, and they match the requests that were made.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitsup::engine::{Engine, EngineConfig, Hooks, Upload, Verdict};
use bitsup::proto::{Context, HResult};
use bitsup::server::{AccessLog, LogFormat, Server};
use bitsup::store::{DirOptions, DirStore, MemoryStore};
use test_support::raw_http::{RawHttp, TIMEOUT, close, create, fragment, ping, serve, serve_anything};

type Samples = BTreeMap<String, f64>;

/// Parses the text format 0.0.4 strictly: every family must have its HELP, TYPE and samples together, and histograms
/// must be complete and cumulative.
fn parse(text: &str) -> Samples {
    let (mut samples, mut families) = (Samples::new(), BTreeMap::new());
    let mut family = (String::new(), "");
    assert!(text.ends_with('\n'));
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, description) = help.split_once(' ').unwrap();
            assert!(!description.is_empty() && is_name(name), "{line}");
            let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE ")).unwrap();
            let kind = kind.strip_prefix(name).unwrap().trim_start();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{name} {kind}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
            assert!(families.insert(name.to_owned(), kind).is_none(), "duplicate {name}");
            family = (name.to_owned(), kind);
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
            None => (series, ""),
        };
        assert!(is_name(name), "{line}");
        let ending = name.strip_prefix(family.0.as_str()).unwrap_or_else(|| panic!("{line} in {family:?}"));
        let endings: &[&str] = if family.1 == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(endings.contains(&ending), "{line}");
        check_labels(labels);
        let value: f64 = value.parse().unwrap();
        assert!(value.is_finite() && value >= 0.0, "{line}");
        assert!(samples.insert(series.to_owned(), value).is_none(), "duplicate {series}");
    }
    check_histograms(text, &samples);
    samples
}

fn is_name(name: &str) -> bool {
    name.starts_with("bitsup_") && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())
}

fn check_labels(mut labels: &str) {
    while !labels.is_empty() {
        let (name, rest) = labels.split_once("=\"").unwrap();
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase()), "{labels}");
        let mut escaped = false;
        let end = rest.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let rest = &rest[end.unwrap() + 1..];
        labels = rest.strip_prefix(',').unwrap_or(rest);
    }
}

fn check_histograms(text: &str, samples: &Samples) {
    let mut last = (String::new(), 0.0);
    for line in text.lines().filter(|line| line.contains("_bucket{")) {
        let (series, count) = line.rsplit_once(' ').unwrap();
        let (labels, bound) = series.split_once("le=\"").unwrap();
        let count: f64 = count.parse().unwrap();
        assert!(last.0 != labels || last.1 <= count, "{line} is not cumulative");
        if bound.starts_with("+Inf") {
            let total = labels.replace("_bucket", "_count").replace(",}", "}");
            let total = total.trim_end_matches([',', '{']);
            let total = if total.contains('{') { format!("{total}}}") } else { total.to_owned() };
            assert_eq!(samples[&total], count, "{line}");
        }
        last = (labels.to_owned(), count);
    }
}

fn metrics(server: &Server) -> Samples {
    parse(&server.metrics().render())
}

/// Waits until a sample has that value.
fn wait_for(server: &Server, series: &str, value: f64) {
    let began = Instant::now();
    while metrics(server).get(series) != Some(&value) {
        assert!(began.elapsed() < TIMEOUT, "{series} is not {value}: {:#?}", metrics(server));
    }
}

struct Application;

impl Hooks for Application {
    fn on_received(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        if upload.target.contains("bad") {
            verdict.reject(409, HResult(0x8012_3456), Context::Application, "bad");
        }
    }
}

fn engine() -> Engine {
    let store = Arc::new(MemoryStore::new(u64::MAX));
    Engine::new(EngineConfig::new(store).hooks(Arc::new(Application))).unwrap()
}

/// What the requests of the test below amount to.
const EXPECTED: [(&str, usize); 26] = [
    ("requests_total{packet=\"Ping\",status=\"2xx\"}", 1),
    ("requests_total{packet=\"other\",status=\"4xx\"}", 1),
    ("requests_total{packet=\"Create-Session\",status=\"2xx\"}", 4),
    ("requests_total{packet=\"Fragment\",status=\"2xx\"}", 4),
    ("requests_total{packet=\"Fragment\",status=\"4xx\"}", 2),
    ("requests_total{packet=\"Close-Session\",status=\"2xx\"}", 1),
    ("requests_total{packet=\"Close-Session\",status=\"5xx\"}", 1),
    ("errors_total{hresult=\"0x80123456\"}", 1),
    ("errors_total{hresult=\"0x8020001F\"}", 1),
    ("stored_bytes_total", 22),
    ("fragment_stored_bytes_count", 4),
    ("fragment_stored_bytes_sum", 17),
    ("notification_duration_seconds_count{outcome=\"accepted\"}", 2),
    ("notification_duration_seconds_count{outcome=\"refused\"}", 1),
    ("session_events_total{event=\"created\"}", 4),
    ("session_events_total{event=\"received\"}", 3),
    ("session_events_total{event=\"notified\"}", 3),
    ("session_events_total{event=\"closed\"}", 1),
    ("sessions{directory=\"/up/\",state=\"receiving\"}", 2),
    ("sessions{directory=\"/up/\",state=\"complete\"}", 1),
    ("sessions{directory=\"/up/\",state=\"notifying\"}", 0),
    ("connections", 1),
    ("connections_accepted_total", 1),
    ("connections_refused_total", 0),
    ("authentication_failures_total", 0),
    (concat!("build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1),
];

#[test]
fn counters_match_the_requests() {
    let server = serve(&MemoryStore::new(0), |config| config.mounts = vec![("/up/".into(), engine())]);
    let mut http = RawHttp::connect(&server);
    let (mut sent, mut received) = (0, 0);
    let mut send = |request: String, status: u16| {
        sent += request.len();
        let response = http.request(request);
        received += response.text.len();
        assert_eq!(response.status, status, "{}", response.text);
        response
    };
    send(ping("/up/a"), 200);
    send("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n".into(), 404);
    let open = send(create("/up/open"), 200).session();
    send(fragment("/up/open", &open, 0, 5, 9, &[]) + "hello", 200);
    send(fragment("/up/open", &open, 7, 2, 9, &[]) + "lo", 416);
    send(fragment("/up/open", &open, 3, 4, 9, &[]) + "lo y", 200);
    let good = send(create("/up/good"), 200).session();
    send(fragment("/up/good", &good, 0, 5, 5, &[]) + "hello", 200);
    let bad = send(create("/up/bad"), 200).session();
    send(fragment("/up/bad", &bad, 0, 5, 5, &[]) + "hello", 409);
    let closed = send(create("/up/closed"), 200).session();
    send(fragment("/up/closed", &closed, 0, 5, 5, &[]) + "hello", 200);
    send(close("/up/closed", &closed), 200);
    send(close("/up/closed", "{00000000-0000-0000-0000-000000000000}"), 500);

    let samples = metrics(&server);
    let transferred = [("received_bytes_total", sent), ("sent_bytes_total", received)];
    for (series, value) in EXPECTED.into_iter().chain(transferred) {
        assert_eq!(samples.get(&format!("bitsup_{series}")), Some(&(value as f64)), "{series}: {samples:#?}");
    }
}

#[test]
fn open_connections_are_counted() {
    let server = serve_anything();
    let clients: Vec<_> = (0..5).map(|_| RawHttp::connect(&server)).collect();
    wait_for(&server, "bitsup_connections", 5.0);
    wait_for(&server, "bitsup_workers{state=\"busy\"}", 0.0);
    wait_for(&server, "bitsup_worker_queue_length", 0.0);
    assert!(metrics(&server)["bitsup_workers{state=\"idle\"}"] >= 2.0);
    drop(clients);
    wait_for(&server, "bitsup_connections", 0.0);
    assert_eq!(metrics(&server)["bitsup_connections_accepted_total"], 5.0);
}

#[test]
fn a_directory_store_reports_its_free_space() {
    let root = tempfile::tempdir().unwrap();
    let store = DirStore::open(root.path(), DirOptions::default()).unwrap();
    let engine = Engine::new(EngineConfig::new(Arc::new(store))).unwrap();
    let server = serve(&MemoryStore::new(0), |config| {
        config.mounts = vec![("/ab/".into(), engine)];
    });
    let free = metrics(&server)["bitsup_store_free_bytes{directory=\"/ab/\"}"];
    let volume = rustix::fs::statvfs(root.path()).unwrap();
    let size = (volume.f_blocks * volume.f_frsize) as f64;
    assert!(free > 0.0 && free < size, "{free} of {size}");
}

#[test]
fn metrics_outlive_the_server_without_keeping_it_alive() {
    let root = tempfile::tempdir().unwrap();
    let serve_root = || {
        let store = DirStore::open(root.path(), DirOptions::default()).unwrap();
        let engine = Engine::new(EngineConfig::new(Arc::new(store))).unwrap();
        serve(&MemoryStore::new(0), |config| config.mounts = vec![("/".into(), engine)])
    };
    let mut server = serve_root();
    RawHttp::connect(&server).request(ping("/a"));
    let metrics = server.metrics();
    server.stop(Duration::ZERO).unwrap();
    drop(server);
    let samples = parse(&metrics.render());
    assert_eq!(samples["bitsup_requests_total{packet=\"Ping\",status=\"2xx\"}"], 1.0);
    drop(serve_root());
}

/// Checks the metrics with the tool of Prometheus, if it is installed.
#[test]
fn promtool_accepts_the_metrics() {
    let log = AccessLog::to_writer(std::io::sink(), LogFormat::Text).unwrap();
    let server = serve(&MemoryStore::new(u64::MAX), |config| config.access_log = Some(log));
    RawHttp::connect(&server).request(ping("/a"));
    let text = server.metrics().render();
    assert_eq!(parse(&text)["bitsup_access_log_lost_lines_total"], 0.0);
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else { return };
    tool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let outcome = tool.wait_with_output().unwrap();
    assert!(outcome.status.success() && outcome.stderr.is_empty(), "{outcome:?}");
}
