//! Absolute http and https URLs.

use ureq::http::{self, Uri};

use crate::error::{Error, Status};

/// Parses an absolute http or https URL.
pub(in crate::client) fn parse_url(url: &str) -> Result<Uri, Error> {
    let invalid = |why: &str| {
        let message = format!("invalid URL {url:?}: {why}, use http://host/path/file");
        Error::new(Status::InvalidArgument, message)
    };
    let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| invalid(&error.to_string()))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(invalid("only http and https are supported"));
    }
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => Err(invalid("it contains credentials")),
        Some(authority) if authority.host().is_empty() => Err(invalid("it has no host")),
        Some(authority) if authority.as_str() != authority.host() && authority.port_u16().is_none() => {
            Err(invalid("its port is not a number from 1 to 65535"))
        }
        Some(_) => Ok(uri),
        None => Err(invalid("it has no host")),
    }
}

/// The host of a URL from [`parse_url`]; an IPv6 address is in brackets.
pub(super) fn host(uri: &Uri) -> &str {
    debug_assert!(uri.host().is_some(), "parse_url rejects a URL without a host");
    uri.host().unwrap_or_default()
}

/// The port of a URL, or the default port of its scheme.
pub(super) fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
}

/// Host and port of a URL as in the `Host` field.
pub(in crate::client) fn authority(uri: &Uri) -> &str {
    debug_assert!(uri.authority().is_some(), "parse_url rejects a URL without a host");
    uri.authority().map(http::uri::Authority::as_str).unwrap_or_default()
}

/// A host without the brackets of an IPv6 address.
pub(super) fn unbracketed(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}
