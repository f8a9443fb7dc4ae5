//! Faults that the simulation injects.

/// A fault at one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    LoseRequest,
    LoseResponse,
    /// Half of the body arrives, then the connection ends.
    TruncateBody,
    /// The request arrives twice, and the client receives the first response.
    DuplicateAndSeeFirst,
    /// The request arrives twice, and the client receives the second response.
    DuplicateAndSeeSecond,
    RestartServerBefore,
    /// The server restarts after it processed the request; the response is lost.
    RestartServerAfter,
    /// The client restarts after sending, from the state saved before the request.
    RestartClient,
    /// The client restarts after sending, from the state saved at the last change of phase.
    RestartClientStale,
    RestartBoth,
}

pub const FAULTS: [Fault; 10] = [
    Fault::LoseRequest,
    Fault::LoseResponse,
    Fault::TruncateBody,
    Fault::DuplicateAndSeeFirst,
    Fault::DuplicateAndSeeSecond,
    Fault::RestartServerBefore,
    Fault::RestartServerAfter,
    Fault::RestartClient,
    Fault::RestartClientStale,
    Fault::RestartBoth,
];

/// File sizes around multiples of the simulation's fragment size.
pub const SIZES: [usize; 8] = [0, 1, 4999, 5120, 5121, 10_240, 15_360, 17_001];
