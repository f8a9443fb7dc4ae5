//! The admin page in a browser: sessions, hostile names, and a server that is gone. The browser is Debian's Chromium,
//! headless.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use bitsup::engine::{Engine, EngineConfig, Hooks, Upload, Verdict};
use bitsup::server::{AdminConfig, Server};
use bitsup::store::MemoryStore;
use test_support::administrator::authority;
use test_support::raw_http::{RawHttp, create, fragment, serve};

/// Trusts the owner that the client names.
struct TrustingHooks;

impl Hooks for TrustingHooks {
    fn on_request(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        verdict.set_owner(upload.headers.get("X-Owner").unwrap_or_default());
    }
}

fn server() -> (Server, String) {
    let mut config = EngineConfig::new(Arc::new(MemoryStore::new(u64::MAX)));
    config.hooks = Some(Arc::new(TrustingHooks));
    let engine = Engine::new(config).unwrap();
    let server = serve(&MemoryStore::new(0), |config| {
        config.mounts = vec![("/up/".into(), engine)];
        config.admin = Some(AdminConfig::new("127.0.0.1", 0));
    });
    let url = server.admin_url().unwrap();
    (server, url)
}

/// Uploads the first `received` of 1000 bytes, and returns the session id.
fn start_upload(server: &Server, path: &str, owner: &str, received: usize) -> String {
    let owner = format!("X-Owner: {owner}");
    let mut client = RawHttp::connect(server);
    let id = client.request(create(path).replacen("\r\n", &format!("\r\n{owner}\r\n"), 1)).session();
    if received > 0 {
        let body = "a".repeat(received);
        client.request(fragment(path, &id, 0, received, 1000, &[&owner]) + &body);
    }
    id
}

/// Returns the page at `url` as HTML, as it is after some seconds of virtual time.
fn rendered(url: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--virtual-time-budget=3500", "--dump-dom", url])
        .env("HOME", profile.path())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("chromium: {error}; on Debian: apt-get install chromium"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the table row of a session.
fn row<'a>(document: &'a str, session: &str) -> &'a str {
    let rows = document.split("<tr ").skip(1);
    rows.map(|row| row.split("</tr>").next().unwrap())
        .find(|row| row.contains(session))
        .unwrap_or_else(|| panic!("{session} is not in {document}"))
}

#[test]
fn sessions_are_shown_with_progress_and_hostile_names_as_text() {
    let (server, url) = server();
    let half = start_upload(&server, "/up/h%C3%A4lfte.bin", "anna", 500);
    let complete = start_upload(&server, "/up/whole.bin", "bert", 1000);
    let script =
        start_upload(&server, "/up/%3Cscript%3Edocument.title='owned'", "\"><img src=x onerror=alert(1)>", 1);
    let image =
        start_upload(&server, "/up/%3Cimg%20src=x%20onerror=%22document.title='owned'%22%3E", "&lt;b&gt;", 1);
    let reversed = start_upload(&server, "/up/%E2%80%AEgpj.exe", "\u{5d0}\u{5d1}", 1);
    let document = rendered(&url);

    let half = row(&document, &half);
    for part in [
        "<bdi>/up/hälfte.bin</bdi>",
        "<bdi>anna</bdi>",
        ">receiving<",
        "value=\"50\"",
        "50% · 500 B of 1000 B",
    ] {
        assert!(half.contains(part), "{part:?} is not in {half}");
    }
    assert!(row(&document, &complete).contains(">delivered<"), "{document}");
    let script = row(&document, &script);
    assert!(script.contains("/up/&lt;script&gt;document.title='owned'"), "{script}");
    assert!(script.contains("\"&gt;&lt;img src=x onerror=alert(1)&gt;"), "{script}");
    let image = row(&document, &image);
    assert!(image.contains("&lt;img src=x onerror=\"document.title='owned'\"&gt;"), "{image}");
    assert!(image.contains("&amp;lt;b&amp;gt;"), "{image}");
    assert!(row(&document, &reversed).contains("/up/\\u{202e}gpj.exe"), "{document}");
    assert!(document.contains("<title>bitsup</title>"), "a name was executed as a script");
    assert!(!document.contains("<img") && document.matches("<script").count() == 1, "{document}");
    assert!(document.contains("<dd id=\"count\">5</dd>"), "{document}");
    assert!(document.contains("id=\"gone\" role=\"alert\" hidden=\"\""), "{document}");
}

#[test]
fn an_empty_session_list_is_stated() {
    let (_server, url) = server();
    let document = rendered(&url);
    assert!(document.contains("<dd id=\"count\">0</dd>"), "{document}");
    assert!(document.contains("<p id=\"empty\" class=\"notice\">No sessions."), "{document}");
    assert!(
        document.contains(
            "<div id=\"scroll\" role=\"region\" aria-label=\"Sessions\" tabindex=\"0\" hidden=\"\">"
        )
    );
}

#[test]
fn the_last_data_stays_visible_when_the_server_is_gone() {
    let (server, url) = server();
    let id = start_upload(&server, "/up/file", "anna", 100);
    let document = rendered(&proxy_once(authority(&url).to_owned()));
    assert!(document.contains("<body class=\"stale\">"), "{document}");
    assert!(document.contains("id=\"gone\" role=\"alert\">The server does not respond"), "{document}");
    assert!(document.contains("No response</p>"), "{document}");
    assert!(row(&document, &id).contains("100 B of 1000 B"));
}

/// Starts a proxy to the listener at `address` that forwards `/sessions` only once, and returns its URL.
fn proxy_once(address: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut sessions_requests = 0;
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                match client.read(&mut byte) {
                    Ok(1) => head.push(byte[0]),
                    _ => break,
                }
            }
            sessions_requests += usize::from(head.starts_with(b"GET /sessions "));
            if head.is_empty() || sessions_requests > 1 {
                continue;
            }
            let mut server = TcpStream::connect(&address).unwrap();
            server.write_all(&head).unwrap();
            let mut response = Vec::new();
            server.read_to_end(&mut response).unwrap();
            client.write_all(&response).ok();
        }
    });
    url
}
