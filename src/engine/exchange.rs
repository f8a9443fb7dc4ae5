//! One request on its way through the engine: head in, body in, answer out.

#[cfg(unix)]
use std::os::fd::AsFd;
use std::sync::Arc;

use percent_encoding::{CONTROLS, percent_encode};

use super::dispatch::{self, Decision};
use super::response::Response;
use super::{LOG, Shared, finish};
#[cfg(unix)]
use crate::error::Error;
use crate::log::Level;
use crate::proto::Headers;
#[cfg(unix)]
use crate::store::SpliceBuffer;

/// Everything of a request but its body.
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    /// The method token.
    pub method: String,
    /// The request target, below the engine's mount point.
    pub target: String,
    /// The URL prefix the engine is mounted at, as it stands on the wire; empty for the root. For URLs that
    /// are given out.
    pub mount: String,
    /// Whether the request came by https. For URLs that are given out.
    pub secure: bool,
    /// The header fields.
    pub headers: Headers,
    /// Who is at the other end, for the log.
    pub peer: Option<String>,
    /// The authenticated user, when there is one.
    pub owner: Option<String>,
}

impl RequestHead {
    /// A head without fields, method and target as they came. What is no text there leads to an answer, not
    /// to a failure: such a method is none that an engine knows, and such a target names nothing.
    pub fn from_wire(method: &[u8], target: &[u8]) -> Self {
        let target = match std::str::from_utf8(target) {
            Ok(target) => target.to_owned(),
            Err(_) => percent_encode(target, CONTROLS).to_string(),
        };
        Self { method: String::from_utf8_lossy(method).into_owned(), target, ..Self::default() }
    }
}

/// What an exchange wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// So many more bytes of the body, in pieces of any size.
    Body(u64),
    /// [`Exchange::finish`]. A body that is not wanted is the transport's to drain or to cut off.
    Finish,
}

/// One request on its way through the engine. Dropping it early means that the connection was lost: what
/// was stored stays.
///
/// Threads: one at a time; may move between threads from call to call.
pub struct Exchange {
    shared: Arc<Shared>,
    head: RequestHead,
    decision: Decision,
    /// Bytes that the store took.
    stored: u64,
    #[cfg(unix)]
    inlet: Option<SpliceBuffer>,
}

impl Exchange {
    pub(super) fn begin(shared: Arc<Shared>, mut head: RequestHead) -> Self {
        let decision = dispatch::decide(&shared, &mut head);
        Self {
            shared,
            head,
            decision,
            stored: 0,
            #[cfg(unix)]
            inlet: None,
        }
    }

    /// Who sent the request: whom the transport named, or a hook.
    pub fn owner(&self) -> Option<&str> {
        self.head.owner.as_deref()
    }

    /// How many bytes of the body the store took until now; fewer than came in when it held some already.
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// What comes next.
    pub fn want(&self) -> Want {
        let wanted = match &self.decision {
            Decision::Answer(_) => 0,
            Decision::Receive(receiving) => receiving.wanted(),
            Decision::Settle(settling) => settling.wanted(),
        };
        if wanted > 0 { Want::Body(wanted) } else { Want::Finish }
    }

    /// Takes bytes of the body; what is over [`Want::Body`] is ignored. An exchange whose session a newer
    /// request took over wants no more from then on; without bytes, this only asks whether it did.
    pub fn body(&mut self, data: &[u8]) -> Want {
        let held = self.held();
        let taken = match &mut self.decision {
            Decision::Answer(_) => Ok(()),
            Decision::Receive(receiving) => receiving.body(&self.shared, data),
            Decision::Settle(settling) => settling.pass(&self.shared, data.len()),
        };
        self.goes_on(held, taken)
    }

    /// Takes bytes of the body from a pipe, a socket or a file, as one read gives them: at most `most`, and a
    /// limit of its own. On Linux they go to a store with files without being copied. Where the descriptor
    /// blocks, so does this, with no session held up meanwhile.
    ///
    /// How many were taken. 0 when the descriptor does not block and has none for now, when none are
    /// [wanted](Self::want), and for a `most` of 0.
    ///
    /// Errors: [`Status::Disconnected`](crate::Status::Disconnected) at the end of the descriptor, which is before that of the body, and
    /// when its other end is gone; [`Status::Io`](crate::Status::Io) when it cannot be read. Nothing was taken.
    #[cfg(unix)]
    pub fn body_from_fd(&mut self, source: impl AsFd, most: u64) -> Result<u64, Error> {
        let Want::Body(wanted) = self.want() else { return Ok(0) };
        let held = self.held();
        let most = usize::try_from(wanted.min(most)).unwrap_or(usize::MAX);
        let inlet = self.inlet.get_or_insert_with(|| match &self.decision {
            Decision::Receive(receiving) => SpliceBuffer::new(&*receiving.sink),
            _ => SpliceBuffer::discarding(),
        });
        let count = inlet.fill(source.as_fd(), most)?;
        let taken = match &mut self.decision {
            Decision::Receive(receiving) if count > 0 => receiving.pass(&self.shared, inlet),
            Decision::Settle(settling) if count > 0 => settling.pass(&self.shared, count),
            _ => Ok(()),
        };
        self.goes_on(held, taken);
        Ok(count as u64)
    }

    /// How many bytes the session holds, while this request adds to them.
    fn held(&self) -> u64 {
        match &self.decision {
            Decision::Receive(receiving) => receiving.sink.received(),
            Decision::Answer(_) | Decision::Settle(_) => 0,
        }
    }

    fn goes_on(&mut self, held: u64, taken: Result<(), Response>) -> Want {
        self.stored = self.stored.saturating_add(self.held().saturating_sub(held));
        if let Err(response) = taken {
            self.decision = Decision::Answer(response);
        }
        self.want()
    }

    /// The answer. Called before the body is complete, it refuses the Fragment; what was stored stays. With
    /// [`Hooks`](super::Hooks) it may take as long as they do.
    pub fn finish(self) -> Response {
        let Self { shared, head, decision, .. } = self;
        let response = match decision {
            Decision::Answer(response) => response,
            Decision::Receive(receiving) => finish::receiving(&shared, &head, receiving),
            Decision::Settle(settling) => finish::settling(&shared, &head, settling),
        };
        shared.config.logger.log(Level::Debug, LOG, || {
            let peer = head.peer.as_deref().unwrap_or("-");
            let path = head.target.split(['?', '#']).next().unwrap_or_default();
            format!("{peer} {} {path} {}", head.method, response.status)
        });
        response
    }
}
