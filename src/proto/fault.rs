//! Faults, the reasons for which a server rejects packets. One constructor per row of PROTOCOL 10.1.

use super::hresult::HResult;

/// What failed, as in `BITS-Error-Context` (PROTOCOL 10.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u32)]
pub enum Context {
    /// The server itself (`BG_ERROR_CONTEXT_REMOTE_FILE`).
    Server = 0x5,
    /// The application behind the server (`BG_ERROR_CONTEXT_REMOTE_APPLICATION`).
    Application = 0x7,
}

impl Context {
    /// Parses the value of the header. Anything but the application means the server (PROTOCOL 2.3).
    #[must_use]
    pub fn from_wire(text: &str) -> Self {
        match HResult::from_wire(text) {
            Some(HResult(0x7)) => Self::Application,
            _ => Self::Server,
        }
    }
}

/// Why a packet is rejected: HTTP status, HRESULT and context for the client, and a reason for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {reason}")]
pub struct Fault {
    /// The HTTP status of the response.
    pub status: u16,
    /// Sent as `BITS-Error` and `BITS-Error-Code`; 401 and 416 have none.
    pub hresult: Option<HResult>,
    /// Sent as `BITS-Error-Context` if there is an HRESULT.
    pub context: Context,
    /// The reason for the server's log; never sent to the client.
    pub reason: &'static str,
    /// Sent as `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// Sent as `WWW-Authenticate` with 401.
    pub challenge: Option<String>,
}

impl Fault {
    const fn new(status: u16, hresult: Option<HResult>, reason: &'static str) -> Self {
        Self { status, hresult, context: Context::Server, reason, retry_after: None, challenge: None }
    }

    /// 400: the request is malformed.
    pub const fn invalid(reason: &'static str) -> Self {
        Self::new(400, Some(HResult::E_INVALIDARG), reason)
    }

    /// 411: the request has no Content-Length or is chunked.
    pub const fn length_required() -> Self {
        Self::new(411, Some(HResult::E_INVALIDARG), "no Content-Length, or a chunked body")
    }

    /// 403: the user is not authorized, or the destination exists and may not be overwritten.
    pub const fn denied(reason: &'static str) -> Self {
        Self::new(403, Some(HResult::E_ACCESSDENIED), reason)
    }

    /// 404: the destination's folder or the session's data does not exist.
    pub const fn not_found(reason: &'static str) -> Self {
        Self::new(404, Some(HResult::http(404)), reason)
    }

    /// 416: the Fragment does not start at the next expected offset.
    pub const fn offset_mismatch() -> Self {
        Self::new(416, None, "the fragment does not start at the next expected offset")
    }

    /// 500 with `BG_E_SESSION_NOT_FOUND`: the client starts again with a new session.
    pub const fn session_not_found() -> Self {
        Self::new(500, Some(HResult::BG_E_SESSION_NOT_FOUND), "unknown session")
    }

    /// 500 with `BG_E_TOO_LARGE`: the fragment or the file exceeds a limit.
    pub const fn too_large(reason: &'static str) -> Self {
        Self::new(500, Some(HResult::BG_E_TOO_LARGE), reason)
    }

    /// 500 with `ERROR_DISK_FULL`; 0x80070070, see PROTOCOL 10.3.
    pub const fn no_space() -> Self {
        Self::new(500, Some(HResult::DISK_FULL), "no space left for the upload")
    }

    /// 500: the server failed.
    pub const fn internal(reason: &'static str) -> Self {
        Self::new(500, Some(HResult::http(500)), reason)
    }

    /// 501: uploads are disabled.
    pub const fn disabled() -> Self {
        Self::new(501, Some(HResult::E_ACCESSDENIED), "uploads are disabled")
    }

    /// A rejection by the application behind the server.
    pub const fn rejected(status: u16, hresult: HResult, context: Context, reason: &'static str) -> Self {
        Self { status, hresult: Some(hresult), context, reason, retry_after: None, challenge: None }
    }

    /// 401: the server requires credentials, as described in `challenge` (GEN-14).
    pub fn unauthorized(challenge: String) -> Self {
        Self { challenge: Some(challenge), ..Self::new(401, None, "credentials are required") }
    }

    /// 503 with `Retry-After` in seconds: a limit is currently reached.
    pub const fn unavailable(reason: &'static str, retry_after: u32) -> Self {
        let mut fault = Self::new(503, Some(HResult::http(503)), reason);
        fault.retry_after = Some(retry_after);
        fault
    }
}
