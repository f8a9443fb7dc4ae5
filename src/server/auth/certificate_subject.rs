//! Whom a client's certificate names.

use std::io::{self, ErrorKind};

use x509_cert::Certificate;
use x509_cert::der::Decode;

/// The subject as RFC 4514 writes it, the most specific part first: `CN=pc17,OU=Sales,O=Example`. The whole
/// subject, because a common name alone is unique within one organisation at best.
///
/// Errors: the certificate names nobody, as those do that have alternative names only. All of them would be the
/// same owner.
pub(crate) fn name(der: &[u8]) -> io::Result<String> {
    let invalid = |why: String| io::Error::new(ErrorKind::InvalidData, why);
    let certificate = Certificate::from_der(der)
        .map_err(|error| invalid(format!("the client's certificate cannot be read: {error}")))?;
    let subject = certificate.tbs_certificate.subject;
    match subject.is_empty() {
        true => Err(invalid("the client's certificate has no subject".into())),
        false => Ok(subject.to_string()),
    }
}
