//! A connection to the administration page: one request, one response.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::routes::AdminResponse;
use crate::server::http1::head::{self, HeadLimits, HeadParse, HttpHead};
use crate::server::network::registration::{ConnectionGuard, Interest, Reactor, Registered};

/// Maximum lifetime of a connection.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum bytes of a read.
const READ_SIZE: usize = 8 * 1024;
/// Limits of a request head.
pub(super) const HEAD_LIMITS: HeadLimits = HeadLimits { bytes: 16 * 1024, fields: 100 };

/// A connection to the administration page.
pub struct AdminConnection {
    socket: Registered<TcpStream>,
    deadline: Instant,
    input: Vec<u8>,
    scanned: usize,
    /// The response, once there is one, of which the first `sent` bytes are sent.
    output: Option<Vec<u8>>,
    sent: usize,
    /// Declared last, so that it is released after the socket is closed.
    _guard: ConnectionGuard,
}

/// What to do next with a connection.
pub enum AdminNext {
    Wait(Interest),
    Close,
}

impl AdminConnection {
    pub fn new(reactor: &Arc<Reactor>, stream: TcpStream, key: usize) -> io::Result<Self> {
        let guard = ConnectionGuard::take(reactor, None);
        stream.set_nonblocking(true)?;
        let socket = Registered::new(reactor, stream, key)?;
        socket.arm(Interest::Read)?;
        let now = Instant::now();
        let deadline = now.checked_add(TIMEOUT).unwrap_or(now);
        Ok(Self { socket, deadline, input: Vec::new(), scanned: 0, output: None, sent: 0, _guard: guard })
    }

    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    pub fn arm(&self, interest: Interest) -> io::Result<()> {
        self.socket.arm(interest)
    }

    /// Reads the request and sends the response until the socket would block.
    ///
    /// # Errors
    ///
    /// Fails if the connection is lost.
    pub fn drive(&mut self, respond: impl FnOnce(&HttpHead) -> AdminResponse) -> io::Result<AdminNext> {
        if self.output.is_none() {
            let Some(encoded) = self.read(respond)? else { return Ok(AdminNext::Wait(Interest::Read)) };
            self.output = Some(encoded);
        }
        self.write()
    }

    /// Reads the head; returns the encoded response once it is complete.
    fn read(&mut self, respond: impl FnOnce(&HttpHead) -> AdminResponse) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = [0; READ_SIZE];
        loop {
            match (&*self.socket).read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.input.extend_from_slice(buffer.split_at(count).0),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            match head::parse(&self.input, &mut self.scanned, HEAD_LIMITS) {
                HeadParse::Partial => {}
                HeadParse::Complete(head, _) => {
                    return Ok(Some(respond(&head).encode(head.method == "HEAD")));
                }
                HeadParse::Rejected(status) => {
                    return Ok(Some(AdminResponse::text(status, "").encode(false)));
                }
            }
        }
    }

    fn write(&mut self) -> io::Result<AdminNext> {
        let output = self.output.as_deref().unwrap_or_default(); // `drive` has set it.
        while let Some(rest) = output.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match (&*self.socket).write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.sent = self.sent.saturating_add(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(AdminNext::Wait(Interest::Write));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.socket.shutdown(Shutdown::Write)?;
        Ok(AdminNext::Close)
    }
}
