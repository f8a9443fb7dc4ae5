//! Certificates for whoever calls another machine by TLS: the ones it trusts, and the one it shows.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
#[cfg(feature = "client")]
use rustls::{crypto::ring, pki_types::PrivateKeyDer, pki_types::pem, sign::CertifiedKey};

use crate::error::{Error, Status};

/// The root certificates of this machine, and those of the PEM text beside them. Where the machine has none,
/// or not all of them can be read, the others have to do.
///
/// Errors: [`Status::InvalidArgument`] when the text has none, or one that is broken.
pub(crate) fn roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let given = certificates(pem, "root certificates")?;
    let mut store = RootCertStore::empty();
    for certificate in &given {
        store.add(certificate.clone()).map_err(|error| {
            let message = format!("a root certificate is broken ({error}); give certificates in PEM form");
            Error::new(Status::InvalidArgument, message).with_source(error)
        })?;
    }
    Ok([rustls_native_certs::load_native_certs().certs, given].concat())
}

/// The certificates of a PEM text that has a private key beside them: one, and those that lead to its root.
///
/// Errors: [`Status::InvalidArgument`] when certificate or key is missing or broken, or they are not of each other.
#[cfg(feature = "client")]
pub(crate) fn identity(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain = certificates(pem, "client certificate")?;
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound => invalid(
            "there is no private key beside the client certificate; give both in PEM form, the key without a \
             passphrase",
        ),
        error => invalid(format!("the key of the client certificate is no PEM ({error})")),
    })?;
    CertifiedKey::from_der(chain.clone(), key, &ring::default_provider()).map_err(|error| {
        invalid(format!(
            "the client certificate and its key cannot be used ({error}); give the certificate first, then those \
             that lead to its root, and the key of the first"
        ))
    })?;
    Ok(chain)
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(invalid(format!("the text given as {what} has no certificate; give PEM"))),
        Err(error) => Err(invalid(format!("the text given as {what} is no PEM ({error})"))),
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Status::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_roots_are_added_to_those_of_the_machine() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let given = params.self_signed(&key).unwrap();
        let roots = roots(given.pem().as_bytes()).unwrap();
        let machine = rustls_native_certs::load_native_certs().certs;
        assert_eq!(roots.split_last(), Some((given.der(), machine.as_slice())));
    }
}
