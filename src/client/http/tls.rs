//! TLS with a server or an https proxy: whom the client trusts, who it is, and what can be wrong.
//!
//! | What rustls finds                          | HRESULT    | What to do                        |
//! |--------------------------------------------|------------|-----------------------------------|
//! | signed by nobody who is trusted            | 0x80072F0D | give the root certificate         |
//! | a certificate of another name              | 0x80072F06 | use the name it is made for       |
//! | expired, or not valid yet                  | 0x80072F05 | renew it, or set the clock        |
//! | revoked                                    | 0x80072F8F | ask who runs the server           |
//! | the server wants another client certificate| 0x80072F0C | give one that it takes            |
//! | no TLS at all, or none in common           | 0x80072F8F | check scheme, port and version    |
//!
//! None of these pass by waiting. The numbers are WinHTTP's.

use rustls::{AlertDescription as Alert, CertificateError};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::client::ClientConfig;
use crate::error::{Error, Status};
use crate::proto::HResult;
use crate::trust;

/// What all connections of a client have in common; read from its configuration once.
#[derive(Debug, Clone)]
pub(in crate::client) struct Tls(TlsConfig);

impl Tls {
    /// Errors: [`Status::InvalidArgument`] when what should be certificates or a key is none.
    pub fn new(config: &ClientConfig) -> Result<Self, Error> {
        let roots = match config.root_certificates.as_slice() {
            [] => RootCerts::PlatformVerifier,
            pem => RootCerts::new_with_certs(&owned(&trust::roots(pem)?)),
        };
        let identity = config.client_certificate.as_ref().map(|pem| identity(pem.bytes())).transpose()?;
        Ok(Self(TlsConfig::builder().root_certs(roots).client_cert(identity).build()))
    }

    pub(super) fn config(&self) -> TlsConfig {
        self.0.clone()
    }
}

fn owned(certificates: &[impl AsRef<[u8]>]) -> Vec<Certificate<'static>> {
    certificates.iter().map(|der| Certificate::from_der(der.as_ref()).to_owned()).collect()
}

fn identity(pem: &[u8]) -> Result<ClientCert, Error> {
    let chain = trust::identity(pem)?;
    let key = PrivateKey::from_pem(pem).map_err(|error| {
        Error::new(Status::InvalidArgument, format!("the client's key is none ({error})"))
    })?;
    Ok(ClientCert::new_with_certs(&owned(&chain), key))
}

/// The error of a connection to `host` that TLS did not let be.
pub(super) fn failure(host: &str, error: ureq::Error) -> Error {
    let (hresult, why) = match cause(&error) {
        Some(cause) => diagnosis(cause),
        None => (SECURE_FAILURE, format!("{error}; check the URL and the server's certificate")),
    };
    let message = format!("no secure connection to {host}: {why}");
    Error::new(Status::Tls, message).with_hresult(HResult(hresult)).with_source(error)
}

/// What rustls says, whichever layer it comes through.
fn cause(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

const SECURE_FAILURE: u32 = 0x8007_2F8F;

fn diagnosis(error: &rustls::Error) -> (u32, String) {
    match error {
        rustls::Error::InvalidCertificate(flaw) => certificate(flaw),
        rustls::Error::AlertReceived(alert) if is_of_client_certificate(*alert) => (
            0x8007_2F0C,
            format!(
                "the server refuses the client ({alert:?}); give a client certificate and its key (--cert, --key) \
                 that it takes"
            ),
        ),
        rustls::Error::InvalidMessage(_) => {
            (SECURE_FAILURE, "what answers speaks no TLS; check scheme and port of the URL".into())
        }
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(Alert::ProtocolVersion | Alert::HandshakeFailure) => {
            (SECURE_FAILURE, format!("no common version or cipher ({error}); TLS 1.2 and 1.3 are understood"))
        }
        other => (SECURE_FAILURE, format!("{other}; check the server's certificate and settings")),
    }
}

fn certificate(flaw: &CertificateError) -> (u32, String) {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, Revoked, UnknownIssuer,
    };
    match flaw {
        // A bad signature is one by another who has the name of somebody that is trusted.
        UnknownIssuer | BadSignature => (
            0x8007_2F0D,
            "nobody whom this machine trusts has signed the server's certificate; if you trust it, give the \
             root certificate of who did (--cacert)"
                .into(),
        ),
        NotValidForName | NotValidForNameContext { .. } => {
            (0x8007_2F06, format!("{flaw}; use the name in the URL that the certificate is made for"))
        }
        Expired | ExpiredContext { .. } => (
            0x8007_2F05,
            format!("{flaw}; the server needs a new certificate, unless the clock here is wrong"),
        ),
        NotValidYet | NotValidYetContext { .. } => {
            (0x8007_2F05, format!("{flaw}; check the clocks here and where the certificate was made"))
        }
        Revoked => (SECURE_FAILURE, "the server's certificate is revoked; ask who runs the server".into()),
        other => (SECURE_FAILURE, format!("the server's certificate is no good ({other}); ask who runs it")),
    }
}

/// Whether a server says so whom the client's certificate, or the lack of one, displeases.
fn is_of_client_certificate(alert: Alert) -> bool {
    matches!(
        alert,
        Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::NoCertificate
    )
}
