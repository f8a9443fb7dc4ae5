//! TLS settings, and the errors of TLS connections.
//!
//! | Error                                       | HRESULT    | Remedy                            |
//! |---------------------------------------------|------------|-----------------------------------|
//! | certificate of an untrusted issuer          | 0x80072F0D | trust the root certificate        |
//! | certificate for another name                | 0x80072F06 | use the name in the certificate   |
//! | certificate expired, or not valid yet       | 0x80072F05 | renew it, or set the clock        |
//! | certificate revoked                         | 0x80072F8F | ask the administrator             |
//! | client certificate missing or rejected      | 0x80072F0C | use one that the server accepts   |
//! | not TLS, or no common version or cipher     | 0x80072F8F | check scheme, port and version    |
//!
//! None of these errors is transient. The numbers are those of WinHTTP.

use rustls::{AlertDescription as Alert, CertificateError};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::client::config::ClientConfig;
use crate::error::{Error, Status};
use crate::proto::HResult;
use crate::trust;

/// The TLS settings of a client, read from its configuration once.
#[derive(Debug, Clone)]
pub(in crate::client) struct ClientTls(TlsConfig);

impl ClientTls {
    /// Reads the settings. Returns [`Status::InvalidArgument`] if the certificates or the key cannot be
    /// parsed.
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
        Error::new(Status::InvalidArgument, format!("invalid private key of the client: {error}"))
    })?;
    Ok(ClientCert::new_with_certs(&owned(&chain), key))
}

/// The error for a failed TLS connection to `host`.
pub(super) fn failure(host: &str, error: ureq::Error) -> Error {
    let (hresult, why) = match cause(&error) {
        Some(cause) => diagnosis(cause),
        None => (SECURE_FAILURE, format!("{error}: check the URL and the server's certificate")),
    };
    let message = format!("cannot make a TLS connection to {host}: {why}");
    Error::new(Status::Tls, message).with_hresult(HResult(hresult)).with_source(error)
}

/// The error of rustls, regardless of the layer that wrapped it.
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
        rustls::Error::AlertReceived(alert) if is_about_client_certificate(*alert) => (
            0x8007_2F0C,
            format!(
                "the server rejects the client ({alert:?}): use a client certificate and key (--cert, --key) that it \
                 accepts"
            ),
        ),
        rustls::Error::InvalidMessage(_) => (
            SECURE_FAILURE,
            "the server does not use TLS on this port: check scheme and port of the URL".into(),
        ),
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(Alert::ProtocolVersion | Alert::HandshakeFailure) => {
            (SECURE_FAILURE, format!("no common version or cipher ({error}): TLS 1.2 and 1.3 are supported"))
        }
        other => (SECURE_FAILURE, format!("{other}: check the server's certificate and settings")),
    }
}

fn certificate(flaw: &CertificateError) -> (u32, String) {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, Revoked, UnknownIssuer,
    };
    match flaw {
        // A bad signature means that another issuer uses the name of a trusted one.
        UnknownIssuer | BadSignature => (
            0x8007_2F0D,
            "the issuer of the server's certificate is not trusted: if you trust it, add its root certificate \
             (--cacert)"
                .into(),
        ),
        NotValidForName | NotValidForNameContext { .. } => {
            (0x8007_2F06, format!("{flaw}: use the name in the URL that the certificate is issued for"))
        }
        Expired | ExpiredContext { .. } => (
            0x8007_2F05,
            format!("{flaw}: renew the server's certificate, or correct the clock of this machine"),
        ),
        NotValidYet | NotValidYetContext { .. } => {
            (0x8007_2F05, format!("{flaw}: check the clocks of this machine and of the issuer"))
        }
        Revoked => (SECURE_FAILURE, "the server's certificate is revoked: ask the administrator of the server".into()),
        other => (SECURE_FAILURE, format!("the server's certificate is invalid ({other}): ask the administrator of the server")),
    }
}

/// Whether a server sends this alert if it rejects the client's certificate, or requires one and got none.
fn is_about_client_certificate(alert: Alert) -> bool {
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
