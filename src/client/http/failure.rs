//! Translates errors of ureq into those of this library.
//!
//! | Cause                               | Status       | HRESULT    | Transient |
//! |-------------------------------------|--------------|------------|-----------|
//! | host name not resolved              | Resolve      | 0x80072EE7 | yes       |
//! | connecting failed                   | Connect      | 0x80072EFD | yes       |
//! | timeout                             | Timeout      | 0x80072EE2 | yes       |
//! | connection lost                     | Disconnected | 0x8020002E | yes       |
//! | the response is not HTTP            | Protocol     | 0x80072F78 | yes       |
//! | the response is HTTP/1.0 (CLI-37)   | Protocol     | 0x80200012 | no        |
//! | TLS handshake, certificate          | Tls          | see `tls`  | no        |
//! | the proxy rejected CONNECT          | HttpStatus   | 0x80190000 + status | 408, 429, 5xx |
//! | the request is not valid HTTP       | InvalidArgument | none    | no        |
//!
//! The first two are created in `connect`, the last but one in `proxy`.

use std::io::ErrorKind;

use ureq::http::Uri;

use super::{tls, url};
use crate::error::{Error, Status};
use crate::proto::HResult;

/// The error for a response in a version other than HTTP/1.1.
pub(super) fn old_http(uri: &Uri) -> Error {
    let message = format!(
        "{} does not support HTTP/1.1: check the server, and look for an old proxy in between",
        url::authority(uri)
    );
    Error::new(Status::Protocol, message).with_hresult(HResult::BG_E_INSUFFICIENT_HTTP_SUPPORT)
}

/// The error for a failed request to `uri`.
pub(super) fn from_ureq(error: ureq::Error, uri: &Uri) -> Error {
    let host = url::authority(uri);
    let transient = |status, hresult, message: String| {
        Error::new(status, message).with_hresult(HResult(hresult)).transient()
    };
    match error {
        ureq::Error::Other(inner) => match inner.downcast::<Error>() {
            Ok(error) => *error,
            Err(other) => transient(Status::Disconnected, 0x8020_002E, format!("{host}: {other}")),
        },
        ureq::Error::Timeout(phase) => {
            let message =
                format!("the request to {host} timed out ({phase}): check the network and try again");
            transient(Status::Timeout, 0x8007_2EE2, message)
        }
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => {
            let message =
                format!("the response from {host} is not HTTP ({error}): check that it is an HTTP server");
            transient(Status::Protocol, 0x8007_2F78, message).with_source(error)
        }
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => {
            Error::new(Status::InvalidArgument, format!("invalid request to {uri}: {error}"))
        }
        // Errors of rustls arrive as invalid data from the connection.
        ureq::Error::Io(ref cause) if cause.kind() == ErrorKind::InvalidData => tls::failure(host, error),
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::TlsRequired => tls::failure(host, error),
        _ => {
            let message =
                format!("the connection to {host} was lost ({error}): check the network and try again");
            transient(Status::Disconnected, 0x8020_002E, message).with_source(error)
        }
    }
}
