//! One connection: its state, and what a worker does with it until it would block.
//!
//! | state | leaves it when |
//! |---|---|
//! | Handshake | TLS is agreed upon: to Head |
//! | Head | the head is complete: to Body if the engine wants the body, else an answer |
//! | Body | the engine has what it wants, or gives up: an answer |
//! | Discard | the body that nobody wants has gone by: the answer that waited for it |
//! | Reply | the body of the answer is sent |
//! | Linger | the peer has closed, or enough was waited: closed |
//!
//! An answer leads to Head, or to Linger when it was the last, with Reply before it when it has a body. Output
//! comes first: nothing is read while there are bytes to send.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::addresses::Place;
use super::answer;
use super::event::{Entry, Event};
use super::head::{self, Expect, Head, Parsed};
use super::pace::Pace;
use super::tls::Tls;
use super::transport::{Got, Transport};
use super::watch::{Interest, Slot, Watch, Watched};
use super::{LOG, Site};
use crate::engine::{Exchange, RequestHead, Response, Want};
use crate::log::Level;
use crate::proto::names;

/// How long a worker drives one connection before it lets others have their turn.
const TURN: Duration = Duration::from_millis(2);
/// Most bytes read at once while a head is expected. Pipelined requests wait in memory, so it is not much.
const HEAD_PIECE: usize = 16 * 1024;
/// Most bytes of a reply read at once. What the socket does not take of them waits in memory, so it is not
/// much.
const REPLY_PIECE: usize = 64 * 1024;
/// Longest unwanted body that is read to its end before the answer. A Windows client writes its whole
/// fragment, 13 MiB at most, before it reads.
const DISCARD: u64 = 16 * 1024 * 1024;
/// How long, and for how many bytes, a closed connection still reads what the peer sends. A socket that is
/// closed with bytes unread is reset, and the reset takes the answer away from the peer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = DISCARD;

/// Seconds after which an address with too many connections may try again.
const RETRY_AFTER: &str = "60";

/// A connection between two reads.
pub(super) struct Connection {
    transport: Transport,
    peer: SocketAddr,
    /// Whom the peer's certificate names.
    subject: Option<String>,
    state: State,
    /// The request that is to be answered.
    entry: Option<Entry>,
    /// Bytes that were read and not used: an incomplete head, or what came together with a complete one.
    input: Vec<u8>,
    /// Bytes to send, and how many of them are sent.
    output: Vec<u8>,
    sent: usize,
    /// How fast the body comes or goes.
    pace: Pace,
    /// When the handshake or the head began, or when bytes last moved outside of both.
    since: Instant,
    /// The answer to this request is the connection's last.
    last: bool,
    /// Given back after the socket is closed.
    _slot: Slot,
}

enum State {
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
pub(super) enum Next {
    /// Park it.
    Park(Interest),
    /// Give others their turn.
    Requeue,
    /// Drop it.
    Close,
}

/// What a step of a connection came to.
enum Step {
    Go,
    Wait(Interest),
    Close,
}

impl Connection {
    /// A connection that was just accepted.
    pub fn new(
        watch: &Arc<Watch>,
        stream: TcpStream,
        peer: SocketAddr,
        key: usize,
        place: Option<Place>,
        site: &Site,
    ) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let tls = site.tls.as_ref().map(Tls::current);
        Ok(Self {
            transport: Transport::new(Watched::new(watch, stream, key)?, tls)?,
            peer,
            subject: None,
            state: State::Handshake,
            entry: None,
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
            pace: Pace::default(),
            since: Instant::now(),
            last: false,
            _slot: Slot::take(watch, place),
        })
    }

    pub fn key(&self) -> usize {
        self.transport.key()
    }

    pub fn arm(&self, interest: Interest) -> io::Result<()> {
        self.transport.arm(interest)
    }

    /// Answers a connection that is one too many for its address, before it asks anything.
    pub fn turn_away(&mut self, site: &Site) {
        let mut response = Response::plain(503);
        response.headers.push((names::RETRY_AFTER, RETRY_AFTER.to_owned()));
        self.last = true;
        self.answer(response, site);
    }

    /// Whether no request is under way.
    pub fn is_idle(&self) -> bool {
        match self.state {
            State::Handshake => true,
            State::Head { .. } => self.input.is_empty() && !self.is_sending(),
            _ => false,
        }
    }

