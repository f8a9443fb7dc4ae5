//! Certificates generated for one test.

use std::sync::Arc;

use bitsup::server::{Pem, TlsConfig};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its root certificate.
    pub pem: String,
}

/// A certificate and its key, in PEM form.
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Identity {
    /// Returns the certificate and the key in one PEM text.
    pub fn both(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }

    /// Returns the configuration of a server with this certificate and without client certificates.
    pub fn config(&self) -> TlsConfig {
        TlsConfig::new(
            Pem::new("cert.pem", self.certificate.as_bytes()),
            Pem::new("key.pem", self.key.as_bytes()),
        )
        .client_ca(None)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    pub fn new() -> Self {
        // Authorities with the same name could be confused.
        Self::named(&format!("authority {:016x}", fastrand::u64(..)))
    }

    pub fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Issues a certificate for these names and addresses. The first is also the common name of the subject.
    pub fn issue(&self, names: &[&str]) -> Identity {
        self.issue_with(names, |_| {})
    }

    /// Issues a certificate after `adjust` changed its parameters.
    pub fn issue_with(&self, names: &[&str], adjust: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, names[0].as_str());
        adjust(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { certificate, key: key.serialize_pem() }
    }

    /// Issues a certificate for a server on this machine.
    pub fn server(&self) -> Identity {
        self.issue(&["127.0.0.1", "localhost"])
    }

    /// Issues a client certificate with this subject.
    pub fn client(&self, subject: &[(DnType, &str)]) -> Identity {
        self.issue_with(&["pc.test"], |params| {
            params.distinguished_name = DistinguishedName::new();
            subject.iter().for_each(|(kind, value)| params.distinguished_name.push(kind.clone(), *value));
        })
    }

    pub fn root_store(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        roots
    }

    /// Returns the configuration of a client that trusts this authority and presents `identity`, if any.
    pub fn client_config_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        identity: Option<&Identity>,
    ) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(self.root_store());
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

    /// Returns the configuration of a client that trusts this authority.
    pub fn client_config(&self) -> Arc<ClientConfig> {
        self.client_config_with(rustls::ALL_VERSIONS, None)
    }
}
