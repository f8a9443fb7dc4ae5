//! The error type of this library, in Rust and in C.
//!
//! An invalid request of a client is not an error but gets a response; see [`crate::proto::Fault`].

use std::sync::Arc;
use std::time::Duration;

use crate::proto::{Context, HResult};

/// The kind of an error. Numbers are part of the ABI and never reused; the hundreds are classes: 1 arguments, 2
/// this machine, 3 network, 4 the peer, 5 stopped on request, 9 bugs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum Status {
    /// A required pointer is null (C only).
    NullArgument = 101,
    /// An argument is invalid.
    InvalidArgument = 102,
    /// A text is not UTF-8.
    InvalidUtf8 = 103,
    /// The object is in the wrong state for this call.
    InvalidState = 104,
    /// The object is in use by another call.
    Busy = 105,
    /// This build or this platform does not support the call.
    Unsupported = 106,
    /// Reading or writing failed on this machine.
    Io = 201,
    /// A file does not exist.
    NotFound = 202,
    /// The operating system denied access on this machine.
    Denied = 203,
    /// This machine has no space left.
    NoSpace = 204,
    /// The source changed while it was read.
    SourceChanged = 205,
    /// The host name could not be resolved.
    Resolve = 301,
    /// The connection could not be established.
    Connect = 302,
    /// The TLS handshake failed.
    Tls = 303,
    /// The operation timed out.
    Timeout = 304,
    /// The connection was lost.
    Disconnected = 305,
    /// The peer violated the protocol.
    Protocol = 401,
    /// The peer responded with an HTTP error.
    HttpStatus = 402,
    /// The server reported an error with an HRESULT.
    ServerFault = 403,
    /// The server does not know the session.
    SessionNotFound = 404,
    /// Client and server disagree about the offset.
    Range = 405,
    /// A limit of the server is exceeded.
    TooLarge = 406,
    /// The operation was cancelled.
    Cancelled = 501,
    /// The operation was suspended.
    Suspended = 502,
    /// A callback requested to stop.
    Callback = 503,
    /// A bug in this library.
    Panic = 901,
}

/// An error of this library.
///
/// # Examples
///
/// ```
/// use bitsup::{Error, Status};
///
/// let error = Error::new(Status::Timeout, "no response from http://host/ in 30 s").transient();
/// assert_eq!(error.status(), Status::Timeout);
/// assert!(error.is_transient());
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    status: Status,
    message: String,
    http_status: Option<u16>,
    hresult: Option<HResult>,
    context: Option<Context>,
    retry_after: Option<Duration>,
    transient: bool,
    #[source]
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Creates an error of this kind. `message` states what failed and what to do: lower case, no period.
    #[must_use]
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            http_status: None,
            hresult: None,
            context: None,
            retry_after: None,
            transient: false,
            source: None,
        }
    }

    /// Creates an error from an I/O error of this machine; its kind determines the status. `what` says what was
    /// attempted: "cannot open /a/b".
    #[must_use]
    pub fn io(what: impl std::fmt::Display, source: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let status = match source.kind() {
            ErrorKind::NotFound => Status::NotFound,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Status::Denied,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Status::NoSpace,
            _ => Status::Io,
        };
        Self::new(status, format!("{what}: {source}")).with_source(source)
    }

    /// Adds the HTTP status of the peer's response.
    #[must_use]
    pub fn with_http_status(mut self, status: u16) -> Self {
        self.http_status = Some(status);
        self
    }

    /// Adds an HRESULT: the peer's, or the one that Windows would report.
    #[must_use]
    pub fn with_hresult(mut self, hresult: HResult) -> Self {
        self.hresult = Some(hresult);
        self
    }

    /// Adds what failed at the peer.
    #[must_use]
    pub fn with_context(mut self, context: Context) -> Self {
        self.context = Some(context);
        self
    }

    /// Adds how long the peer wants the caller to wait before a retry.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Marks the error as transient: the same call may succeed later.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// Adds the underlying error.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns the message: what failed and what to do.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the HTTP status of the peer's response, if one caused the error.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.http_status
    }

    /// Returns the HRESULT, if there is one.
    #[must_use]
    pub fn hresult(&self) -> Option<HResult> {
        self.hresult
    }

    /// Returns what failed at the peer, if it reported that.
    #[must_use]
    pub fn context(&self) -> Option<Context> {
        self.context
    }

    /// Returns how long the peer wants the caller to wait before a retry, if it reported that.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.transient
    }
}
