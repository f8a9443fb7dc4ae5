//! Bytes on their way from a descriptor to a sink: read at one time, stored at another, so that nothing has to be
//! locked while a peer is waited for.

use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{read, retry_on_intr};
#[cfg(target_os = "linux")]
use rustix::{
    io::Errno,
    pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice},
};

use super::{Sink, StoreError};
use crate::error::{Error, Status};

/// Most bytes held at once, in memory or in a pipe if the system lets that be so large. What pipes of one user
/// hold in all is limited, and there may be as many as requests.
const ROOM: usize = 256 * 1024;

/// Takes bytes from descriptors and gives them to a [`Sink`]. On Linux they lie in a pipe meanwhile and are never
/// copied, where the sink has a file; everywhere else they lie in a buffer.
#[derive(Debug, Default)]
pub struct SpliceBuffer {
    #[cfg(target_os = "linux")]
    pipe: Option<Pipe>,
    buffer: Vec<u8>,
    held: usize,
}

#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

impl SpliceBuffer {
    /// An inlet to that sink.
    pub fn to(sink: &dyn Sink) -> Self {
        match sink.file() {
            #[cfg(target_os = "linux")]
            Some(_) => Self { pipe: Pipe::new().ok(), ..Self::default() },
            _ => Self::default(),
        }
    }

    /// An inlet whose bytes are dropped.
    pub fn to_nowhere() -> Self {
        Self::default()
    }

    /// How many bytes are held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Takes at most `most` bytes from the descriptor, as one read gives them, in place of those that are held.
    /// 0 when it does not block and has none, and for a `most` of 0.
    ///
    /// Errors: [`Status::Disconnected`] at its end, or when its other end is gone; [`Status::Io`].
    pub fn fill(&mut self, source: BorrowedFd<'_>, most: usize) -> Result<usize, Error> {
        if most == 0 {
            self.held = 0;
            return Ok(0);
        }
        self.held = match self.take(source, most) {
            Ok(0) => return Err(Error::new(Status::Disconnected, "the body ends too early")),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(unreadable(error)),
        };
        Ok(self.held)
    }

    /// Gives what is held to the sink, but for the first `known` bytes, which are dropped.
    ///
    /// Errors: the sink's; nothing is held any more.
    pub fn pass(&mut self, known: usize, sink: &mut dyn Sink) -> Result<(), StoreError> {
        let held = std::mem::take(&mut self.held);
        #[cfg(target_os = "linux")]
        if let Some(pipe) = &self.pipe {
            let passed = pipe.pass(&mut self.buffer, known, held, sink);
            if passed.is_err() {
                // What may be left in it belongs to no call.
                self.pipe = None;
            }
            return passed;
        }
        sink.write(self.buffer.get(known..held).unwrap_or_default())
    }

    fn take(&mut self, source: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
        #[cfg(target_os = "linux")]
        if let Some(pipe) = &self.pipe {
            match pipe.take(source, most) {
                // Not every descriptor can be spliced from.
                Err(Errno::INVAL) => self.pipe = None,
                taken => return Ok(taken?),
            }
        }
        let piece = piece(&mut self.buffer, most);
        Ok(retry_on_intr(|| read(source, &mut *piece))?)
    }
}

#[cfg(target_os = "linux")]
impl Pipe {
    fn new() -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        // A smaller one does as well, in more steps.
        let _ = fcntl_setpipe_size(&write, ROOM);
        Ok(Self { read, write })
    }

    /// The pipe is empty, so whether this blocks is up to the source.
    fn take(&self, source: BorrowedFd<'_>, most: usize) -> Result<usize, Errno> {
        retry_on_intr(|| splice(source, None, &self.write, None, most.min(ROOM), SpliceFlags::empty()))
    }

    fn pass(
        &self,
        buffer: &mut Vec<u8>,
        known: usize,
        held: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), StoreError> {
        self.copy(buffer, known, |_| Ok(()))?;
        let mut left = held.saturating_sub(known);
        while left > 0 {
            match sink.splice(self.read.as_fd(), left) {
                Some(moved) => left = left.saturating_sub(moved?),
                None => return self.copy(buffer, left, |piece| sink.write(piece)),
            }
        }
        Ok(())
    }

    /// Reads so many bytes through the buffer.
    fn copy(
        &self,
        buffer: &mut Vec<u8>,
        mut left: usize,
        mut put: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        while left > 0 {
            let piece = piece(buffer, left);
            let count = retry_on_intr(|| read(&self.read, &mut *piece)).map_err(io::Error::from)?;
            put(piece.get(..count).unwrap_or_default())?;
            left = left.saturating_sub(count);
        }
        Ok(())
    }
}

/// Room for at most `most` bytes. The buffer is made when it is needed first.
fn piece(buffer: &mut Vec<u8>, most: usize) -> &mut [u8] {
    buffer.resize(ROOM, 0);
    buffer.get_mut(..most.min(ROOM)).unwrap_or_default()
}

fn unreadable(error: io::Error) -> Error {
    let lost = [
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionAborted,
        ErrorKind::NotConnected,
        ErrorKind::BrokenPipe,
        ErrorKind::TimedOut,
    ];
    match lost.contains(&error.kind()) {
        true => Error::new(Status::Disconnected, format!("the body ends too early: {error}")),
        false => Error::io("cannot read the body from its descriptor", error),
    }
}
