//! Processes one request: takes its head and its body, and returns the response.

#[cfg(unix)]
use std::os::fd::AsFd;
use std::sync::Arc;

use super::packets::decision::Decision;
use super::packets::{dispatch, fragment};
use super::request::RequestHead;
use super::response::Response;
use super::state::EngineState;
#[cfg(unix)]
use crate::error::Error;
use crate::log::Level;
#[cfg(unix)]
use crate::store::SpliceBuffer;

/// What an [`Exchange`] needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// This many more bytes of the body, in pieces of any size.
    Body(u64),
    /// A call of [`Exchange::finish`]. The transport must drain the rest of the body or close the connection.
    Finish,
}

/// A request that an [`Engine`](super::Engine) is processing. [`Engine::begin`](super::Engine::begin) creates
/// it.
///
/// Feed it the body while [`want`](Self::want) returns [`Want::Body`], then send the response of
/// [`finish`](Self::finish). If the connection is lost, drop it: the bytes that were stored stay.
///
/// Threads: not concurrently. Successive calls may come from different threads.
#[must_use = "an exchange does nothing until it is finished"]
pub struct Exchange {
    state: Arc<EngineState>,
    head: RequestHead,
    decision: Decision,
    /// Bytes that the store has accepted.
    stored: u64,
    #[cfg(unix)]
    splice_buffer: Option<SpliceBuffer>,
}

impl Exchange {
    pub(super) fn begin(state: Arc<EngineState>, mut head: RequestHead) -> Self {
        let decision = dispatch::decide(&state, &mut head);
        Self {
            state,
            head,
            decision,
            stored: 0,
            #[cfg(unix)]
            splice_buffer: None,
        }
    }

    /// Returns the user that the transport or [`Hooks::on_request`](super::Hooks::on_request) identified.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.head.owner.as_deref()
    }

    /// Returns the number of body bytes stored so far. Smaller than the number of bytes received if the
    /// session already had some of them.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// Returns what to do next.
    #[must_use]
    pub fn want(&self) -> Want {
        let wanted = match &self.decision {
            Decision::Respond(_) => 0,
            Decision::Receive(receiving) => receiving.wanted(),
            Decision::Complete(completing) => completing.wanted(),
        };
        if wanted > 0 { Want::Body(wanted) } else { Want::Finish }
    }

    /// Takes the next bytes of the body, and returns what to do next. Bytes in excess of [`Want::Body`] are
    /// ignored.
    ///
    /// If a newer request has taken over the session, or the store fails, returns [`Want::Finish`] before the
    /// end of the body. Empty `data` only checks for that.
    pub fn body(&mut self, data: &[u8]) -> Want {
        let received = self.received();
        let taken = match &mut self.decision {
            Decision::Respond(_) => Ok(()),
            Decision::Receive(receiving) => receiving.body(&self.state, data),
            Decision::Complete(completing) => completing.skip(data.len()),
        };
        self.after_body(received, taken)
    }

    /// Takes bytes of the body from a pipe, a socket or a file: as many as one read returns, up to `most` and
    /// an internal limit. On Linux, the bytes are not copied through user space if the store writes to files.
    ///
    /// Blocks if the descriptor does; the session is not locked while it blocks.
    ///
    /// Returns the number of bytes taken. 0 if a non-blocking descriptor has no data yet, if no bytes are
    /// [wanted](Self::want), or if `most` is 0.
    ///
    /// # Errors
    ///
    /// No bytes are taken on error:
    ///
    /// - [`Status::Disconnected`](crate::Status::Disconnected) if the descriptor ends before the body does, or
    ///   its peer is gone.
    /// - [`Status::Io`](crate::Status::Io) if it cannot be read.
    #[cfg(unix)]
    pub fn body_from_fd(&mut self, source: impl AsFd, most: u64) -> Result<u64, Error> {
        let Want::Body(wanted) = self.want() else { return Ok(0) };
        let received = self.received();
        let most = usize::try_from(wanted.min(most)).unwrap_or(usize::MAX);
        let buffer = self.splice_buffer.get_or_insert_with(|| match &self.decision {
            Decision::Receive(receiving) => SpliceBuffer::new(&*receiving.sink),
            _ => SpliceBuffer::discarding(),
        });
        let count = buffer.fill(source.as_fd(), most)?;
        let taken = match &mut self.decision {
            Decision::Receive(receiving) if count > 0 => receiving.splice(&self.state, buffer),
            Decision::Complete(completing) if count > 0 => completing.skip(count),
            _ => Ok(()),
        };
        self.after_body(received, taken);
        Ok(count as u64)
    }

    /// The number of bytes that the session holds; 0 if this request stores none.
    fn received(&self) -> u64 {
        match &self.decision {
            Decision::Receive(receiving) => receiving.sink.received(),
            Decision::Respond(_) | Decision::Complete(_) => 0,
        }
    }

    /// Updates the state after a piece of the body, before which the session held `received` bytes.
    fn after_body(&mut self, received: u64, taken: Result<(), Response>) -> Want {
        let now = self.received();
        // After a failed write a store may discard earlier bytes, too; these count as stored nevertheless.
        debug_assert!(now >= received || taken.is_err(), "the store lost bytes: {received} became {now}");
        self.stored = self.stored.saturating_add(now.saturating_sub(received));
        if let Err(response) = taken {
            self.decision = Decision::Respond(response);
        }
        self.want()
    }

    /// Ends the request and returns the response. If the body is incomplete, the Fragment is rejected and the
    /// bytes that were stored stay. Blocks while a callback of [`Hooks`](super::Hooks) runs.
    pub fn finish(self) -> Response {
        let Self { state, head, decision, .. } = self;
        let response = match decision {
            Decision::Respond(response) => response,
            Decision::Receive(receiving) => fragment::finish(&state, &head, receiving),
            Decision::Complete(completing) => fragment::finish_skipped(&state, &head, completing),
        };
        state.log(Level::Debug, || {
            let peer = head.peer.as_deref().unwrap_or("-");
            let path = head.target.split_once(['?', '#']).map_or(&*head.target, |(path, _)| path);
            format!("{peer} {} {path} {}", head.method, response.status)
        });
        response
    }
}
