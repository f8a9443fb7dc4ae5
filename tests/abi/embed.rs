//! The engine embedded in another HTTP server: the examples for GNU libmicrohttpd in C and for Kestrel in C#. They
//! transfer files, and the vectors run through them as through bitsup's own listener.

#![cfg(target_os = "linux")]

mod embedded;
mod kestrel;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use bitsup::engine::{Engine, EngineConfig};
use bitsup::server::{Server, ServerConfig};
use bitsup::store::MemoryStore;
use embedded::{Embedded, Program};
use rustix::process::Signal;
use test_support::examples::{Serve, sample};
use test_support::vector;
use test_support::vector::app::App;
use test_support::vector::drive::Host;
use test_support::vector::environment::{EngineSettings, Mode};
use test_support::vector::parse::{Case, bytes, parse};

const EMBEDDED: Mode = Mode { store: "dir", via: "embedded", start: Some(start) };

fn start(root: &Path, settings: &EngineSettings, app: Option<&Arc<App>>) -> Box<dyn Host> {
    Box::new(Embedded::start(root, settings, app))
}

/// Why a case cannot run in another process, if so. No case is skipped because of libmicrohttpd itself.
fn skip_reason(case: &Case) -> Option<&'static str> {
    let has_step = |words: &[&str]| {
        let mut all = case.steps.iter().flat_map(|step| &step.words);
        all.any(|word| words.contains(&word.as_str()))
    };
    let is_limited_to = |words: &[&str]| case.only.iter().any(|word| words.contains(&word.as_str()));
    [
        (has_step(&["wait", "tick"]), "the clock of another process cannot be controlled"),
        (has_step(&["uploads"]), "the C API cannot disable uploads"),
        (is_limited_to(&["engine"]), "the request names its user, or cannot be sent over a socket"),
        (is_limited_to(&["memory"]), "another process stores its files in a directory"),
    ]
    .into_iter()
    .find_map(|(applies, reason)| applies.then_some(reason))
}

fn run(file: &str, mode: Mode, differences: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    let mut count = 0;
    for case in parse(file, &fs::read_to_string(path).unwrap()) {
        let excluded = differences.iter().find(|(title, _)| case.title == *title).map(|(_, reason)| *reason);
        match skip_reason(&case).or(excluded) {
            Some(reason) => println!("{} skipped: {reason}", case.origin),
            None => {
                vector::run(&case, mode);
                count += 1;
            }
        }
    }
    assert!(count > 0, "{file}: no case was run");
}

macro_rules! vectors {
    ($mode:expr, $differences:expr; $($name:ident)*) => {
        $(
            // B-EMBED-01
            #[test]
            fn $name() {
                $crate::embed::run(concat!(stringify!($name), ".txt"), $mode, $differences);
            }
        )*
    };
}
use vectors;

vectors! { EMBEDDED, &[]; general ping create fragment close cancel sessions app reply }

/// Request heads that libmicrohttpd 0.9.75 parses differently from bitsup's own listener: the request line, the
/// fields after its `Host`, the status of bitsup, that of libmicrohttpd, and the reason. The protocol does not define
/// these cases, so no vector covers them.
const DIFFERENCES: &[(&str, &str, u16, u16, &str)] = &[
    ("BITS_POST /a HTTP/1.0", "", 505, 200, "it supports HTTP/1.0"),
    ("BITS_POST  /a HTTP/1.1", "", 400, 200, "it skips a second space"),
    ("BITS_POST /\u{e9} HTTP/1.1", "Host: x\r\n", 400, 200, "it accepts a repeated Host"),
    ("BITS_POST /a HTTP/1.1", "A: 1\r\n folded\r\n", 400, 200, "it joins folded lines"),
    ("BITS_POST /a HTTP/1.1", "A: 1\n", 400, 200, "it accepts a bare LF as the end of a line"),
    ("BITS_POST /a HTTP/1.1", "A: \0\r\n", 400, 200, "its header values end at a NUL"),
    ("BITS_POST /a HTTP/1.1", "Expect: money\r\n", 417, 200, "it ignores other expectations"),
];

#[test]
fn some_request_heads_are_parsed_differently() {
    let root = tempfile::tempdir().unwrap();
    assert_parsed_differently(&Embedded::start(root.path(), &EngineSettings::new(), None), DIFFERENCES);
}

