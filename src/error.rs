//! The error of a call: what a caller of this library gets, in Rust and in C.
//!
//! A bad request of a peer is not an error but a response; see [`crate::proto::Fault`].

use std::sync::Arc;
use std::time::Duration;

use crate::proto::{Context, HResult};

/// The kind of an error. Hundreds are classes; numbers are part of the ABI and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum Status {
    /// A required pointer was null (C only).
    NullArgument = 101,
    /// An argument is outside its domain.
    InvalidArgument = 102,
    /// Text is not UTF-8.
    InvalidUtf8 = 103,
    /// The object is in the wrong state for this call.
    InvalidState = 104,
    /// The object is in use by another call.
    Busy = 105,
    /// Not supported by this build or this platform.
    Unsupported = 106,
    /// Reading or writing failed on this machine.
    Io = 201,
    /// A file is not there.
    NotFound = 202,
    /// Not allowed on this machine.
    Denied = 203,
    /// No space left on this machine.
    NoSpace = 204,
    /// The source changed while it was read.
    SourceChanged = 205,
    /// The host's name did not resolve.
    Resolve = 301,
    /// No connection.
    Connect = 302,
    /// The TLS handshake failed.
    Tls = 303,
    /// A time limit was reached.
    Timeout = 304,
    /// The connection was lost.
    Disconnected = 305,
    /// The peer broke the protocol.
    Protocol = 401,
    /// The peer answered with an HTTP error.
    HttpStatus = 402,
    /// The server reported a fault of its own, with an HRESULT.
    ServerFault = 403,
    /// The server does not know the session.
    SessionNotFound = 404,
    /// Client and server do not agree on the offset.
    Range = 405,
    /// Over a limit of the server.
    TooLarge = 406,
    /// Cancelled as asked.
    Cancelled = 501,
    /// Suspended as asked.
    Suspended = 502,
    /// A callback asked to stop.
    Callback = 503,
    /// A bug in this library.
    Panic = 901,
}

/// What went wrong, where, and whether it may pass.
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
    /// An error of that kind. `message` names the thing that failed and what to do.
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

    /// An I/O error of this machine, sorted by its kind; `what` says what was tried on which file.
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

    /// Adds the HTTP status of the peer's answer.
    pub fn with_http_status(mut self, status: u16) -> Self {
        self.http_status = Some(status);
        self
    }

    /// Adds the HRESULT, the peer's or the one Windows would report.
    pub fn with_hresult(mut self, hresult: HResult) -> Self {
        self.hresult = Some(hresult);
        self
    }

    /// Adds who failed on the other side.
    pub fn with_context(mut self, context: Context) -> Self {
        self.context = Some(context);
        self
    }

    /// Adds how long the peer wants to be left alone.
    pub fn with_retry_after(mut self, patience: Duration) -> Self {
        self.retry_after = Some(patience);
        self
    }

    /// Marks the error as one that may pass: the same call is worth another try.
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// Adds the error underneath.
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The kind.
    pub fn status(&self) -> Status {
        self.status
    }

    /// One sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The peer's HTTP status, if an answer was the cause.
    pub fn http_status(&self) -> Option<u16> {
        self.http_status
    }

    /// The HRESULT, if there is one.
    pub fn hresult(&self) -> Option<HResult> {
        self.hresult
    }

    /// Who failed on the other side, if it said so.
    pub fn context(&self) -> Option<Context> {
        self.context
    }

    /// How long the peer wants to be left alone, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same call is worth another try.
    pub fn is_transient(&self) -> bool {
        self.transient
    }
}
