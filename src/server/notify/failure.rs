//! Maps a failed notification to the response for the client.
//!
//! | What happened                                | Status | HRESULT          | context |
//! |----------------------------------------------|--------|------------------|---------|
//! | the application responds with status `s`     | `s`    | 0x80190000 + `s` | 0x7     |
//! | it responds with 416 (see [`NotifyFailure::status`]) | 502    | 0x801901A0       | 0x7     |
//! | a timeout                                    | 408    | 0x80070112       | 0x7     |
//! | the response is not HTTP/1.1                 | 411    | 0x80070057       | 0x7     |
//! | the application cannot be reached            | 503    | 0x801901F7       | 0x7     |
//! | too many concurrent calls                    | 503    | 0x801901F7       | 0x7     |
//! | the connection is lost, or TLS fails         | 502    | 0x801901F6       | 0x7     |
//! | the notification URL is invalid              | 400    | 0x80070057       | 0x5     |
//! | no space for the reply                       | 500    | 0x80070070       | 0x5     |
//! | the reply is too large for memory            | 500    | 0x80200020       | 0x5     |
//! | any other error on this machine              | 500    | 0x801901F4       | 0x5     |

use std::io::{self, ErrorKind};

use ureq::http::StatusCode;

use crate::proto::{Context, HResult};

/// The response to the client, and details for the log.
#[derive(Debug)]
pub(super) struct NotifyFailure {
    pub status: u16,
    pub hresult: HResult,
    pub context: Context,
    pub reason: &'static str,
    /// Details for the log; may be empty.
    pub detail: String,
}

impl NotifyFailure {
    fn application(status: u16, hresult: HResult, reason: &'static str, detail: impl ToString) -> Self {
        Self { status, hresult, context: Context::Application, reason, detail: detail.to_string() }
    }

    fn server(status: u16, hresult: HResult, reason: &'static str, detail: impl ToString) -> Self {
        Self { status, hresult, context: Context::Server, reason, detail: detail.to_string() }
    }

    /// The failure for a status of the application other than 200. 416 becomes 502, because the client would
    /// take it for the server's own response, which means that the offset is wrong (PROTOCOL 4.4).
    pub fn status(status: StatusCode) -> Self {
        let received = status.as_u16();
        let passed_on = if received == 416 { 502 } else { received };
        let hresult = HResult::http(received);
        Self::application(
            passed_on,
            hresult,
            "the application rejected the upload",
            format!("status {received}"),
        )
    }

    pub fn not_http(detail: impl ToString) -> Self {
        let reason = "the application's response is not HTTP/1.1";
        Self::application(411, HResult::E_INVALIDARG, reason, detail)
    }

    pub fn busy(max_concurrent: usize) -> Self {
        let reason = "too many concurrent calls to the application";
        Self::application(503, HResult::http(503), reason, format!("the limit is {max_concurrent}"))
    }

    pub fn no_url(detail: impl ToString) -> Self {
        Self::server(400, HResult::E_INVALIDARG, "the upload's URL gives no valid notification URL", detail)
    }

    pub fn reply_too_large(limit: u64) -> Self {
        let reason = "the reply is too large for a store without files";
        Self::server(500, HResult::BG_E_TOO_LARGE, reason, format!("over {limit} bytes"))
    }

    /// An error on this machine.
    pub fn internal(reason: &'static str, detail: impl ToString) -> Self {
        Self::server(500, HResult::http(500), reason, detail)
    }

    /// The reply could not be written.
    pub fn reply_not_stored(error: &io::Error) -> Self {
        use ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let reason = "cannot store the reply";
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => {
                Self::server(500, HResult::DISK_FULL, reason, error)
            }
            _ => Self::internal(reason, error),
        }
    }
}

/// The call itself failed.
impl From<ureq::Error> for NotifyFailure {
    fn from(error: ureq::Error) -> Self {
        use ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable};
        let (status, reason) = match &error {
            ureq::Error::Timeout(_) => {
                // The value in the specification (PROTOCOL 10.3).
                let hresult = HResult(0x8007_0112);
                return Self::application(408, hresult, "the application took too long", error);
            }
            ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => return Self::not_http(error),
            ureq::Error::Rustls(_) | ureq::Error::Tls(_) => (502, TLS_FAILED),
            ureq::Error::Io(cause) if cause.kind() == ErrorKind::InvalidData => (502, TLS_FAILED),
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => (503, UNREACHABLE),
            ureq::Error::Io(cause) => match cause.kind() {
                ConnectionRefused | HostUnreachable | NetworkUnreachable | AddrNotAvailable => {
                    (503, UNREACHABLE)
                }
                _ => (502, "the notification failed"),
            },
            _ => (502, "the notification failed"),
        };
        Self::application(status, HResult::http(status), reason, error)
    }
}

const TLS_FAILED: &str =
    "cannot establish TLS with the application: check its certificate and the configured root certificates";
const UNREACHABLE: &str = "cannot connect to the notification URL";
