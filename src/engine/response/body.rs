//! The body of a response, which is read piece by piece.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::engine::sessions::session::Session;
use crate::log::Level;
use crate::store::Content;

/// Parts of a stored reply, with the text between them.
pub(in crate::engine) struct Body {
    content: Box<dyn Content>,
    pieces: VecDeque<Piece>,
    session: Arc<Session>,
}

/// A piece of a body.
pub(in crate::engine) enum Piece {
    Text(Vec<u8>),
    /// A range of the content.
    Span(Range<u64>),
}

impl Piece {
    /// The number of bytes that have not been read yet.
    pub(in crate::engine) fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Span(span) => span_length(span),
        }
    }
}

impl Body {
    pub(in crate::engine) fn new(
        session: &Arc<Session>,
        content: Box<dyn Content>,
        pieces: Vec<Piece>,
    ) -> Self {
        Self { content, pieces: pieces.into(), session: Arc::clone(session) }
    }

    /// The number of bytes that are left.
    pub(in crate::engine) fn length(&self) -> u64 {
        self.pieces.iter().map(Piece::length).sum()
    }

    /// Reads the next bytes; 0 at the end. Each call restarts the session timer, because the client is still
    /// active.
    pub(in crate::engine) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.pieces.front().is_some_and(|piece| piece.length() == 0) {
            self.pieces.pop_front();
        }
        let Some(piece) = self.pieces.front_mut() else { return Ok(0) };
        if buffer.is_empty() {
            return Ok(0);
        }
        self.session.touch();
        match piece {
            Piece::Text(text) => {
                let count = io::Read::read(&mut text.as_slice(), buffer)?;
                text.drain(..count);
                Ok(count)
            }
            Piece::Span(span) => read_span(&*self.content, span, buffer).inspect_err(|error| {
                let id = self.session.id;
                self.session.context().log(Level::Error, || format!("{id}: cannot read its reply: {error}"));
            }),
        }
    }
}

fn span_length(span: &Range<u64>) -> u64 {
    debug_assert!(span.start <= span.end, "{span:?} is not a range of the content");
    span.end.saturating_sub(span.start)
}

/// Reads the beginning of `span` and removes it.
fn read_span(content: &dyn Content, span: &mut Range<u64>, buffer: &mut [u8]) -> io::Result<usize> {
    let most = usize::try_from(span_length(span)).unwrap_or(usize::MAX).min(buffer.len());
    let count = content.read_at(span.start, buffer.split_at_mut(most).0)?;
    if count == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the content became shorter"));
    }
    if count > most {
        let message = format!("the store read {count} bytes into a buffer of {most}");
        return Err(io::Error::other(message));
    }
    // Cannot overflow: `count` is at most the length of the span.
    span.start = span.start.saturating_add(count as u64);
    Ok(count)
}
