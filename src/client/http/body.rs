//! The body of a Fragment: a range of the source.

use std::io::{self, Read};

use super::transport::ConnectionContext;
use crate::client::source::Source;
use crate::client::throttle::Throttle;
use crate::error::Error;

/// Reads bytes `offset..offset + left` of a source, at the rate that the throttle allows.
pub(super) struct FragmentBody<'a> {
    pub source: &'a Source,
    pub offset: u64,
    pub left: u64,
    pub throttle: Option<&'a mut Throttle>,
    pub context: &'a ConnectionContext,
    /// Why reading failed; ureq does not preserve an error inside an [`io::Error`].
    pub failure: Option<Error>,
}

impl FragmentBody<'_> {
    #[allow(clippy::indexing_slicing, reason = "a throttle grants at most what is wanted")]
    #[allow(
        clippy::arithmetic_side_effects,
        reason = "at most `left` bytes are read, and the range fits a u64"
    )]
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut length = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        // Once the peer has closed the connection, the content no longer matters: see `TcpTransport`.
        if length > 0 && !self.context.is_peer_closed() {
            if let Some(throttle) = &mut self.throttle {
                length = throttle.grant(length, &self.context.interrupt)?;
            }
            length = self.source.read_at(&mut buffer[..length], self.offset)?;
            // Before the byte that makes the server deliver the file, everything is known to be of one version.
            if self.offset + length as u64 == self.source.total() {
                self.source.check_unchanged()?;
            }
        }
        self.offset += length as u64;
        self.left -= length as u64;
        Ok(length)
    }
}

impl Read for FragmentBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill(buffer).map_err(|error| {
            self.failure = Some(error.clone());
            io::Error::other(error)
        })
    }
}
