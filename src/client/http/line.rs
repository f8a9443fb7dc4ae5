//! A TCP connection as ureq wants it: blocking calls that are short enough to be interrupted.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

use crate::client::interrupt::Interrupt;

/// Bytes that go from the source to the socket in one piece.
const OUTPUT_BUFFER: usize = 256 * 1024;
/// Longest head of an answer.
pub(super) const MAX_HEAD: usize = 32 * 1024;
/// Room for more than a head, so that one that is too long is seen as such.
const INPUT_BUFFER: usize = 2 * MAX_HEAD;

/// What the connections of one job share.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub interrupt: Interrupt,
    hung_up: Arc<AtomicBool>,
    head_due: Arc<AtomicBool>,
}

impl Line {
    pub fn new(interrupt: Interrupt) -> Self {
        Self { interrupt, ..Self::default() }
    }

    /// A request begins.
    pub fn begin(&self) {
        self.set_hung_up(false);
        self.head_due.store(true, Ordering::Relaxed);
    }

    /// Whether what goes out next is the beginning of a request; says so once.
    pub fn take_head_due(&self) -> bool {
        self.head_due.swap(false, Ordering::Relaxed)
    }

    /// Whether the peer stopped reading the request that is under way.
    pub fn is_hung_up(&self) -> bool {
        self.hung_up.load(Ordering::Relaxed)
    }

    fn set_hung_up(&self, hung_up: bool) {
        self.hung_up.store(hung_up, Ordering::Relaxed);
    }
}

pub(super) struct Socket {
    stream: TcpStream,
    buffers: LazyBuffers,
    line: Line,
    /// The time limits the stream has now, for reading and for writing.
    limits: (Duration, Duration),
}

impl Socket {
    pub fn new(stream: TcpStream, line: Line) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let buffers = LazyBuffers::new(INPUT_BUFFER, OUTPUT_BUFFER);
        Ok(Self { stream, buffers, line, limits: Default::default() })
    }

    /// How long the next call may block; errors when it is time to stop.
    fn slice(&self, until: Option<Instant>, timeout: &NextTimeout) -> Result<Duration, ureq::Error> {
        let left = match until {
            None => Duration::MAX,
            Some(until) => until.saturating_duration_since(Instant::now()),
        };
        let slice = self.line.interrupt.slice(left).map_err(|stop| ureq::Error::Other(Box::new(stop)))?;
        match slice.is_zero() {
            true => Err(ureq::Error::Timeout(timeout.reason)),
            false => Ok(slice),
        }
    }

    fn write(&mut self, from: usize, to: usize, slice: Duration) -> io::Result<usize> {
        if self.limits.1 != slice {
            self.stream.set_write_timeout(Some(slice))?;
            self.limits.1 = slice;
        }
        let output = self.buffers.output().get(from..to).unwrap_or_default();
        match self.stream.write(output) {
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            other => other,
        }
    }

    fn read(&mut self, slice: Duration) -> io::Result<usize> {
        if self.limits.0 != slice {
            self.stream.set_read_timeout(Some(slice))?;
            self.limits.0 = slice;
        }
        self.stream.read(self.buffers.input_append_buf())
    }
}

/// Whether a call ended because its slice of time did, or a signal came.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn until(timeout: &NextTimeout) -> Option<Instant> {
    match timeout.after.is_not_happening() {
        true => None,
        false => Instant::now().checked_add(*timeout.after),
    }
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    /// A peer that refuses a request may hang up before it has read it all. What it answered still waits to
    /// be read, so the rest of the request is dropped without an error.
    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let (mut sent, until) = (0, until(&timeout));
        while sent < amount && !self.line.is_hung_up() {
            let slice = self.slice(until, &timeout)?;
            match self.write(sent, amount, slice) {
                Ok(written) => sent = sent.saturating_add(written),
                Err(error) if is_pause(&error) => {}
                Err(_) => self.line.set_hung_up(true),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let timeout = timeout.for_read();
        let until = until(&timeout);
        loop {
            let slice = self.slice(until, &timeout)?;
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
        if self.line.is_hung_up() || self.stream.set_nonblocking(true).is_err() {
            return false;
        }
        let idle = self.stream.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).is_ok() && idle
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Socket").field(&self.stream).finish()
    }
}
