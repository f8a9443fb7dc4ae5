//! Mutual TLS: which clients are accepted, and who owns their sessions.

use std::io::{Read, Write};
use std::sync::Arc;

use bitsup::engine::{Engine, EngineConfig, Hooks, Upload, Verdict};
use bitsup::server::{Pem, Server};
use bitsup::store::{MemoryStore, Store};
use rcgen::DnType;
use test_support::certificates::{Authority, Identity};
use test_support::raw_http::{RawHttp, close, create, fragment, ping};
use test_support::tls::{TlsStream, connect, serve_tls, tls_stream};

/// A server that accepts clients with a certificate of one authority.
struct MutualTls {
    server: Server,
    store: MemoryStore,
    authority: Authority,
    client_ca: Authority,
}

impl MutualTls {
    fn new() -> Self {
        let (authority, client_ca) = (Authority::named("root"), Authority::named("clients"));
        let store = MemoryStore::new(u64::MAX);
        let server = serve_tls(&authority, &store, |config| {
            let ca = Pem::new("ca.pem", client_ca.pem.as_bytes());
            config.tls.as_mut().unwrap().client_ca = Some(ca);
        });
        Self { server, store, authority, client_ca }
    }

    fn client(&self, name: &str) -> Identity {
        self.client_ca.client(&[(DnType::CommonName, name)])
    }

    fn connect(&self, identity: &Identity) -> RawHttp<TlsStream> {
        connect(&self.server, &self.authority.client_config_with(rustls::ALL_VERSIONS, Some(identity)))
    }

    /// Returns whether a client with this certificate gets a response.
    fn accepts(&self, identity: Option<&Identity>) -> bool {
        let client = self.authority.client_config_with(rustls::ALL_VERSIONS, identity);
        let mut stream = tls_stream(self.server.local_addr(), &client);
        // With TLS 1.3 the client finishes its handshake before the server has checked the certificate.
        let _ = stream.write_all(ping("/a").as_bytes());
        stream.read(&mut [0; 8]).is_ok_and(|count| count > 0)
    }
}

// B-TLS-02
#[test]
fn a_client_needs_a_certificate_of_the_authority() {
    let tls = MutualTls::new();
    assert!(!tls.accepts(None));
    let other = Authority::named("clients").client(&[(DnType::CommonName, "anna")]);
    assert!(!tls.accepts(Some(&other)));
    // Clients without a subject would all own the same sessions.
    assert!(!tls.accepts(Some(&tls.client_ca.client(&[]))));
    assert!(tls.accepts(Some(&tls.client("anna"))));
}

// B-TLS-02
#[test]
fn the_owner_is_the_subject_in_rfc_4514_form() {
    let tls = MutualTls::new();
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
        let identity = tls.client_ca.client(subject);
        tls.connect(&identity).request(create("/a")).session();
        let sessions = tls.store.sessions().unwrap().sessions;
        assert!(sessions.iter().any(|stored| stored.record.owner.as_deref() == Some(owner)), "{owner}");
    }
}

// B-TLS-02
#[test]
fn a_session_belongs_to_the_subject_of_its_certificate() {
    let tls = MutualTls::new();
    let (mut anna, mut bert) = (tls.connect(&tls.client("anna")), tls.connect(&tls.client("bert")));
    let session = anna.request(create("/a")).session();
    let foreign = [fragment("/a", &session, 0, 5, 5, &[]) + "wrong", close("/a", &session)];
    for packet in foreign {
        let response = bert.request(packet);
        assert_eq!(response.status, 403, "{}", response.text);
        assert_eq!(response.field("BITS-Received-Content-Range"), None, "{}", response.text);
    }
    // Another certificate with the same subject, as after a renewal, is the same owner.
    let mut anna = tls.connect(&tls.client("anna"));
    assert_eq!(anna.request(fragment("/a", &session, 0, 5, 5, &[]) + "right").status, 200);
    assert_eq!(tls.store.file("a").unwrap(), b"right");
}

#[test]
fn removing_a_root_rejects_new_connections_only() {
    let tls = MutualTls::new();
    let anna = tls.authority.client_config_with(rustls::ALL_VERSIONS, Some(&tls.client("anna")));
    let mut open = connect(&tls.server, &anna);
    assert_eq!(open.request(ping("/a")).status, 200);
    let mut config = tls.authority.server().config();
    config.client_ca = Some(Pem::new("ca.pem", Authority::named("others").pem));
    tls.server.reload_tls(&config).unwrap();
    assert_eq!(open.request(ping("/a")).status, 200);
    // The client has a ticket, which must not be accepted.
    let mut new = tls_stream(tls.server.local_addr(), &anna);
    let _ = new.write_all(ping("/a").as_bytes());
    assert!(new.read(&mut [0; 8]).is_err());
}

/// Replies with [`REPLY`] bytes.
struct LargeReply;

/// More than all buffers between server and client hold.
const REPLY: usize = 6 << 20;

impl Hooks for LargeReply {
    fn on_received(&self, _: &Upload<'_>, verdict: &mut Verdict) {
        verdict.set_reply_bytes((0..REPLY).map(|at| (at % 253) as u8).collect::<Vec<_>>());
    }
}

#[test]
fn a_reply_reaches_only_its_owner_however_slowly_it_is_read() {
    let mut tls = MutualTls::new();
    let mut config = EngineConfig::new(Arc::new(tls.store.clone()));
    config.hooks = Some(Arc::new(LargeReply));
    let mounts = vec![("/".to_owned(), Engine::new(config).unwrap())];
    tls.server = serve_tls(&tls.authority, &tls.store, |config| {
        config.mounts = mounts;
        let ca = Pem::new("ca.pem", tls.client_ca.pem.as_bytes());
        config.tls.as_mut().unwrap().client_ca = Some(ca);
    });
    let mut anna = tls.connect(&tls.client("anna"));
    let session = anna.request(create("/a")).session();
    let response = anna.request(fragment("/a", &session, 0, 1, 1, &[]) + "x");
    let url = response.field("BITS-Reply-URL").unwrap();
    let path = url.strip_prefix("https://test").unwrap_or_else(|| panic!("not an https URL: {url}"));
    let get = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(tls.connect(&tls.client("bert")).request(&get).status, 403);

    let mut reader = tls_stream(
        tls.server.local_addr(),
        &tls.authority.client_config_with(rustls::ALL_VERSIONS, Some(&tls.client("anna"))),
    );
    rustix::net::sockopt::set_socket_recv_buffer_size(&reader.sock, 64 * 1024).unwrap();
    reader.write_all(get.as_bytes()).unwrap();
    // Nothing is read until the buffers are full. The server must serve other clients meanwhile, and then this one.
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
