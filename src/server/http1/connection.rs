//! The state machine of a connection, driven by a worker until it would block.
//!
//! | State | Ends when |
//! |---|---|
//! | Handshake | TLS is negotiated: Head follows |
//! | Head | the head is complete: Body if the engine wants the body, else the response |
//! | Body | the engine has the body, or rejects the request: the response |
//! | Discard | an unwanted body is drained: the pending response |
//! | Reply | the body of the response is sent |
//! | Linger | the client has closed, or the time is over: the connection is closed |
//!
//! After a response, Reply follows if it has a body; then Head, or Linger if it is the last one. Sending comes first:
//! nothing is read while there are bytes to send.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::head::{self, Expect, HeadParse, HttpHead};
use super::response;
use crate::engine::{Exchange, RequestHead, Response, Want};
use crate::log::Level;
use crate::proto::names;
use crate::server::auth::certificate_subject;
use crate::server::context::ServerContext;
use crate::server::network::addresses::AddressPermit;
use crate::server::network::min_rate::RateMeter;
use crate::server::network::registration::{ConnectionGuard, Interest, Reactor, Registered};
use crate::server::network::tls::TlsState;
use crate::server::network::transport::{PeerTransport, Received};
use crate::server::observability::LOG_TARGET;
use crate::server::observability::event::ServerEvent;
use crate::server::observability::request_record::RequestRecord;

/// How long a worker drives one connection before it requeues it.
const MAX_TURN: Duration = Duration::from_millis(2);
/// Maximum bytes of a read while a head is expected. Small, because pipelined requests are kept in memory.
const HEAD_READ_SIZE: usize = 16 * 1024;
/// Maximum bytes of a reply read at once. Small, because what the socket does not accept is kept in memory.
const REPLY_READ_SIZE: usize = 64 * 1024;
/// Maximum length of an unwanted body that is drained before the response. A Windows client sends its whole
/// fragment, up to 13 MiB, before it reads.
const MAX_DISCARD: u64 = 16 * 1024 * 1024;
/// How long, and for how many bytes, a closing connection still drains what the client sends. Closing a socket with
/// unread bytes resets the connection, and the client may then lose the response.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = MAX_DISCARD;

/// `Retry-After` in seconds for an address with too many connections.
const RETRY_AFTER: &str = "60";

/// A client's connection.
pub(crate) struct HttpConnection {
    transport: PeerTransport,
    peer: SocketAddr,
    /// The subject of the client's certificate.
    subject: Option<String>,
    state: ConnectionState,
    /// The request in progress.
    record: Option<RequestRecord>,
    /// Received bytes that are not used yet: an incomplete head, or bytes received together with a complete one.
    input: Vec<u8>,
    /// Bytes to send, of which the first `sent` are sent.
    output: Vec<u8>,
    sent: usize,
    /// Measures the transfer of the current body.
    meter: RateMeter,
    /// When the handshake or the head began; in other states, when bytes last moved.
    since: Instant,
    /// The connection closes after the current response.
    last: bool,
    /// Declared last, so that it is released after the socket is closed.
    _guard: ConnectionGuard,
}

enum ConnectionState {
    /// Negotiates TLS.
    Handshake,
    /// Reads a head whose first `scanned` bytes were checked; without input, waits for a request.
    Head { scanned: usize },
    /// Passes the body to the engine; `left` bytes have not been received yet.
    Body { exchange: Box<Exchange>, left: u64 },
    /// Drains `left` bytes of an unwanted body, then sends the response.
    Discard { response: Response, left: u64 },
    /// Sends the rest of a response's body.
    Reply { response: Response },
    /// The last response is sent; `until` is set once the sending side is shut down.
    Linger { until: Option<Instant>, left: u64 },
}

/// What a worker has to do next with a connection.
pub(crate) enum NextAction {
    /// Park it until it is ready.
    Park(Interest),
    /// Put it at the end of the queue.
    Requeue,
    /// Close it.
    Close,
}

/// The result of a step of the state machine.
enum StepOutcome {
    Continue,
    Wait(Interest),
    Close,
}

