//! Uploads through real proxies that are configured as in docs/operations/proxies.md, and the defaults of each proxy.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use test_support::application::{Application, Response};
use test_support::raw_http::packet;

use crate::program::Process;
use crate::proxied::{Proxied, document, rejecting_site};
use crate::reverse_proxy::{KINDS, Kind};

/// More than the default body limit of nginx, and not a multiple of any buffer size.
const LARGE: usize = 5_000_011;

/// Uploads a file in large fragments, one in small ones, and an empty one.
fn passes_fragments(kind: Kind) {
    let proxied = Proxied::documented(kind, &["--user", "anna:secret"]);
    for (name, length, fragment) in [("large", LARGE, "2m"), ("small", 20_000, "3k"), ("empty", 0, "1m")] {
        let (source, content) = proxied.workspace().source("source", length);
        let url = proxied.url_of(name);
        let args = ["upload", &source, &url, "--fragment-size", fragment, "--user", "anna:secret"];
        proxied.run(&args).assert_success();
        assert!(fs::read(proxied.workspace().received(name)).unwrap() == content, "{kind:?} {name}");
    }
    proxied.run(&["ping", &proxied.url, "--user", "anna:wrong"]).assert_failure(1, &["401"]);
}

/// The reply has an https URL, as the server knows its public URL although it does not use TLS.
fn passes_replies(kind: Kind) {
    let reply = vec![7; LARGE];
    let response = reply.clone();
    let application = Application::start(move |_| Response::new("200 OK", "", &response));
    let proxied = Proxied::documented(kind, &["--notify", "value", "--notify-url", &application.url("/")]);
    let (source, content) = proxied.workspace().source("source", 100_000);
    let reply_file = proxied.workspace().path_str("answer");
    proxied.run(&["upload", &source, &proxied.url_of("file"), "--reply", &reply_file]).assert_success();
    assert!(application.request().body == content && fs::read(reply_file).unwrap() == reply, "{kind:?}");
}

/// The proxy is killed during an upload. Once it is restarted, the upload resumes at the offset of the server.
fn resumes_after_a_restart(kind: Kind) {
    let mut proxied = Proxied::documented(kind, &[]);
    let (source, content) = proxied.workspace().source("source", 2_000_003);
    let url = proxied.url_of("file");
    let args = ["upload", &source, &url, "--json", "--fragment-size", "200k", "--retry-delay", "20ms"];
    let args = proxied.args(&[&args[..], &["--limit-rate", "4m"]].concat());
    let mut upload = Process::start(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let sent = |event: &serde_json::Value| event["event"] == "progress" && event["sent"].as_u64() > Some(0);
    upload.wait_for(sent);
    proxied.proxy.kill();
    upload.wait_for(|event| event["event"] == "retry");
    assert_eq!(proxied.workspace().sessions().len(), 1, "{kind:?}");
    proxied.proxy.restart();
    let first = upload.wait_for(sent)["sent"].as_u64();
    assert!(first > Some(200 << 10), "{kind:?}: the upload restarted at {first:?}");
    upload.wait_for(|event| event["event"] == "done");
    assert!(fs::read(proxied.workspace().received("file")).unwrap() == content, "{kind:?}");
}

macro_rules! each_proxy {
    ($($name:ident: $kind:ident;)*) => { $(
        mod $name {
            use super::*;

            #[test]
            fn passes_fragments() {
                super::passes_fragments(Kind::$kind);
            }

            #[test]
            fn passes_replies() {
                super::passes_replies(Kind::$kind);
            }

            #[test]
            fn resumes_after_a_restart() {
                super::resumes_after_a_restart(Kind::$kind);
            }
        }
    )* };
}

each_proxy! {
    nginx: Nginx;
    haproxy: HaProxy;
    apache: Apache;
    caddy: Caddy;
}

/// Sends a request head without its body. Returns the status of the first response.
fn status(port: u16, head: &str) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = head.replace("Host: test", &format!("Host: 127.0.0.1:{port}"));
    socket.write_all(head.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line).unwrap();
    line.split(' ').nth(1).unwrap_or_else(|| panic!("{line:?}")).to_owned()
}

/// The responses of a proxy to a Ping, a long fragment and a short one, both of an unknown session.
fn row(kind: Kind, site: &str) -> [String; 3] {
    let proxied = Proxied::plain(kind, site, &[]);
    let session = "BITS-Session-Id: {7df0354d-249b-430f-820d-3d2a9bef4931}";
    let fragment = |length: usize| {
        let range = format!("Content-Range: bytes 0-{}/{length}", length - 1);
        packet("Fragment", "/file", &[session, &range, "Expect: 100-continue"], length)
    };
    let heads = [packet("Ping", "/", &[], 0), fragment(2 << 20), fragment(65_536)];
    heads.map(|head| status(proxied.proxy.port, &head))
}

/// The table in the document matches the behavior of the proxies.
#[test]
fn the_defaults_are_as_documented() {
    let nginx = Kind::Nginx.plain().replace("location / {", "location / { proxy_http_version 1.1;");
    let mut sites: Vec<_> = KINDS.map(|kind| (kind, kind.plain().to_owned(), "")).to_vec();
    sites.insert(1, (Kind::Nginx, nginx, " with `proxy_http_version 1.1`"));
    for (kind, site, with) in sites {
        let mut cells = row(kind, &site);
        if kind == Kind::Caddy {
            // Caddy sends 100 Continue while the server already responds, so either can arrive first.
            let either = |cell: &mut String| assert!(["100", "500"].contains(&cell.as_str()), "{cell}");
            cells.iter_mut().skip(1).for_each(either);
            cells[1..].fill("100 or 500".to_owned());
        }
        let [ping, long, short] = cells;
        let row = format!("| {}{with} | {ping} | {long} | {short} |", kind.name());
        assert!(document().contains(&row), "the document has no row {row}");
    }
}

/// nginx accepts 1 MiB by default, and the client reduces its fragments accordingly (PROTOCOL 6.6).
#[test]
fn an_upload_shrinks_its_fragments_after_413() {
    let site = Kind::Nginx.plain().replace("location / {", "location / { proxy_http_version 1.1;");
    let proxied = Proxied::plain(Kind::Nginx, &site, &[]);
    let (source, content) = proxied.workspace().source("source", LARGE);
    proxied.run(&["upload", &source, &proxied.url_of("file"), "--fragment-size", "3m"]).assert_success();
    assert!(fs::read(proxied.workspace().received("file")).unwrap() == content);
    assert!(proxied.proxy.log().contains("too large body"), "the limit was never reached");
}

/// Each proxy rejects the verb by the rule in the document, and passes POST with the method override.
#[test]
fn the_method_override_passes_proxies_that_reject_the_verb() {
    for (kind, rejection) in
        [(Kind::Nginx, 403), (Kind::HaProxy, 405), (Kind::Apache, 501), (Kind::Caddy, 405)]
    {
        let proxied = Proxied::plain(kind, &rejecting_site(kind), &["--method-override"]);
        let (source, content) = proxied.workspace().source("source", 100_000);
        let url = proxied.url_of("file");
        let status = format!("HTTP status: {rejection}");
        proxied.run(&["upload", &source, &url]).assert_failure(1, &[&status]);
        proxied.run(&["upload", &source, &url, "--method-override"]).assert_success();
        assert!(fs::read(proxied.workspace().received("file")).unwrap() == content, "{kind:?}");
    }
}
