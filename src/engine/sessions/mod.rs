//! Sessions: their state and lock, the registry, and the information reported about them.

pub(super) mod counts;
pub(super) mod registry;
pub(super) mod session;
pub(super) mod shared_state;
pub(super) mod snapshot;
mod step_gate;
