//! One connection: its state, and what a worker does with it until it would block.
//!
//! | state | leaves it when |
//! |---|---|
//! | Handshake | TLS is agreed upon: to HttpHead |
//! | HttpHead | the head is complete: to Body if the engine wants the body, else an answer |
//! | Body | the engine has what it wants, or gives up: an answer |
//! | Discard | the body that nobody wants has gone by: the answer that waited for it |
//! | Reply | the body of the answer is sent |
//! | Linger | the peer has closed, or enough was waited: closed |
//!
//! An answer leads to HttpHead, or to Linger when it was the last, with Reply before it when it has a body. Output
//! comes first: nothing is read while there are bytes to send.

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

/// How long a worker drives one connection before it lets others have their turn.
const MAX_TURN: Duration = Duration::from_millis(2);
/// Most bytes read at once while a head is expected. Pipelined requests wait in memory, so it is not much.
const HEAD_READ_SIZE: usize = 16 * 1024;
/// Most bytes of a reply read at once. What the socket does not take of them waits in memory, so it is not
/// much.
const REPLY_READ_SIZE: usize = 64 * 1024;
/// Longest unwanted body that is read to its end before the answer. A Windows client writes its whole
/// fragment, 13 MiB at most, before it reads.
const MAX_DISCARD: u64 = 16 * 1024 * 1024;
/// How long, and for how many bytes, a closed connection still reads what the peer sends. A socket that is
/// closed with bytes unread is reset, and the reset takes the answer away from the peer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = MAX_DISCARD;

/// Seconds after which an address with too many connections may try again.
const RETRY_AFTER: &str = "60";

/// A connection between two reads.
pub(crate) struct HttpConnection {
    transport: PeerTransport,
    peer: SocketAddr,
    /// Whom the peer's certificate names.
    subject: Option<String>,
    state: ConnectionState,
    /// The request that is to be after_response.
    record: Option<RequestRecord>,
    /// Bytes that were read and not used: an incomplete head, or what came together with a complete one.
    input: Vec<u8>,
    /// Bytes to send, and how many of them are sent.
    output: Vec<u8>,
    sent: usize,
    /// How fast the body comes or goes.
    meter: RateMeter,
    /// When the handshake or the head began, or when bytes last moved outside of both.
    since: Instant,
    /// The answer to this request is the connection's last.
    last: bool,
    /// Given back after the socket is closed.
    _guard: ConnectionGuard,
}

enum ConnectionState {
    /// Agrees upon TLS.
    Handshake,
    /// Reads a head, `scanned` bytes of which were looked at; with no input, waits for a request.
    Head { scanned: usize },
    /// Gives the body to the engine; `left` bytes of it are to come.
    Body { exchange: Box<Exchange>, left: u64 },
    /// Reads `left` bytes of a body that nobody wants, then answers.
    Discard { response: Response, left: u64 },
    /// Sends what is left of an answer's body.
    Reply { response: Response },
    /// The last answer is sent; `until` is set once the sending side is shut down.
    Linger { until: Option<Instant>, left: u64 },
}

/// What a worker does next with a connection.
pub(crate) enum NextAction {
    /// Park it.
    Park(Interest),
    /// Give others their turn.
    Requeue,
    /// Drop it.
    Close,
}

/// What a step of a connection came to.
enum StepOutcome {
    Go,
    Wait(Interest),
    Close,
}

impl HttpConnection {
    /// A connection that was just accepted.
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

    /// Answers a connection that is one too many for its address, before it expects_continue anything.
    pub fn reject_over_limit(&mut self, context: &ServerContext) {
        let mut response = Response::plain(503);
        response.headers.push((names::RETRY_AFTER, RETRY_AFTER.to_owned()));
        self.last = true;
        self.respond(response, context);
    }

    /// Whether no request is under way.
    pub fn is_idle(&self) -> bool {
        match self.state {
            ConnectionState::Handshake => true,
            ConnectionState::Head { .. } => self.input.is_empty() && !self.is_sending(),
            _ => false,
        }
    }

    /// When waiting for the peer is enough.
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

