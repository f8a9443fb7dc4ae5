//! Cancel-Session.

use super::end::end;
use crate::engine::callbacks::hooks::EndReason;
use crate::engine::request::RequestHead;
use crate::engine::sessions::session::Session;
use crate::engine::state::EngineState;
use crate::proto::{Ack, Fault};

/// Removes the session; a file that was delivered stays (CAN-03). Waits for a callback in progress, so that
/// the session is gone when the client gets the response.
pub(super) fn cancel(state: &EngineState, head: &RequestHead, session: &Session) -> Result<Ack, Fault> {
    let generation = session.begin_request()?;
    let guard = session.lock_for(generation)?;
    end(state, head, session, guard, EndReason::Cancelled)
}
