//! Mutual TLS: who may come in, and whose the sessions are.

use std::io::{Read, Write};
use std::sync::Arc;

use bitsup::engine::{Engine, EngineConfig, Hooks, Upload, Verdict};
use bitsup::server::{Pem, Server};
use bitsup::store::{MemoryStore, Store};
use rcgen::DnType;
use test_support::certificates::{Authority, Identity};
use test_support::raw_http::{RawHttp, close, create, fragment, ping};
use test_support::tls::{TlsStream, connect, serve_tls, tls_stream};

/// A server that takes clients of one authority, and connections to it.
struct Club {
    server: Server,
    store: MemoryStore,
    authority: Authority,
    members: Authority,
}

impl Club {
    fn new() -> Self {
        let (authority, members) = (Authority::named("root"), Authority::named("members"));
        let store = MemoryStore::new(u64::MAX);
        let server = serve_tls(&authority, &store, |config| {
            let ca = Pem::new("ca.pem", members.pem.as_bytes());
            config.tls.as_mut().unwrap().client_ca = Some(ca);
        });
        Self { server, store, authority, members }
    }

    fn member(&self, name: &str) -> Identity {
        self.members.client(&[(DnType::CommonName, name)])
    }

    fn connect(&self, identity: &Identity) -> RawHttp<TlsStream> {
        connect(&self.server, &self.authority.client_config_with(rustls::ALL_VERSIONS, Some(identity)))
    }

    /// Whether somebody gets an answer.
    fn lets_in(&self, identity: Option<&Identity>) -> bool {
        let client = self.authority.client_config_with(rustls::ALL_VERSIONS, identity);
        let mut stream = tls_stream(self.server.local_addr(), &client);
        // With TLS 1.3 the client believes that it is in before the server has looked at its certificate.
        let _ = stream.write_all(ping("/a").as_bytes());
        stream.read(&mut [0; 8]).is_ok_and(|count| count > 0)
    }
}

// B-TLS-02
#[test]
fn without_a_certificate_of_the_authority_nobody_comes_in() {
    let club = Club::new();
    assert!(!club.lets_in(None));
    let stranger = Authority::named("members").client(&[(DnType::CommonName, "anna")]);
    assert!(!club.lets_in(Some(&stranger)));
    // All that name nobody would own the same sessions.
    assert!(!club.lets_in(Some(&club.members.client(&[]))));
    assert!(club.lets_in(Some(&club.member("anna"))));
}

// B-TLS-02
#[test]
fn the_subject_is_the_owner_as_rfc_4514_writes_it() {
    let club = Club::new();
    let subjects: [(&[(DnType, &str)], &str); 2] = [
        (
            &[
                (DnType::CountryName, "DE"),
                (DnType::OrganizationName, "Ham, Eggs + Co"),
                (DnType::OrganizationalUnitName, "Sales"),
                (DnType::CommonName, "pc17"),
            ],
            r"CN=pc17,OU=Sales,O=Ham\, Eggs \+ Co,C=DE",
        ),
        (&[(DnType::CommonName, "Zoë")], "CN=Zoë"),
    ];
    for (subject, owner) in subjects {
        let identity = club.members.client(subject);
        club.connect(&identity).request(create("/a")).session();
        let sessions = club.store.sessions().unwrap().sessions;
        assert!(sessions.iter().any(|stored| stored.record.owner.as_deref() == Some(owner)), "{owner}");
    }
}

// B-TLS-02
#[test]
fn a_session_is_of_its_certificate_and_of_no_other() {
    let club = Club::new();
    let (mut anna, mut bert) = (club.connect(&club.member("anna")), club.connect(&club.member("bert")));
    let session = anna.request(create("/a")).session();
    let foreign = [fragment("/a", &session, 0, 5, 5, &[]) + "wrong", close("/a", &session)];
    for packet in foreign {
        let answer = bert.request(packet);
        assert_eq!(answer.status, 403, "{}", answer.text);
        assert_eq!(answer.field("BITS-Received-Content-Range"), None, "{}", answer.text);
    }
    // Another certificate with the same subject, as after a renewal, is the same owner.
    let mut anna = club.connect(&club.member("anna"));
    assert_eq!(anna.request(fragment("/a", &session, 0, 5, 5, &[]) + "right").status, 200);
    assert_eq!(club.store.file("a").unwrap(), b"right");
}

#[test]
fn a_root_that_is_taken_away_shuts_out_whoever_comes_anew() {
    let club = Club::new();
    let anna = club.authority.client_config_with(rustls::ALL_VERSIONS, Some(&club.member("anna")));
    let mut inside = connect(&club.server, &anna);
    assert_eq!(inside.request(ping("/a")).status, 200);
    let mut config = club.authority.server().config();
    config.client_ca = Some(Pem::new("ca.pem", Authority::named("others").pem));
    club.server.reload_tls(&config).unwrap();
    assert_eq!(inside.request(ping("/a")).status, 200);
    // She has a ticket, which must not help her.
    let mut outside = tls_stream(club.server.local_addr(), &anna);
    let _ = outside.write_all(ping("/a").as_bytes());
    assert!(outside.read(&mut [0; 8]).is_err());
}

/// Replies with a large content, which only its owner may read.
struct Replies;

/// More than all buffers between the two hold.
const REPLY: usize = 6 << 20;

impl Hooks for Replies {
    fn on_received(&self, _: &Upload<'_>, verdict: &mut Verdict) {
        verdict.set_reply_bytes((0..REPLY).map(|at| (at % 253) as u8).collect::<Vec<_>>());
    }
}

#[test]
fn a_reply_goes_whole_to_its_owner_only_however_slowly_it_is_read() {
    let mut club = Club::new();
    let mut config = EngineConfig::new(Arc::new(club.store.clone()));
    config.hooks = Some(Arc::new(Replies));
    let mounts = vec![("/".to_owned(), Engine::new(config).unwrap())];
    club.server = serve_tls(&club.authority, &club.store, |config| {
        config.mounts = mounts;
        let ca = Pem::new("ca.pem", club.members.pem.as_bytes());
        config.tls.as_mut().unwrap().client_ca = Some(ca);
    });
    let mut anna = club.connect(&club.member("anna"));
    let session = anna.request(create("/a")).session();
    let answer = anna.request(fragment("/a", &session, 0, 1, 1, &[]) + "x");
    let url = answer.field("BITS-Reply-URL").unwrap();
    let path = url.strip_prefix("https://test").unwrap_or_else(|| panic!("the scheme of TLS: {url}"));
    let get = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(club.connect(&club.member("bert")).request(&get).status, 403);

    let mut reader = tls_stream(
        club.server.local_addr(),
        &club.authority.client_config_with(rustls::ALL_VERSIONS, Some(&club.member("anna"))),
    );
    rustix::net::sockopt::set_socket_recv_buffer_size(&reader.sock, 64 * 1024).unwrap();
    reader.write_all(get.as_bytes()).unwrap();
    // While nothing is read, everything fills up; the server must go on with the others, and then with this one.
    assert_eq!(anna.request(ping("/a")).status, 200);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        reader.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(String::from_utf8(head).unwrap().contains(&format!("Content-Length: {REPLY}\r\n")));
    let mut body = vec![0; REPLY];
    reader.read_exact(&mut body).unwrap();
    assert!(body.iter().enumerate().all(|(at, byte)| *byte == (at % 253) as u8));
}
