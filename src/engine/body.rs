//! The body of an answer: read piece by piece, whatever its length.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::session::Session;
use super::{LOG, Shared};
use crate::log::Level;
use crate::store::Content;

/// Parts of a reply, with what stands between them.
pub(super) struct Body {
    content: Box<dyn Content>,
    pieces: VecDeque<Piece>,
    shared: Arc<Shared>,
    session: Arc<Session>,
}

/// What a body consists of.
pub(super) enum Piece {
    /// These bytes.
    Text(Vec<u8>),
    /// This part of the content.
    Span(Range<u64>),
}

impl Piece {
    /// How many bytes are left of it.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Text(text) => u64::try_from(text.len()).unwrap_or(u64::MAX),
            Self::Span(span) => span.end.saturating_sub(span.start),
        }
    }
}

impl Body {
    pub(super) fn new(
        shared: &Arc<Shared>,
        session: &Arc<Session>,
        content: Box<dyn Content>,
        pieces: Vec<Piece>,
    ) -> Self {
        Self { content, pieces: pieces.into(), shared: Arc::clone(shared), session: Arc::clone(session) }
    }

    /// How many bytes are left.
    pub(super) fn length(&self) -> u64 {
        self.pieces.iter().map(Piece::length).fold(0, u64::saturating_add)
    }

    /// The next bytes; 0 at the end. A client that reads a reply is alive, so each call restarts the session
    /// timer.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.pieces.front().is_some_and(|piece| piece.length() == 0) {
            self.pieces.pop_front();
        }
        let Some(piece) = self.pieces.front_mut().filter(|_| !buffer.is_empty()) else { return Ok(0) };
        self.session.touch(&self.shared);
        match piece {
            Piece::Text(text) => {
                let count = io::Read::read(&mut text.as_slice(), buffer)?;
                text.drain(..count);
                Ok(count)
            }
            Piece::Span(span) => {
                let count = read_span(&*self.content, span, buffer).inspect_err(|error| {
                    let id = self.session.id;
                    self.shared
                        .config
                        .logger
                        .log(Level::Error, LOG, || format!("{id}: cannot read its reply: {error}"));
                })?;
                Ok(count)
            }
        }
    }
}

fn read_span(content: &dyn Content, span: &mut Range<u64>, buffer: &mut [u8]) -> io::Result<usize> {
    let most = usize::try_from(span.end.saturating_sub(span.start)).unwrap_or(usize::MAX).min(buffer.len());
    match content.read_at(span.start, buffer.get_mut(..most).unwrap_or_default())? {
        0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is shorter than it was")),
        count => {
            span.start = span.start.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            Ok(count)
        }
    }
}
