//! What the pair harness does to messages.

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
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

pub const MISHAPS: [Mishap; 10] = [
    Mishap::LoseRequest,
    Mishap::LoseAnswer,
    Mishap::CutBody,
    Mishap::DoubleAndSeeFirst,
    Mishap::DoubleAndSeeSecond,
    Mishap::RestartServerBefore,
    Mishap::RestartServerAfter,
    Mishap::RestartClient,
    Mishap::RestartClientStale,
    Mishap::RestartBoth,
];

/// Sizes around the fragment length of the pair.
pub const SIZES: [usize; 8] = [0, 1, 4999, 5120, 5121, 10_240, 15_360, 17_001];
