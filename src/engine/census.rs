//! How many sessions are how far.

use super::Engine;
use super::note::Away;
use crate::store::SessionPhase;

/// Sessions of an engine by what they wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// For bytes, or for the Close-Session that delivers them.
    pub receiving: u64,
    /// For the application, which has the whole file.
    pub notifying: u64,
    /// For Close-Session: the file is delivered, or the application has decided about it.
    pub settled: u64,
}

impl Engine {
    /// Counts the sessions; when the store is shared, those that this server knows of. Waits for each that is
    /// in a step.
    pub fn census(&self) -> Census {
        let mut census = Census::default();
        for session in self.0.registry.all() {
            let state = session.state();
            let count = match (state.note.away, state.record.phase, &state.record.outcome) {
                _ if state.ended => continue,
                (Some(Away::Received), ..) => &mut census.notifying,
                (_, SessionPhase::Receiving, None) => &mut census.receiving,
                _ => &mut census.settled,
            };
            *count = count.saturating_add(1);
        }
        census
    }

    /// How many bytes its store has room for; `None` when nobody knows.
    pub fn free_space(&self) -> Option<u64> {
        self.0.config.store.free_space()
    }
}
