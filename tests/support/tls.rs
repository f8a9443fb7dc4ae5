//! Certificates, servers with TLS, and clients that trust them.
#![allow(dead_code)]

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use bitsup::server::{Pem, Server, ServerConfig, TlsConfig};
use bitsup::store::MemoryStore;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use crate::raw_http::{RawHttp, serve};

/// A certificate and its key, in PEM.
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

/// Somebody who signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// The root, in PEM.
    pub root: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// A certificate for a server on this machine.
    pub fn server(&self) -> Identity {
        self.sign(CertificateParams::new(vec!["127.0.0.1".into(), "localhost".into()]).unwrap())
    }

    /// A certificate for a client, with that subject.
    pub fn client(&self, subject: &[(DnType, &str)]) -> Identity {
        let mut params = CertificateParams::new(vec!["pc.test".into()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        subject.iter().for_each(|(kind, value)| params.distinguished_name.push(kind.clone(), *value));
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { certificate, key: key.serialize_pem() }
    }

    /// What a client does that trusts this authority, and shows a certificate if it has one.
    pub fn trusted(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        identity: Option<&Identity>,
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.root.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }

    pub fn trust(&self) -> Arc<ClientConfig> {
        self.trusted(rustls::ALL_VERSIONS, None)
    }
}

impl Identity {
    pub fn config(&self) -> TlsConfig {
        let Self { certificate, key } = self;
        TlsConfig {
            certificates: Pem::new("cert.pem", certificate.as_bytes()),
            key: Pem::new("key.pem", key.as_bytes()),
            client_ca: None,
        }
    }
}

/// A connection with TLS, whose handshake comes with the first bytes.
pub type Secure = StreamOwned<ClientConnection, TcpStream>;

pub fn secure(address: SocketAddr, config: &Arc<ClientConfig>) -> Secure {
    let socket = RawHttp::connect_to(address).socket;
    let name = "127.0.0.1".try_into().unwrap();
    StreamOwned::new(ClientConnection::new(Arc::clone(config), name).unwrap(), socket)
}

pub fn connect(server: &Server, config: &Arc<ClientConfig>) -> RawHttp<Secure> {
    RawHttp::over(secure(server.local_addr(), config))
}

/// A server with a certificate of that authority; `adjust` changes the rest.
pub fn serve_tls(
    authority: &Authority,
    store: &MemoryStore,
    adjust: impl FnOnce(&mut ServerConfig),
) -> Server {
    serve(store, |config| {
        config.tls = Some(authority.server().config());
        adjust(config);
    })
}
