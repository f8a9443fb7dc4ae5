//! The body of a Fragment: a range of the source, read as the line takes it.

use std::io::{self, Read};

use super::line::Line;
use crate::client::source::Source;
use crate::client::throttle::Throttle;
use crate::error::Error;

/// Bytes `offset..offset + left` of a source.
pub(super) struct Body<'a> {
    pub source: &'a Source,
    pub offset: u64,
    pub left: u64,
    pub throttle: Option<&'a mut Throttle>,
    pub line: &'a Line,
    /// Why reading ended early: what an [`io::Error`] says does not come through the layers unharmed.
    pub failure: Option<Error>,
}

impl Body<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if wanted > 0 && !self.line.is_hung_up() {
            if let Some(throttle) = &mut self.throttle {
                wanted = throttle.grant(wanted, &self.line.interrupt)?;
            }
            wanted = self.source.read_at(buffer.get_mut(..wanted).unwrap_or_default(), self.offset)?;
        }
        self.offset = self.offset.saturating_add(wanted as u64);
        self.left = self.left.saturating_sub(wanted as u64);
        Ok(wanted)
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill(buffer).map_err(|error| {
            self.failure = Some(error.clone());
            io::Error::other(error)
        })
    }
}
