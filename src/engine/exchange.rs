//! One request on its way through the engine: head in, body in, answer out.

use std::sync::Arc;

use super::dispatch::{self, Decision};
use super::finish;
use super::response::Response;
use super::{LOG, Shared};
use crate::log::Level;
use crate::proto::Headers;

/// Everything of a request but its body.
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    /// The method token.
    pub method: String,
    /// The request target, below the engine's mount point.
    pub target: String,
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
    /// For the log: who asked for what.
    label: String,
    decision: Decision,
}

impl Exchange {
    pub(super) fn begin(shared: Arc<Shared>, head: RequestHead) -> Self {
        let peer = head.peer.as_deref().unwrap_or("-");
        let path = head.target.split(['?', '#']).next().unwrap_or_default();
        let label = format!("{peer} {} {path}", head.method);
        let decision = dispatch::decide(&shared, &head);
        Self { shared, label, decision }
    }

    /// What comes next.
    pub fn want(&self) -> Want {
        match &self.decision {
            Decision::Receive(receiving) if receiving.wanted() > 0 => Want::Body(receiving.wanted()),
            _ => Want::Finish,
        }
    }

    /// Takes bytes of the body; what is over [`Want::Body`] is ignored.
    pub fn body(&mut self, data: &[u8]) -> Want {
        if let Decision::Receive(receiving) = &mut self.decision
            && let Err(response) = receiving.body(&self.shared, data)
        {
            self.decision = Decision::Answer(response);
        }
        self.want()
    }

    /// The answer. Called before the body is complete, it refuses the Fragment; what was stored stays.
    pub fn finish(self) -> Response {
        let response = match self.decision {
            Decision::Answer(response) => response,
            Decision::Receive(receiving) => finish::fragment(&self.shared, receiving),
        };
        self.shared.config.logger.log(Level::Debug, LOG, || format!("{} {}", self.label, response.status));
        response
    }
}
