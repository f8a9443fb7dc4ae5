//! Uploads with a reply, against a scripted server.

use std::fs;

use serde_json::json;
use test_support::scripted::{ScriptedServer, serve};

use crate::program::{Process, Workspace, run};

const TAG: (&str, &str) = ("ETag", "\"v1\"");

/// The arguments of an upload with a reply.
fn arguments(workspace: &Workspace, url: &str) -> Vec<String> {
    let (source, _) = workspace.source("source", 10);
    let (url, state, reply) = (format!("{url}/f"), workspace.path_str("state"), workspace.path_str("reply"));
    ["upload", &source, &url, "--state-dir", &state, "--reply", &reply].map(str::to_owned).to_vec()
}

fn close(peer: &mut ScriptedServer) {
    assert_eq!(peer.request().packet(), "Close-Session");
    peer.ack("200 OK", &[]);
}

#[test]
fn the_reply_is_stored_and_reported_in_the_events() {
    let workspace = Workspace::new();
    let (url, server) = serve(|peer| {
        peer.accept_upload("r");
        peer.get();
        peer.resource("200 OK", &[TAG], "0123456789");
        close(peer);
    });
    let mut args = arguments(&workspace, &url);
    args.push("--json".into());
    let outcome = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    server.join().unwrap();
    let events = outcome.assert_success().events();
    assert!(events.contains(&json!({"event": "reply_progress", "received": 10, "total": 10})), "{events:?}");
    assert!(events.contains(&json!({"event": "state", "from": "transferring", "to": "fetching_reply"})));
    assert_eq!(fs::read_to_string(workspace.path("reply")).unwrap(), "0123456789");
}

#[test]
fn plain_output_names_the_reply_file() {
    let workspace = Workspace::new();
    let (url, server) = serve(|peer| {
        peer.accept_upload("r");
        peer.get();
        peer.resource("200 OK", &[TAG], "0123456789");
        close(peer);
    });
    let args = arguments(&workspace, &url);
    let outcome = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    server.join().unwrap();
    let stdout = &outcome.assert_success().stdout;
    assert!(stdout.contains("\nreply 100 % 10 B of 10 B\n"), "{stdout}");
    assert!(stdout.contains(&format!(", reply in {}", workspace.path_str("reply"))), "{stdout}");
}

#[test]
fn a_killed_client_resumes_the_reply() {
    let workspace = Workspace::new();
    let state = workspace.path("state");
    let (saved, wait) = std::sync::mpsc::channel();
    let (url, server) = serve(move |peer| {
        peer.accept_upload("r");
        peer.get();
        peer.resource_head("200 OK", &[TAG], 1_000_000);
        let mut sent = 0;
        while !is_saved(&state) {
            peer.raw("x");
            sent += 1;
            // Simulates a slow server.
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        saved.send(()).unwrap();
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
    let args = arguments(&workspace, &url);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let mut client = Process::start(&args);
    wait.recv().unwrap();
    client.child.kill().unwrap();
    client.child.wait().unwrap();
    assert!(!workspace.path("reply").exists());

    run(&args).assert_success();
    let (from, sent) = server.join().unwrap();
    assert!(0 < from && from <= sent, "{from} of {sent}");
    assert!(fs::read(workspace.path("reply")).unwrap() == vec![b'x'; 1_000_000]);
    assert_eq!(fs::read_dir(workspace.path("state")).unwrap().count(), 0);
    assert!(!workspace.path("reply.part").exists());
}

/// Whether a state file records received bytes of the reply. A temporary file does not count, as it is lost if the
/// client is killed.
fn is_saved(directory: &std::path::Path) -> bool {
    let paths = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let states = paths.filter(|path| path.extension().is_none());
    states.filter_map(|path| fs::read(path).ok()).any(|text| {
        let state = serde_json::from_slice::<serde_json::Value>(&text).unwrap_or_default();
        state["reply"]["partial"]["received"].as_u64().is_some_and(|received| received > 0)
    })
}

#[test]
fn a_missing_reply_directory_is_rejected_before_anything_is_sent() {
    let workspace = Workspace::new();
    let (source, _) = workspace.source("source", 10);
    let (state, reply) = (workspace.path_str("state"), workspace.path_str("missing/reply"));
    let args = ["upload", &source, "http://127.0.0.1:9/f", "--state-dir", &state, "--reply", &reply];
    run(&args).assert_failure(1, &[&reply]);
}

#[test]
fn every_command_of_the_client_can_override_the_method() {
    let workspace = Workspace::new();
    let (source, _) = workspace.source("source", 10);
    let (url, server) = serve(|peer| {
        let ping = peer.request();
        peer.ack("200 OK", &[]);
        peer.close();
        let upload = peer.finish_upload();
        [&[ping], upload.as_slice()].concat()
    });
    let (url, state) = (format!("{url}/f"), workspace.path_str("state"));
    run(&["ping", &url, "--method-override"]).assert_success();
    run(&["upload", &source, &url, "--state-dir", &state, "--method-override"]).assert_success();
    let requests = server.join().unwrap();
    assert_eq!(requests.len(), 4);
    for request in requests {
        assert_eq!(
            (request.line(), request.get("X-HTTP-Method-Override")),
            ("POST /f HTTP/1.1", "BITS_POST")
        );
    }
}
