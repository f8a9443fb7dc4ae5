//! Why an upload is refused after all, and what the client is told.
//!
//! | What happened                                | Status | HRESULT          | context |
//! |----------------------------------------------|--------|------------------|---------|
//! | the application answers another status, `s`  | `s`    | 0x80190000 + `s` | 0x7     |
//! | 416, which means something else here         | 502    | 0x801901A0       | 0x7     |
//! | a timer                                      | 408    | 0x80070112       | 0x7     |
//! | the answer is no HTTP/1.1                    | 411    | 0x80070057       | 0x7     |
//! | nobody answers at that address               | 503    | 0x801901F7       | 0x7     |
//! | too many calls under way                     | 503    | 0x801901F7       | 0x7     |
//! | connection lost, TLS                         | 502    | 0x801901F6       | 0x7     |
//! | the upload's URL makes no notification URL   | 400    | 0x80070057       | 0x5     |
//! | no room for the reply                        | 500    | 0x80070070       | 0x5     |
//! | the reply does not fit into memory           | 500    | 0x80200020       | 0x5     |
//! | anything else on this machine                | 500    | 0x801901F4       | 0x5     |

use std::io::{self, ErrorKind};

use ureq::http::StatusCode;

use crate::proto::{Context, HResult};

/// The answer to the client, and what the log says.
#[derive(Debug)]
pub(super) struct NotifyFailure {
    pub status: u16,
    pub hresult: HResult,
    pub context: Context,
    pub reason: &'static str,
    /// What happened, for the log; may be empty.
    pub detail: String,
}

impl NotifyFailure {
    fn application(status: u16, hresult: HResult, reason: &'static str, detail: impl ToString) -> Self {
        Self { status, hresult, context: Context::Application, reason, detail: detail.to_string() }
    }

    fn server(status: u16, hresult: HResult, reason: &'static str, detail: impl ToString) -> Self {
        Self { status, hresult, context: Context::Server, reason, detail: detail.to_string() }
    }

    /// Another status than 200. The client would take a 416 for the server's own: that all bytes are there, and
    /// nobody is to be told (PROTOCOL 4.4).
    pub fn status(status: StatusCode) -> Self {
        let answered = status.as_u16();
        let passed_on = if answered == 416 { 502 } else { answered };
        let hresult = HResult::http(answered);
        Self::application(passed_on, hresult, "the application refused", format!("status {answered}"))
    }

    pub fn not_http(detail: impl ToString) -> Self {
        let reason = "the application's answer is no HTTP/1.1";
        Self::application(411, HResult::E_INVALIDARG, reason, detail)
    }

    pub fn busy(max_concurrent: usize) -> Self {
        let reason = "too many calls of the application are under way";
        Self::application(503, HResult::http(503), reason, format!("{max_concurrent} may be"))
    }

    pub fn no_url(detail: impl ToString) -> Self {
        Self::server(400, HResult::E_INVALIDARG, "the upload's URL makes no notification URL", detail)
    }

    pub fn reply_too_large(limit: u64) -> Self {
        let reason = "the reply is too large for a store without files";
        Self::server(500, HResult::BG_E_TOO_LARGE, reason, format!("over {limit} bytes"))
    }

    /// Something of this machine's.
    pub fn internal(reason: &'static str, detail: impl ToString) -> Self {
        Self::server(500, HResult::http(500), reason, detail)
    }

    /// The reply could not be written.
    pub fn reply_not_kept(error: &io::Error) -> Self {
        use ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let reason = "the reply cannot be kept";
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
                // As the specification prints it (PROTOCOL 10.3).
                let hresult = HResult(0x8007_0112);
                return Self::application(408, hresult, "the application took too long", error);
            }
            ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => return Self::not_http(error),
            ureq::Error::Rustls(_) | ureq::Error::Tls(_) => (502, NO_TLS),
            ureq::Error::Io(cause) if cause.kind() == ErrorKind::InvalidData => (502, NO_TLS),
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => (503, NOBODY),
            ureq::Error::Io(cause) => match cause.kind() {
                ConnectionRefused | HostUnreachable | NetworkUnreachable | AddrNotAvailable => (503, NOBODY),
                _ => (502, "the call of the application failed"),
            },
            _ => (502, "the call of the application failed"),
        };
        Self::application(status, HResult::http(status), reason, error)
    }
}

const NO_TLS: &str =
    "no secure connection to the application: check its certificate and the roots given for it";
const NOBODY: &str = "nobody answers at the notification URL";
