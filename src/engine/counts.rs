//! How many sessions are how far.

use super::Engine;
use super::note::{Away, Note};
use super::session::State;
use crate::store::SessionPhase;

/// Sessions of an engine by what they wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionCounts {
    /// For bytes, or for the Close-Session that delivers them.
    pub receiving: u64,
    /// For the application, which has the whole file.
    pub notifying: u64,
    /// For Close-Session: the file is delivered, or the application has decided about it.
    pub settled: u64,
}

impl Engine {
    /// Counts the sessions; when the store is shared, those that this server knows of. Waits for nobody: a session
    /// in the middle of a step, which mostly stores bytes, counts as one that receives.
    pub fn session_counts(&self) -> SessionCounts {
        let mut census = SessionCounts::default();
        for session in self.0.registry.all() {
            let state = session.state_between_steps();
            let count = match state.as_deref() {
                Some(State { ended: true, .. }) => continue,
                Some(State { note: Note { away: Some(Away::Received), .. }, .. }) => &mut census.notifying,
                Some(State { record, .. })
                    if record.outcome.is_some() || record.phase == SessionPhase::Delivered =>
                {
                    &mut census.settled
                }
                _ => &mut census.receiving,
            };
            *count = count.saturating_add(1);
        }
        census
    }

    /// How many bytes its store has room for; `None` when nobody knows.
    pub fn free_bytes(&self) -> Option<u64> {
        self.0.config.store.free_bytes().ok().flatten()
    }
}
