//! `bitsup serve` under a service manager: socket activation and notifications. And its admin address.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use test_support::raw_http::{RawHttp, ping};

use crate::program::{Outcome, TestServer, Workspace, bitsup, run};

/// Receives the next message on the manager's socket.
fn next_message(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let length = manager.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap().trim_end().to_owned()
}

/// A command that runs `bitsup` with `socket` as descriptor 3 and `LISTEN_FDS` set to `count`. A shell moves the
/// socket from standard input to descriptor 3 and sets `LISTEN_PID` before it executes `bitsup`.
fn activated(socket: impl Into<OwnedFd>, count: usize, args: &[&str]) -> Command {
    let script = format!("exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS={count}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_bitsup")]).args(args).stdin(socket.into());
    command
}

#[test]
fn a_socket_from_the_service_manager_is_served() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let workspace = Workspace::new();
    // With socket activation, clients can connect before the server runs.
    let mut client = RawHttp::connect_to(address);
    client.send(ping("/"));
    let root = workspace.path_str("root");
    let mut command = activated(socket, 1, &["serve", "--root", &root, "--listen", "127.0.0.1:1"]);
    let mut server = TestServer::spawn(&mut command, workspace);
    assert_eq!(server.url, format!("http://{address}/"));
    assert_eq!(client.response().status, 200);
    drop(client);
    server.process.signal(Signal::TERM);
    server.process.finish().assert_success();
}

#[test]
fn a_non_loopback_socket_requires_access_control() {
    let socket = TcpListener::bind("0.0.0.0:0").unwrap();
    let workspace = Workspace::new();
    let root = workspace.path_str("root");
    let outcome: Outcome = activated(socket, 1, &["serve", "--root", &root]).output().unwrap().into();
    outcome.assert_failure(2, &["other machines can reach 0.0.0.0:", "--allow-anonymous"]);
}

#[test]
fn several_descriptors_or_other_files_are_rejected() {
    let workspace = Workspace::new();
    let root = workspace.path_str("root");
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let outcome: Outcome = activated(socket, 2, &["serve", "--root", &root]).output().unwrap().into();
    outcome.assert_failure(2, &["more than one"]);
    let file = fs::File::open(workspace.root()).unwrap();
    let outcome: Outcome = activated(file, 1, &["serve", "--root", &root]).output().unwrap().into();
    outcome.assert_failure(2, &["invalid socket from the service manager", "not a socket"]);
}

#[test]
fn the_manager_is_notified_of_ready_reload_and_stop() {
    let workspace = Workspace::new();
    let manager = UnixDatagram::bind(workspace.path("notify")).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = bitsup(&["serve", "--root", &workspace.path_str("root"), "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", workspace.path("notify"));
    let mut server = TestServer::spawn(&mut command, workspace);
    assert_eq!(next_message(&manager), "READY=1");
    // There is nothing to reload, but SIGHUP must not end the server.
    server.process.signal(Signal::HUP);
    assert_eq!([next_message(&manager), next_message(&manager)], ["RELOADING=1", "READY=1"]);
    assert_eq!(RawHttp::connect_to(server.address()).request(ping("/")).status, 200);
    server.process.signal(Signal::TERM);
    assert_eq!(next_message(&manager), "STOPPING=1");
    server.process.finish().assert_success();
}

#[test]
fn an_unreachable_manager_is_a_warning() {
    let workspace = Workspace::new();
    let mut command = bitsup(&["serve", "--root", &workspace.path_str("root"), "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", workspace.path("nobody"));
    let mut server = TestServer::spawn(&mut command, workspace);
    server.process.signal(Signal::TERM);
    let outcome = server.process.finish();
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stderr.contains("warning: cannot notify the service manager"), "{outcome:?}");
}

#[test]
fn the_admin_url_is_printed_on_its_own_line() {
    let mut server = TestServer::new(&["--admin", "127.0.0.1:0"]);
    let line = server.process.line();
    let url = line.strip_prefix("admin on ").unwrap_or_else(|| panic!("{line:?}"));
    assert_eq!(test_support::administrator::get(url, "/health").body, "ok\n");
    assert!(test_support::administrator::get(url, "/").body.starts_with("<!DOCTYPE html>"));
}

#[test]
fn a_non_loopback_admin_address_requires_an_option() {
    let workspace = Workspace::new();
    let root = workspace.path_str("root");
    let serve = ["serve", "--root", &root, "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0"];
    run(&serve)
        .assert_failure(2, &["other machines can reach the admin address 0.0.0.0:0", "--admin-allow-remote"]);
}
