//! `bitsup serve` with TLS and users, and its shutdown.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{ChildStderr, Command};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use test_support::certificates::{Authority, Identity};
use test_support::raw_http::{RawHttp, TIMEOUT, create, fragment, ping, wait_until_refused};
use test_support::tls::tls_stream;

use crate::config::serve;
use crate::program::{TestServer, Workspace, run};

/// Writes certificate and key to the files that the options name.
fn write_identity(workspace: &Workspace, identity: &Identity) {
    fs::write(workspace.path("cert.pem"), &identity.certificate).unwrap();
    fs::write(workspace.path("key.pem"), &identity.key).unwrap();
}

fn serve_tls(authority: &Authority, options: &[&str]) -> TestServer {
    let workspace = Workspace::new();
    write_identity(&workspace, &authority.server());
    let (cert, key) = (workspace.path_str("cert.pem"), workspace.path_str("key.pem"));
    let tls = ["--tls-cert", &cert, "--tls-key", &key];
    TestServer::start_in(workspace, "127.0.0.1:0", &[&tls, options].concat())
}

fn address(server: &TestServer) -> SocketAddr {
    server.url.strip_prefix("https://").unwrap().trim_end_matches('/').parse().unwrap()
}

/// Whether a client that trusts this authority gets a response.
fn is_trusted(server: &TestServer, authority: &Authority) -> bool {
    let mut stream = tls_stream(address(server), &authority.client_config());
    stream.write_all(ping("/a").as_bytes()).is_ok() && RawHttp::over(stream).response().status == 200
}

fn stderr(server: &mut TestServer) -> BufReader<ChildStderr> {
    BufReader::new(server.process.child.stderr.take().unwrap())
}

fn basic(credentials: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(credentials))
}

/// The exit code of a ping with these credentials, or without.
fn ping_as(server: &TestServer, credentials: Option<&str>) -> Option<i32> {
    let header = credentials.map(basic);
    let args = header.iter().flat_map(|header| ["--header", header.as_str()]);
    run(&["ping", server.url.as_str()].into_iter().chain(args).collect::<Vec<_>>()).code
}

#[test]
fn with_a_certificate_the_server_listens_on_https() {
    let authority = Authority::named("root");
    let server = serve_tls(&authority, &[]);
    assert!(is_trusted(&server, &authority));
}

#[test]
fn sighup_reloads_the_certificate_and_keeps_the_old_one_if_the_new_one_is_invalid() {
    let (old, new) = (Authority::named("old"), Authority::named("new"));
    let mut server = serve_tls(&old, &[]);
    let mut log = stderr(&mut server);
    let mut open_connection = RawHttp::over(tls_stream(address(&server), &old.client_config()));
    assert_eq!(open_connection.request(ping("/a")).status, 200);

    fs::write(server.workspace.path("key.pem"), "broken").unwrap();
    server.process.signal(Signal::HUP);
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    assert!(line.contains("cannot reload the certificates") && line.contains("key.pem: "), "{line}");
    assert!(is_trusted(&server, &old));

    write_identity(&server.workspace, &new.server());
    server.process.signal(Signal::HUP);
    let start = Instant::now();
    while !is_trusted(&server, &new) {
        assert!(start.elapsed() < TIMEOUT, "the new certificate was not loaded");
    }
    assert_eq!(open_connection.request(ping("/a")).status, 200, "open connections are kept");
}

#[test]
fn the_owner_is_the_subject_of_the_client_certificate() {
    let (authority, members) = (Authority::named("root"), Authority::named("members"));
    let workspace = Workspace::new();
    fs::write(workspace.path("ca.pem"), &members.pem).unwrap();
    let ca = workspace.path_str("ca.pem");
    let server =
        serve_tls(&authority, &["--client-ca", &ca, "--allow-user", "CN=anna", "--create-user", "CN=anna"]);
    for (name, status) in [("anna", 200), ("bert", 403)] {
        let certificate = members.client(&[(rcgen::DnType::CommonName, name)]);
        let client = authority.client_config_with(rustls::ALL_VERSIONS, Some(&certificate));
        let response = RawHttp::over(tls_stream(address(&server), &client)).request(create("/a"));
        assert_eq!(response.status, status, "{name}");
    }
}

#[test]
fn users_of_the_command_line_and_of_a_file_are_accepted() {
    let workspace = Workspace::new();
    let file = workspace.path_str("users");
    let line = |password: &str| format!("bert:{}\n", bcrypt::hash(password, 4).unwrap());
    fs::write(&file, line("b")).unwrap();
    let mut server = TestServer::new(&["--user", "anna:a:a", "--users-file", &file]);
    let log = stderr(&mut server);
    for (credentials, code) in
        [(None, 1), (Some("anna:a:a"), 0), (Some("bert:b"), 0), (Some("anna:a"), 1), (Some("carl:b"), 1)]
    {
        assert_eq!(ping_as(&server, credentials), Some(code), "{credentials:?}");
    }

    fs::write(&file, "bert:plain\n").unwrap();
    server.process.signal(Signal::HUP);
    let mut lines = log.lines();
    let warning = lines.next().unwrap().unwrap();
    assert!(warning.contains("cannot reload the users") && warning.contains("users:1: "), "{warning}");
    assert_eq!(ping_as(&server, Some("bert:b")), Some(0));

    fs::write(&file, line("new")).unwrap();
    server.process.signal(Signal::HUP);
    let start = Instant::now();
    while ping_as(&server, Some("bert:new")) != Some(0) {
        assert!(start.elapsed() < TIMEOUT, "the new users were not loaded");
    }
    assert_eq!(ping_as(&server, Some("bert:b")), Some(1));
}

