//! Bytes that depend on their position.

use std::io::{self, Read, Write};

/// A prime, so that a lost, duplicated or swapped buffer of 2^n bytes is detected.
const PERIOD: usize = 65_521;

/// Returns `length` bytes, each of which depends on its position.
pub fn pattern(length: u64) -> impl Read {
    let period: Vec<u8> =
        (0..PERIOD).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    Repeat { period, at: 0 }.take(length)
}

/// Writes `length` bytes of [`pattern`].
pub fn send_pattern(length: u64, mut to: impl Write) -> io::Result<()> {
    let mut tile = Vec::new();
    pattern((PERIOD * 16) as u64).read_to_end(&mut tile)?;
    let mut left = length;
    while left > 0 {
        let piece = &tile[..tile.len().min(left as usize)];
        to.write_all(piece)?;
        left -= piece.len() as u64;
    }
    Ok(())
}

struct Repeat {
    period: Vec<u8>,
    at: usize,
}

impl Read for Repeat {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let from = &self.period[self.at..];
        let read = from.len().min(buffer.len());
        buffer[..read].copy_from_slice(&from[..read]);
        self.at = (self.at + read) % self.period.len();
        Ok(read)
    }
}
