//! Certificates for outgoing TLS connections: trusted roots, and the client certificate.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
#[cfg(feature = "client")]
use rustls::{crypto::ring, pki_types::PrivateKeyDer, pki_types::pem, sign::CertifiedKey};

use crate::error::{Error, Status};

/// Returns the root certificates of this machine and those of a PEM text. Roots of the machine that cannot be read are
/// skipped.
///
/// # Errors
///
/// [`Status::InvalidArgument`] if the text contains no certificate or an invalid one.
pub(crate) fn roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let given = certificates(pem, "root certificates")?;
    let mut store = RootCertStore::empty();
    for certificate in &given {
        store.add(certificate.clone()).map_err(|error| {
            let message = format!("invalid root certificate: {error}; use certificates in PEM form");
            Error::new(Status::InvalidArgument, message).with_source(error)
        })?;
    }
    Ok([rustls_native_certs::load_native_certs().certs, given].concat())
}

/// Returns the client certificate and its intermediate certificates from a PEM text that also contains the private key.
///
/// # Errors
///
/// [`Status::InvalidArgument`] if the certificate or the key is missing or invalid, or if they do not match.
#[cfg(feature = "client")]
pub(crate) fn identity(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain = certificates(pem, "client certificate")?;
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound => invalid(
            "the client certificate has no private key: put both into the PEM text, the key without a \
             passphrase",
        ),
        error => invalid(format!("invalid private key of the client certificate: {error}")),
    })?;
    CertifiedKey::from_der(chain.clone(), key, &ring::default_provider()).map_err(|error| {
        invalid(format!(
            "cannot use the client certificate and its key: {error}; put the certificate first, then its \
             intermediate certificates, and the key of the first"
        ))
    })?;
    Ok(chain)
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(invalid(format!("the PEM text of the {what} contains no certificate"))),
        Err(error) => Err(invalid(format!("invalid PEM text of the {what}: {error}"))),
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Status::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configured_roots_are_added_to_those_of_the_machine() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let given = params.self_signed(&key).unwrap();
        let roots = roots(given.pem().as_bytes()).unwrap();
        let machine = rustls_native_certs::load_native_certs().certs;
        assert_eq!(roots.split_last(), Some((given.der(), machine.as_slice())));
    }
}