    /// When waiting for the peer is enough.
    pub fn deadline(&self, site: &Site) -> Option<Instant> {
        let limit = match self.state {
            State::Linger { until: Some(until), .. } => return Some(until),
            State::Handshake if self.transport.is_secure() => site.head_timeout,
            State::Handshake => site.idle_timeout,
            State::Head { .. } if self.is_idle() => site.idle_timeout,
            State::Head { .. } if !self.is_sending() => site.head_timeout,
            _ => site.read_timeout,
        };
        let slow = match self.state {
            State::Body { .. } | State::Discard { .. } | State::Reply { .. } => self.pace.deadline(site.pace),
            _ => None,
        };
        [self.since.checked_add(limit), slow].into_iter().flatten().min()
    }

    /// The deadline has come. A peer in the middle of a head is told (408); all others are only closed.
    pub fn expire(&mut self, buffer: &mut [u8], site: &Site) -> Next {
        match self.state {
            State::Head { .. } if !self.is_sending() && !self.is_idle() => {
                self.refuse(408, site);
                self.drive(buffer, site)
            }
            _ => Next::Close,
        }
    }

    /// Goes on until the connection would block, its turn is over or it is done. `buffer` is the worker's.
    pub fn drive(&mut self, buffer: &mut [u8], site: &Site) -> Next {
        let turn = Instant::now();
        loop {
            match self.step(buffer, site) {
                Ok(Step::Go) if turn.elapsed() < TURN => {}
                Ok(Step::Go) => return Next::Requeue,
                Ok(Step::Wait(interest)) => {
                    self.pace.wait();
                    self.free_buffers();
                    return Next::Park(interest);
                }
                Ok(Step::Close) => return Next::Close,
                Err(error) => {
                    site.logger.log(Level::Debug, LOG, || format!("{} lost: {error}", self.peer));
                    return Next::Close;
                }
            }
        }
    }

    fn step(&mut self, buffer: &mut [u8], site: &Site) -> io::Result<Step> {
        if self.is_sending() {
            return self.send();
        }
        match std::mem::replace(&mut self.state, State::Head { scanned: 0 }) {
            State::Handshake => self.handshake(site),
            State::Head { scanned } => self.head(scanned, buffer, site),
            State::Body { exchange, left } => self.body(exchange, left, buffer, site),
            State::Discard { response, left } => self.discard(response, left, buffer, site),
            State::Reply { response } => self.reply(response, buffer),
            State::Linger { until, left } => self.linger(until, left, buffer),
        }
    }

    fn handshake(&mut self, site: &Site) -> io::Result<Step> {
        let failed = |error: &io::Error| {
            site.journal.tell(&Event::TlsFailed { peer: self.peer, reason: &error.to_string() });
        };
        if self.transport.is_handshaking() {
            self.state = State::Handshake;
            return Ok(self.transport.handshake().inspect_err(failed)?.into());
        }
        self.subject = self.transport.peer_subject().inspect_err(failed)?;
        self.since = Instant::now();
        Ok(Step::Go)
    }

    fn head(&mut self, mut scanned: usize, buffer: &mut [u8], site: &Site) -> io::Result<Step> {
        if self.input.starts_with(b"\r\n") {
            // Some clients end a body with an empty line (RFC 9112, 2.2).
            self.input.drain(..2);
            return Ok(Step::Go);
        }
        match head::parse(&self.input, &mut scanned, site.head_limits) {
            Parsed::Complete(head, length) => {
                self.input.drain(..length);
                self.enter(length, site).head(&head);
                self.begin(head, site);
            }
            Parsed::Refused(status) => self.refuse(status, site),
            Parsed::Partial => return self.more_head(scanned, buffer),
        }
        Ok(Step::Go)
    }

    fn more_head(&mut self, scanned: usize, buffer: &mut [u8]) -> io::Result<Step> {
        self.state = State::Head { scanned };
        let piece = buffer.get_mut(..HEAD_PIECE).unwrap_or_default();
        Ok(match self.transport.receive(piece)? {
            Got::Bytes(count) => {
                if self.input.is_empty() && count > 0 {
                    self.since = Instant::now();
                }
                self.input.extend_from_slice(piece.get(..count).unwrap_or_default());
                Step::Go
            }
            Got::Nothing => Step::Wait(Interest::Read),
            Got::End => Step::Close,
        })
    }

