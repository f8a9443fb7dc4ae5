//! The server's certificate and whose certificates it takes; read, checked, and exchanged while it runs.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::error::{Error, Status};

/// A PEM file, or what is in one.
#[derive(Clone)]
pub struct Pem {
    name: String,
    text: Vec<u8>,
}

impl Pem {
    /// PEM text; `name` is what errors call it.
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Reads a file; errors call it by its path.
    ///
    /// Errors: the file cannot be read. What is in it is judged later.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = std::fs::read(path).map_err(|error| Error::io(format!("cannot read {name}"), error))?;
        Ok(Self { name, text })
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.text).collect();
        match read.map_err(|error| self.unreadable(&error, "a certificate"))? {
            none if none.is_empty() => Err(self.unreadable(&pem::Error::NoItemsFound, "a certificate")),
            certificates => Ok(certificates),
        }
    }

    fn unreadable(&self, error: &pem::Error, wanted: &str) -> Error {
        self.wrong(match error {
            pem::Error::NoItemsFound => format!("it does not hold {wanted} in PEM"),
            // What it says of the key's text is nobody's business.
            _ => "it is damaged: its PEM cannot be read to the end".into(),
        })
    }

    fn wrong(&self, why: impl fmt::Display) -> Error {
        Error::new(Status::InvalidArgument, format!("{}: {why}", self.name))
    }
}

/// Names it only: the text may be a key.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pem").field("name", &self.name).finish_non_exhaustive()
    }
}

/// With which certificate a server speaks TLS (1.2 and 1.3), and whose certificates it takes.
#[derive(Debug, Clone)]
pub struct TlsConfig {
    /// The server's certificate, then those that lead to a root that clients trust.
    pub certificates: Pem,
    /// The key of the first certificate: PKCS#8, PKCS#1 or SEC1, without a password.
    pub key: Pem,
    /// The roots of the clients' certificates. With them every client must have a certificate, and its subject,
    /// as RFC 4514 writes it, is the owner of its sessions: `CN=pc17,OU=Sales,O=Example`.
    pub client_ca: Option<Pem>,
}

impl TlsConfig {
    /// Tickets of one configuration are of no use to another: a client whose root was taken away cannot come
    /// back with an old one.
    fn build(&self) -> Result<ServerConfig, Error> {
        let provider = Arc::new(ring::default_provider());
        let key = PrivateKeyDer::from_pem_slice(&self.key.text)
            .map_err(|error| self.key.unreadable(&error, "a private key without a password"))?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .map_err(unusable)?
            .with_client_cert_verifier(self.verifier(&provider)?);
        let mut config = builder
            .with_single_cert(self.certificates.certificates()?, key)
            .map_err(|error| self.unfitting(&error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ticketer = ring::Ticketer::new().map_err(unusable)?;
        Ok(config)
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let Some(ca) = &self.client_ca else { return Ok(WebPkiClientVerifier::no_client_auth()) };
        let mut roots = RootCertStore::empty();
        for certificate in ca.certificates()? {
            roots
                .add(certificate)
                .map_err(|error| ca.wrong(format_args!("no root of certificates: {error}")))?;
        }
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|error| ca.wrong(error))
    }

    fn unfitting(&self, error: &rustls::Error) -> Error {
        match error {
            rustls::Error::InconsistentKeys(_) => self.key.wrong(format_args!(
                "it is not the key of the first certificate in {}: give the two that belong together",
                self.certificates.name
            )),
            rustls::Error::InvalidCertificate(_) => self.certificates.wrong(error),
            _ => self.key.wrong(error),
        }
    }
}

fn unusable(error: rustls::Error) -> Error {
    Error::new(Status::Tls, format!("TLS cannot be set up: {error}")).with_source(error)
}

/// The configuration of new connections. Old ones keep theirs.
pub(crate) struct TlsState(RwLock<Arc<ServerConfig>>);

impl TlsState {
    pub fn new(config: &TlsConfig) -> Result<Self, Error> {
        Ok(Self(RwLock::new(Arc::new(config.build()?))))
    }

    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// For the connections from now on. On an error everything stays as it was.
    pub fn replace(&self, config: &TlsConfig) -> Result<(), Error> {
        let fresh = Arc::new(config.build()?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}
