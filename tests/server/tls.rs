//! TLS on the listener: what is agreed upon, what is kept up, what does not get far.

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

fn anything(authority: &Authority) -> Server {
    serve_tls(authority, &MemoryStore::new(u64::MAX), |_| {})
}

#[test]
fn an_upload_goes_by_tls_1_2_and_1_3_in_http_1_1() {
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

/// Decrypted bytes that nobody asked for yet make no socket ready.
#[test]
fn what_came_in_one_record_is_answered_without_another() {
    let authority = Authority::named("root");
    let server = anything(&authority);
    let mut http = connect(&server, &authority.client_config());
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 0, 5, 5, &["Expect: 100-continue"]));
    http.read_continue();
    // The body is read as far as it goes, and the rest of its record stays with TLS.
    http.send("hello".to_owned() + &close("/a", &session) + &ping("/a").repeat(40));
    (0..42).for_each(|at| assert_eq!(http.response().status, 200, "{at}"));
}

#[test]
fn a_peer_that_handshakes_byte_by_byte_is_served() {
    let authority = Authority::named("root");
    let server = anything(&authority);
    let mut peer = tls_stream(server.local_addr(), &authority.client_config());
    while peer.conn.is_handshaking() {
        trickle(&mut peer);
        if peer.conn.wants_read() {
            peer.conn.read_tls(&mut (&peer.sock).take(1)).unwrap();
            peer.conn.process_new_packets().unwrap();
        }
    }
    peer.conn.writer().write_all(ping("/a").as_bytes()).unwrap();
    trickle(&mut peer);
    assert_eq!(RawHttp::over(peer).response().status, 200);
}

/// Sends what is to be sent one byte at a time.
fn trickle(peer: &mut TlsStream) {
    let mut bytes = Vec::new();
    while peer.conn.wants_write() {
        peer.conn.write_tls(&mut bytes).unwrap();
    }
    bytes.chunks(1).for_each(|byte| peer.sock.write_all(byte).unwrap());
}

#[test]
fn a_handshake_has_the_time_of_a_head_however_it_comes() {
    let authority = Authority::named("root");
    let server = serve_tls(&authority, &MemoryStore::new(0), |config| config.head_timeout = SHORT);
    let mut silent = RawHttp::connect(&server);
    let mut slow = RawHttp::connect(&server);
    let hello = hello(&authority);
    let mut rest = hello.iter();
    // As long as it is not over, there are bytes of the handshake left: it comes to its end by time only.
    while slow.is_silent_for(Duration::from_millis(10)) {
        slow.send([*rest.next().expect("a server that gives up")]);
    }
    slow.assert_gone();
    silent.assert_gone();
}

/// The first flight of a client.
fn hello(authority: &Authority) -> Vec<u8> {
    let mut hello = Vec::new();
    let mut client =
        ClientConnection::new(authority.client_config(), "127.0.0.1".try_into().unwrap()).unwrap();
    client.write_tls(&mut hello).unwrap();
    hello
}

#[test]
fn the_end_is_announced_when_the_answer_was_the_last_and_when_the_server_stops() {
    let authority = Authority::named("root");
    let mut server = anything(&authority);
    let [mut refused, mut idle] = [(); 2].map(|()| connect(&server, &authority.client_config()));
    let answer = refused.request("garbage\r\n\r\n");
    assert_eq!((answer.status, answer.closes()), (400, true));
    refused.assert_closed();
    assert_eq!(idle.request(ping("/a")).status, 200);
    server.stop(TIMEOUT).unwrap();
    idle.assert_closed();
}

#[test]
fn the_end_is_announced_to_an_idle_peer() {
    let authority = Authority::named("root");
    let server = serve_tls(&authority, &MemoryStore::new(0), |config| config.idle_timeout = SHORT);
    let mut http = connect(&server, &authority.client_config());
    assert_eq!(http.request(ping("/a")).status, 200);
    http.assert_closed();
}

