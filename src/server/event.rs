//! What a server tells of: requests, sessions, and itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::head::Head;
use super::journal::Journal;
use crate::engine::{EndReason, Exchange, Response, SessionEvent, SessionEventKind};
use crate::proto::packet::SessionName;
use crate::proto::{HResult, PacketKind, SessionId, Target, names};

/// Something to be told.
pub(super) enum Event<'a> {
    /// A request is over.
    Request(&'a Request),
    /// Something happened to a session.
    Session(&'a SessionEvent<'a>),
    /// Credentials were wrong, or came too often; the answer has that status.
    AuthFailed { peer: SocketAddr, status: u16 },
    /// No TLS connection came about.
    TlsFailed { peer: SocketAddr, reason: &'a str },
    /// The server listens at that URL.
    Started { url: &'a str },
    /// That was read anew.
    Reloaded { what: &'a str },
    /// The server takes no more connections.
    Stopping,
    /// The last connection is closed.
    Stopped,
}

impl Event<'_> {
    /// The event's name in the access log.
    pub fn name(&self) -> &'static str {
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

/// A request and what came of it. Nothing of it is secret: no query string, no header field but those named.
#[derive(Debug)]
pub(super) struct Request {
    pub peer: SocketAddr,
    /// `None` for a head that is none, as for all that is read from it.
    pub method: Option<String>,
    pub packet: Option<PacketKind>,
    pub session: Option<SessionId>,
    pub path: Option<String>,
    /// As the client wrote it.
    pub range: Option<String>,
    pub owner: Option<String>,
    /// `None` when the connection was lost before there was an answer.
    pub status: Option<u16>,
    pub hresult: Option<HResult>,
    /// From the first byte of the head to the last one of the answer that the system took.
    pub took: Duration,
    /// Bytes that came in, head included, without those of TLS.
    pub bytes_in: u64,
    /// Bytes that went out, head included, without those of TLS.
    pub bytes_out: u64,
    /// Bytes that the store took.
    pub stored: u64,
    pub tls: Option<&'static str>,
}

/// A request under way. Dropped, however that comes about, it is over and told of.
pub(super) struct Entry {
    request: Request,
    began: Instant,
    journal: Arc<Journal>,
    /// The client says who it is, and the engine was asked.
    claims: Claims,
}

#[derive(PartialEq, Eq)]
enum Claims {
    Nothing,
    Unchecked,
    /// By the application behind the engine, if by anybody.
    Checked,
}

impl Entry {
    pub fn new(
        journal: &Arc<Journal>,
        peer: SocketAddr,
        tls: Option<&'static str>,
        began: Instant,
        bytes_in: usize,
    ) -> Self {
        let request = Request {
            peer,
            method: None,
            packet: None,
            session: None,
            path: None,
            range: None,
            owner: None,
            status: None,
            hresult: None,
            took: Duration::ZERO,
            bytes_in: 0,
            bytes_out: 0,
            stored: 0,
            tls,
        };
        let mut entry = Self { request, began, journal: Arc::clone(journal), claims: Claims::Nothing };
        entry.came_in(bytes_in);
        entry
    }

    /// The head was read.
    pub fn head(&mut self, head: &Head) {
        let headers = &head.headers;
        let is_packet = matches!(head.method.as_str(), names::METHOD | "POST");
        self.request.packet = PacketKind::of(headers).ok().filter(|_| is_packet);
        self.request.session = match SessionName::of(headers) {
            Ok(SessionName::Id(id)) => Some(id),
            _ => None,
        };
        self.request.method = Some(head.method.clone());
        self.request.path = Target::parse(&head.target).map(|target| target.path.to_owned());
        let range = headers.all(names::CONTENT_RANGE).next();
        self.request.range = range.map(|range| String::from_utf8_lossy(range).into_owned());
        if headers.all("Authorization").next().is_some() {
            self.claims = Claims::Unchecked;
        }
    }

    /// The transport knows who sent it.
    pub fn owner(&mut self, owner: Option<&str>) {
        self.request.owner = owner.map(str::to_owned);
    }

    /// The engine took it.
    pub fn exchange(&mut self, exchange: &Exchange) {
        self.owner(exchange.owner());
        if self.claims == Claims::Unchecked {
            self.claims = Claims::Checked;
        }
    }

    /// The engine took bytes of its body.
    pub fn stored(&mut self, exchange: &Exchange) {
        self.request.stored = exchange.stored();
    }

    /// It is decided how it is answered.
    pub fn response(&mut self, response: &Response) {
        self.request.status = Some(response.status);
        self.request.hresult = response.header(names::ERROR_CODE).and_then(HResult::from_wire);
        let session = response.header(names::SESSION_ID).and_then(SessionId::parse);
        self.request.session = session.or(self.request.session);
    }

    pub fn came_in(&mut self, count: usize) {
        let count = count as u64;
        self.request.bytes_in = self.request.bytes_in.saturating_add(count);
        self.journal.metrics.received(count);
    }

    pub fn went_out(&mut self, count: usize) {
        let count = count as u64;
        self.request.bytes_out = self.request.bytes_out.saturating_add(count);
        self.journal.metrics.sent(count);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.request.took = self.began.elapsed();
        if self.claims == Claims::Checked && self.request.status == Some(401) {
            self.journal.tell(&Event::AuthFailed { peer: self.request.peer, status: 401 });
        }
        self.journal.tell(&Event::Request(&self.request));
    }
}
