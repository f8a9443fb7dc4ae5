//! A connection of an operator: one request, one answer.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::route::Answer;
use crate::server::head::{self, Head, Parsed};
use crate::server::watch::{Interest, Slot, Watch, Watched};

/// How long a connection may take from beginning to end.
const TIME: Duration = Duration::from_secs(10);
/// Most bytes read at once.
const PIECE: usize = 8 * 1024;
/// An operator needs no more.
pub(super) const LIMITS: head::Limits = head::Limits { bytes: 16 * 1024, fields: 100 };

/// A connection between two reads or writes.
pub struct Connection {
    socket: Watched<TcpStream>,
    deadline: Instant,
    input: Vec<u8>,
    scanned: usize,
    /// Bytes to send once there is an answer, and how many of them are sent.
    output: Option<Vec<u8>>,
    sent: usize,
    /// Given back after the socket is closed.
    _slot: Slot,
}

/// What comes next.
pub enum Next {
    Wait(Interest),
    Close,
}

impl Connection {
    pub fn new(watch: &Arc<Watch>, stream: TcpStream, key: usize) -> io::Result<Self> {
        let slot = Slot::take(watch, None);
        stream.set_nonblocking(true)?;
        let socket = Watched::new(watch, stream, key)?;
        socket.arm(Interest::Read)?;
        let now = Instant::now();
        let deadline = now.checked_add(TIME).unwrap_or(now);
        Ok(Self { socket, deadline, input: Vec::new(), scanned: 0, output: None, sent: 0, _slot: slot })
    }

    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    pub fn arm(&self, interest: Interest) -> io::Result<()> {
        self.socket.arm(interest)
    }

    /// Goes on until the socket would block.
    ///
    /// Errors: the peer went away.
    pub fn drive(&mut self, answer: impl FnOnce(&Head) -> Answer) -> io::Result<Next> {
        if self.output.is_none() {
            let Some(encoded) = self.read(answer)? else { return Ok(Next::Wait(Interest::Read)) };
            self.output = Some(encoded);
        }
        self.write()
    }

    /// Reads the head; the bytes of the answer, once it is complete.
    fn read(&mut self, answer: impl FnOnce(&Head) -> Answer) -> io::Result<Option<Vec<u8>>> {
        let mut piece = [0; PIECE];
        loop {
            match (&*self.socket).read(&mut piece) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.input.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            match head::parse(&self.input, &mut self.scanned, LIMITS) {
                Parsed::Partial => {}
                Parsed::Complete(head, _) => return Ok(Some(answer(&head).encode(head.method == "HEAD"))),
                Parsed::Refused(status) => return Ok(Some(Answer::text(status, "").encode(false))),
            }
        }
    }

    fn write(&mut self) -> io::Result<Next> {
        let output = self.output.as_deref().unwrap_or_default();
        while let Some(rest) = output.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match (&*self.socket).write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.sent = self.sent.saturating_add(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(Next::Wait(Interest::Write));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.socket.shutdown(Shutdown::Write)?;
        Ok(Next::Close)
    }
}