#[test]
fn a_body_that_the_peer_cuts_off_stays_as_far_as_it_came() {
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
fn plain_and_secure_do_not_mix() {
    let authority = Authority::named("root");
    let mut plain = RawHttp::connect(&anything(&authority));
    plain.send(ping("/a"));
    let mut got = Vec::new();
    let ended = plain.socket.read_to_end(&mut got);
    assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    assert!(!got.starts_with(b"HTTP"), "a fatal alert at most: {got:?}");

    let server = serve_anything();
    let mut http = connect(&server, &authority.client_config());
    assert_eq!(http.socket.write_all(b"x").unwrap_err().kind(), ErrorKind::InvalidData);
}

// B-TLS-01
#[test]
fn another_certificate_is_for_new_connections_and_closes_none() {
    let (old, new) = (Authority::named("old"), Authority::named("new"));
    let server = anything(&old);
    let mut before = connect(&server, &old.client_config());
    assert_eq!(before.request(ping("/a")).status, 200);
    server.reload_tls(&new.server().config()).unwrap();
    assert_eq!(before.request(ping("/a")).status, 200);
    assert_eq!(connect(&server, &new.client_config()).request(ping("/a")).status, 200);
    let distrust = tls_stream(server.local_addr(), &old.client_config()).write_all(b"x").unwrap_err();
    assert!(distrust.to_string().contains("certificate"), "{distrust}");
}

#[test]
fn what_is_no_certificate_changes_nothing() {
    let authority = Authority::named("root");
    let server = anything(&authority);
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
fn a_ticket_shortens_the_next_handshake_until_the_certificate_changes() {
    let authority = Authority::named("root");
    let server = anything(&authority);
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
fn what_is_wrong_with_a_file_is_said_with_its_name() {
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
    for (config, words) in cases {
        let start = bitsup::server::ServerConfig::default()
            .mount("/", raw_http::engine(&MemoryStore::new(0)))
            .tls(config);
        let error = Server::start(start).err().unwrap();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert!(error.message().starts_with(words), "{words}: {error}");
    }
    let error = Pem::read(std::path::Path::new("/nonexistent/cert.pem")).unwrap_err();
    assert_eq!(error.status(), Status::NotFound);
    assert!(error.message().contains("/nonexistent/cert.pem"), "{error}");
}

/// What the access log says of TLS.
#[test]
fn the_access_log_names_the_version_and_failures() {
    let authority = Authority::named("root");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = AccessLog::to_file(&path, LogFormat::Json).unwrap();
    let server = serve_tls(&authority, &MemoryStore::new(0), |config| config.access_log = Some(log));
    for version in [&TLS12, &TLS13] {
        let mut http = connect(&server, &authority.client_config_with(&[version], None));
        assert_eq!(http.request(ping("/a")).status, 200);
    }
    let mut stranger = RawHttp::connect(&server);
    stranger.send("GET /?planted HTTP/1.1\r\n\r\n");
    stranger.socket.read_to_end(&mut Vec::new()).ok();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let versions: Vec<_> = lines.iter().filter_map(|line| line["tls"].as_str()).collect();
    assert_eq!(versions, ["1.2", "1.3"]);
    let failed = lines.iter().find(|line| line["event"] == "tls-failed").unwrap();
    assert_eq!(failed["peer"], stranger.socket.local_addr().unwrap().to_string());
    assert!(failed["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{failed}");
    assert!(!text.contains("planted"), "{text}");
    assert!(server.metrics().render().contains("bitsup_tls_failures_total 1\n"));
}

#[test]
fn a_key_is_not_shown_by_debug() {
    let text = format!("{:?}", Authority::named("root").server().config());
    assert!(text.contains("key.pem") && !text.contains("PRIVATE"), "{text}");
}

#[test]
fn the_time_for_a_head_begins_after_the_handshake() {
    let authority = Authority::named("root");
    let server = serve_tls(&authority, &MemoryStore::new(0), |config| config.head_timeout = SHORT);
    let mut http = connect(&server, &authority.client_config());
    let began = Instant::now();
    http.send("BITS_POST /a HTTP/1.1\r\nHost:");
    let answer = http.response();
    assert_eq!((answer.status, answer.closes()), (408, true));
    assert!(began.elapsed() >= SHORT);
    http.assert_closed();
}
