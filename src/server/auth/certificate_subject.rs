//! Reads the subject of a client's certificate.

use std::io::{self, ErrorKind};

use x509_cert::Certificate;
use x509_cert::der::Decode;

/// Returns the subject in the form of RFC 4514, most specific part first: `CN=pc17,OU=Sales,O=Example`. It is the
/// whole subject, because a common name is unique within one organization at best.
///
/// # Errors
///
/// Fails if the subject is empty, as in certificates that have alternative names only: all of them would be the same
/// owner.
pub(crate) fn name(der: &[u8]) -> io::Result<String> {
    let invalid = |why: String| io::Error::new(ErrorKind::InvalidData, why);
    let certificate = Certificate::from_der(der)
        .map_err(|error| invalid(format!("cannot parse the client certificate: {error}")))?;
    let subject = certificate.tbs_certificate.subject;
    if subject.is_empty() {
        return Err(invalid("the client certificate has an empty subject".into()));
    }
    Ok(subject.to_string())
}
