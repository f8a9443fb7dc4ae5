//! Credentials of the client commands: where they come from, when they are sent, and that they are never printed.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use test_support::scripted::{Received, ScriptedServer, serve};

use crate::program::{Outcome, Workspace, bitsup, run};

const BASIC: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";

/// Responds 401 to the next request and returns it.
fn challenge(peer: &mut ScriptedServer, scheme: &str) -> Received {
    let received = peer.request();
    peer.ack("401 Unauthorized", &[("WWW-Authenticate", scheme)]);
    received
}

/// Asserts that no secret appears in the output.
#[track_caller]
fn assert_secret(outcome: &Outcome) {
    for secret in ["sesame", "QWxhZGRpbj", "token-"] {
        let is_leaked = outcome.stdout.contains(secret) || outcome.stderr.contains(secret);
        assert!(!is_leaked, "{secret} in {outcome:?}");
    }
}

#[test]
fn upload_ping_and_cancel_send_credentials_when_challenged() {
    let workspace = Workspace::new();
    let (source, _) = workspace.source("source", 10);
    let (state, file) = (workspace.path_str("state"), workspace.path_str("user"));
    fs::write(&file, "Aladdin:open sesame\nsecond line\n").unwrap();
    for user in [["--user", "Aladdin:open sesame"], ["--user-file", &file]] {
        let (url, server) = serve(|peer| {
            challenge(peer, "Basic realm=\"a\"");
            let ping = peer.request();
            peer.ack("200 OK", &[]);
            peer.close();
            challenge(peer, "Basic realm=\"a\"");
            let create = peer.request();
            peer.ack_create("{S}");
            let fragment = peer.request();
            peer.ack("503 Service Unavailable", &[]);
            peer.close();
            challenge(peer, "Basic realm=\"a\"");
            let cancel = peer.request();
            peer.ack("200 OK", &[]);
            [ping, create, fragment, cancel]
        });
        let url = format!("{url}/file");
        let common = ["-vvv", user[0], user[1]];
        let ping = run(&[&["ping", &url][..], &common].concat());
        assert_eq!(ping.code, Some(0), "{ping:?}");
        let upload = run(&[
            &["upload", &source, &url, "--json", "--no-progress-timeout", "0", "--state-dir", &state][..],
            &common,
        ]
        .concat());
        upload.assert_failure(3, &["HTTP status: 503"]);
        let states: Vec<String> = fs::read_dir(&state)
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        assert!(states.concat().contains("{S}") && !states.concat().contains("sesame"), "{states:?}");
        assert!(!states.concat().contains("QWxhZGRpbj"), "{states:?}");
        let cancel = run(&[&["cancel", &source, &url, "--state-dir", &state][..], &common].concat());
        assert_eq!(cancel.code, Some(0), "{cancel:?}");
        [ping, upload, cancel].iter().for_each(assert_secret);
        for packet in server.join().unwrap() {
            assert_eq!(packet.get("Authorization"), BASIC, "{packet:?}");
        }
    }
}

#[test]
fn an_expired_token_is_reread_from_its_file() {
    let workspace = Workspace::new();
    let (source, _) = workspace.source("source", 10);
    let (state, file) = (workspace.path_str("state"), workspace.path_str("token"));
    fs::write(&file, "token-1\n").unwrap();
    let renewed = file.clone();
    let (url, server) = serve(move |peer| {
        challenge(peer, "Bearer realm=\"drive\"");
        let create = peer.request();
        peer.ack_create("{S}");
        fs::write(renewed, "token-2\n").unwrap();
        challenge(peer, "Bearer realm=\"drive\", error=\"invalid_token\"");
        let fragment = peer.request();
        peer.ack_fragment(10);
        let close = peer.request();
        peer.ack("200 OK", &[]);
        [create, fragment, close]
    });
    let url = format!("{url}/file");
    let outcome =
        run(&["upload", &source, &url, "--state-dir", &state, "--bearer-file", &file, "-vvv", "--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_secret(&outcome);
    let headers = server.join().unwrap().map(|packet| packet.get("Authorization").to_owned());
    assert_eq!(headers, ["Bearer token-1", "Bearer token-2", "Bearer token-2"]);
}

#[test]
fn rejected_credentials_and_unsupported_schemes_are_explained() {
    let (url, server) = serve(|peer| {
        challenge(peer, "Basic realm=\"a\"");
        challenge(peer, "Basic realm=\"a\"");
        challenge(peer, "NTLM");
    });
    let ping = |user: &[&str]| run(&[&["ping", &format!("{url}/f")][..], user].concat());
    let outcome = ping(&["--user", "Aladdin:open sesame"]);
    outcome.assert_failure(1, &["HTTP status: 401", "set or check user and password"]);
    assert_secret(&outcome);
    ping(&[]).assert_failure(1, &["NTLM", "Basic and Bearer"]);
    server.join().unwrap();
}

#[test]
fn files_without_credentials_are_rejected() {
    let workspace = Workspace::new();
    let file = workspace.path_str("user");
    for (content, expected) in [("", "is empty"), ("\nA:b", "is empty"), ("Aladdin", "NAME:PASSWORD")] {
        fs::write(&file, content).unwrap();
        run(&["ping", "http://127.0.0.1:1/", "--user-file", &file]).assert_failure(2, &[&file, expected]);
    }
    run(&["ping", "http://127.0.0.1:1/", "--bearer-file", "/nonexistent/t"])
        .assert_failure(1, &["/nonexistent/t"]);
}

/// Opens a pseudo-terminal. Returns its master side, and the path of the side that the program uses.
fn terminal() -> (File, PathBuf) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    (master.into(), path.into())
}

#[test]
fn the_password_is_read_from_the_terminal_without_echo() {
    let (url, server) = serve(|peer| {
        challenge(peer, "Basic realm=\"a\"");
        let ping = peer.request();
        peer.ack("200 OK", &[]);
        ping
    });
    let (mut keyboard, path) = terminal();
    let open_terminal = || File::options().read(true).write(true).open(&path).unwrap();
    let ping = bitsup(&["ping", &format!("{url}/f"), "--user", "Aladdin"]);
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait"]).arg(ping.get_program()).args(ping.get_args());
    let mut process =
        command.stdin(open_terminal()).stdout(open_terminal()).stderr(open_terminal()).spawn().unwrap();
    // Closes the terminal here, so that reading fails once the program has exited.
    drop(command);
    let (mut output, mut byte) = (Vec::new(), [0]);
    while !output.ends_with(b"Password for Aladdin: ") {
        keyboard.read_exact(&mut byte).unwrap();
        output.extend(byte);
    }
    while tcgetattr(&keyboard).unwrap().local_modes.contains(LocalModes::ECHO) {
        std::thread::yield_now();
    }
    keyboard.write_all(b"open sesame\n").unwrap();
    while !output.ends_with(b"responds\r\n") {
        keyboard.read_exact(&mut byte).unwrap();
        output.extend(byte);
    }
    assert!(process.wait().unwrap().success());
    let output = String::from_utf8(output).unwrap();
    assert!(!output.contains("sesame"), "{output:?}");
    assert_eq!(server.join().unwrap().get("Authorization"), BASIC);
}

#[test]
fn without_a_terminal_there_is_no_password_prompt() {
    let ping = bitsup(&["ping", "http://127.0.0.1:1/", "--user", "Aladdin"]);
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(ping.get_program()).args(ping.get_args()).stdin(Stdio::null());
    Outcome::from(command.output().unwrap()).assert_failure(2, &["Aladdin", "--user-file"]);
}
