//! Who the program says that it is, and to whom; and that nobody else gets to read it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use test_support::scripted::{Received, ScriptedServer, serve};

use crate::program::{Outcome, Workspace, bitsup, run};

const BASIC: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";

/// Refuses the next request.
fn request(peer: &mut ScriptedServer, challenge: &str) -> Received {
    let request = peer.request();
    peer.ack("401 Unauthorized", &[("WWW-Authenticate", challenge)]);
    request
}

/// What may not show up anywhere.
#[track_caller]
fn assert_secret(outcome: &Outcome) {
    for secret in ["sesame", "QWxhZGRpbj", "token-"] {
        let said = outcome.stdout.contains(secret) || outcome.stderr.contains(secret);
        assert!(!said, "{secret} in {outcome:?}");
    }
}

#[test]
fn upload_ping_and_cancel_say_who_they_are_when_asked() {
    let place = Workspace::new();
    let (source, _) = place.source("source", 10);
    let (state, file) = (place.text("state"), place.text("user"));
    fs::write(&file, "Aladdin:open sesame\nsomething else\n").unwrap();
    for user in [["--user", "Aladdin:open sesame"], ["--user-file", &file]] {
        let (url, server) = serve(|peer| {
            request(peer, "Basic realm=\"a\"");
            let ping = peer.request();
            peer.ack("200 OK", &[]);
            peer.close();
            request(peer, "Basic realm=\"a\"");
            let create = peer.request();
            peer.ack_create("{S}");
            let fragment = peer.request();
            peer.ack("503 Service Unavailable", &[]);
            peer.close();
            request(peer, "Basic realm=\"a\"");
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
        upload.failed(3, &["HTTP status: 503"]);
        let kept: Vec<String> = fs::read_dir(&state)
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        assert!(kept.concat().contains("{S}") && !kept.concat().contains("sesame"), "{kept:?}");
        assert!(!kept.concat().contains("QWxhZGRpbj"), "{kept:?}");
        let cancel = run(&[&["cancel", &source, &url, "--state-dir", &state][..], &common].concat());
        assert_eq!(cancel.code, Some(0), "{cancel:?}");
        [ping, upload, cancel].iter().for_each(assert_secret);
        for packet in server.join().unwrap() {
            assert_eq!(packet.get("Authorization"), BASIC, "{packet:?}");
        }
    }
}

#[test]
fn a_token_that_expires_is_read_anew_from_its_file() {
    let place = Workspace::new();
    let (source, _) = place.source("source", 10);
    let (state, file) = (place.text("state"), place.text("token"));
    fs::write(&file, "token-1\n").unwrap();
    let renewed = file.clone();
    let (url, server) = serve(move |peer| {
        request(peer, "Bearer realm=\"drive\"");
        let create = peer.request();
        peer.ack_create("{S}");
        fs::write(renewed, "token-2\n").unwrap();
        request(peer, "Bearer realm=\"drive\", error=\"invalid_token\"");
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
    let told = server.join().unwrap().map(|packet| packet.get("Authorization").to_owned());
    assert_eq!(told, ["Bearer token-1", "Bearer token-2", "Bearer token-2"]);
}

#[test]
fn refused_credentials_and_other_schemes_are_explained() {
    let (url, server) = serve(|peer| {
        request(peer, "Basic realm=\"a\"");
        request(peer, "Basic realm=\"a\"");
        request(peer, "NTLM");
    });
    let ping = |user: &[&str]| run(&[&["ping", &format!("{url}/f")][..], user].concat());
    let outcome = ping(&["--user", "Aladdin:open sesame"]);
    outcome.failed(1, &["HTTP status: 401", "set or check user and password"]);
    assert_secret(&outcome);
    ping(&[]).failed(1, &["NTLM", "Basic and Bearer"]);
    server.join().unwrap();
}

#[test]
fn files_without_credentials_are_refused() {
    let place = Workspace::new();
    let file = place.text("user");
    for (content, words) in [("", "is empty"), ("\nA:b", "is empty"), ("Aladdin", "NAME:PASSWORD")] {
        fs::write(&file, content).unwrap();
        run(&["ping", "http://127.0.0.1:1/", "--user-file", &file]).failed(2, &[&file, words]);
    }
    run(&["ping", "http://127.0.0.1:1/", "--bearer-file", "/nonexistent/t"]).failed(1, &["/nonexistent/t"]);
}

/// A terminal to type on, and the path of the program's end of it.
fn terminal() -> (File, PathBuf) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    (master.into(), path.into())
}

#[test]
fn the_password_is_asked_for_on_the_terminal_and_not_shown() {
    let (url, server) = serve(|peer| {
        request(peer, "Basic realm=\"a\"");
        let ping = peer.request();
        peer.ack("200 OK", &[]);
        ping
    });
    let (mut keys, path) = terminal();
    let end = || File::options().read(true).write(true).open(&path).unwrap();
    let inner = bitsup(&["ping", &format!("{url}/f"), "--user", "Aladdin"]);
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait"]).arg(inner.get_program()).args(inner.get_args());
    let mut process = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !seen.ends_with(b"Password for Aladdin: ") {
        keys.read_exact(&mut byte).unwrap();
        seen.extend(byte);
    }
    while tcgetattr(&keys).unwrap().local_modes.contains(LocalModes::ECHO) {
        std::thread::yield_now();
    }
    keys.write_all(b"open sesame\n").unwrap();
    while !seen.ends_with(b"answers\r\n") {
        keys.read_exact(&mut byte).unwrap();
        seen.extend(byte);
    }
    assert!(process.wait().unwrap().success());
    let seen = String::from_utf8(seen).unwrap();
    assert!(!seen.contains("sesame"), "{seen:?}");
    assert_eq!(server.join().unwrap().get("Authorization"), BASIC);
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let inner = bitsup(&["ping", "http://127.0.0.1:1/", "--user", "Aladdin"]);
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(inner.get_program()).args(inner.get_args()).stdin(Stdio::null());
    Outcome::from(command.output().unwrap()).failed(2, &["Aladdin", "--user-file"]);
}
