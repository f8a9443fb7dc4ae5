//! `bitsup upload` without interruptions: results, output and errors.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::thread;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

use crate::program::{Outcome, TestServer, Workspace, bitsup, run};

fn upload(workspace: &Workspace, source: &str, url: &str, options: &[&str]) -> Outcome {
    let state = workspace.path_str("state");
    run(&[&["upload", source, url, "--state-dir", &state, "--no-progress-timeout", "0"], options].concat())
}

// B-UPLOAD-01
#[test]
fn files_of_boundary_sizes_arrive() {
    let server = TestServer::new(&[]);
    for size in [0, 1, 65_535, 65_536, 65_537, 131_072, 1_000_000] {
        let name = format!("file-{size}");
        let (source, content) = server.workspace.source("source", size);
        upload(&server.workspace, &source, &server.url_of(&name), &["--fragment-size", "64k"])
            .assert_success();
        assert_eq!(fs::read(server.workspace.received(&name)).unwrap(), content, "{size}");
    }
    assert_eq!(server.workspace.sessions(), [""; 0]);
}

#[test]
fn the_url_names_the_destination_below_the_root() {
    let server = TestServer::new(&[]);
    let (source, content) = server.workspace.source("source", 5000);
    fs::create_dir(server.workspace.received("folder")).unwrap();
    upload(&server.workspace, &source, &server.url_of("folder/a%20b"), &[]).assert_success();
    assert_eq!(fs::read(server.workspace.received("folder/a b")).unwrap(), content);
}

#[test]
fn plain_output_ends_with_a_summary() {
    let server = TestServer::new(&[]);
    let (source, _) = server.workspace.source("source", 300_000);
    let url = server.url_of("file");
    let outcome = upload(&server.workspace, &source, &url, &["--fragment-size", "10k"]);
    let lines: Vec<_> = outcome.assert_success().stdout.lines().collect();
    let (last, progress) = lines.split_last().unwrap();
    assert!(last.starts_with(&format!("uploaded {source} to {url}: ")), "{lines:?}");
    assert!((1..=12).contains(&progress.len()), "30 fragments make about ten lines: {lines:?}");
    assert!(progress.last().unwrap().starts_with("100 % "), "{lines:?}");
}

#[test]
fn quiet_prints_nothing() {
    let server = TestServer::new(&[]);
    let (source, _) = server.workspace.source("source", 10_000);
    let outcome = upload(&server.workspace, &source, &server.url_of("file"), &["--quiet"]);
    assert_eq!(outcome.assert_success().stdout, "");
}

#[test]
fn json_reports_states_progress_and_the_result() {
    let server = TestServer::new(&[]);
    let (source, _) = server.workspace.source("source", 30_000);
    let options = ["--json", "--fragment-size", "10000"];
    let outcome = upload(&server.workspace, &source, &server.url_of("file"), &options);
    let events = outcome.assert_success().events();

    let sent: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "progress")
        .map(|event| event["sent"].as_u64())
        .collect();
    assert_eq!(sent, [Some(10_000), Some(20_000), Some(30_000)]);
    let states: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "state")
        .map(|event| event["to"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["connecting", "transferring", "transferred", "closed"]);
    let done = events.last().unwrap();
    assert_eq!(
        (&done["event"], done["sent"].as_u64(), done["total"].as_u64()),
        (&"done".into(), Some(30_000), Some(30_000))
    );
    assert!(done["seconds"].as_f64().unwrap() >= 0.0);
}

#[test]
fn json_reports_an_error_with_its_codes() {
    let server = TestServer::new(&["--max-upload-size", "1k"]);
    let (source, _) = server.workspace.source("source", 1025);
    let outcome = upload(&server.workspace, &source, &server.url_of("file"), &["--json"]);
    outcome.assert_failure(1, &["HTTP status: 500", "HRESULT: 0x80200020 BG_E_TOO_LARGE", "what to do: "]);
    let error = outcome.events().pop().unwrap();
    assert_eq!(error["event"], "error");
    assert_eq!(error["http_status"], 500);
    assert_eq!(error["hresult"], "0x80200020");
    assert_eq!(error["transient"], false);
    assert!(!error["message"].as_str().unwrap().is_empty());
}

