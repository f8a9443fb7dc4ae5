//! TLS: handshakes, versions, certificates, and how connections end.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use bitsup::Status;
use bitsup::server::{AccessLog, LogFormat, Pem, Server};
use bitsup::store::MemoryStore;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, HandshakeKind};
use test_support::certificates::Authority;
use test_support::raw_http::{self, RawHttp, TIMEOUT, close, create, fragment, ping, serve_anything};
use test_support::tls::{TlsStream, connect, serve_tls, tls_stream};

const SHORT: Duration = Duration::from_millis(100);

fn serve_over_tls(authority: &Authority) -> Server {
    serve_tls(authority, &MemoryStore::new(u64::MAX), |_| {})
}

#[test]
fn an_upload_works_over_tls_1_2_and_1_3() {
    let authority = Authority::named("root");
    let store = MemoryStore::new(u64::MAX);
    let server = serve_tls(&authority, &store, |_| {});
    assert_eq!(server.url(), format!("https://127.0.0.1:{}/", server.local_addr().port()));
    let content: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    let half = content.len() / 2;
    for version in [&TLS12, &TLS13] {
        let path = format!("/{:?}", version.version);
        let mut http = connect(&server, &authority.client_config_with(&[version], None));
        let session = http.request(create(&path)).session();
        for first in [0, half] {
            http.send(fragment(&path, &session, first, half, content.len(), &[]));
            assert_eq!(http.request(&content[first..first + half]).status, 200);
        }
        assert_eq!(http.request(close(&path, &session)).status, 200);
        assert_eq!(store.file(&path[1..]).unwrap(), content);
        assert_eq!(http.socket.conn.protocol_version(), Some(version.version));
        assert_eq!(http.socket.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
}

/// The socket is not readable again for bytes that were already decrypted.
#[test]
fn requests_in_one_record_are_answered_without_further_input() {
    let authority = Authority::named("root");
    let server = serve_over_tls(&authority);
    let mut http = connect(&server, &authority.client_config());
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 0, 5, 5, &["Expect: 100-continue"]));
    http.read_continue();
    // The body ends within the record; the rest of the record is buffered by TLS.
    http.send("hello".to_owned() + &close("/a", &session) + &ping("/a").repeat(40));
    (0..42).for_each(|at| assert_eq!(http.response().status, 200, "{at}"));
}

#[test]
fn a_handshake_may_arrive_byte_by_byte() {
    let authority = Authority::named("root");
    let server = serve_over_tls(&authority);
    let mut client = tls_stream(server.local_addr(), &authority.client_config());
    while client.conn.is_handshaking() {
        trickle(&mut client);
        if client.conn.wants_read() {
            client.conn.read_tls(&mut (&client.sock).take(1)).unwrap();
            client.conn.process_new_packets().unwrap();
        }
    }
    client.conn.writer().write_all(ping("/a").as_bytes()).unwrap();
    trickle(&mut client);
    assert_eq!(RawHttp::over(client).response().status, 200);
}

/// Sends the pending TLS output one byte at a time.
fn trickle(client: &mut TlsStream) {
    let mut bytes = Vec::new();
    while client.conn.wants_write() {
        client.conn.write_tls(&mut bytes).unwrap();
    }
    bytes.chunks(1).for_each(|byte| client.sock.write_all(byte).unwrap());
}

#[test]
fn a_handshake_is_limited_by_the_head_timeout() {
    let authority = Authority::named("root");
    let server = serve_tls(&authority, &MemoryStore::new(0), |config| config.head_timeout = SHORT);
    let mut silent = RawHttp::connect(&server);
    let mut slow = RawHttp::connect(&server);
    let hello = client_hello(&authority);
    let mut rest = hello.iter();
    // The timeout ends this loop, because the handshake has more bytes than can be sent until then.
    while slow.is_silent_for(Duration::from_millis(10)) {
        slow.send([*rest.next().expect("the server did not time out")]);
    }
    slow.assert_gone();
    silent.assert_gone();
}

