//! What ureq reports, in terms of this library.
//!
//! | What happened                       | Status       | HRESULT    | may pass |
//! |-------------------------------------|--------------|------------|----------|
//! | name not known                      | Resolve      | 0x80072EE7 | yes      |
//! | no connection                       | Connect      | 0x80072EFD | yes      |
//! | a time limit                        | Timeout      | 0x80072EE2 | yes      |
//! | connection lost                     | Disconnected | 0x8020002E | yes      |
//! | the answer is no HTTP               | Protocol     | 0x80072F78 | yes      |
//! | the answer is HTTP/1.0 (CLI-37)     | Protocol     | 0x80200012 | no       |
//! | TLS handshake, certificate          | Tls          | see `tls`  | no       |
//! | the proxy makes no tunnel           | HttpStatus   | 0x80190000 + status | 408, 429, 5xx |
//! | the request cannot be put in HTTP   | InvalidArgument | none    | no       |
//!
//! The first two come from `connect` as they are, the last but one from `proxy`.

use std::io::ErrorKind;

use ureq::http::Uri;

use super::tls;
use crate::error::{Error, Status};
use crate::proto::HResult;

/// An answer in another version than HTTP/1.1.
pub(super) fn old_http(uri: &Uri) -> Error {
    let message = format!(
        "{} does not answer in HTTP/1.1; upload to an HTTP/1.1 server, look for an old proxy in between",
        host(uri)
    );
    Error::new(Status::Protocol, message).with_hresult(HResult::BG_E_INSUFFICIENT_HTTP_SUPPORT)
}

/// The error of a request to `uri`.
pub(super) fn of(error: ureq::Error, uri: &Uri) -> Error {
    let host = host(uri);
    let transient = |status, hresult, message: String| {
        Error::new(status, message).with_hresult(HResult(hresult)).transient()
    };
    match error {
        ureq::Error::Other(inner) => match inner.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(other) => transient(Status::Disconnected, 0x8020_002E, format!("{host}: {other}")),
        },
        ureq::Error::Timeout(phase) => {
            let message = format!("{host} took too long ({phase}); check the network and try again");
            transient(Status::Timeout, 0x8007_2EE2, message)
        }
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => {
            let message =
                format!("{host} does not answer in HTTP ({error}); check that it is an HTTP server");
            transient(Status::Protocol, 0x8007_2F78, message).with_source(error)
        }
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => {
            Error::new(Status::InvalidArgument, format!("cannot make a request to {uri}: {error}"))
        }
        // What rustls finds wrong comes as invalid data out of the connection underneath.
        ureq::Error::Io(ref cause) if cause.kind() == ErrorKind::InvalidData => tls::failure(&host, error),
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::TlsRequired => tls::failure(&host, error),
        _ => {
            let message =
                format!("the connection to {host} was lost ({error}); check the network and try again");
            transient(Status::Disconnected, 0x8020_002E, message).with_source(error)
        }
    }
}

pub(super) fn host(uri: &Uri) -> String {
    uri.authority().map(ToString::to_string).unwrap_or_default()
}