#[test]
fn json_reports_retries() {
    let workspace = Workspace::new();
    let (source, _) = workspace.source("source", 10);
    let (_guard, url) = refusing_url();
    let args = ["upload", &source, &url, "--state-dir", &workspace.path_str("state"), "--json"];
    let outcome = run(&[&args[..], &["--retry-delay", "10ms", "--no-progress-timeout", "100ms"]].concat());
    outcome.assert_failure(3, &["bitsup: "]);
    let events = outcome.events();
    let retry = events.iter().find(|event| event["event"] == "retry").unwrap();
    assert_eq!(retry["attempt"], 1);
    assert!(retry["delay_ms"].as_u64().unwrap() <= 10, "{retry}");
    assert!(!retry["message"].as_str().unwrap().is_empty());
    assert_eq!(events.last().unwrap()["transient"], true);
}

// B-ERROR-04
#[test]
fn an_existing_file_is_replaced_only_where_the_server_allows_it() {
    for (options, allowed) in [(&[][..], false), (&["--allow-overwrites"], true)] {
        let server = TestServer::new(options);
        fs::write(server.workspace.received("file"), "old").unwrap();
        let (source, content) = server.workspace.source("source", 100);
        let outcome = upload(&server.workspace, &source, &server.url_of("file"), &[]);
        let found = fs::read(server.workspace.received("file")).unwrap();
        if allowed {
            outcome.assert_success();
            assert_eq!(found, content);
        } else {
            outcome.assert_failure(1, &["HTTP status: 403", "0x80070005 E_ACCESSDENIED", "what to do: "]);
            assert_eq!(found, b"old");
        }
    }
}

#[test]
fn a_missing_folder_is_a_404() {
    let server = TestServer::new(&[]);
    let (source, _) = server.workspace.source("source", 100);
    upload(&server.workspace, &source, &server.url_of("nowhere/file"), &[])
        .assert_failure(1, &["HTTP status: 404"]);
    assert_eq!(server.workspace.names(), [""; 0]);
}

#[test]
fn unreadable_sources_are_named() {
    let workspace = Workspace::new();
    let (_guard, url) = refusing_url();
    // Not even root can open a link to itself.
    symlink(workspace.path("loop"), workspace.path("loop")).unwrap();
    for (name, code) in [("missing", 1), ("loop", 1), ("root", 2)] {
        let outcome = upload(&workspace, &workspace.path_str(name), &url, &["--json"]);
        outcome.assert_failure(code, &["bitsup: ", &workspace.path_str(name)]);
        let error = outcome.events().pop().unwrap();
        assert_eq!((&error["event"], &error["transient"]), (&"error".into(), &false.into()));
    }
    assert!(!workspace.path("state").exists(), "no state is kept of an upload that did not start");
}

#[test]
fn without_retries_a_refused_connection_fails_at_once() {
    let workspace = Workspace::new();
    let (source, _) = workspace.source("source", 10);
    let (_guard, url) = refusing_url();
    upload(&workspace, &source, &url, &[]).assert_failure(3, &["bitsup: ", "HRESULT: 0x", "what to do: "]);
}

#[test]
fn an_unknown_host_is_named() {
    let workspace = Workspace::new();
    let (source, _) = workspace.source("source", 10);
    let outcome = upload(&workspace, &source, "http://no-such-host.invalid/file", &[]);
    outcome.assert_failure(3, &["no-such-host.invalid", "what to do: "]);
}

// B-UPLOAD-04
#[test]
fn custom_headers_are_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let head = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(&stream).lines().map(Result::unwrap);
        let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        (&stream).write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
        head
    });
    run(&["ping", &url, "--header", "X-Tag: seen"]).assert_failure(1, &["HTTP status: 403", "what to do: "]);
    let head = head.join().unwrap();
    assert!(head.iter().any(|line| line.eq_ignore_ascii_case("X-Tag: seen")), "{head:?}");
    run(&["ping", &url, "--header", "X Tag: bad"]).assert_failure(2, &["X Tag"]);
}

#[test]
fn state_is_kept_in_the_users_state_directory_and_removed_at_the_end() {
    let server = TestServer::new(&[]);
    let (source, _) = server.workspace.source("source", 10);
    for (variable, directory) in [("XDG_STATE_HOME", "state/bitsup"), ("HOME", "home/.local/state/bitsup")] {
        let base = server.workspace.path(directory.split('/').next().unwrap());
        let mut command = bitsup(&["upload", &source, &server.url_of(variable)]);
        command.env_remove("XDG_STATE_HOME").env(variable, base);
        Outcome::from(command.output().unwrap()).assert_success();
        let directory = server.workspace.path(directory);
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    }
}

/// A URL whose port refuses connections while the socket is held, which is bound and does not listen.
fn refusing_url() -> (OwnedFd, String) {
    let socket_guard = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket_guard, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = SocketAddrV4::try_from(getsockname(&socket_guard).unwrap()).unwrap();
    (socket_guard, format!("http://{address}/file"))
}
