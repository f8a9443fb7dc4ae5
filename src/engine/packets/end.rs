//! The end of a session at the request of its client.

use crate::engine::callbacks::hooks::EndReason;
use crate::engine::request::RequestHead;
use crate::engine::sessions::session::{Session, SessionGuard};
use crate::engine::state::EngineState;
use crate::proto::{Ack, Fault};

/// Removes the session, and returns the Ack of the packet that requested it.
pub(super) fn end(
    state: &EngineState,
    head: &RequestHead,
    session: &Session,
    guard: SessionGuard<'_>,
    reason: EndReason,
) -> Result<Ack, Fault> {
    let removed = state.remove(session, guard, Some(head), reason);
    removed.map_err(|error| state.store_fault(&error))?;
    Ok(Ack { session_id: Some(session.id.to_string()), ..Ack::ok() })
}
