//! Close-Session.

use super::completion::complete;
use super::end::end;
use crate::engine::callbacks::hooks::EndReason;
use crate::engine::config::Finalize;
use crate::engine::request::RequestHead;
use crate::engine::sessions::session::Session;
use crate::engine::state::EngineState;
use crate::proto::{Ack, Fault};
use crate::store::{Outcome, SessionRecord, StoreError};

/// Completes the upload and removes the session. If bytes are missing, everything is discarded (PROTOCOL 4.4).
/// Waits for a callback in progress.
///
/// If the application rejects a complete upload, the session stays and the client can try again, unless the
/// rejection is final.
pub(super) fn close(state: &EngineState, head: &RequestHead, session: &Session) -> Result<Ack, Fault> {
    let generation = session.begin_request()?;
    let guard = session.lock_for(generation)?;
    if let Some(fault) = missing_data(state, &guard.record)? {
        end(state, head, session, guard, EndReason::Failed)?;
        return Err(fault);
    }
    match complete(state, head, session, generation, guard, Finalize::Close) {
        Ok(guard) => end(state, head, session, guard, EndReason::Closed),
        Err(fault) => {
            let guard = session.lock_for(generation)?;
            if matches!(guard.record.outcome, Some(Outcome::Refused { .. })) {
                end(state, head, session, guard, EndReason::Failed)?;
            }
            Err(fault)
        }
    }
}

/// Returns the fault if bytes are missing or the session's data is lost (CLS-04).
fn missing_data(state: &EngineState, record: &SessionRecord) -> Result<Option<Fault>, Fault> {
    if record.is_done() {
        return Ok(None);
    }
    match state.config.store.open(record.id) {
        Ok(sink) if record.total == Some(sink.received()) => Ok(None),
        Ok(_) => Ok(Some(Fault::invalid("the session was closed before all bytes had arrived"))),
        Err(error @ StoreError::NotFound) => Ok(Some(state.store_fault(&error))),
        Err(error) => Err(state.store_fault(&error)),
    }
}