    /// Takes a request. A body that the engine does not want is not read when the client waits to be asked
    /// for it (PROTOCOL 2.1 #15), and read but dropped when it comes anyway (PROTOCOL 2.1 #16).
    fn begin(&mut self, head: Head, site: &Site) {
        self.last = head.last;
        self.pace = Pace::default();
        let left = head.body;
        let asks = head.expect == Expect::Continue && left > 0;
        match self.open(head, site) {
            Ok(exchange) => {
                if asks {
                    self.queue(answer::CONTINUE.to_vec());
                }
                self.state = State::Body { exchange: Box::new(exchange), left };
            }
            Err(response) if asks => {
                self.last = true;
                self.answer(response, site);
            }
            Err(response) => self.answer_after(left, response, site),
        }
    }

    /// The exchange for a body that is wanted, or the answer.
    fn open(&mut self, head: Head, site: &Site) -> Result<Exchange, Response> {
        if head.expect == Expect::Unknown {
            return Err(Response::plain(417));
        }
        let owner = self.owner(&head, site)?;
        self.entry.iter_mut().for_each(|entry| entry.owner(owner.as_deref()));
        let found = site.router.find(&head.target).ok_or_else(|| Response::plain(404))?;
        let (engine, mount, target) = (found.0, found.1.to_owned(), found.2);
        let Head { method, headers, body, .. } = head;
        let secure = self.transport.is_secure();
        let peer = Some(self.peer.to_string());
        let head = RequestHead { method, target, mount, secure, headers, peer, owner };
        let exchange = engine.begin(head);
        self.entry.iter_mut().for_each(|entry| entry.exchange(&exchange));
        match body > 0 && exchange.want() != Want::Finish {
            true => Ok(exchange),
            false => Err(exchange.finish()),
        }
    }

    /// Who sent a request. Whoever may not is told before anything else, so they learn of nothing else.
    fn owner(&self, head: &Head, site: &Site) -> Result<Option<String>, Response> {
        let Some(gate) = &site.gate else { return Ok(self.subject.clone()) };
        gate.check(&head.headers, self.peer.ip()).map(Some).map_err(|fault| {
            // To be asked first is how the Basic scheme begins.
            let guessed = head.headers.all("Authorization").next().is_some();
            let level = if guessed { Level::Info } else { Level::Debug };
            site.logger.log(level, LOG, || format!("{} not let in: {fault}", self.peer));
            if guessed {
                site.journal.tell(&Event::AuthFailed { peer: self.peer, status: fault.status });
            }
            Response::rejection(&head.method, fault)
        })
    }

    fn body(
        &mut self,
        mut exchange: Box<Exchange>,
        left: u64,
        buffer: &mut [u8],
        site: &Site,
    ) -> io::Result<Step> {
        let wanted = match exchange.want() {
            Want::Body(wanted) => wanted.min(left),
            Want::Finish => 0,
        };
        if wanted == 0 {
            self.answer_after(left, exchange.finish(), site);
            return Ok(Step::Go);
        }
        let got = self.fetch(wanted, buffer)?;
        let data = got.bytes(buffer);
        if !data.is_empty() {
            exchange.body(data);
            self.entry.iter_mut().for_each(|entry| entry.stored(&exchange));
        }
        let left = left.saturating_sub(data.len() as u64);
        self.state = State::Body { exchange, left };
        Ok(got.into())
    }

    fn discard(&mut self, response: Response, left: u64, buffer: &mut [u8], site: &Site) -> io::Result<Step> {
        if left == 0 {
            self.answer(response, site);
            return Ok(Step::Go);
        }
        let got = self.fetch(left, buffer)?;
        let left = left.saturating_sub(got.bytes(buffer).len() as u64);
        self.state = State::Discard { response, left };
        Ok(got.into())
    }

    fn linger(&mut self, until: Option<Instant>, left: u64, buffer: &mut [u8]) -> io::Result<Step> {
        let Some(until) = until else {
            self.input.clear();
            let is_shut = self.transport.shutdown()?;
            let until = Instant::now().checked_add(LINGER).filter(|_| is_shut);
            self.state = State::Linger { until, left };
            return Ok(Step::Go);
        };
        let got = self.transport.receive(buffer)?;
        let left = left.saturating_sub(got.bytes(buffer).len() as u64);
        self.state = State::Linger { until: Some(until), left };
        Ok(if left == 0 || Instant::now() >= until { Step::Close } else { got.into() })
    }