    /// The deadline has come. A peer in the middle of a head is told (408); all others are only closed.
    pub fn expire(&mut self, buffer: &mut [u8], context: &ServerContext) -> NextAction {
        match self.state {
            ConnectionState::Head { .. } if !self.is_sending() && !self.is_idle() => {
                self.refuse(408, context);
                self.drive(buffer, context)
            }
            _ => NextAction::Close,
        }
    }

    /// Goes on until the connection would block, its turn is over or it is done. `buffer` is the worker's.
    pub fn drive(&mut self, buffer: &mut [u8], context: &ServerContext) -> NextAction {
        let turn = Instant::now();
        loop {
            match self.step(buffer, context) {
                Ok(StepOutcome::Go) if turn.elapsed() < MAX_TURN => {}
                Ok(StepOutcome::Go) => return NextAction::Requeue,
                Ok(StepOutcome::Wait(interest)) => {
                    self.meter.wait();
                    self.free_buffers();
                    return NextAction::Park(interest);
                }
                Ok(StepOutcome::Close) => return NextAction::Close,
                Err(error) => {
                    context.logger.log(Level::Debug, LOG_TARGET, || format!("{} lost: {error}", self.peer));
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
        Ok(StepOutcome::Go)
    }

    fn head(
        &mut self,
        mut scanned: usize,
        buffer: &mut [u8],
        context: &ServerContext,
    ) -> io::Result<StepOutcome> {
        if self.input.starts_with(b"\r\n") {
            // Some clients end a body with an empty line (RFC 9112, 2.2).
            self.input.drain(..2);
            return Ok(StepOutcome::Go);
        }
        match head::parse(&self.input, &mut scanned, context.head_limits) {
            HeadParse::Complete(head, length) => {
                self.input.drain(..length);
                self.start_record(length, context).set_head(&head.method, &head.target, &head.headers);
                self.handle_request(head, context);
            }
            HeadParse::Refused(status) => self.refuse(status, context),
            HeadParse::Partial => return self.read_more_head(scanned, buffer),
        }
        Ok(StepOutcome::Go)
    }

    fn read_more_head(&mut self, scanned: usize, buffer: &mut [u8]) -> io::Result<StepOutcome> {
        self.state = ConnectionState::Head { scanned };
        let piece = buffer.get_mut(..HEAD_READ_SIZE).unwrap_or_default();
        Ok(match self.transport.receive(piece)? {
            Received::Bytes(count) => {
                if self.input.is_empty() && count > 0 {
                    self.since = Instant::now();
                }
                self.input.extend_from_slice(piece.get(..count).unwrap_or_default());
                StepOutcome::Go
            }
            Received::Nothing => StepOutcome::Wait(Interest::Read),
            Received::End => StepOutcome::Close,
        })
    }

    /// Takes a request. A body that the engine does not want is not read when the client waits to be asked
    /// for it (PROTOCOL 2.1 #15), and read but dropped when it comes anyway (PROTOCOL 2.1 #16).
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

    /// The exchange for a body that is wanted, or the answer.
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
        match body > 0 && exchange.want() != Want::Finish {
            true => Ok(exchange),
            false => Err(exchange.finish()),
        }
    }

    /// Who sent a request. Whoever may not is told before anything else, so they learn of nothing else.
    fn authenticate(&self, head: &HttpHead, context: &ServerContext) -> Result<Option<String>, Response> {
        let Some(auth) = &context.basic_auth else { return Ok(self.subject.clone()) };
        auth.check(&head.headers, self.peer.ip()).map(Some).map_err(|fault| {
            // To be asked first is how the Basic scheme begins.
            let guessed = head.headers.all("Authorization").next().is_some();
            let level = if guessed { Level::Info } else { Level::Debug };
            context.logger.log(level, LOG_TARGET, || format!("{} not let in: {fault}", self.peer));
            if guessed {
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
            return Ok(StepOutcome::Go);
        }
        let got = self.read_body(wanted, buffer)?;
        let data = got.bytes(buffer);
        if !data.is_empty() {
            exchange.body(data);
            self.record.iter_mut().for_each(|record| record.update_stored(&exchange));
        }
        let left = left.saturating_sub(data.len() as u64);
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
            return Ok(StepOutcome::Go);
        }
        let got = self.read_body(left, buffer)?;
        let left = left.saturating_sub(got.bytes(buffer).len() as u64);
        self.state = ConnectionState::Discard { response, left };
        Ok(got.into())
    }

    fn linger(&mut self, until: Option<Instant>, left: u64, buffer: &mut [u8]) -> io::Result<StepOutcome> {
        let Some(until) = until else {
            self.input.clear();
            let is_shut = self.transport.shutdown()?;
            let until = Instant::now().checked_add(LINGER).filter(|_| is_shut);
            self.state = ConnectionState::Linger { until, left };
            return Ok(StepOutcome::Go);
        };
        let got = self.transport.receive(buffer)?;
        let left = left.saturating_sub(got.bytes(buffer).len() as u64);
        self.state = ConnectionState::Linger { until: Some(until), left };
        Ok(if left == 0 || Instant::now() >= until { StepOutcome::Close } else { got.into() })
    }

    /// Answers a head that is none; where the next one would begin is unknown.
    fn refuse(&mut self, status: u16, context: &ServerContext) {
        context.logger.log(Level::Debug, LOG_TARGET, || format!("{} refused: {status}", self.peer));
        self.last = true;
        self.start_record(self.input.len(), context);
        self.respond(Response::plain(status), context);
    }

    /// Notes that a request is there, of which so many bytes were read.
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

    /// Answers when the rest of the body has gone by; at once, and for the last time, when it is too long.
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

    /// What comes after an answer. Its request is over, and told of before the peer can know.
    fn after_response(&mut self) -> ConnectionState {
        self.record = None;
        match self.last {
            true => ConnectionState::Linger { until: None, left: LINGER_BYTES },
            false => ConnectionState::Head { scanned: 0 },
        }
    }

    /// Sends the next piece of a body. An error leaves the answer incomplete, and the connection with it.
    fn reply(&mut self, mut response: Response, buffer: &mut [u8]) -> io::Result<StepOutcome> {
        let piece = buffer.get_mut(..REPLY_READ_SIZE).unwrap_or_default();
        let count = response.read_body(piece)?;
        self.state = if count == 0 { self.after_response() } else { ConnectionState::Reply { response } };
        let piece = piece.get(..count).unwrap_or_default();
        let sent = self.transport.transmit(piece)?.unwrap_or(0);
        self.record.iter_mut().for_each(|record| record.add_sent(sent));
        self.meter.moved(sent);
        self.queue(piece.get(sent..).unwrap_or_default().to_vec());
        Ok(StepOutcome::Go)
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
        let rest = self.output.get(self.sent..).unwrap_or_default();
        let Some(count) = self.transport.transmit(rest)? else {
            return Ok(StepOutcome::Wait(Interest::Write));
        };
        self.sent = self.sent.saturating_add(count);
        self.meter.moved(count);
        if !matches!(self.state, ConnectionState::Handshake) {
            self.since = Instant::now();
        }
        Ok(StepOutcome::Go)
    }

    /// Up to `most` bytes of a body: first those that came together with the head.
    fn read_body(&mut self, most: u64, buffer: &mut [u8]) -> io::Result<Received> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        let got = match self.input.is_empty() {
            true => self.transport.receive(buffer)?,
            false => Received::Bytes((&*self.input).read(buffer)?),
        };
        if let Received::Bytes(count) = got {
            self.input.drain(..count.min(self.input.len()));
            self.record.iter_mut().for_each(|record| record.add_received(count));
            self.meter.moved(count);
            self.since = Instant::now();
        }
        Ok(got)
    }

    /// An idle connection holds no memory but its own.
    fn free_buffers(&mut self) {
        if self.input.is_empty() {
            self.input = Vec::new();
        }
        if !self.is_sending() {
            (self.output, self.sent) = (Vec::new(), 0);
        }
    }
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
            Received::Bytes(_) => Self::Go,
            Received::Nothing => Self::Wait(Interest::Read),
            Received::End => Self::Close,
        }
    }
}
