//! What the simulation harness does to messages.

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    LoseRequest,
    LoseAnswer,
    /// Half of the body arrives, then the connection ends.
    CutBody,
    DoubleAndSeeFirst,
    DoubleAndSeeSecond,
    RestartServerBefore,
    /// The answer dies with the server.
    RestartServerAfter,
    /// The client dies after sending; its state is the one kept before the request.
    RestartClient,
    /// As above, with the state of the last change of phase.
    RestartClientStale,
    RestartBoth,
}

pub const FAULTS: [Fault; 10] = [
    Fault::LoseRequest,
    Fault::LoseAnswer,
    Fault::CutBody,
    Fault::DoubleAndSeeFirst,
    Fault::DoubleAndSeeSecond,
    Fault::RestartServerBefore,
    Fault::RestartServerAfter,
    Fault::RestartClient,
    Fault::RestartClientStale,
    Fault::RestartBoth,
];

/// Sizes around the fragment length of the simulation.
pub const SIZES: [usize; 8] = [0, 1, 4999, 5120, 5121, 10_240, 15_360, 17_001];
