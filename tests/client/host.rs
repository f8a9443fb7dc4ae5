//! The client behind a load balancer or proxy: host id and fallback (PROTOCOL 6.7), method override (13.3).

use std::net::TcpListener;
use std::time::Duration;

use bitsup::client::{Client, ClientConfig, Job, Source};
use bitsup::upload::RetryPolicy;
use test_support::scripted::{GUID, Received, ScriptedServer, serve};

fn job(url: &str, directory: Option<&tempfile::TempDir>) -> Job {
    let delay = Duration::from_millis(1);
    let retry = RetryPolicy::default().first_delay(delay).max_delay(delay).max_attempts(9);
    let config = ClientConfig::default().fragment_size(6_000).retry(retry);
    let source = Source::from_bytes(vec![1; 15_000]);
    let mut job = Client::new(config).unwrap().job(&format!("{url}/dir/f?x=1"), source).unwrap();
    if let Some(directory) = directory {
        job.set_reply_path(directory.path().join("reply")).unwrap();
    }
    job
}

/// Acknowledges a Create-Session with a host id.
fn ack_create_with_host(peer: &mut ScriptedServer, session: &str, host: &str, fallback: Option<&str>) {
    let mut fields = vec![("BITS-Protocol", GUID), ("BITS-Session-Id", session), ("BITS-Host-Id", host)];
    fields.extend(fallback.map(|seconds| ("BITS-Host-Id-Fallback-Timeout", seconds)));
    peer.request();
    peer.ack("200 OK", &fields);
    peer.close();
}

fn packets(requests: &[Received]) -> Vec<&str> {
    requests.iter().map(Received::packet).collect()
}

fn authority(url: &str) -> String {
    url["http://".len()..].to_owned()
}

#[test]
fn cli_21_the_whole_session_goes_to_the_host_id_with_the_same_path() {
    let (node, node_server) = serve(|peer| peer.finish_upload());
    let host = authority(&node);
    let (url, origin) = serve(move |peer| ack_create_with_host(peer, "{S}", &host, Some("110")));
    job(&url, None).run().unwrap();
    origin.join().unwrap();
    let requests = node_server.join().unwrap();
    assert_eq!(packets(&requests), ["Ping", "Fragment", "Fragment", "Fragment", "Close-Session"]);
    for request in &requests {
        assert_eq!(request.line(), "BITS_POST /dir/f?x=1 HTTP/1.1");
        assert_eq!(request.get("Host"), authority(&node));
    }
}

#[test]
fn cli_22_cli_25_the_session_restarts_at_the_origin_if_the_node_is_dead() {
    // A bound socket that never listens: connections are refused, and no other process gets the port.
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None);
    let socket = socket.unwrap();
    rustix::net::bind(&socket, &std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let dead = std::net::SocketAddr::try_from(rustix::net::getsockname(&socket).unwrap()).unwrap();
    let (url, origin) = serve(move |peer| {
        ack_create_with_host(peer, "{S}", &dead.to_string(), Some("0"));
        let ping = peer.request();
        peer.ack("200 OK", &[]);
        let fragment = peer.request();
        peer.ack("500 Internal Server Error", &[("BITS-Error", "0x8020001F"), ("BITS-Error-Context", "0x5")]);
        let mut requests = vec![ping, fragment];
        requests.extend(peer.finish_upload());
        requests
    });
    job(&url, None).run().unwrap();
    let requests = origin.join().unwrap();
    let expected =
        ["Ping", "Fragment", "Create-Session", "Fragment", "Fragment", "Fragment", "Close-Session"];
    assert_eq!(packets(&requests), expected);
    assert_eq!(requests[3].get("Content-Range"), "bytes 0-5999/15000");
}

#[test]
fn cli_23_without_a_fallback_timeout_a_dead_node_is_retried() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let (url, origin) = serve(move |peer| ack_create_with_host(peer, "{S}", &host, None));
    let closer = std::thread::spawn(move || (0..9).for_each(|_| drop(listener.accept().unwrap())));
    let error = job(&url, None).run().unwrap_err();
    assert!(error.is_transient() && error.message().contains("9 failed attempts"), "{error}");
    origin.join().unwrap();
    closer.join().unwrap();
}

#[test]
fn a_reply_missing_at_the_origin_is_fetched_from_the_node() {
    let (node, node_server) = serve(|peer| {
        let mut requests = Vec::new();
        loop {
            let request = peer.head();
            let length = request.get("Content-Length").parse().unwrap_or(0);
            peer.body(length);
            match (request.packet(), request.get("Content-Range")) {
                ("", _) => peer.resource("200 OK", &[], "0123456789"),
                ("Fragment", "bytes 12000-14999/15000") => peer.ack_last(15_000, "r"),
                ("Fragment", range) => {
                    let last: u64 = range.split(['-', '/']).nth(1).unwrap().parse().unwrap();
                    peer.ack_fragment(last + 1);
                }
                _ => peer.ack("200 OK", &[]),
            }
            requests.push(request.line().split(' ').next().unwrap().to_owned());
            if request.packet() == "Close-Session" {
                return requests;
            }
        }
    });
    let host = authority(&node);
    let (url, origin) = serve(move |peer| {
        ack_create_with_host(peer, "{S}", &host, None);
        let get = peer.get();
        peer.resource("404 Not Found", &[], "");
        get
    });
    let directory = tempfile::tempdir().unwrap();
    job(&url, Some(&directory)).run().unwrap();
    assert_eq!(origin.join().unwrap().line(), "GET /dir/r HTTP/1.1");
    let requests = node_server.join().unwrap();
    assert_eq!(requests[4..], ["GET", "BITS_POST"]);
    assert_eq!(std::fs::read_to_string(directory.path().join("reply")).unwrap(), "0123456789");
}

#[test]
fn the_method_can_be_overridden() {
    let (url, server) = serve(|peer| {
        let create = peer.request();
        // The status that OneDrive returns.
        peer.ack("201 Created", &[("BITS-Protocol", GUID), ("BITS-Session-Id", "{S}")]);
        let mut requests = vec![create];
        requests.extend(peer.finish_upload());
        requests
    });
    let config = ClientConfig::default().method_override(true);
    let client = Client::new(config).unwrap();
    client.job(&format!("{url}/f"), Source::from_bytes("hello")).unwrap().run().unwrap();
    let requests = server.join().unwrap();
    assert_eq!(packets(&requests), ["Create-Session", "Fragment", "Close-Session"]);
    for request in &requests {
        assert_eq!(request.line(), "POST /f HTTP/1.1");
        assert_eq!(request.get("X-HTTP-Method-Override"), "BITS_POST");
    }
    let (name, value) = ("x-http-method-override".to_owned(), "PUT".to_owned());
    let config = ClientConfig::default().headers(vec![(name, value)]);
    assert!(Client::new(config).is_err(), "the client sets this field itself");
}
