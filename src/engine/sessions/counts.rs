//! Counts sessions by what they wait for.

use std::sync::Arc;

use super::session::{Session, SessionData};
use super::shared_state::{CallbackInProgress, SharedState};
use crate::store::SessionPhase;

/// The number of an engine's sessions, by what they wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionCounts {
    /// Sessions that wait for bytes, or for the Close-Session that delivers the file.
    pub receiving: u64,
    /// Sessions whose complete file is with the application.
    pub notifying: u64,
    /// Sessions that wait for Close-Session after the file was delivered or the application decided about it.
    pub settled: u64,
}

impl SessionCounts {
    /// Counts sessions without blocking: one whose lock is held mostly stores bytes, and counts as receiving.
    pub(in crate::engine) fn of(sessions: &[Arc<Session>]) -> Self {
        let mut counts = Self::default();
        for session in sessions {
            let data = session.try_data();
            let count = match data.as_deref() {
                Some(SessionData { ended: true, .. }) => continue,
                Some(SessionData {
                    shared: SharedState { callback: Some(CallbackInProgress::Received), .. },
                    ..
                }) => &mut counts.notifying,
                Some(SessionData { record, .. })
                    if record.outcome.is_some() || record.phase == SessionPhase::Delivered =>
                {
                    &mut counts.settled
                }
                _ => &mut counts.receiving,
            };
            *count = count.saturating_add(1);
        }
        counts
    }
}
