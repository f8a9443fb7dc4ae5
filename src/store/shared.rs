//! What the servers of a farm need of a store that they share.

use super::{StoreError, StoredSession};
use crate::error::Error;
use crate::proto::SessionId;

/// A store that several processes use at a time. Each of them may take any packet of any session, so the
/// order that an engine keeps among its own requests must hold among all of them.
pub trait SharedStore {
    /// The session as it is now, whoever made it; `None` when there is none.
    fn find(&self, id: SessionId) -> Result<Option<StoredSession>, StoreError>;

    /// Takes a session for one step of a request, and waits for whoever has it. Steps are short: a body that
    /// does not come and an application that thinks are waited for outside. [`StoreError::NotFound`] when
    /// there is no such session, or it was removed meanwhile.
    fn lock(&self, id: SessionId) -> Result<Box<dyn SessionLock>, StoreError>;

    /// Says that the session was in use at that time, in milliseconds since 1970: [`Self::find`] and
    /// [`Store::sessions`](super::Store::sessions) tell the others.
    fn touch(&self, id: SessionId, now_ms: u64) -> Result<(), StoreError>;

    /// Removes what died processes left half-made or half-removed, but nothing that a living one may be at.
    fn collect_orphans(&self) -> Result<(), Error>;
}

/// A session that no other process can take, until this is dropped or the process dies.
pub trait SessionLock: Send {
    /// What the last holder wrote; empty when nobody did.
    fn state(&self) -> &[u8];

    /// Leaves a note for the next holder, at most [`MAX_SHARED_STATE`] bytes. It lives as long as the session, but
    /// need not survive a loss of power.
    fn write_state(&mut self, note: &[u8]) -> Result<(), StoreError>;

    /// Says that a request of this process is away, with the application, until what is returned is dropped or
    /// the process dies. The session can be held by others meanwhile.
    fn mark_callback(&self) -> Result<Box<dyn Send>, StoreError>;

    /// Whether a request of any process is away.
    fn callback_in_progress(&self) -> Result<bool, StoreError>;
}

/// Longest note that a [`SessionLock`] keeps, in bytes.
pub const MAX_SHARED_STATE: usize = 4096;
