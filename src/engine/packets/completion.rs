//! Completes an upload that has all bytes: calls the application and delivers the file.

use std::time::Duration;

use crate::engine::callbacks::calls;
use crate::engine::callbacks::event::SessionEventKind;
use crate::engine::callbacks::hooks::Hooks;
use crate::engine::config::Finalize;
use crate::engine::request::RequestHead;
use crate::engine::sessions::session::{Session, SessionGuard, UnlockedForCallback};
use crate::engine::sessions::shared_state::{CallbackInProgress, Generation};
use crate::engine::state::EngineState;
use crate::log::Level;
use crate::proto::Fault;
use crate::store::{Outcome, SessionPhase, SessionRecord};

/// Calls the application unless it has already decided, then delivers the file if it is due at `moment`.
/// After an error, the next Fragment or Close-Session continues from there.
pub(super) fn complete<'a>(
    state: &EngineState,
    head: &RequestHead,
    session: &'a Session,
    generation: Generation,
    mut guard: SessionGuard<'a>,
    moment: Finalize,
) -> Result<SessionGuard<'a>, Fault> {
    if guard.record.phase == SessionPhase::Delivered {
        return Ok(guard);
    }
    if let (None, Some(hooks)) = (&guard.record.outcome, &state.config.hooks) {
        match guard.shared.rejected(generation) {
            Some(fault) => return Err(fault),
            None => guard = call_application(state, head, session, guard, &**hooks)?,
        }
    }
    if let Some(Outcome::Refused { hresult, context }) = guard.record.outcome {
        return Err(Fault::rejected(
            403,
            hresult,
            context,
            "the application rejected the upload with a final status",
        ));
    }
    let is_due = moment == Finalize::Close || state.config.finalize == moment;
    if is_due && !guard.record.is_done() {
        deliver(state, session, &mut guard)?;
    }
    Ok(guard)
}

/// Calls the application and records its decision (the NotifyCache of PROTOCOL 4.2), so that it is called once.
fn call_application<'a>(
    state: &EngineState,
    head: &RequestHead,
    session: &'a Session,
    guard: SessionGuard<'a>,
    hooks: &dyn Hooks,
) -> Result<SessionGuard<'a>, Fault> {
    let record = guard.record.clone();
    let received = record.total.ok_or(Fault::internal("a complete upload has no total length"))?;
    let unlocked = guard.unlock_for_callback(CallbackInProgress::Received);
    let unlocked = unlocked.map_err(|error| state.store_fault(&error))?;
    let called_ms = state.now_ms();
    let decided = calls::received(state, hooks, &record, head, received);
    let refused = match &decided {
        Ok(SessionRecord { outcome: Some(Outcome::Refused { .. }), .. }) => Some(403),
        Ok(_) => None,
        Err(fault) => Some(fault.status),
    };
    // The clock may have been set back.
    let took = Duration::from_millis(state.now_ms().saturating_sub(called_ms));
    state.emit(&record, Some(head), SessionEventKind::Notified { refused, took });
    session.touch();
    let mut guard = relock(state, head, session, unlocked)?;
    match decided {
        Ok(record) => {
            let recorded = guard.record_outcome(record);
            recorded.map(|()| guard).map_err(|error| state.store_fault(&error))
        }
        Err(fault) => {
            state.log(Level::Warn, || format!("{} not accepted: {fault}", session.id));
            guard.reject(&fault).map_err(|error| state.store_fault(&error))?;
            Err(fault)
        }
    }
}

/// Reports to the application how many bytes the session holds.
pub(super) fn report_progress<'a>(
    state: &EngineState,
    head: &RequestHead,
    session: &'a Session,
    guard: SessionGuard<'a>,
    hooks: &dyn Hooks,
    received: u64,
) -> Result<SessionGuard<'a>, Fault> {
    let record = guard.record.clone();
    let unlocked = guard.unlock_for_callback(CallbackInProgress::Progress);
    let unlocked = unlocked.map_err(|error| state.store_fault(&error))?;
    calls::progress(hooks, &record, head, received);
    relock(state, head, session, unlocked)
}

/// Continues after a callback, or ends the session if that was requested during the callback.
fn relock<'a>(
    state: &EngineState,
    head: &RequestHead,
    session: &Session,
    unlocked: UnlockedForCallback<'a>,
) -> Result<SessionGuard<'a>, Fault> {
    let (guard, pending_end) = unlocked.relock().map_err(|error| state.store_fault(&error))?;
    let reason = match pending_end {
        _ if guard.ended => return Err(Fault::session_not_found()),
        None => return Ok(guard),
        Some(reason) => reason,
    };
    state.remove(session, guard, Some(head), reason).map_err(|error| state.store_fault(&error))?;
    Err(Fault::session_not_found())
}

/// Delivers the complete file to its destination. An error changes nothing, and the client can send the
/// packet again.
fn deliver(state: &EngineState, session: &Session, guard: &mut SessionGuard<'_>) -> Result<(), Fault> {
    let record = SessionRecord { phase: SessionPhase::Delivered, ..guard.record.clone() };
    let overwrite = state.config.may_overwrite(record.owner.as_deref());
    let delivered = guard.replace_record(record, |record| state.config.store.commit(record, overwrite));
    delivered.map_err(|error| state.store_fault(&error))?;
    session.touch();
    state.log(Level::Info, || {
        format!("{} delivered {}", session.id, String::from(guard.record.destination.clone()))
    });
    Ok(())
}