fn assert_parsed_differently(embedded: &dyn Host, differences: &[(&str, &str, u16, u16, &str)]) {
    let engine = Engine::new(EngineConfig::new(Arc::new(MemoryStore::default()))).unwrap();
    let config = ServerConfig::default().mount("/", engine);
    let server = Server::start(config).unwrap();
    for (line, fields, own_status, host_status, reason) in differences {
        let head =
            format!("{line}\r\nHost: x\r\n{fields}Content-Length: 0\r\nBITS-Packet-Type: Ping\r\n\r\n");
        assert_eq!(status(server.local_addr(), &head), *own_status, "{head:?}");
        assert_eq!(status(embedded.address(), &head), *host_status, "{head:?}: {reason}");
    }
}

/// Sends a request on a new connection. Returns the status of the first response.
fn status(address: SocketAddr, request: &str) -> u16 {
    let mut socket = connect(address);
    socket.write_all(request.as_bytes()).unwrap();
    let mut start = [0; 12];
    socket.read_exact(&mut start).unwrap();
    std::str::from_utf8(&start[9..]).unwrap().parse().unwrap()
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

/// PROTOCOL 2.1 #15: a rejected request with `Expect: 100-continue` gets the final response, and the connection is
/// closed.
#[test]
fn a_rejected_request_gets_no_100_continue() {
    let root = tempfile::tempdir().unwrap();
    assert_rejected_without_100_continue(&Embedded::start(root.path(), &EngineSettings::new(), None));
}

fn assert_rejected_without_100_continue(embedded: &dyn Host) {
    let mut socket = connect(embedded.address());
    let session = "{7DF0354D-249B-430F-820D-3D2A9BEF4931}";
    let head = format!(
        "BITS_POST /a HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Fragment\r\nBITS-Session-Id: {session}\r\n\
         Content-Range: bytes 0-9/10\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).unwrap();
    assert!(
        response.starts_with("HTTP/1.1 500") && response.contains("BITS-Error: 0x8020001F"),
        "{response}"
    );
}

fn bitsup(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bitsup")).args(arguments).output().unwrap()
}

// B-EMBED-02
#[test]
fn the_example_receives_uploads_also_under_valgrind() {
    let embed = Program::compile("examples/c/embed.c", &["-Wconversion"]);
    for (command, size) in [(embed.command(), 20_000_000), (embed.under_valgrind(), 3_000_000)] {
        let directory = tempfile::tempdir().unwrap();
        let (root, state) = (directory.path().join("root"), directory.path().join("state"));
        fs::create_dir(&root).unwrap();
        let (path, data) = sample(directory.path(), size);
        let server = Serve::start(command, &root);
        let (path, url, state) =
            (path.to_str().unwrap(), format!("{}copy", server.url), state.to_str().unwrap());
        let output = bitsup(&["upload", path, &url, "--state-dir", state, "--fragment-size", "1m"]);
        assert!(output.status.success(), "{output:?}");
        assert!(fs::read(root.join("copy")).unwrap() == data, "the copy differs");
        assert_eq!(server.stop(Signal::TERM), Some(0));
    }
}

#[test]
fn the_example_reports_errors_and_fails() {
    let embed = Program::compile("examples/c/embed.c", &[]);
    assert_eq!(embed.command().output().unwrap().status.code(), Some(2));
    let output = embed.command().arg("/nonexistent").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && stderr.contains("BITSUP_E_NOT_FOUND"), "{stderr}");
}

// B-EMBED-02
#[test]
fn a_reply_is_served_by_the_embedding_server() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fs::create_dir(&root).unwrap();
    let app = Arc::new(App::default());
    app.perform(&["received", "reply", "0-99999"], "here");
    let embedded = Embedded::start(&root, &EngineSettings::new(), Some(&app));
    let (path, data) = sample(directory.path(), 300_000);
    let [state, reply] =
        ["state", "reply"].map(|name| directory.path().join(name).to_str().unwrap().to_owned());
    let url = format!("http://{}/vector", embedded.address());
    let path = path.to_str().unwrap();
    let output = bitsup(&["upload", path, &url, "--state-dir", &state, "--reply", &reply]);
    assert!(output.status.success(), "{output:?}");
    assert!(fs::read(root.join("vector")).unwrap() == data, "the file differs");
    assert!(fs::read(reply).unwrap() == bytes((0, 100_000)), "the reply differs");
    app.perform(&["calls", "1"], "here");
    app.perform(&["ended", "closed"], "here");
}