/// Returns the first message of a client.
fn client_hello(authority: &Authority) -> Vec<u8> {
    let mut hello = Vec::new();
    let mut client =
        ClientConnection::new(authority.client_config(), "127.0.0.1".try_into().unwrap()).unwrap();
    client.write_tls(&mut hello).unwrap();
    hello
}

#[test]
fn close_notify_is_sent_after_the_last_response_and_on_stop() {
    let authority = Authority::named("root");
    let mut server = serve_over_tls(&authority);
    let [mut rejected, mut idle] = [(); 2].map(|()| connect(&server, &authority.client_config()));
    let response = rejected.request("garbage\r\n\r\n");
    assert_eq!((response.status, response.closes()), (400, true));
    rejected.assert_closed();
    assert_eq!(idle.request(ping("/a")).status, 200);
    server.stop(TIMEOUT).unwrap();
    idle.assert_closed();
}

#[test]
fn close_notify_is_sent_to_an_idle_client() {
    let authority = Authority::named("root");
    let server = serve_tls(&authority, &MemoryStore::new(0), |config| config.idle_timeout = SHORT);
    let mut http = connect(&server, &authority.client_config());
    assert_eq!(http.request(ping("/a")).status, 200);
    http.assert_closed();
}

#[test]
fn the_bytes_of_a_truncated_body_are_kept() {
    let authority = Authority::named("root");
    let store = MemoryStore::new(u64::MAX);
    let server = serve_tls(&authority, &store, |_| {});
    let mut http = connect(&server, &authority.client_config());
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 0, 10, 10, &[]) + "hello");
    http.socket.sock.shutdown(Shutdown::Write).unwrap();
    let error = http.socket.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset), "{error}");
    let mut http = connect(&server, &authority.client_config());
    assert_eq!(http.request(fragment("/a", &session, 5, 5, 10, &[]) + "world").status, 200);
    assert_eq!(store.file("a").unwrap(), b"helloworld");
}

