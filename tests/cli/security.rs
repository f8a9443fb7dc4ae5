//! `bitsup serve` with TLS and users, and its end.

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
use crate::program::{Served, Workspace, run};

/// Writes certificate and key to where the options say they are.
fn put(place: &Workspace, identity: &Identity) {
    fs::write(place.path("cert.pem"), &identity.certificate).unwrap();
    fs::write(place.path("key.pem"), &identity.key).unwrap();
}

fn serve_tls(authority: &Authority, options: &[&str]) -> Served {
    let place = Workspace::new();
    put(&place, &authority.server());
    let (cert, key) = (place.text("cert.pem"), place.text("key.pem"));
    let tls = ["--tls-cert", &cert, "--tls-key", &key];
    Served::over(place, "127.0.0.1:0", &[&tls, options].concat())
}

fn address(served: &Served) -> SocketAddr {
    served.url.strip_prefix("https://").unwrap().trim_end_matches('/').parse().unwrap()
}

/// Whether a peer that trusts that authority is answered.
fn is_trusted(served: &Served, authority: &Authority) -> bool {
    let mut stream = tls_stream(address(served), &authority.client_config());
    stream.write_all(ping("/a").as_bytes()).is_ok() && RawHttp::over(stream).response().status == 200
}

fn stderr(served: &mut Served) -> BufReader<ChildStderr> {
    BufReader::new(served.process.child.stderr.take().unwrap())
}

fn basic(credentials: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(credentials))
}

/// The exit code of a ping by that user, or by nobody.
fn ping_as(served: &Served, credentials: Option<&str>) -> Option<i32> {
    let header = credentials.map(basic);
    let args = header.iter().flat_map(|header| ["--header", header.as_str()]);
    run(&["ping", served.url.as_str()].into_iter().chain(args).collect::<Vec<_>>()).code
}

#[test]
fn https_is_what_is_listened_on_with_a_certificate() {
    let authority = Authority::named("root");
    let served = serve_tls(&authority, &[]);
    assert!(is_trusted(&served, &authority));
}

#[test]
fn sighup_takes_another_certificate_and_keeps_the_old_one_when_it_is_broken() {
    let (old, new) = (Authority::named("old"), Authority::named("new"));
    let mut served = serve_tls(&old, &[]);
    let mut said = stderr(&mut served);
    let mut kept = RawHttp::over(tls_stream(address(&served), &old.client_config()));
    assert_eq!(kept.request(ping("/a")).status, 200);

    fs::write(served.place.path("key.pem"), "broken").unwrap();
    served.process.signal(Signal::HUP);
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("cannot reload the certificates") && line.contains("key.pem: "), "{line}");
    assert!(is_trusted(&served, &old));

    put(&served.place, &new.server());
    served.process.signal(Signal::HUP);
    let began = Instant::now();
    while !is_trusted(&served, &new) {
        assert!(began.elapsed() < TIMEOUT, "the new certificate is not taken");
    }
    assert_eq!(kept.request(ping("/a")).status, 200, "nobody is thrown out");
}

#[test]
fn a_client_ca_makes_the_subject_the_owner() {
    let (authority, members) = (Authority::named("root"), Authority::named("members"));
    let place = Workspace::new();
    fs::write(place.path("ca.pem"), &members.pem).unwrap();
    let ca = place.text("ca.pem");
    let served =
        serve_tls(&authority, &["--client-ca", &ca, "--allow-user", "CN=anna", "--create-user", "CN=anna"]);
    for (name, status) in [("anna", 200), ("bert", 403)] {
        let member = members.client(&[(rcgen::DnType::CommonName, name)]);
        let client = authority.client_config_with(rustls::ALL_VERSIONS, Some(&member));
        let answer = RawHttp::over(tls_stream(address(&served), &client)).request(create("/a"));
        assert_eq!(answer.status, status, "{name}");
    }
}

#[test]
fn users_of_the_command_line_and_of_a_file_are_let_in() {
    let place = Workspace::new();
    let file = place.text("users");
    let line = |password: &str| format!("bert:{}\n", bcrypt::hash(password, 4).unwrap());
    fs::write(&file, line("b")).unwrap();
    let mut served = Served::new(&["--user", "anna:a:a", "--users-file", &file]);
    let said = stderr(&mut served);
    for (credentials, code) in
        [(None, 1), (Some("anna:a:a"), 0), (Some("bert:b"), 0), (Some("anna:a"), 1), (Some("carl:b"), 1)]
    {
        assert_eq!(ping_as(&served, credentials), Some(code), "{credentials:?}");
    }

    fs::write(&file, "bert:plain\n").unwrap();
    served.process.signal(Signal::HUP);
    let mut lines = said.lines();
    let warning = lines.next().unwrap().unwrap();
    assert!(warning.contains("cannot reload the users") && warning.contains("users:1: "), "{warning}");
    assert_eq!(ping_as(&served, Some("bert:b")), Some(0));

    fs::write(&file, line("new")).unwrap();
    served.process.signal(Signal::HUP);
    let began = Instant::now();
    while ping_as(&served, Some("bert:new")) != Some(0) {
        assert!(began.elapsed() < TIMEOUT, "the new users are not taken");
    }
    assert_eq!(ping_as(&served, Some("bert:b")), Some(1));
}

