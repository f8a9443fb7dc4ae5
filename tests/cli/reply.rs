//! Uploads with a reply, against a server that plays a script.

use std::fs;

use serde_json::json;
use test_support::scripted::{ScriptedServer, serve};

use crate::program::{Running, Workspace, run};

const TAG: (&str, &str) = ("ETag", "\"v1\"");

/// The arguments of an upload with a reply.
fn arguments(place: &Workspace, url: &str) -> Vec<String> {
    let (source, _) = place.source("source", 10);
    let (url, state, reply) = (format!("{url}/f"), place.text("state"), place.text("reply"));
    ["upload", &source, &url, "--state-dir", &state, "--reply", &reply].map(str::to_owned).to_vec()
}

fn close(peer: &mut ScriptedServer) {
    assert_eq!(peer.request().packet(), "Close-Session");
    peer.ack("200 OK", &[]);
}

#[test]
fn the_reply_is_in_its_file_and_in_the_events() {
    let place = Workspace::new();
    let (url, server) = serve(|peer| {
        peer.accept_upload("r");
        peer.get();
        peer.resource("200 OK", &[TAG], "0123456789");
        close(peer);
    });
    let mut args = arguments(&place, &url);
    args.push("--json".into());
    let outcome = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    server.join().unwrap();
    let events = outcome.succeeded().events();
    assert!(events.contains(&json!({"event": "reply_progress", "received": 10, "total": 10})), "{events:?}");
    assert!(events.contains(&json!({"event": "state", "from": "transferring", "to": "fetching_reply"})));
    assert_eq!(fs::read_to_string(place.path("reply")).unwrap(), "0123456789");
}

#[test]
fn plain_lines_say_where_the_reply_is() {
    let place = Workspace::new();
    let (url, server) = serve(|peer| {
        peer.accept_upload("r");
        peer.get();
        peer.resource("200 OK", &[TAG], "0123456789");
        close(peer);
    });
    let args = arguments(&place, &url);
    let outcome = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    server.join().unwrap();
    let stdout = &outcome.succeeded().stdout;
    assert!(stdout.contains("\nreply 100 % 10 B of 10 B\n"), "{stdout}");
    assert!(stdout.contains(&format!(", reply in {}", place.text("reply"))), "{stdout}");
}

#[test]
fn a_killed_client_goes_on_with_the_reply() {
    let place = Workspace::new();
    let state = place.path("state");
    let (kept, wait) = std::sync::mpsc::channel();
    let (url, server) = serve(move |peer| {
        peer.accept_upload("r");
        peer.get();
        peer.resource_head("200 OK", &[TAG], 1_000_000);
        let mut sent = 0;
        while !is_kept(&state) {
            peer.raw("x");
            sent += 1;
            // The pace of a slow server.
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        kept.send(()).unwrap();
        peer.wait_for_hang_up();
        peer.request();
        peer.ack("200 OK", &[]);
        let range = peer.get().get("Range").to_owned();
        let from: usize = range["bytes=".len()..].trim_end_matches('-').parse().unwrap();
        let content_range = format!("bytes {from}-999999/1000000");
        let rest = "x".repeat(1_000_000 - from);
        peer.resource("206 Partial Content", &[TAG, ("Content-Range", &content_range)], &rest);
        close(peer);
        (from, sent)
    });
    let args = arguments(&place, &url);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let mut client = Running::start(&args);
    wait.recv().unwrap();
    client.child.kill().unwrap();
    client.child.wait().unwrap();
    assert!(!place.path("reply").exists());

    run(&args).succeeded();
    let (from, sent) = server.join().unwrap();
    assert!(0 < from && from <= sent, "{from} of {sent}");
    assert!(fs::read(place.path("reply")).unwrap() == vec![b'x'; 1_000_000]);
    assert_eq!(fs::read_dir(place.path("state")).unwrap().count(), 0);
    assert!(!place.path("reply.part").exists());
}

/// Whether a state file says that bytes of the reply are in safety. One that is being written does not count:
/// a client that is killed now has not kept it.
fn is_kept(directory: &std::path::Path) -> bool {
    let paths = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let states = paths.filter(|path| path.extension().is_none());
    states.filter_map(|path| fs::read(path).ok()).any(|text| {
        let state = serde_json::from_slice::<serde_json::Value>(&text).unwrap_or_default();
        state["reply"]["partial"]["received"].as_u64().is_some_and(|received| received > 0)
    })
}

#[test]
fn a_reply_without_a_directory_is_refused_before_anything_is_sent() {
    let place = Workspace::new();
    let (source, _) = place.source("source", 10);
    let (state, reply) = (place.text("state"), place.text("missing/reply"));
    let args = ["upload", &source, "http://127.0.0.1:9/f", "--state-dir", &state, "--reply", &reply];
    run(&args).failed(1, &[&reply]);
}

#[test]
fn every_command_of_the_client_can_override_the_method() {
    let place = Workspace::new();
    let (source, _) = place.source("source", 10);
    let (url, server) = serve(|peer| {
        let ping = peer.request();
        peer.ack("200 OK", &[]);
        peer.close();
        let upload = peer.finish_upload();
        [&[ping], upload.as_slice()].concat()
    });
    let (url, state) = (format!("{url}/f"), place.text("state"));
    run(&["ping", &url, "--method-override"]).succeeded();
    run(&["upload", &source, &url, "--state-dir", &state, "--method-override"]).succeeded();
    let requests = server.join().unwrap();
    assert_eq!(requests.len(), 4);
    for request in requests {
        assert_eq!(
            (request.line(), request.get("X-HTTP-Method-Override")),
            ("POST /f HTTP/1.1", "BITS_POST")
        );
    }
}
