//! The TLS configuration of a server: its certificate and the roots of client certificates, replaceable at run time.

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

/// The content of a PEM file.
///
/// Its `Debug` output contains only the name, because the text may be a private key.
#[derive(Clone)]
pub struct Pem {
    name: String,
    text: Vec<u8>,
}

impl Pem {
    /// Wraps PEM text; error messages refer to it as `name`.
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Reads a PEM file; error messages refer to it by its path.
    ///
    /// The content is checked when a server is started with it.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = std::fs::read(path).map_err(|error| Error::io(format!("cannot read {name}"), error))?;
        Ok(Self { name, text })
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.text).collect();
        let certificates = read.map_err(|error| self.unreadable(&error, "certificate"))?;
        if certificates.is_empty() {
            return Err(self.unreadable(&pem::Error::NoItemsFound, "certificate"));
        }
        Ok(certificates)
    }

    fn unreadable(&self, error: &pem::Error, wanted: &str) -> Error {
        self.wrong(match error {
            pem::Error::NoItemsFound => format!("contains no {wanted} in PEM form"),
            // The error may quote the text of a key.
            _ => "invalid PEM".into(),
        })
    }

    fn wrong(&self, why: impl fmt::Display) -> Error {
        Error::new(Status::InvalidArgument, format!("{}: {why}", self.name))
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pem").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The TLS settings of a server. It supports TLS 1.2 and 1.3.
///
/// # Examples
///
/// ```no_run
/// use std::path::Path;
///
/// use bitsup::server::{Pem, ServerConfig, TlsConfig};
///
/// # fn main() -> Result<(), bitsup::error::Error> {
/// let tls = TlsConfig::new(Pem::read(Path::new("chain.pem"))?, Pem::read(Path::new("key.pem"))?);
/// let config = ServerConfig::default().tls(tls);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TlsConfig {
    /// The server's certificate, followed by its intermediate certificates.
    pub certificates: Pem,
    /// The private key of the first certificate: PKCS#8, PKCS#1 or SEC1, without a password.
    pub key: Pem,
    /// The roots of client certificates. If set, every client must present a certificate (mutual TLS), and its subject
    /// in the form of RFC 4514 becomes the owner of its sessions: `CN=pc17,OU=Sales,O=Example`.
    pub client_ca: Option<Pem>,
}

setters! {
    TlsConfig {
        certificates: Pem,
        key: Pem,
        client_ca: impl Into<Option<Pem>>,
    }
}

impl TlsConfig {
    /// Creates a configuration that requires no client certificates.
    #[must_use]
    pub fn new(certificates: Pem, key: Pem) -> Self {
        Self { certificates, key, client_ca: None }
    }

    /// Builds the configuration of rustls with session tickets of its own, so that a client whose root was removed
    /// cannot resume a session of an older configuration.
    fn build(&self) -> Result<ServerConfig, Error> {
        let provider = Arc::new(ring::default_provider());
        let key = PrivateKeyDer::from_pem_slice(&self.key.text)
            .map_err(|error| self.key.unreadable(&error, "private key without a password"))?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .map_err(unusable)?
            .with_client_cert_verifier(self.verifier(&provider)?);
        let mut config = builder
            .with_single_cert(self.certificates.certificates()?, key)
            .map_err(|error| self.key_or_certificate_error(&error))?;
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
                .map_err(|error| ca.wrong(format_args!("not a usable root certificate: {error}")))?;
        }
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|error| ca.wrong(error))
    }

    fn key_or_certificate_error(&self, error: &rustls::Error) -> Error {
        match error {
            rustls::Error::InconsistentKeys(_) => self.key.wrong(format_args!(
                "not the key of the first certificate in {}; use the matching key",
                self.certificates.name
            )),
            rustls::Error::InvalidCertificate(_) => self.certificates.wrong(error),
            _ => self.key.wrong(error),
        }
    }
}

fn unusable(error: rustls::Error) -> Error {
    Error::new(Status::Tls, format!("cannot set up TLS: {error}")).with_source(error)
}

/// The TLS configuration for new connections. Open connections keep theirs.
pub(crate) struct TlsState(RwLock<Arc<ServerConfig>>);

impl TlsState {
    pub fn new(config: &TlsConfig) -> Result<Self, Error> {
        Ok(Self(RwLock::new(Arc::new(config.build()?))))
    }

    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the configuration for new connections. On an error the old one stays in use.
    pub fn replace(&self, config: &TlsConfig) -> Result<(), Error> {
        let fresh = Arc::new(config.build()?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}
