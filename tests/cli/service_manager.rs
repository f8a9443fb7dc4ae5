//! `bitsup serve` under a service manager: a socket that it hands over, and what it hears.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use test_support::raw_http::{RawHttp, ping};

use crate::program::{Outcome, Served, Workspace, bitsup, run};

/// What was said next on the manager's socket.
fn heard(hears: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let length = hears.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap().trim_end().to_owned()
}

/// The program with `socket` as descriptor 3 and so many announced. A shell is the program's process before it,
/// as `LISTEN_PID` wants it, and has the socket as its standard input, which programs inherit.
fn activated(socket: impl Into<OwnedFd>, count: usize, args: &[&str]) -> Command {
    let script = format!("exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS={count}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_bitsup")]).args(args).stdin(socket.into());
    command
}

#[test]
fn a_socket_that_is_handed_over_is_served() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let place = Workspace::new();
    // The client is there before the server, as with activation.
    let mut client = RawHttp::connect_to(address);
    client.send(ping("/"));
    let root = place.text("root");
    let mut command = activated(socket, 1, &["serve", "--root", &root, "--listen", "127.0.0.1:1"]);
    let mut served = Served::by(&mut command, place);
    assert_eq!(served.url, format!("http://{address}/"));
    assert_eq!(client.response().status, 200);
    drop(client);
    served.process.signal(Signal::TERM);
    served.process.finish().succeeded();
}

#[test]
fn a_socket_for_all_the_world_needs_somebody_who_decided() {
    let socket = TcpListener::bind("0.0.0.0:0").unwrap();
    let place = Workspace::new();
    let root = place.text("root");
    let outcome: Outcome = activated(socket, 1, &["serve", "--root", &root]).output().unwrap().into();
    outcome.failed(2, &["other machines can reach 0.0.0.0:", "--allow-anonymous"]);
}

#[test]
fn what_is_no_single_tcp_socket_is_refused() {
    let place = Workspace::new();
    let root = place.text("root");
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let outcome: Outcome = activated(socket, 2, &["serve", "--root", &root]).output().unwrap().into();
    outcome.failed(2, &["more than one"]);
    let file = fs::File::open(place.root()).unwrap();
    let outcome: Outcome = activated(file, 1, &["serve", "--root", &root]).output().unwrap().into();
    outcome.failed(2, &["invalid socket from the service manager", "not a socket"]);
}

#[test]
fn the_manager_hears_that_it_is_ready_reloads_and_stops() {
    let place = Workspace::new();
    let hears = UnixDatagram::bind(place.path("notify")).unwrap();
    hears.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = bitsup(&["serve", "--root", &place.text("root"), "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", place.path("notify"));
    let mut served = Served::by(&mut command, place);
    assert_eq!(heard(&hears), "READY=1");
    // There is nothing to read anew, and yet it must not end.
    served.process.signal(Signal::HUP);
    assert_eq!([heard(&hears), heard(&hears)], ["RELOADING=1", "READY=1"]);
    assert_eq!(RawHttp::connect_to(served.address()).request(ping("/")).status, 200);
    served.process.signal(Signal::TERM);
    assert_eq!(heard(&hears), "STOPPING=1");
    served.process.finish().succeeded();
}

#[test]
fn a_manager_that_does_not_hear_is_a_warning() {
    let place = Workspace::new();
    let mut command = bitsup(&["serve", "--root", &place.text("root"), "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", place.path("nobody"));
    let mut served = Served::by(&mut command, place);
    served.process.signal(Signal::TERM);
    let outcome = served.process.finish();
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stderr.contains("warning: cannot notify the service manager"), "{outcome:?}");
}

#[test]
fn operators_get_a_line_of_their_own() {
    let mut served = Served::new(&["--admin", "127.0.0.1:0"]);
    let line = served.process.line();
    let url = line.strip_prefix("admin on ").unwrap_or_else(|| panic!("{line:?}"));
    assert_eq!(test_support::administrator::get(url, "/health").body, "ok\n");
    assert!(test_support::administrator::get(url, "/").body.starts_with("<!DOCTYPE html>"));
}

#[test]
fn operators_of_other_machines_need_a_word() {
    let place = Workspace::new();
    let root = place.text("root");
    let serve = ["serve", "--root", &root, "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0"];
    run(&serve).failed(2, &["other machines can reach the admin address 0.0.0.0:0", "--admin-allow-remote"]);
}
