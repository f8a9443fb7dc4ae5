//! Uploads through real proxies, configured as docs/operations/proxies.md says, and what they do by default.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use test_support::application::{Application, Response};
use test_support::raw_http::packet;

use crate::program::Running;
use crate::proxied::{Proxied, document, strict};
use crate::reverse_proxy::{KINDS, Kind};

/// More than nginx takes by default, and no multiple of anything.
const LARGE: usize = 5_000_011;

/// Large fragments, small ones, and one file for each.
fn passes_fragments(kind: Kind) {
    let proxied = Proxied::documented(kind, &["--user", "anna:secret"]);
    for (name, length, fragment) in [("large", LARGE, "2m"), ("small", 20_000, "3k"), ("empty", 0, "1m")] {
        let (source, content) = proxied.place().source("source", length);
        let url = proxied.url_of(name);
        let words = ["upload", &source, &url, "--fragment-size", fragment, "--user", "anna:secret"];
        proxied.run(&words).succeeded();
        assert!(fs::read(proxied.place().received(name)).unwrap() == content, "{kind:?} {name}");
    }
    proxied.run(&["ping", &proxied.url, "--user", "anna:wrong"]).failed(1, &["401"]);
}

/// The reply has an https URL: the server speaks no TLS, but knows its public URL.
fn passes_replies(kind: Kind) {
    let reply = vec![7; LARGE];
    let told = reply.clone();
    let application = Application::start(move |_| Response::new("200 OK", "", &told));
    let proxied = Proxied::documented(kind, &["--notify", "value", "--notify-url", &application.url("/")]);
    let (source, content) = proxied.place().source("source", 100_000);
    let answer = proxied.place().text("answer");
    proxied.run(&["upload", &source, &proxied.url_of("file"), "--reply", &answer]).succeeded();
    assert!(application.request().body == content && fs::read(answer).unwrap() == reply, "{kind:?}");
}

/// The proxy dies in the middle of an upload, which goes on where the server stands once it is back.
fn may_die(kind: Kind) {
    let mut proxied = Proxied::documented(kind, &[]);
    let (source, content) = proxied.place().source("source", 2_000_003);
    let url = proxied.url_of("file");
    let words = ["upload", &source, &url, "--json", "--fragment-size", "200k", "--retry-delay", "20ms"];
    let words = proxied.words(&[&words[..], &["--limit-rate", "4m"]].concat());
    let mut upload = Running::start(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let sent = |event: &serde_json::Value| event["event"] == "progress" && event["sent"].as_u64() > Some(0);
    upload.wait_for(sent);
    proxied.proxy.kill();
    upload.wait_for(|event| event["event"] == "retry");
    assert_eq!(proxied.place().sessions().len(), 1, "{kind:?}");
    proxied.proxy.restart();
    let first = upload.wait_for(sent)["sent"].as_u64();
    assert!(first > Some(200 << 10), "{kind:?}: it began anew at {first:?}");
    upload.wait_for(|event| event["event"] == "done");
    assert!(fs::read(proxied.place().received("file")).unwrap() == content, "{kind:?}");
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
            fn may_die() {
                super::may_die(Kind::$kind);
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

/// The status of the first answer to a request whose body, if it has one, is not sent.
fn status(port: u16, head: &str) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = head.replace("Host: test", &format!("Host: 127.0.0.1:{port}"));
    socket.write_all(head.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line).unwrap();
    line.split(' ').nth(1).unwrap_or_else(|| panic!("{line:?}")).to_owned()
}

/// What a proxy does with a Ping, with a long fragment and with a short one, both of a session that there is not.
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

/// The table of the document is what comes out of the programs.
#[test]
fn the_defaults_are_as_the_document_says() {
    let nginx = Kind::Nginx.plain().replace("location / {", "location / { proxy_http_version 1.1;");
    let mut sites: Vec<_> = KINDS.map(|kind| (kind, kind.plain().to_owned(), "")).to_vec();
    sites.insert(1, (Kind::Nginx, nginx, " with `proxy_http_version 1.1`"));
    for (kind, site, with) in sites {
        let mut cells = row(kind, &site);
        if kind == Kind::Caddy {
            // Caddy asks for the body while the server answers already; either may be first.
            let either = |cell: &mut String| assert!(["100", "500"].contains(&cell.as_str()), "{cell}");
            cells.iter_mut().skip(1).for_each(either);
            cells[1..].fill("100 or 500".to_owned());
        }
        let [ping, long, short] = cells;
        let row = format!("| {}{with} | {ping} | {long} | {short} |", kind.name());
        assert!(document().contains(&row), "the document has no row {row}");
    }
}

/// nginx takes 1 MiB until it is told otherwise, and the client sends as little (PROTOCOL 6.6).
#[test]
fn an_upload_shrinks_its_fragments_after_413() {
    let site = Kind::Nginx.plain().replace("location / {", "location / { proxy_http_version 1.1;");
    let proxied = Proxied::plain(Kind::Nginx, &site, &[]);
    let (source, content) = proxied.place().source("source", LARGE);
    proxied.run(&["upload", &source, &proxied.url_of("file"), "--fragment-size", "3m"]).succeeded();
    assert!(fs::read(proxied.place().received("file")).unwrap() == content);
    assert!(proxied.proxy.log().contains("too large body"), "it never was in the way");
}

/// Each by a rule of its own; the document shows them. POST passes, and says what it stands for.
#[test]
fn the_override_passes_where_the_verb_is_refused() {
    for (kind, refusal) in [(Kind::Nginx, 403), (Kind::HaProxy, 405), (Kind::Apache, 501), (Kind::Caddy, 405)]
    {
        let proxied = Proxied::plain(kind, &strict(kind), &["--method-override"]);
        let (source, content) = proxied.place().source("source", 100_000);
        let url = proxied.url_of("file");
        let status = format!("HTTP status: {refusal}");
        proxied.run(&["upload", &source, &url]).failed(1, &[&status]);
        proxied.run(&["upload", &source, &url, "--method-override"]).succeeded();
        assert!(fs::read(proxied.place().received("file")).unwrap() == content, "{kind:?}");
    }
}