impl HttpConnection {
    /// Wraps an accepted socket.
    pub fn new(
        reactor: &Arc<Reactor>,
        stream: TcpStream,
        peer: SocketAddr,
        key: usize,
        permit: Option<AddressPermit>,
        context: &ServerContext,
    ) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let tls = context.tls.as_ref().map(TlsState::current);
        Ok(Self {
            transport: PeerTransport::new(Registered::new(reactor, stream, key)?, tls)?,
            peer,
            subject: None,
            state: ConnectionState::Handshake,
            record: None,
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
            meter: RateMeter::default(),
            since: Instant::now(),
            last: false,
            _guard: ConnectionGuard::take(reactor, permit),
        })
    }

    pub fn key(&self) -> usize {
        self.transport.key()
    }

    pub fn arm(&self, interest: Interest) -> io::Result<()> {
        self.transport.arm(interest)
    }

    /// Responds 503 to a connection over the limit of its address, without waiting for a request.
    pub fn reject_over_limit(&mut self, context: &ServerContext) {
        let mut response = Response::plain(503);
        response.headers.push((names::RETRY_AFTER, RETRY_AFTER.to_owned()));
        self.last = true;
        self.respond(response, context);
    }

    /// Whether no request is in progress.
    pub fn is_idle(&self) -> bool {
        match self.state {
            ConnectionState::Handshake => true,
            ConnectionState::Head { .. } => self.input.is_empty() && !self.is_sending(),
            _ => false,
        }
    }

    /// Returns when to stop waiting for the client.
    pub fn deadline(&self, context: &ServerContext) -> Option<Instant> {
        let limit = match self.state {
            ConnectionState::Linger { until: Some(until), .. } => return Some(until),
            ConnectionState::Handshake if self.transport.is_secure() => context.head_timeout,
            ConnectionState::Handshake => context.idle_timeout,
            ConnectionState::Head { .. } if self.is_idle() => context.idle_timeout,
            ConnectionState::Head { .. } if !self.is_sending() => context.head_timeout,
            _ => context.read_timeout,
        };
        let slow = match self.state {
            ConnectionState::Body { .. }
            | ConnectionState::Discard { .. }
            | ConnectionState::Reply { .. } => self.meter.deadline(context.min_rate),
            _ => None,
        };
        [self.since.checked_add(limit), slow].into_iter().flatten().min()
    }

    /// Handles a passed deadline: 408 if a head is incomplete, else the connection is closed.
    pub fn expire(&mut self, buffer: &mut [u8], context: &ServerContext) -> NextAction {
        match self.state {
            ConnectionState::Head { .. } if !self.is_sending() && !self.is_idle() => {
                self.reject(408, context);
                self.drive(buffer, context)
            }
            _ => NextAction::Close,
        }
    }

    /// Runs the state machine until it would block, its turn is over or the connection is closed. `buffer` is the
    /// worker's.
    pub fn drive(&mut self, buffer: &mut [u8], context: &ServerContext) -> NextAction {
        let turn = Instant::now();
        loop {
            match self.step(buffer, context) {
                Ok(StepOutcome::Continue) if turn.elapsed() < MAX_TURN => {}
                Ok(StepOutcome::Continue) => return NextAction::Requeue,
                Ok(StepOutcome::Wait(interest)) => {
                    self.meter.wait();
                    self.free_buffers();
                    return NextAction::Park(interest);
                }
                Ok(StepOutcome::Close) => return NextAction::Close,
                Err(error) => {
                    context
                        .logger
                        .log(Level::Debug, LOG_TARGET, || format!("{} connection lost: {error}", self.peer));
                    return NextAction::Close;
                }
            }
        }
    }

    fn step(&mut self, buffer: &mut [u8], context: &ServerContext) -> io::Result<StepOutcome> {
        if self.is_sending() {
            return self.send();
        }
        match std::mem::replace(&mut self.state, ConnectionState::Head { scanned: 0 }) {
            ConnectionState::Handshake => self.handshake(context),
            ConnectionState::Head { scanned } => self.head(scanned, buffer, context),
            ConnectionState::Body { exchange, left } => self.body(exchange, left, buffer, context),
            ConnectionState::Discard { response, left } => self.discard(response, left, buffer, context),
            ConnectionState::Reply { response } => self.reply(response, buffer),
            ConnectionState::Linger { until, left } => self.linger(until, left, buffer),
        }
    }

    fn handshake(&mut self, context: &ServerContext) -> io::Result<StepOutcome> {
        let failed = |error: &io::Error| {
            context.event_sink.emit(&ServerEvent::TlsFailed { peer: self.peer, reason: &error.to_string() });
        };
        if self.transport.is_handshaking() {
            self.state = ConnectionState::Handshake;
            return Ok(self.transport.handshake().inspect_err(failed)?.into());
        }
        let certificate = self.transport.peer_certificate();
        self.subject =
            certificate.map(|der| certificate_subject::name(der)).transpose().inspect_err(failed)?;
        self.since = Instant::now();
        Ok(StepOutcome::Continue)
    }

    fn head(
        &mut self,
        mut scanned: usize,
        buffer: &mut [u8],
        context: &ServerContext,
    ) -> io::Result<StepOutcome> {
        if self.input.starts_with(b"\r\n") {
            // Some clients send an empty line after a body (RFC 9112, 2.2).
            self.input.drain(..2);
            return Ok(StepOutcome::Continue);
        }
        match head::parse(&self.input, &mut scanned, context.head_limits) {
            HeadParse::Complete(head, length) => {
                self.input.drain(..length);
                self.start_record(length, context).set_head(&head.method, &head.target, &head.headers);
                self.handle_request(head, context);
            }
            HeadParse::Rejected(status) => self.reject(status, context),
            HeadParse::Partial => return self.read_more_head(scanned, buffer),
        }
        Ok(StepOutcome::Continue)
    }

    fn read_more_head(&mut self, scanned: usize, buffer: &mut [u8]) -> io::Result<StepOutcome> {
        self.state = ConnectionState::Head { scanned };
        let piece = buffer.split_at_mut(HEAD_READ_SIZE).0;
        Ok(match self.transport.receive(piece)? {
            Received::Bytes(count) => {
                if self.input.is_empty() && count > 0 {
                    self.since = Instant::now();
                }
                self.input.extend_from_slice(piece.split_at(count).0);
                StepOutcome::Continue
            }
            Received::Nothing => StepOutcome::Wait(Interest::Read),
            Received::End => StepOutcome::Close,
        })
    }

    /// Begins a request. A body that the engine does not want is not read if the client waits for `100 Continue`
    /// (PROTOCOL 2.1 #15), and drained if the client sends it anyway (PROTOCOL 2.1 #16).
    fn handle_request(&mut self, head: HttpHead, context: &ServerContext) {
        self.last = head.close;
        self.meter = RateMeter::default();
        let left = head.body;
        let expects_continue = head.expect == Expect::Continue && left > 0;
        match self.begin_exchange(head, context) {
            Ok(exchange) => {
                if expects_continue {
                    self.queue(response::CONTINUE_RESPONSE.to_vec());
                }
                self.state = ConnectionState::Body { exchange: Box::new(exchange), left };
            }
            Err(response) if expects_continue => {
                self.last = true;
                self.respond(response, context);
            }
            Err(response) => self.respond_after_body(left, response, context),
        }
    }

    /// Returns the exchange if the engine wants the body, else the response.
    fn begin_exchange(&mut self, head: HttpHead, context: &ServerContext) -> Result<Exchange, Response> {
        if head.expect == Expect::Unknown {
            return Err(Response::plain(417));
        }
        let owner = self.authenticate(&head, context)?;
        self.record.iter_mut().for_each(|record| record.set_owner(owner.as_deref()));
        let found = context.router.find(&head.target).ok_or_else(|| Response::plain(404))?;
        let (engine, mount, target) = (found.0, found.1.to_owned(), found.2);
        let HttpHead { method, headers, body, .. } = head;
        let secure = self.transport.is_secure();
        let peer = Some(self.peer.to_string());
        let head = RequestHead { method, target, mount, secure, headers, peer, owner };
        let exchange = engine.begin(head);
        self.record.iter_mut().for_each(|record| record.set_exchange(&exchange));
        if body > 0 && exchange.want() != Want::Finish { Ok(exchange) } else { Err(exchange.finish()) }
    }

    /// Returns the authenticated owner of a request. Called before anything else is checked, so that unauthenticated
    /// clients learn nothing from the response.
    fn authenticate(&self, head: &HttpHead, context: &ServerContext) -> Result<Option<String>, Response> {
        let Some(auth) = &context.basic_auth else { return Ok(self.subject.clone()) };
        auth.check(&head.headers, self.peer.ip()).map(Some).map_err(|fault| {
            // A client of the Basic scheme sends its first request without credentials.
            let has_credentials = head.headers.all("Authorization").next().is_some();
            let level = if has_credentials { Level::Info } else { Level::Debug };
            context.logger.log(level, LOG_TARGET, || format!("{} not authenticated: {fault}", self.peer));
            if has_credentials {
                context.event_sink.emit(&ServerEvent::AuthFailed { peer: self.peer, status: fault.status });
            }
            Response::rejection(&head.method, fault)
        })
    }

    fn body(
        &mut self,
        mut exchange: Box<Exchange>,
        left: u64,
        buffer: &mut [u8],
        context: &ServerContext,
    ) -> io::Result<StepOutcome> {
        let wanted = match exchange.want() {
            Want::Body(wanted) => wanted.min(left),
            Want::Finish => 0,
        };
        if wanted == 0 {
            self.respond_after_body(left, exchange.finish(), context);
            return Ok(StepOutcome::Continue);
        }
        let got = self.read_body(wanted, buffer)?;
        let data = got.bytes(buffer);
        if !data.is_empty() {
            exchange.body(data);
            self.record.iter_mut().for_each(|record| record.update_stored(&exchange));
        }
        let left = remaining(left, data.len());
        self.state = ConnectionState::Body { exchange, left };
        Ok(got.into())
    }

    fn discard(
        &mut self,
        response: Response,
        left: u64,
        buffer: &mut [u8],
        context: &ServerContext,
    ) -> io::Result<StepOutcome> {
        if left == 0 {
            self.respond(response, context);
            return Ok(StepOutcome::Continue);
        }
        let got = self.read_body(left, buffer)?;
        let left = remaining(left, got.bytes(buffer).len());
        self.state = ConnectionState::Discard { response, left };
        Ok(got.into())
    }

    fn linger(&mut self, until: Option<Instant>, left: u64, buffer: &mut [u8]) -> io::Result<StepOutcome> {
        let Some(until) = until else {
            self.input.clear();
            let is_shut = self.transport.shutdown()?;
            let until = if is_shut { Instant::now().checked_add(LINGER) } else { None };
            self.state = ConnectionState::Linger { until, left };
            return Ok(StepOutcome::Continue);
        };
        let got = self.transport.receive(buffer)?;
        let left = left.saturating_sub(got.bytes(buffer).len() as u64);
        self.state = ConnectionState::Linger { until: Some(until), left };
        Ok(if left == 0 || Instant::now() >= until { StepOutcome::Close } else { got.into() })
    }

    /// Rejects an invalid head and closes the connection, because the next head cannot be located.
    fn reject(&mut self, status: u16, context: &ServerContext) {
        context.logger.log(Level::Debug, LOG_TARGET, || {
            format!("{} sent an invalid request head: {status}", self.peer)
        });
        self.last = true;
        self.start_record(self.input.len(), context);
        self.respond(Response::plain(status), context);
    }

    /// Starts the record of a request of which `length` bytes were received.
    fn start_record(&mut self, length: usize, context: &ServerContext) -> &mut RequestRecord {
        let record = RequestRecord::new(
            &context.event_sink,
            self.peer,
            self.transport.tls_version(),
            self.since,
            length,
        );
        self.record.insert(record)
    }

    /// Responds once the rest of the body is drained; if it is too long, responds at once and closes the connection.
    fn respond_after_body(&mut self, left: u64, response: Response, context: &ServerContext) {
        self.record.iter_mut().for_each(|record| record.set_response(&response));
        if left <= MAX_DISCARD {
            self.state = ConnectionState::Discard { response, left };
        } else {
            self.last = true;
            self.respond(response, context);
        }
    }

    fn respond(&mut self, response: Response, context: &ServerContext) {
        self.last |= response.close || context.is_stopping();
        self.record.iter_mut().for_each(|record| record.set_response(&response));
        self.queue(response::encode(&response, self.last));
        self.meter = RateMeter::default();
        self.state = match response.body_left() {
            0 => self.after_response(),
            _ => ConnectionState::Reply { response },
        };
    }

    /// Returns the state after a response. Drops the record, so that the request is reported before the client can see
    /// the whole response.
    fn after_response(&mut self) -> ConnectionState {
        self.record = None;
        if self.last {
            ConnectionState::Linger { until: None, left: LINGER_BYTES }
        } else {
            ConnectionState::Head { scanned: 0 }
        }
    }

    /// Sends the next piece of the response's body. After an error the response is incomplete, so the connection is
    /// closed.
    fn reply(&mut self, mut response: Response, buffer: &mut [u8]) -> io::Result<StepOutcome> {
        let piece = buffer.split_at_mut(REPLY_READ_SIZE).0;
        let count = response.read_body(piece)?;
        self.state = if count == 0 { self.after_response() } else { ConnectionState::Reply { response } };
        let piece = piece.split_at(count).0;
        let sent = self.transport.transmit(piece)?.unwrap_or(0);
        self.record.iter_mut().for_each(|record| record.add_sent(sent));
        self.meter.moved(sent);
        self.queue(piece.split_at(sent).1.to_vec());
        Ok(StepOutcome::Continue)
    }

    fn queue(&mut self, output: Vec<u8>) {
        self.record.iter_mut().for_each(|record| record.add_sent(output.len()));
        (self.output, self.sent) = (output, 0);
        self.since = Instant::now();
    }

    fn is_sending(&self) -> bool {
        self.sent < self.output.len() || self.transport.is_pending()
    }

    fn send(&mut self) -> io::Result<StepOutcome> {
        let rest = self.output.split_at(self.sent).1;
        let Some(count) = self.transport.transmit(rest)? else {
            return Ok(StepOutcome::Wait(Interest::Write));
        };
        debug_assert!(count <= rest.len(), "sent {count} of {} bytes", rest.len());
        self.sent = self.sent.saturating_add(count);
        self.meter.moved(count);
        if !matches!(self.state, ConnectionState::Handshake) {
            self.since = Instant::now();
        }
        Ok(StepOutcome::Continue)
    }

    /// Reads up to `most` bytes of a body, first those received together with the head.
    fn read_body(&mut self, most: u64, buffer: &mut [u8]) -> io::Result<Received> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.split_at_mut(most).0;
        let got = if self.input.is_empty() {
            self.transport.receive(buffer)?
        } else {
            let count = (&*self.input).read(buffer)?;
            self.input.drain(..count);
            Received::Bytes(count)
        };
        if let Received::Bytes(count) = got {
            self.record.iter_mut().for_each(|record| record.add_received(count));
            self.meter.moved(count);
            self.since = Instant::now();
        }
        Ok(got)
    }

    /// Frees empty buffers, so that an idle connection holds no heap memory for them.
    fn free_buffers(&mut self) {
        if self.input.is_empty() {
            self.input = Vec::new();
        }
        if !self.is_sending() {
            (self.output, self.sent) = (Vec::new(), 0);
        }
    }
}

/// Subtracts the bytes of a body that were read, which are never more than those left.
fn remaining(left: u64, read: usize) -> u64 {
    debug_assert!(read as u64 <= left, "read {read} bytes of a body with {left} left");
    left.saturating_sub(read as u64)
}

impl Drop for HttpConnection {
    fn drop(&mut self) {
        if self.is_idle() {
            self.transport.try_close_notify();
        }
    }
}

impl From<Received> for StepOutcome {
    fn from(got: Received) -> Self {
        match got {
            Received::Bytes(_) => Self::Continue,
            Received::Nothing => Self::Wait(Interest::Read),
            Received::End => Self::Close,
        }
    }
}
