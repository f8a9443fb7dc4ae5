//! Certificates made for one test, and a server that speaks TLS before one that does not.
#![allow(dead_code, reason = "each test crate uses its part")]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustix::event::{PollFd, PollFlags, poll};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

#[allow(unused_imports, reason = "as above")]
pub use rustls::version::{TLS12, TLS13};

/// Somebody whose signature makes certificates good, for those who know its own.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its root certificate.
    pub pem: String,
}

/// A certificate and its key, in PEM form.
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

impl Issued {
    /// Both in one text.
    pub fn both(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Two of one name would be taken for each other.
        let name = format!("authority {:016x}", fastrand::u64(..));
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for these names and addresses; the first is the subject's common name.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.issue_with(names, |_| {})
    }

    /// The same, after `adjust` has changed what it says.
    pub fn issue_with(&self, names: &[&str], adjust: impl FnOnce(&mut CertificateParams)) -> Issued {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, names[0].as_str());
        adjust(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Issued { certificate, key: key.serialize_pem() }
    }

    pub fn root_store(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        roots
    }
}

/// How a server shows that certificate, in these versions of TLS, to clients that show one of `clients`, if
/// that is given.
pub fn server_config(
    shown: &Issued,
    clients: Option<&Authority>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(versions).unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let roots = Arc::new(authority.root_store());
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = CertificateDer::pem_slice_iter(shown.certificate.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

/// Speaks TLS on a port of its own, and passes what it reads to `backend`, which speaks none, and back.
/// Returns its port.
pub fn front(config: Arc<ServerConfig>, backend: SocketAddr) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let config = Arc::clone(&config);
            // Handshakes that fail are what some tests are about.
            thread::spawn(move || pass(client, config, backend));
        }
    });
    port
}

/// The address in a URL such as `http://127.0.0.1:1234`.
pub fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
}

fn pass(mut client: TcpStream, config: Arc<ServerConfig>, backend: SocketAddr) -> io::Result<()> {
    let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
    while tls.is_handshaking() {
        tls.complete_io(&mut client)?;
    }
    let mut plain = TcpStream::connect(backend)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = tls.process_new_packets().map_err(io::Error::other)?.plaintext_bytes_to_read();
        if read > 0 {
            let read = tls.reader().read(&mut buffer)?;
            plain.write_all(&buffer[..read])?;
            continue;
        }
        let mut ready = [PollFd::new(&client, PollFlags::IN), PollFd::new(&plain, PollFlags::IN)];
        poll(&mut ready, None)?;
        let [from_client, from_plain] = ready.map(|fd| !fd.revents().is_empty());
        if from_client && tls.read_tls(&mut client)? == 0 {
            return Ok(());
        }
        if from_plain {
            let read = plain.read(&mut buffer)?;
            match read {
                0 => tls.send_close_notify(),
                _ => tls.writer().write_all(&buffer[..read])?,
            }
            while tls.wants_write() {
                tls.write_tls(&mut client)?;
            }
            if read == 0 {
                return Ok(());
            }
        }
    }
}