#[test]
fn plain_and_tls_connections_do_not_mix() {
    let authority = Authority::named("root");
    let mut plain = RawHttp::connect(&serve_over_tls(&authority));
    plain.send(ping("/a"));
    let mut received = Vec::new();
    let result = plain.socket.read_to_end(&mut received);
    assert!(result.is_ok() || result.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    assert!(!received.starts_with(b"HTTP"), "more than an alert: {received:?}");

    let server = serve_anything();
    let mut http = connect(&server, &authority.client_config());
    assert_eq!(http.socket.write_all(b"x").unwrap_err().kind(), ErrorKind::InvalidData);
}

// B-TLS-01
#[test]
fn a_new_certificate_applies_to_new_connections_only() {
    let (old, new) = (Authority::named("old"), Authority::named("new"));
    let server = serve_over_tls(&old);
    let mut open = connect(&server, &old.client_config());
    assert_eq!(open.request(ping("/a")).status, 200);
    server.reload_tls(&new.server().config()).unwrap();
    assert_eq!(open.request(ping("/a")).status, 200);
    assert_eq!(connect(&server, &new.client_config()).request(ping("/a")).status, 200);
    let error = tls_stream(server.local_addr(), &old.client_config()).write_all(b"x").unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[test]
fn an_invalid_certificate_changes_nothing() {
    let authority = Authority::named("root");
    let server = serve_over_tls(&authority);
    let broken = authority.server().config().key(Pem::new("new.key", "nonsense"));
    let error = server.reload_tls(&broken).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().starts_with("new.key: "), "{error}");
    assert_eq!(connect(&server, &authority.client_config()).request(ping("/a")).status, 200);
    let plain = serve_anything();
    let error = plain.reload_tls(&authority.server().config()).unwrap_err();
    assert_eq!(error.status(), Status::InvalidState);
}

#[test]
fn a_ticket_is_valid_until_the_certificate_changes() {
    let authority = Authority::named("root");
    let server = serve_over_tls(&authority);
    for version in [&TLS12, &TLS13] {
        let client = authority.client_config_with(&[version], None);
        let handshake = || {
            let mut http = connect(&server, &client);
            assert_eq!(http.request(ping("/a")).status, 200);
            http.socket.conn.handshake_kind().unwrap()
        };
        assert_eq!(handshake(), HandshakeKind::Full);
        assert_eq!(handshake(), HandshakeKind::Resumed);
        server.reload_tls(&authority.server().config()).unwrap();
        assert_eq!(handshake(), HandshakeKind::Full);
    }
}

#[test]
fn errors_name_the_file() {
    let (authority, other) = (Authority::named("root"), Authority::named("other"));
    let good = || authority.server().config();
    let pem = |name: &str, text: &str| Pem::new(name, text);
    let cut = authority.server().certificate;
    let cut = &cut[..cut.len() - 40];
    let cases = [
        (good().certificates(pem("c", "")), "c: contains no certificate"),
        (good().certificates(pem("c", cut)), "c: invalid PEM"),
        (good().certificates(pem("c", &authority.server().key)), "c: contains no"),
        (good().key(pem("k", &authority.pem)), "k: contains no private key"),
        (good().key(pem("k", &other.server().key)), "k: not the key of the first"),
        (good().client_ca(pem("ca", "")), "ca: contains no certificate"),
    ];
    for (config, message) in cases {
        let config = bitsup::server::ServerConfig::default()
            .mount("/", raw_http::engine(&MemoryStore::new(0)))
            .tls(config);
        let error = Server::start(config).err().unwrap();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert!(error.message().starts_with(message), "{message}: {error}");
    }
    let error = Pem::read(std::path::Path::new("/nonexistent/cert.pem")).unwrap_err();
    assert_eq!(error.status(), Status::NotFound);
    assert!(error.message().contains("/nonexistent/cert.pem"), "{error}");
}

#[test]
fn the_access_log_contains_tls_versions_and_failures() {
    let authority = Authority::named("root");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = AccessLog::to_file(&path, LogFormat::Json).unwrap();
    let server = serve_tls(&authority, &MemoryStore::new(0), |config| config.access_log = Some(log));
    for version in [&TLS12, &TLS13] {
        let mut http = connect(&server, &authority.client_config_with(&[version], None));
        assert_eq!(http.request(ping("/a")).status, 200);
    }
    let mut plain = RawHttp::connect(&server);
    plain.send("GET /?planted HTTP/1.1\r\n\r\n");
    plain.socket.read_to_end(&mut Vec::new()).ok();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let versions: Vec<_> = lines.iter().filter_map(|line| line["tls"].as_str()).collect();
    assert_eq!(versions, ["1.2", "1.3"]);
    let failed = lines.iter().find(|line| line["event"] == "tls-failed").unwrap();
    assert_eq!(failed["peer"], plain.socket.local_addr().unwrap().to_string());
    assert!(failed["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{failed}");
    assert!(!text.contains("planted"), "{text}");
    assert!(server.metrics().render().contains("bitsup_tls_failures_total 1\n"));
}

#[test]
fn debug_does_not_print_the_key() {
    let text = format!("{:?}", Authority::named("root").server().config());
    assert!(text.contains("key.pem") && !text.contains("PRIVATE"), "{text}");
}

#[test]
fn the_head_timeout_starts_after_the_handshake() {
    let authority = Authority::named("root");
    let server = serve_tls(&authority, &MemoryStore::new(0), |config| config.head_timeout = SHORT);
    let mut http = connect(&server, &authority.client_config());
    let began = Instant::now();
    http.send("BITS_POST /a HTTP/1.1\r\nHost:");
    let response = http.response();
    assert_eq!((response.status, response.closes()), (408, true));
    assert!(began.elapsed() >= SHORT);
    http.assert_closed();
}