#[test]
fn listening_beyond_loopback_requires_users_or_allow_anonymous() {
    let workspace = Workspace::new();
    let root = workspace.path_str("root");
    let outcome = run(&["serve", "--root", &root, "--listen", "0.0.0.0:0"]);
    outcome.assert_failure(2, &["0.0.0.0:0", "--users-file", "--client-ca", "--allow-anonymous"]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.lines().count()), ("", 1));

    for (options, warning) in
        [(&["--allow-anonymous"][..], "may upload"), (&["--user", "anna:a"], "unencrypted")]
    {
        let mut server = TestServer::start_in(Workspace::new(), "0.0.0.0:0", options);
        server.process.signal(Signal::TERM);
        let outcome = server.process.finish();
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stderr.contains(warning), "{outcome:?}");
    }
}

#[test]
fn passwords_appear_in_no_message() {
    let workspace = Workspace::new();
    let root = workspace.path_str("root");
    for user in ["hunter2", ":hunter2", "anna:hunter2\u{7}", "an\tna:hunter2"] {
        let outcome = run(&["serve", "--root", &root, "--listen", "127.0.0.1:0", "--user", user]);
        outcome.assert_failure(2, &["bitsup: "]);
        assert!(!outcome.stderr.contains("hunter2"), "{outcome:?}");
    }
    fs::write(workspace.path("bitsup.toml"), "user = 'hunter2'\n[[directory]]\nroot = 'root'\n").unwrap();
    let outcome = run(&["serve", "--config", &workspace.path_str("bitsup.toml"), "--listen", "127.0.0.1:0"]);
    outcome.assert_failure(2, &["NAME:PASSWORD"]);
    assert!(!outcome.stderr.contains("hunter2"), "{outcome:?}");
}

#[test]
fn a_directory_admits_only_the_users_it_names() {
    let server = serve(
        "listen = '127.0.0.1:0'\nuser = ['anna:a', 'bert:b']\nallow-user = ['anna', 'bert']\n\
         [[directory]]\nurl-prefix = '/both/'\nroot = 'a'\noverwrite-user = 'anna'\n\
         [[directory]]\nurl-prefix = '/one/'\nroot = 'b'\nallow-user = 'anna'\n",
        &[],
    );
    fs::write(server.workspace.path("a/old"), "old").unwrap();
    let create_as = |credentials: &str, path: &str| {
        let request = create(path).replacen("\r\n", &format!("\r\n{}\r\n", basic(credentials)), 1);
        RawHttp::connect_to(server.address()).request(request).status
    };
    for (credentials, path, status) in [
        ("anna:a", "/both/f", 200),
        ("bert:b", "/both/f", 200),
        ("anna:a", "/one/f", 200),
        ("bert:b", "/one/f", 403),
        ("anna:a", "/both/old", 200),
        ("bert:b", "/both/old", 403),
        ("carl:c", "/both/f", 401),
    ] {
        assert_eq!(create_as(credentials, path), status, "{credentials} {path}");
    }
}

#[test]
fn requests_in_progress_at_sigterm_finish_within_the_grace_period() {
    let mut server = TestServer::new(&["--stop-grace", "1m"]);
    let mut idle = RawHttp::connect_to(server.address());
    assert_eq!(idle.request(ping("/a")).status, 200);
    let mut http = RawHttp::connect_to(server.address());
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 0, 5, 5, &["Expect: 100-continue"]));
    http.read_continue();
    server.process.signal(Signal::TERM);
    wait_until_refused(server.address());
    idle.assert_closed();
    assert_eq!(http.request("hello").status, 200);
    drop(http);
    server.process.finish().assert_success();
    assert_eq!(fs::read(server.workspace.received("a")).unwrap(), b"hello");
}

#[test]
fn uploads_cut_off_after_the_grace_period_resume_at_the_next_server() {
    let mut server = TestServer::new(&["--stop-grace", "50ms"]);
    let mut http = RawHttp::connect_to(server.address());
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 0, 5, 5, &["Expect: 100-continue"]));
    http.read_continue();
    server.process.signal(Signal::TERM);
    server.process.finish().assert_success();
    http.assert_gone();
    let server = TestServer::start_in(server.workspace, "127.0.0.1:0", &[]);
    let response =
        RawHttp::connect_to(server.address()).request(fragment("/a", &session, 0, 5, 5, &[]) + "hello");
    assert_eq!(response.status, 200);
}

/// SIGHUP has its default action unless there is something to reload.
#[test]
fn without_files_to_reload_sighup_ends_the_server() {
    let workspace = Workspace::new();
    // The signal may be ignored in the environment of the tests, for example under nohup.
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_bitsup"), "serve", "--listen", "127.0.0.1:0"]);
    let mut server = TestServer::spawn(command.arg("--root").arg(workspace.root()), workspace);
    server.process.signal(Signal::HUP);
    assert_eq!(server.process.finish().code, None, "ended by the signal");
}
