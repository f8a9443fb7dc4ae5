//! State that all requests of a session share, across all servers.

use serde::{Deserialize, Serialize};

use crate::engine::callbacks::hooks::EndReason;
use crate::proto::{Context, Fault, HResult};
use crate::store::StoreError;

/// State that changes under the session's lock. If the store is shared, it is kept next to the session as JSON.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::engine) struct SharedState {
    /// The generation of the newest request.
    #[serde(rename = "turn")]
    pub(in crate::engine) generation: Generation,
    /// How often the session's record was replaced.
    #[serde(rename = "version")]
    pub(in crate::engine) record_version: u64,
    /// The callback in progress; out of date if the process that made it died.
    #[serde(rename = "away")]
    pub(in crate::engine) callback: Option<CallbackInProgress>,
    /// Why the session ends as soon as that callback returns.
    #[serde(rename = "doomed")]
    pub(in crate::engine) pending_end: Option<EndReason>,
    /// The last rejection by the application.
    pub(in crate::engine) rejection: Option<Rejection>,
}

/// A fencing token: each request of a session gets a higher one, and only the newest may act on the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Generation(u64);

/// The callback that a request is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) enum CallbackInProgress {
    /// [`Hooks::on_progress`](crate::engine::Hooks::on_progress).
    Progress,
    /// [`Hooks::on_received`](crate::engine::Hooks::on_received).
    Received,
}

/// A rejection by the application; it also applies to the requests that waited for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Rejection {
    /// The newest request at that time.
    latest: Generation,
    status: u16,
    hresult: Option<HResult>,
    context: Context,
    retry_after: Option<u32>,
    challenge: Option<String>,
}

/// Longest challenge that is kept, in bytes: even with every quote escaped, the JSON fits in the shared state
/// of a store.
const MAX_CHALLENGE: usize = 1800;

impl Generation {
    pub(in crate::engine) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// The generation as a number; 1 for the first request.
    pub(in crate::engine) fn number(self) -> u64 {
        self.0
    }
}

impl SharedState {
    /// Parses the output of [`Self::to_bytes`]. Empty text is the state of a session without requests.
    pub(in crate::engine) fn parse(text: &[u8]) -> Result<Self, StoreError> {
        match text {
            [] => Ok(Self::default()),
            _ => serde_json::from_slice(text).map_err(|error| StoreError::Io(error.into())),
        }
    }

    pub(in crate::engine) fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        serde_json::to_vec(self).map_err(|error| StoreError::Io(error.into()))
    }

    /// Keeps a rejection for all requests that have arrived so far. One whose challenge is too long is not
    /// kept: those requests call the application themselves.
    pub(in crate::engine) fn reject(&mut self, fault: &Fault) {
        let Fault { status, hresult, context, retry_after, challenge, .. } = fault.clone();
        let fits = challenge.as_ref().is_none_or(|challenge| challenge.len() <= MAX_CHALLENGE);
        let latest = self.generation;
        self.rejection =
            fits.then_some(Rejection { latest, status, hresult, context, retry_after, challenge });
    }

    /// The rejection that applies to a request of that generation.
    pub(in crate::engine) fn rejected(&self, generation: Generation) -> Option<Fault> {
        let rejection = self.rejection.as_ref().filter(|rejection| generation <= rejection.latest)?;
        let Rejection { status, hresult, context, retry_after, challenge, .. } = rejection.clone();
        let reason = "the application rejected the upload in an earlier call";
        Some(Fault { status, hresult, context, reason, retry_after, challenge })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MAX_SHARED_STATE;

    #[test]
    fn state_round_trips_and_fits_in_a_store() {
        let mut state = SharedState {
            generation: Generation(u64::MAX),
            record_version: u64::MAX,
            callback: Some(CallbackInProgress::Progress),
            pending_end: Some(EndReason::Cancelled),
            rejection: None,
        };
        state.reject(&Fault {
            retry_after: Some(u32::MAX),
            challenge: Some("\"".repeat(MAX_CHALLENGE)),
            ..Fault::rejected(599, HResult(u32::MAX), Context::Application, "no")
        });
        let text = state.to_bytes().unwrap();
        assert!(text.len() <= MAX_SHARED_STATE, "{} bytes", text.len());
        assert_eq!(SharedState::parse(&text).unwrap().to_bytes().unwrap(), text);
        assert_eq!(SharedState::parse(b"").unwrap().generation, Generation(0));
        assert!(SharedState::parse(b"{").is_err());
    }

    #[test]
    fn a_rejection_applies_to_earlier_requests_only() {
        let mut state = SharedState::default();
        state.generation = state.generation.next();
        state.reject(&Fault::no_space());
        assert_eq!(state.rejected(state.generation).unwrap().hresult, Some(HResult::DISK_FULL));
        assert_eq!(state.rejected(state.generation.next()), None);
        state.reject(&Fault::unauthorized("Basic realm=\"x\"".into()));
        assert_eq!(state.rejected(state.generation).unwrap().challenge.as_deref(), Some("Basic realm=\"x\""));
        state.reject(&Fault::unauthorized("x".repeat(MAX_CHALLENGE + 1)));
        assert_eq!(state.rejected(state.generation), None);
    }

    #[test]
    fn state_keeps_its_field_names_in_json() {
        let text = br#"{"turn":7,"version":2,"away":"Received","doomed":"Expired","rejection":null}"#;
        let state = SharedState::parse(text).unwrap();
        assert_eq!(state.callback, Some(CallbackInProgress::Received));
        assert_eq!(state.pending_end, Some(EndReason::Expired));
        assert_eq!(state.to_bytes().unwrap(), text);
    }
}
