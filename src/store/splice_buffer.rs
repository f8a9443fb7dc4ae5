//! A buffer between a descriptor and a sink. Reading from the peer and writing to the sink are separate
//! steps, so that no lock is held while the server waits for the peer.

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

/// Maximum number of buffered bytes, in memory or in a pipe if the system allows a pipe of that size. Linux limits what
/// all pipes of a user hold together, and there may be one per request.
const CAPACITY: usize = 256 * 1024;

/// Moves bytes from descriptors to a [`Sink`]. On Linux, if the sink has a file, they stay in a pipe and are never
/// copied to user space; otherwise they are held in memory.
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
    /// Creates a buffer for `sink`.
    pub fn new(sink: &dyn Sink) -> Self {
        match sink.file() {
            #[cfg(target_os = "linux")]
            Some(_) => Self { pipe: Pipe::new().ok(), ..Self::default() },
            _ => Self::default(),
        }
    }

    /// Creates a buffer for bytes that are discarded.
    pub fn discarding() -> Self {
        Self::default()
    }

    /// Returns the number of buffered bytes.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Reads once from the descriptor, at most `most` bytes, and replaces the buffered ones. Returns 0 if the
    /// descriptor is non-blocking and has no data, or if `most` is 0.
    ///
    /// # Errors
    ///
    /// [`Status::Disconnected`] at the end of the stream or if the peer is gone; [`Status::Io`] otherwise.
    pub fn fill(&mut self, source: BorrowedFd<'_>, most: usize) -> Result<usize, Error> {
        if most == 0 {
            self.held = 0;
            return Ok(0);
        }
        self.held = match self.read_from(source, most) {
            Ok(0) => return Err(Error::new(Status::Disconnected, "the request body ended too early")),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(unreadable(error)),
        };
        Ok(self.held)
    }

    /// Writes the buffered bytes to the sink, except the first `known` bytes, which it already has. Empties the buffer,
    /// also after an error.
    ///
    /// # Errors
    ///
    /// Returns the errors of the sink.
    pub fn drain_to(&mut self, known: usize, sink: &mut dyn Sink) -> Result<(), StoreError> {
        let held = std::mem::take(&mut self.held);
        #[cfg(target_os = "linux")]
        if let Some(pipe) = &self.pipe {
            let result = match held.checked_sub(known) {
                Some(left) => pipe.drain_to(&mut self.buffer, known, left, sink),
                None => Err(out_of_range(known, held)),
            };
            if result.is_err() {
                // Discards bytes that may be left in the pipe.
                self.pipe = None;
            }
            return result;
        }
        sink.write(self.buffer.get(known..held).ok_or_else(|| out_of_range(known, held))?)
    }

    fn read_from(&mut self, source: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
        #[cfg(target_os = "linux")]
        if let Some(pipe) = &self.pipe {
            match pipe.read_from(source, most) {
                // Not every descriptor can be spliced from.
                Err(Errno::INVAL) => self.pipe = None,
                count => return Ok(count?),
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
        // A smaller pipe also works, in more steps.
        let _ = fcntl_setpipe_size(&write, CAPACITY);
        Ok(Self { read, write })
    }

    /// The pipe is empty, so this blocks only if the source does.
    fn read_from(&self, source: BorrowedFd<'_>, most: usize) -> Result<usize, Errno> {
        retry_on_intr(|| splice(source, None, &self.write, None, most.min(CAPACITY), SpliceFlags::empty()))
    }

    fn drain_to(
        &self,
        buffer: &mut Vec<u8>,
        known: usize,
        mut left: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), StoreError> {
        self.copy(buffer, known, |_| Ok(()))?;
        while left > 0 {
            match sink.splice(self.read.as_fd(), left) {
                Some(moved) => {
                    let moved = moved?;
                    left = left.checked_sub(moved).ok_or_else(|| out_of_range(moved, left))?;
                }
                None => return self.copy(buffer, left, |piece| sink.write(piece)),
            }
        }
        Ok(())
    }

    /// Reads `left` bytes from the pipe through the buffer.
    fn copy(
        &self,
        buffer: &mut Vec<u8>,
        mut left: usize,
        mut put: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        while left > 0 {
            let piece = piece(buffer, left);
            let count = retry_on_intr(|| read(&self.read, &mut *piece)).map_err(io::Error::from)?;
            put(piece.split_at(count).0)?;
            left = left.checked_sub(count).ok_or_else(|| out_of_range(count, left))?;
        }
        Ok(())
    }
}

/// Returns a slice for at most `most` bytes. The buffer is allocated on first use.
fn piece(buffer: &mut Vec<u8>, most: usize) -> &mut [u8] {
    buffer.resize(CAPACITY, 0);
    buffer.split_at_mut(most.min(CAPACITY)).0
}

/// More bytes were skipped or moved than there are.
fn out_of_range(count: usize, available: usize) -> StoreError {
    io::Error::other(format!("{count} bytes were to be taken from a buffer that has {available}")).into()
}

fn unreadable(error: io::Error) -> Error {
    let lost = [
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionAborted,
        ErrorKind::NotConnected,
        ErrorKind::BrokenPipe,
        ErrorKind::TimedOut,
    ];
    if lost.contains(&error.kind()) {
        Error::new(Status::Disconnected, format!("the request body ended too early: {error}"))
    } else {
        Error::io("cannot read the request body from its descriptor", error)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;

    use super::*;

    /// Claims to hold a file, and to have moved more than was asked for.
    struct Overreporting(File);

    impl Sink for Overreporting {
        fn received(&self) -> u64 {
            0
        }

        fn write(&mut self, _: &[u8]) -> Result<(), StoreError> {
            Ok(())
        }

        fn flush(&mut self) -> Result<(), StoreError> {
            Ok(())
        }

        fn file(&self) -> Option<&File> {
            Some(&self.0)
        }

        #[cfg(target_os = "linux")]
        fn splice(&mut self, _: BorrowedFd<'_>, most: usize) -> Option<Result<usize, StoreError>> {
            Some(Ok(most + 1))
        }
    }

    fn filled(mut buffer: SpliceBuffer) -> SpliceBuffer {
        assert_eq!(buffer.fill(File::open("Cargo.toml").unwrap().as_fd(), 10).unwrap(), 10);
        buffer
    }

    #[test]
    fn more_bytes_than_are_held_are_an_error() {
        let mut sink = Overreporting(File::open("Cargo.toml").unwrap());
        for buffer in [SpliceBuffer::discarding(), SpliceBuffer::new(&sink)] {
            let mut buffer = filled(buffer);
            assert!(matches!(buffer.drain_to(11, &mut sink), Err(StoreError::Io(_))));
            assert_eq!(buffer.held(), 0);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_sink_cannot_move_more_than_is_held() {
        let mut sink = Overreporting(File::open("Cargo.toml").unwrap());
        let mut buffer = filled(SpliceBuffer::new(&sink));
        assert!(matches!(buffer.drain_to(0, &mut sink), Err(StoreError::Io(_))));
    }
}
