//! A TCP connection for ureq, whose blocking calls are short enough to be interrupted.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

use crate::client::interrupt::Interrupt;

/// Size of a write to the socket in bytes.
const OUTPUT_BUFFER: usize = 256 * 1024;
/// Maximum length of a response head in bytes.
pub(super) const MAX_HEAD: usize = 32 * 1024;
/// Larger than a head, so that one that is too long is recognized as such.
const INPUT_BUFFER: usize = 2 * MAX_HEAD;

/// State that the connections of one job share.
#[derive(Debug, Clone, Default)]
pub(super) struct ConnectionContext {
    pub interrupt: Interrupt,
    peer_closed: Arc<AtomicBool>,
    head_pending: Arc<AtomicBool>,
}

impl ConnectionContext {
    pub fn new(interrupt: Interrupt) -> Self {
        Self { interrupt, ..Self::default() }
    }

    /// Resets the state for a new request.
    pub fn begin_request(&self) {
        self.set_peer_closed(false);
        self.head_pending.store(true, Ordering::Relaxed);
    }

    /// Returns whether the next bytes are the beginning of a request; `true` once for each request.
    pub fn take_head_pending(&self) -> bool {
        self.head_pending.swap(false, Ordering::Relaxed)
    }

    /// Whether the peer stopped reading the current request.
    pub fn is_peer_closed(&self) -> bool {
        self.peer_closed.load(Ordering::Relaxed)
    }

    fn set_peer_closed(&self, peer_closed: bool) {
        self.peer_closed.store(peer_closed, Ordering::Relaxed);
    }
}

pub(super) struct TcpTransport {
    stream: TcpStream,
    buffers: LazyBuffers,
    context: ConnectionContext,
    /// The timeouts that are set on the stream.
    read_timeout: Duration,
    write_timeout: Duration,
}

impl TcpTransport {
    pub fn new(stream: TcpStream, context: ConnectionContext) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let buffers = LazyBuffers::new(INPUT_BUFFER, OUTPUT_BUFFER);
        Ok(Self { stream, buffers, context, read_timeout: Duration::ZERO, write_timeout: Duration::ZERO })
    }

    /// Returns how long the next call may block, or an error if the request timed out or the job has to stop.
    fn slice(&self, deadline: Option<Instant>, timeout: &NextTimeout) -> Result<Duration, ureq::Error> {
        let left = match deadline {
            None => Duration::MAX,
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
        };
        let slice = self.context.interrupt.slice(left).map_err(|stop| ureq::Error::Other(Box::new(stop)))?;
        if slice.is_zero() { Err(ureq::Error::Timeout(timeout.reason)) } else { Ok(slice) }
    }

    #[allow(clippy::indexing_slicing, reason = "ureq asks to send at most what is in its buffer")]
    fn write(&mut self, from: usize, to: usize, slice: Duration) -> io::Result<usize> {
        if self.write_timeout != slice {
            self.stream.set_write_timeout(Some(slice))?;
            self.write_timeout = slice;
        }
        match self.stream.write(&self.buffers.output()[from..to]) {
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            other => other,
        }
    }

    fn read(&mut self, slice: Duration) -> io::Result<usize> {
        if self.read_timeout != slice {
            self.stream.set_read_timeout(Some(slice))?;
            self.read_timeout = slice;
        }
        self.stream.read(self.buffers.input_append_buf())
    }
}

/// Whether a call ended because its time slice expired or a signal arrived.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn deadline(timeout: &NextTimeout) -> Option<Instant> {
    if timeout.after.is_not_happening() { None } else { Instant::now().checked_add(*timeout.after) }
}

impl Transport for TcpTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    /// Sends output. A peer that rejects a request may close the connection before it has read all of it. Its response
    /// can still be read, so the rest of the request is dropped without an error.
    #[allow(clippy::arithmetic_side_effects, reason = "`write` returns at most `amount - sent`")]
    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let (mut sent, deadline) = (0, deadline(&timeout));
        while sent < amount && !self.context.is_peer_closed() {
            let slice = self.slice(deadline, &timeout)?;
            match self.write(sent, amount, slice) {
                Ok(written) => sent += written,
                Err(error) if is_pause(&error) => {}
                Err(_) => self.context.set_peer_closed(true),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let timeout = timeout.for_read();
        let deadline = deadline(&timeout);
        loop {
            let slice = self.slice(deadline, &timeout)?;
            match self.read(slice) {
                Ok(read) => {
                    self.buffers.input_appended(read);
                    return Ok(read > 0);
                }
                Err(error) if is_pause(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn is_open(&mut self) -> bool {
        if self.context.is_peer_closed() || self.stream.set_nonblocking(true).is_err() {
            return false;
        }
        let is_idle = self.stream.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).is_ok() && is_idle
    }
}

impl std::fmt::Debug for TcpTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TcpTransport").field(&self.stream).finish()
    }
}
