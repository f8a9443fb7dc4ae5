//! Collects what is reported about one request while it runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::{CompletedRequest, ServerEvent};
use super::event_sink::EventSink;
use crate::engine::{Exchange, Response};
use crate::proto::packet::SessionRef;
use crate::proto::{HResult, Headers, PacketKind, SessionId, Target, names};

/// A request in progress. Dropping it emits [`ServerEvent::Request`], so every request is reported,
/// regardless of how it ends.
pub(crate) struct RequestRecord {
    request: CompletedRequest,
    started: Instant,
    sink: Arc<EventSink>,
    credentials: CredentialsSeen,
}

/// Whether the request had an `Authorization` field, and whether the engine saw it.
#[derive(PartialEq, Eq)]
enum CredentialsSeen {
    None,
    Present,
    /// The engine began an exchange for the request, so that the application may have checked them.
    PassedToEngine,
}

impl RequestRecord {
    /// Starts a record of a request of which `bytes_in` bytes were received since `started`.
    pub(crate) fn new(
        sink: &Arc<EventSink>,
        peer: SocketAddr,
        tls: Option<&'static str>,
        started: Instant,
        bytes_in: usize,
    ) -> Self {
        let request = CompletedRequest {
            peer,
            method: None,
            packet: None,
            session: None,
            path: None,
            range: None,
            owner: None,
            status: None,
            hresult: None,
            duration: Duration::ZERO,
            bytes_in: 0,
            bytes_out: 0,
            bytes_stored: 0,
            tls,
        };
        let sink = Arc::clone(sink);
        let mut record = Self { request, started, sink, credentials: CredentialsSeen::None };
        record.add_received(bytes_in);
        record
    }

    /// Records the parsed request head.
    pub(crate) fn set_head(&mut self, method: &str, target: &str, headers: &Headers) {
        if matches!(method, names::METHOD | "POST") {
            self.request.packet = PacketKind::from_headers(headers).ok();
        }
        self.request.session = match SessionRef::from_headers(headers) {
            Ok(SessionRef::Id(id)) => Some(id),
            _ => None,
        };
        self.request.method = Some(method.to_owned());
        self.request.path = Target::parse(target).map(|target| target.path.to_owned());
        let range = headers.all(names::CONTENT_RANGE).next();
        self.request.range = range.map(|range| String::from_utf8_lossy(range).into_owned());
        if headers.all("Authorization").next().is_some() {
            self.credentials = CredentialsSeen::Present;
        }
    }

    /// Records the user or certificate subject that the request was authenticated as.
    pub(crate) fn set_owner(&mut self, owner: Option<&str>) {
        self.request.owner = owner.map(str::to_owned);
    }

    /// Records that the engine began an exchange for the request.
    pub(crate) fn set_exchange(&mut self, exchange: &Exchange) {
        self.set_owner(exchange.owner());
        if self.credentials == CredentialsSeen::Present {
            self.credentials = CredentialsSeen::PassedToEngine;
        }
    }

    /// Updates the number of bytes that the exchange has stored.
    pub(crate) fn update_stored(&mut self, exchange: &Exchange) {
        self.request.bytes_stored = exchange.stored();
    }

    /// Records the response before it is sent.
    pub(crate) fn set_response(&mut self, response: &Response) {
        self.request.status = Some(response.status);
        self.request.hresult = response.header(names::ERROR_CODE).and_then(HResult::from_wire);
        let session = response.header(names::SESSION_ID).and_then(SessionId::parse);
        self.request.session = session.or(self.request.session);
    }

    /// Counts received bytes.
    pub(crate) fn add_received(&mut self, count: usize) {
        let count = count as u64;
        self.request.bytes_in = self.request.bytes_in.saturating_add(count);
        self.sink.counters.add_received(count);
    }

    /// Counts sent bytes.
    pub(crate) fn add_sent(&mut self, count: usize) {
        let count = count as u64;
        self.request.bytes_out = self.request.bytes_out.saturating_add(count);
        self.sink.counters.add_sent(count);
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        self.request.duration = self.started.elapsed();
        if self.credentials == CredentialsSeen::PassedToEngine && self.request.status == Some(401) {
            self.sink.emit(&ServerEvent::AuthFailed { peer: self.request.peer, status: 401 });
        }
        self.sink.emit(&ServerEvent::Request(&self.request));
    }
}
