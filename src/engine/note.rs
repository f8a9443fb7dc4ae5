//! What the requests of a session must know of each other, whichever server of a farm they are at.

use serde::{Deserialize, Serialize};

use super::hooks::EndReason;
use crate::proto::{Context, Fault, HResult};
use crate::store::StoreError;

/// Changes under the session's lock. When the store is shared it lies beside the session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Note {
    /// The newest request.
    pub(super) turn: Turn,
    /// How often the record was replaced.
    pub(super) version: u64,
    /// A request is with the application, unless the process that made it died.
    pub(super) away: Option<Away>,
    /// The session ends as soon as that request returns.
    pub(super) doomed: Option<EndReason>,
    /// The application's last rejection.
    pub(super) rejection: Option<Rejection>,
}

/// The right to act on a session until the next request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(super) struct Turn(u64);

/// What the application is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Away {
    /// That some bytes arrived.
    Progress,
    /// That all bytes are there.
    Received,
}

/// What the application said to a request, for those that waited for it, too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Rejection {
    /// The newest request at that time.
    latest: Turn,
    status: u16,
    hresult: Option<HResult>,
    context: Context,
    retry_after: Option<u32>,
    challenge: Option<String>,
}

/// Longest challenge that is kept, in bytes: with every quote escaped it fits in a store's note.
const MAX_CHALLENGE: usize = 1800;

impl Turn {
    pub(super) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// The turn as a number; that of the first request is 1.
    pub(super) fn number(self) -> u64 {
        self.0
    }
}

impl Note {
    /// Reads what [`Self::to_bytes`] made; nothing is the note of a session that nobody used.
    pub(super) fn parse(text: &[u8]) -> Result<Self, StoreError> {
        match text {
            [] => Ok(Self::default()),
            _ => serde_json::from_slice(text).map_err(|error| StoreError::Io(error.into())),
        }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        serde_json::to_vec(self).map_err(|error| StoreError::Io(error.into()))
    }

    /// Keeps a rejection for all requests that came until now. With a challenge that is too long they ask for
    /// themselves.
    pub(super) fn reject(&mut self, fault: &Fault) {
        let Fault { status, hresult, context, retry_after, challenge, .. } = fault.clone();
        let fits = challenge.as_ref().is_none_or(|challenge| challenge.len() <= MAX_CHALLENGE);
        let rejection = Rejection { latest: self.turn, status, hresult, context, retry_after, challenge };
        self.rejection = Some(rejection).filter(|_| fits);
    }

    /// The rejection that a request waited for.
    pub(super) fn rejected(&self, turn: Turn) -> Option<Fault> {
        let rejection = self.rejection.as_ref().filter(|rejection| turn <= rejection.latest)?;
        let Rejection { status, hresult, context, retry_after, challenge, .. } = rejection.clone();
        let reason = "the application rejected the upload when it was asked before";
        Some(Fault { status, hresult, context, reason, retry_after, challenge })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MAX_SHARED_STATE;

    #[test]
    fn a_note_is_read_as_it_was_written_and_fits() {
        let mut note = Note {
            turn: Turn(u64::MAX),
            version: u64::MAX,
            away: Some(Away::Progress),
            doomed: Some(EndReason::Cancelled),
            rejection: None,
        };
        note.reject(&Fault {
            retry_after: Some(u32::MAX),
            challenge: Some("\"".repeat(MAX_CHALLENGE)),
            ..Fault::rejected(599, HResult(u32::MAX), Context::Application, "no")
        });
        let text = note.to_bytes().unwrap();
        assert!(text.len() <= MAX_SHARED_STATE, "{} bytes", text.len());
        assert_eq!(Note::parse(&text).unwrap().to_bytes().unwrap(), text);
        assert_eq!(Note::parse(b"").unwrap().turn, Turn(0));
        assert!(Note::parse(b"{").is_err());
    }

    #[test]
    fn a_rejection_is_for_those_who_came_before_it() {
        let mut note = Note::default();
        note.turn = note.turn.next();
        note.reject(&Fault::no_space());
        assert_eq!(note.rejected(note.turn).unwrap().hresult, Some(HResult::DISK_FULL));
        assert_eq!(note.rejected(note.turn.next()), None);
        note.reject(&Fault::unauthorized("Basic realm=\"x\"".into()));
        assert_eq!(note.rejected(note.turn).unwrap().challenge.as_deref(), Some("Basic realm=\"x\""));
        note.reject(&Fault::unauthorized("x".repeat(MAX_CHALLENGE + 1)));
        assert_eq!(note.rejected(note.turn), None);
    }
}