    /// Answers a head that is none; where the next one would begin is unknown.
    fn refuse(&mut self, status: u16, site: &Site) {
        site.logger.log(Level::Debug, LOG, || format!("{} refused: {status}", self.peer));
        self.last = true;
        self.enter(self.input.len(), site);
        self.answer(Response::plain(status), site);
    }

    /// Notes that a request is there, of which so many bytes were read.
    fn enter(&mut self, length: usize, site: &Site) -> &mut Entry {
        let entry = Entry::new(&site.journal, self.peer, self.transport.tls_version(), self.since, length);
        self.entry.insert(entry)
    }

    /// Answers when the rest of the body has gone by; at once, and for the last time, when it is too long.
    fn answer_after(&mut self, left: u64, response: Response, site: &Site) {
        self.entry.iter_mut().for_each(|entry| entry.response(&response));
        if left <= DISCARD {
            self.state = State::Discard { response, left };
        } else {
            self.last = true;
            self.answer(response, site);
        }
    }

    fn answer(&mut self, response: Response, site: &Site) {
        self.last |= response.close || site.is_stopping();
        self.entry.iter_mut().for_each(|entry| entry.response(&response));
        self.queue(answer::encode(&response, self.last));
        self.pace = Pace::default();
        self.state = match response.body_left() {
            0 => self.answered(),
            _ => State::Reply { response },
        };
    }

    /// What comes after an answer. Its request is over, and told of before the peer can know.
    fn answered(&mut self) -> State {
        self.entry = None;
        match self.last {
            true => State::Linger { until: None, left: LINGER_BYTES },
            false => State::Head { scanned: 0 },
        }
    }

    /// Sends the next piece of a body. An error leaves the answer incomplete, and the connection with it.
    fn reply(&mut self, mut response: Response, buffer: &mut [u8]) -> io::Result<Step> {
        let piece = buffer.get_mut(..REPLY_PIECE).unwrap_or_default();
        let count = response.read_body(piece)?;
        self.state = if count == 0 { self.answered() } else { State::Reply { response } };
        let piece = piece.get(..count).unwrap_or_default();
        let sent = self.transport.transmit(piece)?.unwrap_or(0);
        self.entry.iter_mut().for_each(|entry| entry.went_out(sent));
        self.pace.moved(sent);
        self.queue(piece.get(sent..).unwrap_or_default().to_vec());
        Ok(Step::Go)
    }

    fn queue(&mut self, output: Vec<u8>) {
        self.entry.iter_mut().for_each(|entry| entry.went_out(output.len()));
        (self.output, self.sent) = (output, 0);
        self.since = Instant::now();
    }

    fn is_sending(&self) -> bool {
        self.sent < self.output.len() || self.transport.is_pending()
    }

    fn send(&mut self) -> io::Result<Step> {
        let rest = self.output.get(self.sent..).unwrap_or_default();
        let Some(count) = self.transport.transmit(rest)? else { return Ok(Step::Wait(Interest::Write)) };
        self.sent = self.sent.saturating_add(count);
        self.pace.moved(count);
        if !matches!(self.state, State::Handshake) {
            self.since = Instant::now();
        }
        Ok(Step::Go)
    }

    /// Up to `most` bytes of a body: first those that came together with the head.
    fn fetch(&mut self, most: u64, buffer: &mut [u8]) -> io::Result<Got> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        let got = match self.input.is_empty() {
            true => self.transport.receive(buffer)?,
            false => Got::Bytes((&*self.input).read(buffer)?),
        };
        if let Got::Bytes(count) = got {
            self.input.drain(..count.min(self.input.len()));
            self.entry.iter_mut().for_each(|entry| entry.came_in(count));
            self.pace.moved(count);
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

impl Drop for Connection {
    fn drop(&mut self) {
        if self.is_idle() {
            self.transport.farewell();
        }
    }
}

impl From<Got> for Step {
    fn from(got: Got) -> Self {
        match got {
            Got::Bytes(_) => Self::Go,
            Got::Nothing => Self::Wait(Interest::Read),
            Got::End => Self::Close,
        }
    }
}
