//! The body of a Fragment while it arrives.

use std::sync::Arc;

use crate::engine::context::EngineContext;
use crate::engine::response::Response;
use crate::engine::sessions::session::{BodyInFlight, Session};
use crate::engine::sessions::shared_state::Generation;
use crate::proto::{Fault, FragmentRange};
#[cfg(unix)]
use crate::store::SpliceBuffer;
use crate::store::{Sink, StoreError};

/// A Fragment whose body is being stored.
pub(in crate::engine) struct Receiving {
    pub(super) session: Arc<Session>,
    pub(super) generation: Generation,
    pub(in crate::engine) sink: Box<dyn Sink>,
    _in_flight: BodyInFlight,
    /// Bytes at the start of the body that the session holds already.
    skip: u64,
    /// Bytes of the body that have not been received yet.
    wanted: u64,
}

/// A Fragment of a session that already holds all bytes. Its body is skipped before the upload is completed:
/// completing can take minutes, and a client sends its whole Fragment before it reads the response.
pub(in crate::engine) struct Completing {
    pub(super) session: Arc<Session>,
    pub(super) generation: Generation,
    pub(super) range: FragmentRange,
    /// Length of the body.
    pub(super) length: u64,
    _in_flight: BodyInFlight,
    /// Bytes of the body that have not been received yet.
    wanted: u64,
}

impl Receiving {
    /// Expects a body of `length` bytes, the first `skip` of which the session holds already.
    pub(super) fn new(
        session: &Arc<Session>,
        generation: Generation,
        sink: Box<dyn Sink>,
        skip: u64,
        length: u64,
    ) -> Self {
        let (session, _in_flight) = (Arc::clone(session), BodyInFlight::begin(session, generation));
        Self { session, generation, sink, _in_flight, skip, wanted: length }
    }

    /// The number of bytes of the body that have not been received yet.
    pub(in crate::engine) fn wanted(&self) -> u64 {
        self.wanted
    }

    /// Stores the next bytes of the body, and ignores bytes after its end. Fails if a newer request owns the
    /// session.
    pub(in crate::engine) fn body(&mut self, context: &EngineContext, data: &[u8]) -> Result<(), Response> {
        let count = usize::try_from(self.wanted).unwrap_or(usize::MAX).min(data.len());
        let data = data.split_at(count).0;
        self.store(context, count, |sink, known| sink.write(data.split_at(known).1))
    }

    /// Like [`Self::body`], for the bytes in a buffer, of which there are at most [`Self::wanted`].
    #[cfg(unix)]
    pub(in crate::engine) fn splice(
        &mut self,
        context: &EngineContext,
        buffer: &mut SpliceBuffer,
    ) -> Result<(), Response> {
        self.store(context, buffer.held(), |sink, known| buffer.drain_to(known, sink))
    }

    /// Stores the next `count` bytes with `put`, except for those at their start that the session holds
    /// already. If `count` is 0, only checks that the session still belongs to this request, without
    /// restarting the session timer.
    fn store(
        &mut self,
        context: &EngineContext,
        count: usize,
        put: impl FnOnce(&mut dyn Sink, usize) -> Result<(), StoreError>,
    ) -> Result<(), Response> {
        let wanted = self.wanted.checked_sub(count as u64);
        let excess = Fault::internal("more bytes of a body were read than are wanted");
        self.wanted = wanted.ok_or_else(|| Response::fault(&excess))?;
        let known = usize::try_from(self.skip).unwrap_or(usize::MAX).min(count);
        // Cannot underflow: `known` is at most `skip`.
        self.skip = self.skip.saturating_sub(known as u64);

        let _guard = self.session.lock_for(self.generation).map_err(|fault| Response::fault(&fault))?;
        if count > 0 {
            self.session.touch();
        }
        put(&mut *self.sink, known).map_err(|error| {
            Response::fragment_fault(self.session.id, &context.store_fault(&error), self.sink.received())
        })
    }
}

impl Completing {
    /// Expects a body of `length` bytes.
    pub(super) fn new(
        session: &Arc<Session>,
        generation: Generation,
        range: FragmentRange,
        length: u64,
    ) -> Self {
        let (session, _in_flight) = (Arc::clone(session), BodyInFlight::begin(session, generation));
        Self { session, generation, range, length, _in_flight, wanted: length }
    }

    /// The number of bytes of the body that have not been received yet.
    pub(in crate::engine) fn wanted(&self) -> u64 {
        self.wanted
    }

    /// Skips the next `count` bytes of the body, and ignores bytes after its end.
    pub(in crate::engine) fn skip(&mut self, count: usize) -> Result<(), Response> {
        self.wanted = self.wanted.saturating_sub(count as u64);
        self.session.check_generation(self.generation).map_err(|fault| Response::fault(&fault))?;
        if count > 0 {
            self.session.touch();
        }
        Ok(())
    }
}
