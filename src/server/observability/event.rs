//! The events that a server reports: completed requests, session events and changes of the server itself.

use std::net::SocketAddr;
use std::time::Duration;

use crate::engine::{EndReason, SessionEvent, SessionEventKind};
use crate::proto::{HResult, PacketKind, SessionId};

/// An event of a server.
pub(crate) enum ServerEvent<'a> {
    /// A request was completed, or its connection was lost.
    Request(&'a CompletedRequest),
    /// A session changed its state.
    Session(&'a SessionEvent<'a>),
    /// Credentials were rejected with this status: 401 if they were wrong, 503 if the address has to wait.
    AuthFailed { peer: SocketAddr, status: u16 },
    /// A TLS handshake failed.
    TlsFailed { peer: SocketAddr, reason: &'a str },
    /// The server listens at this URL.
    Started { url: &'a str },
    /// This resource was reloaded.
    Reloaded { resource: &'a str },
    /// The server accepts no more connections.
    Stopping,
    /// The last connection is closed.
    Stopped,
}

impl ServerEvent<'_> {
    /// Returns the event's name in the access log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Session(event) => session_event_name(event.kind),
            Self::AuthFailed { .. } => "auth-failed",
            Self::TlsFailed { .. } => "tls-failed",
            Self::Started { .. } => "server-started",
            Self::Reloaded { .. } => "server-reloaded",
            Self::Stopping => "server-stopping",
            Self::Stopped => "server-stopped",
        }
    }
}

fn session_event_name(kind: SessionEventKind) -> &'static str {
    match kind {
        SessionEventKind::Created => "session-created",
        SessionEventKind::TakenOver => "session-taken-over",
        SessionEventKind::Received => "session-received",
        SessionEventKind::Notified { .. } => "session-notified",
        SessionEventKind::Ended(EndReason::Closed) => "session-closed",
        SessionEventKind::Ended(EndReason::Cancelled) => "session-cancelled",
        SessionEventKind::Ended(EndReason::Expired) => "session-expired",
        SessionEventKind::Ended(EndReason::Failed) => "session-failed",
    }
}

/// A request and its outcome. It holds no secrets: no query string, and no header field other than those below.
#[derive(Debug)]
pub(crate) struct CompletedRequest {
    pub peer: SocketAddr,
    /// `None` if the request head could not be parsed, like every other field that is read from the head.
    pub method: Option<String>,
    pub packet: Option<PacketKind>,
    pub session: Option<SessionId>,
    pub path: Option<String>,
    /// `Content-Range` as the client sent it.
    pub range: Option<String>,
    pub owner: Option<String>,
    /// `None` if the connection was lost before there was a response.
    pub status: Option<u16>,
    pub hresult: Option<HResult>,
    /// From the first byte of the request head to the last response byte that the system accepted.
    pub duration: Duration,
    /// Bytes received, including the head, without TLS overhead.
    pub bytes_in: u64,
    /// Bytes sent, including the head, without TLS overhead.
    pub bytes_out: u64,
    /// Bytes that were written to the store.
    pub bytes_stored: u64,
    /// TLS version, `None` without TLS.
    pub tls: Option<&'static str>,
}
