//! The engine inside somebody else's HTTP server: the examples for GNU libmicrohttpd, in C, and for Kestrel, in C#.
//! They move files, and the vectors go through them as they go through bitsup's own listener.

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

/// Why a case cannot go through an embedding program. None is left out because of what libmicrohttpd does.
fn out_of_reach(case: &Case) -> Option<&'static str> {
    let says = |words: &[&str]| {
        let mut all = case.steps.iter().flat_map(|step| &step.words);
        all.any(|word| words.contains(&word.as_str()))
    };
    let only = |words: &[&str]| case.only.iter().any(|word| words.contains(&word.as_str()));
    [
        (says(&["wait", "tick"]), "the clock of another process goes by itself"),
        (says(&["uploads"]), "the C API does not switch uploads off"),
        (only(&["engine"]), "the request names its user, or is none that a socket could carry"),
        (only(&["memory"]), "the files of another process lie in a directory"),
    ]
    .into_iter()
    .find_map(|(applies, reason)| applies.then_some(reason))
}

fn run(file: &str, mode: Mode, otherwise: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    let mut count = 0;
    for case in parse(file, &fs::read_to_string(path).unwrap()) {
        let own = otherwise.iter().find(|(title, _)| case.title == *title).map(|(_, reason)| *reason);
        match out_of_reach(&case).or(own) {
            Some(reason) => println!("{} left out: {reason}", case.origin),
            None => {
                vector::run(&case, mode);
                count += 1;
            }
        }
    }
    assert!(count > 0, "{file}: nothing was run");
}

macro_rules! vectors {
    ($mode:expr, $otherwise:expr; $($name:ident)*) => {
        $(
            // B-EMBED-01
            #[test]
            fn $name() {
                $crate::embed::run(concat!(stringify!($name), ".txt"), $mode, $otherwise);
            }
        )*
    };
}
use vectors;

vectors! { EMBEDDED, &[]; general ping create fragment close cancel sessions app reply }

/// Heads that libmicrohttpd 0.9.75 reads otherwise than bitsup's own listener: what follows the request line and
/// its `Host`, the two answers, and why they differ. No vector has such a head, for the protocol is silent
/// about them.
const OTHERWISE: &[(&str, &str, u16, u16, &str)] = &[
    ("BITS_POST /a HTTP/1.0", "", 505, 200, "it speaks HTTP/1.0"),
    ("BITS_POST  /a HTTP/1.1", "", 400, 200, "it passes over a second space"),
    ("BITS_POST /\u{e9} HTTP/1.1", "Host: x\r\n", 400, 200, "it takes a repeated Host"),
    ("BITS_POST /a HTTP/1.1", "A: 1\r\n folded\r\n", 400, 200, "it joins folded lines"),
    ("BITS_POST /a HTTP/1.1", "A: 1\n", 400, 200, "it takes a bare LF for the end of a line"),
    ("BITS_POST /a HTTP/1.1", "A: \0\r\n", 400, 200, "its header values end at a NUL"),
    ("BITS_POST /a HTTP/1.1", "Expect: money\r\n", 417, 200, "it passes over other expectations"),
];

#[test]
fn some_heads_are_read_otherwise() {
    let root = tempfile::tempdir().unwrap();
    reads_otherwise(&Embedded::start(root.path(), &EngineSettings::new(), None), OTHERWISE);
}

fn reads_otherwise(embedded: &dyn Host, otherwise: &[(&str, &str, u16, u16, &str)]) {
    let engine = Engine::new(EngineConfig::new(Arc::new(MemoryStore::default()))).unwrap();
    let config = ServerConfig::default().mount("/", engine);
    let server = Server::start(config).unwrap();
    for (line, fields, own, other, why) in otherwise {
        let head =
            format!("{line}\r\nHost: x\r\n{fields}Content-Length: 0\r\nBITS-Packet-Type: Ping\r\n\r\n");
        assert_eq!(status(server.local_addr(), &head), *own, "{head:?}");
        assert_eq!(status(embedded.address(), &head), *other, "{head:?}: {why}");
    }
}

/// What comes first on a new connection.
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

/// PROTOCOL 2.1 #15: refused, a client that waits is not asked for its body, and the connection ends.
#[test]
fn a_refused_client_that_waits_to_be_asked_is_not_asked() {
    let root = tempfile::tempdir().unwrap();
    refuses_without_asking(&Embedded::start(root.path(), &EngineSettings::new(), None));
}

fn refuses_without_asking(embedded: &dyn Host) {
    let mut socket = connect(embedded.address());
    let session = "{7DF0354D-249B-430F-820D-3D2A9BEF4931}";
    let head = format!(
        "BITS_POST /a HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Fragment\r\nBITS-Session-Id: {session}\r\n\
         Content-Range: bytes 0-9/10\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 500") && answer.contains("BITS-Error: 0x8020001F"), "{answer}");
}

fn bitsup(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bitsup")).args(arguments).output().unwrap()
}

// B-EMBED-02
#[test]
fn the_example_takes_what_the_program_uploads_also_under_valgrind() {
    let embed = Program::compile("examples/c/embed.c", &["-Wconversion"]);
    for (command, size) in [(embed.command(), 20_000_000), (embed.under_valgrind(), 3_000_000)] {
        let folder = tempfile::tempdir().unwrap();
        let (root, state) = (folder.path().join("root"), folder.path().join("state"));
        fs::create_dir(&root).unwrap();
        let (path, data) = sample(folder.path(), size);
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
fn the_example_says_what_is_wrong_and_fails() {
    let embed = Program::compile("examples/c/embed.c", &[]);
    assert_eq!(embed.command().output().unwrap().status.code(), Some(2));
    let output = embed.command().arg("/nonexistent").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && stderr.contains("BITSUP_E_NOT_FOUND"), "{stderr}");
}

// B-EMBED-02
#[test]
fn a_reply_comes_back_through_the_embedding_server() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    let app = Arc::new(App::default());
    app.perform(&["received", "reply", "0-99999"], "here");
    let embedded = Embedded::start(&root, &EngineSettings::new(), Some(&app));
    let (path, data) = sample(folder.path(), 300_000);
    let [state, reply] = ["state", "reply"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let url = format!("http://{}/vector", embedded.address());
    let path = path.to_str().unwrap();
    let output = bitsup(&["upload", path, &url, "--state-dir", &state, "--reply", &reply]);
    assert!(output.status.success(), "{output:?}");
    assert!(fs::read(root.join("vector")).unwrap() == data, "the file differs");
    assert!(fs::read(reply).unwrap() == bytes((0, 100_000)), "the reply differs");
    app.perform(&["calls", "1"], "here");
    app.perform(&["ended", "closed"], "here");
}
