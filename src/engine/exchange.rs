//! One request on its way through the engine: head in, body in, answer out.

use std::sync::Arc;

use super::dispatch::{self, Decision};
use super::response::Response;
use super::{LOG, Shared, finish};
use crate::log::Level;
use crate::proto::Headers;

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
}

impl Exchange {
    pub(super) fn begin(shared: Arc<Shared>, mut head: RequestHead) -> Self {
        let decision = dispatch::decide(&shared, &mut head);
        Self { shared, head, decision }
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

    /// Takes bytes of the body; what is over [`Want::Body`] is ignored.
    pub fn body(&mut self, data: &[u8]) -> Want {
        let taken = match &mut self.decision {
            Decision::Answer(_) => Ok(()),
            Decision::Receive(receiving) => receiving.body(&self.shared, data),
            Decision::Settle(settling) => settling.body(&self.shared, data),
        };
        if let Err(response) = taken {
            self.decision = Decision::Answer(response);
        }
        self.want()
    }

    /// The answer. Called before the body is complete, it refuses the Fragment; what was stored stays. With
    /// [`Hooks`](super::Hooks) it may take as long as they do.
    pub fn finish(self) -> Response {
        let Self { shared, head, decision } = self;
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
