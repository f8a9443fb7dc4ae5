//! Counts sessions by state.

use std::sync::Arc;

use super::session::{Session, SessionData};
use super::shared_state::{CallbackInProgress, SharedState};
use crate::store::SessionPhase;

/// The number of an engine's sessions, by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionCounts {
    /// Sessions with missing bytes, and complete uploads that are neither delivered nor decided on by the application.
    pub receiving: u64,
    /// Complete uploads whose [`Hooks::on_received`](crate::engine::Hooks::on_received) is running.
    pub notifying: u64,
    /// Sessions that wait only for Close-Session: the file was delivered, or the application has decided.
    pub awaiting_close: u64,
}

impl SessionCounts {
    /// Counts sessions without blocking: one that is locked counts as receiving, because it is most likely
    /// storing bytes.
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
                    &mut counts.awaiting_close
                }
                _ => &mut counts.receiving,
            };
            *count = count.saturating_add(1);
        }
        counts
    }
}