#[test]
fn beyond_this_machine_somebody_must_have_decided_who_may() {
    let place = Workspace::new();
    let root = place.text("root");
    let outcome = run(&["serve", "--root", &root, "--listen", "0.0.0.0:0"]);
    outcome.failed(2, &["0.0.0.0:0", "--users-file", "--client-ca", "--allow-anonymous"]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.lines().count()), ("", 1));

    for (options, warning) in
        [(&["--allow-anonymous"][..], "may upload"), (&["--user", "anna:a"], "unencrypted")]
    {
        let mut served = Served::over(Workspace::new(), "0.0.0.0:0", options);
        served.process.signal(Signal::TERM);
        let outcome = served.process.finish();
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stderr.contains(warning), "{outcome:?}");
    }
}

#[test]
fn a_password_is_in_no_message() {
    let place = Workspace::new();
    let root = place.text("root");
    for user in ["hunter2", ":hunter2", "anna:hunter2\u{7}", "an\tna:hunter2"] {
        let outcome = run(&["serve", "--root", &root, "--listen", "127.0.0.1:0", "--user", user]);
        outcome.failed(2, &["bitsup: "]);
        assert!(!outcome.stderr.contains("hunter2"), "{outcome:?}");
    }
    fs::write(place.path("bitsup.toml"), "user = 'hunter2'\n[[directory]]\nroot = 'root'\n").unwrap();
    let outcome = run(&["serve", "--config", &place.text("bitsup.toml"), "--listen", "127.0.0.1:0"]);
    outcome.failed(2, &["NAME:PASSWORD"]);
    assert!(!outcome.stderr.contains("hunter2"), "{outcome:?}");
}

#[test]
fn a_directory_of_the_configuration_file_is_for_those_it_names() {
    let served = serve(
        "listen = '127.0.0.1:0'\nuser = ['anna:a', 'bert:b']\nallow-user = ['anna', 'bert']\n\
         [[directory]]\nurl-prefix = '/both/'\nroot = 'a'\noverwrite-user = 'anna'\n\
         [[directory]]\nurl-prefix = '/one/'\nroot = 'b'\nallow-user = 'anna'\n",
        &[],
    );
    fs::write(served.place.path("a/old"), "old").unwrap();
    let create_as = |credentials: &str, path: &str| {
        let request = create(path).replacen("\r\n", &format!("\r\n{}\r\n", basic(credentials)), 1);
        RawHttp::connect_to(served.address()).request(request).status
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
fn what_is_under_way_at_sigterm_has_the_grace_that_was_set() {
    let mut served = Served::new(&["--stop-grace", "1m"]);
    let mut idle = RawHttp::connect_to(served.address());
    assert_eq!(idle.request(ping("/a")).status, 200);
    let mut http = RawHttp::connect_to(served.address());
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 0, 5, 5, &["Expect: 100-continue"]));
    http.read_continue();
    served.process.signal(Signal::TERM);
    wait_until_refused(served.address());
    idle.assert_closed();
    assert_eq!(http.request("hello").status, 200);
    drop(http);
    served.process.finish().succeeded();
    assert_eq!(fs::read(served.place.received("a")).unwrap(), b"hello");
}

#[test]
fn what_takes_longer_than_the_grace_resumes_at_the_next_server() {
    let mut served = Served::new(&["--stop-grace", "50ms"]);
    let mut http = RawHttp::connect_to(served.address());
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 0, 5, 5, &["Expect: 100-continue"]));
    http.read_continue();
    served.process.signal(Signal::TERM);
    served.process.finish().succeeded();
    http.assert_gone();
    let served = Served::over(served.place, "127.0.0.1:0", &[]);
    let answer =
        RawHttp::connect_to(served.address()).request(fragment("/a", &session, 0, 5, 5, &[]) + "hello");
    assert_eq!(answer.status, 200);
}

/// Where nothing is to be read anew the signal ends the program, as it ends others.
#[test]
fn sighup_is_left_alone_where_it_is_of_no_use() {
    let place = Workspace::new();
    // Whoever started the tests may have had them ignore it, as nohup does.
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_bitsup"), "serve", "--listen", "127.0.0.1:0"]);
    let mut served = Served::by(command.arg("--root").arg(place.root()), place);
    served.process.signal(Signal::HUP);
    assert_eq!(served.process.finish().code, None, "ended by the signal");
}
