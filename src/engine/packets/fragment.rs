//! Fragment.

use std::sync::Arc;

use super::completion::{complete, report_progress};
use super::decision::Decision;
use super::fragment_body::{Completing, Receiving};
use crate::engine::address;
use crate::engine::callbacks::event::SessionEventKind;
use crate::engine::callbacks::hooks::EndReason;
use crate::engine::config::{Finalize, Overlap};
use crate::engine::context::EngineContext;
use crate::engine::request::RequestHead;
use crate::engine::response::Response;
use crate::engine::sessions::session::{Session, SessionGuard};
use crate::engine::sessions::shared_state::Generation;
use crate::engine::state::EngineState;
use crate::log::Level;
use crate::proto::{Ack, Fault, FragmentRange};
use crate::store::{Outcome, ReplyKind, SessionPhase, SessionRecord, Sink, StoreError};

/// What to do with a Fragment.
enum FragmentAction {
    /// Store the body except for its first `skip` bytes.
    Store { skip: u64 },
    /// Complete the upload: all bytes are stored, but the application was not called or the file not delivered.
    /// Any Fragment tries that again (PROTOCOL 4.2).
    Complete,
    /// Respond as before: the last Fragment was sent again after success (FRG-26).
    Repeat,
}

/// A session whose bytes are open.
struct OpenSession<'a> {
    guard: SessionGuard<'a>,
    /// `None` if the bytes are not needed any more.
    sink: Option<Box<dyn Sink>>,
    /// The number of bytes that the session has received.
    received: u64,
}

/// Decides what to do with a Fragment whose head is valid.
pub(super) fn begin(
    state: &EngineState,
    head: &RequestHead,
    session: Arc<Session>,
    range: FragmentRange,
    length: u64,
) -> Decision {
    let generation = match session.begin_request() {
        Ok(generation) => generation,
        Err(fault) => return Err(fault).into(),
    };
    let completing = || Decision::Complete(Completing::new(&session, generation, range, length));
    let opened = match session.lock_unless_notifying(generation) {
        Ok(Some(guard)) => open(state, head, &session, guard),
        // The result of the callback in progress also applies to this Fragment.
        Ok(None) => return completing(),
        Err(fault) => Err(fault),
    };
    let OpenSession { mut guard, sink, received } = match opened {
        Ok(opened) => opened,
        Err(fault) => return Err(fault).into(),
    };
    let decision = match (action(state, &guard.record, range, length, received), sink) {
        (Ok(FragmentAction::Store { skip }), Some(sink)) => state
            // At least one byte is new, so `skip` is less than `length`.
            .check_space(length.saturating_sub(skip))
            .and_then(|()| record_total(state, &mut guard, range))
            .map(|()| Decision::Receive(Receiving::new(&session, generation, sink, skip, length))),
        (Ok(FragmentAction::Complete), _) => Ok(completing()),
        (Ok(_), mut sink) => {
            flush(state, sink.as_mut()).map(|()| Ok(ack(state, head, &guard.record, received)).into())
        }
        (Err(fault), _) => Err(fault),
    };
    drop(guard);
    decision.unwrap_or_else(|fault| Decision::Respond(Response::fragment_fault(session.id, &fault, received)))
}

/// Ends a Fragment whose body was stored. With the last byte of the file, the upload is completed before the
/// Fragment is acknowledged.
pub(in crate::engine) fn finish(state: &EngineState, head: &RequestHead, receiving: Receiving) -> Response {
    let is_short = receiving.wanted() > 0;
    let Receiving { session, generation, mut sink, .. } = receiving;
    let guard = match session.lock_for(generation) {
        Ok(guard) => guard,
        Err(fault) => return Response::fault(&fault),
    };
    let stored = if is_short {
        Err(Fault::invalid("the body is shorter than its range"))
    } else {
        flush(state, Some(&mut sink))
    };
    // Fewer bytes after a failed flush.
    let received = sink.received();
    // A store may be unable to deliver a file that a sink has open.
    drop(sink);
    if let Err(fault) = stored {
        return Response::fragment_fault(session.id, &fault, received);
    }
    session.touch();
    if guard.record.total == Some(received) {
        state.emit(&guard.record, Some(head), SessionEventKind::Received);
    }
    let reported = match &state.config.hooks {
        Some(hooks) => report_progress(state, head, &session, guard, &**hooks, received),
        None => Ok(guard),
    };
    let completed = reported.and_then(|guard| {
        if guard.record.total == Some(received) {
            complete(state, head, &session, generation, guard, Finalize::LastFragment)
        } else {
            Ok(guard)
        }
    });
    response(state, head, &session, generation, completed, received)
}

/// Ends a Fragment whose body was skipped, because the session held all bytes already. If the callback of
/// another request was in progress, its result also applies to this one.
pub(in crate::engine) fn finish_skipped(
    state: &EngineState,
    head: &RequestHead,
    completing: Completing,
) -> Response {
    let is_short = completing.wanted() > 0;
    let Completing { session, generation, range, length, .. } = completing;
    let opened = session.lock_for(generation).and_then(|guard| open(state, head, &session, guard));
    let OpenSession { guard, mut sink, received } = match opened {
        Ok(opened) => opened,
        Err(fault) => return Response::fault(&fault),
    };
    let flushed = flush(state, sink.as_mut());
    // Fewer bytes after a failed flush.
    let received = sink.as_ref().map_or(received, |sink| sink.received());
    if let Err(fault) = flushed {
        return Response::fragment_fault(session.id, &fault, received);
    }
    drop(sink);
    let action = match action(state, &guard.record, range, length, received) {
        _ if is_short => Err(Fault::invalid("the body is shorter than its range")),
        // The session has lost bytes since the Fragment began, and the body was skipped.
        Ok(FragmentAction::Store { .. }) => Err(Fault::offset_mismatch()),
        action => action,
    };
    let completed = match action {
        Ok(FragmentAction::Complete) => {
            complete(state, head, &session, generation, guard, Finalize::LastFragment)
        }
        Ok(_) => Ok(guard),
        Err(fault) => {
            // The response locks the session again.
            drop(guard);
            Err(fault)
        }
    };
    response(state, head, &session, generation, completed, received)
}

/// Rejects a Fragment of a known session whose head is invalid.
pub(super) fn reject(state: &EngineState, head: &RequestHead, session: &Session, fault: &Fault) -> Response {
    let held = session
        .begin_request()
        .and_then(|generation| session.lock_for(generation))
        .and_then(|guard| open(state, head, session, guard));
    match held {
        Ok(OpenSession { received, .. }) => Response::fragment_fault(session.id, fault, received),
        Err(gone) => Response::fault(&gone),
    }
}

fn response(
    state: &EngineState,
    head: &RequestHead,
    session: &Session,
    generation: Generation,
    completed: Result<SessionGuard<'_>, Fault>,
    received: u64,
) -> Response {
    match completed {
        Ok(guard) => Response::ack(&ack(state, head, &guard.record, received)),
        // A failed delivery may have discarded bytes that did not reach the disk.
        Err(fault) => match offset_after_failure(state, session, generation, received) {
            Some(received) => Response::fragment_fault(session.id, &fault, received),
            None => Response::fault(&fault),
        },
    }
}

/// The next offset after the completion of an upload with `received` bytes failed; `None` if it is unknown.
fn offset_after_failure(
    state: &EngineState,
    session: &Session,
    generation: Generation,
    received: u64,
) -> Option<u64> {
    match session.lock_for(generation) {
        Ok(guard) if !guard.record.is_done() => {
            state.config.store.open(session.id).ok().map(|sink| sink.received())
        }
        // Another request continues.
        _ => Some(received),
    }
}

/// Opens the session's bytes. If they are missing, removes the session, and the client starts over.
fn open<'a>(
    state: &EngineState,
    head: &RequestHead,
    session: &Session,
    guard: SessionGuard<'a>,
) -> Result<OpenSession<'a>, Fault> {
    if guard.record.is_done() {
        let received = guard.record.total.ok_or(Fault::internal("a complete upload has no total length"))?;
        return Ok(OpenSession { guard, sink: None, received });
    }
    match state.config.store.open(session.id) {
        Ok(sink) => {
            let received = sink.received();
            Ok(OpenSession { guard, sink: Some(sink), received })
        }
        Err(StoreError::NotFound) => {
            state.log(Level::Error, || format!("{} lost its data", session.id));
            let removed = state.remove(session, guard, Some(head), EndReason::Failed);
            removed.map_err(|error| state.store_fault(&error))?;
            Err(Fault::session_not_found())
        }
        Err(error) => Err(state.store_fault(&error)),
    }
}

/// Makes the session's bytes as durable as the store promises before an Ack, including those of an earlier
/// request, whose process may have died before its flush.
fn flush(context: &EngineContext, sink: Option<&mut Box<dyn Sink>>) -> Result<(), Fault> {
    sink.map_or(Ok(()), |sink| sink.flush().map_err(|error| context.store_fault(&error)))
}

/// Implements the table of PROTOCOL 4.4, in its order.
fn action(
    context: &EngineContext,
    record: &SessionRecord,
    range: FragmentRange,
    length: u64,
    received: u64,
) -> Result<FragmentAction, Fault> {
    let config = &context.config;
    if record.total.is_some_and(|total| total != range.total()) || received > range.total() {
        return Err(Fault::invalid("the total length differs from the first fragment's"));
    }
    if range.total() > config.max_upload_size {
        return Err(Fault::too_large("the file exceeds the maximum upload size"));
    }
    if length > config.max_fragment_size {
        return Err(Fault::too_large("the fragment exceeds the maximum fragment size"));
    }
    let has_all = record.total == Some(received);
    if has_all && must_complete(context, record) {
        return Ok(FragmentAction::Complete);
    }
    if has_all && range.is_last() {
        return Ok(FragmentAction::Repeat);
    }
    // Stored bytes are never overwritten, and there are no gaps (FRG-03, FRG-05, FRG-06).
    let overlap = received.checked_sub(range.first()).ok_or(Fault::offset_mismatch())?;
    match overlap {
        0 => Ok(FragmentAction::Store { skip: 0 }),
        skip if received < range.end() && config.overlap == Overlap::Trim => {
            Ok(FragmentAction::Store { skip })
        }
        _ => Err(Fault::offset_mismatch()),
    }
}

/// Whether a complete upload still needs the application's decision or its delivery.
fn must_complete(context: &EngineContext, record: &SessionRecord) -> bool {
    let undecided = record.outcome.is_none() && context.config.hooks.is_some();
    let refused = matches!(record.outcome, Some(Outcome::Refused { .. }));
    let undelivered = context.config.finalize == Finalize::LastFragment && !record.is_done();
    record.phase == SessionPhase::Receiving && (undecided || refused || undelivered)
}

/// Records the total length of the first Fragment; later ones must have the same (FRG-07).
fn record_total(
    context: &EngineContext,
    guard: &mut SessionGuard<'_>,
    range: FragmentRange,
) -> Result<(), Fault> {
    if guard.record.total.is_some() {
        return Ok(());
    }
    let record = SessionRecord { total: Some(range.total()), ..guard.record.clone() };
    let replaced = guard.replace_record(record, |record| context.config.store.save(record));
    replaced.map_err(|error| context.store_fault(&error))
}

/// The Ack of a Fragment after which the session holds `received` bytes. The last one contains the reply URL
/// (RPL-01).
fn ack(context: &EngineContext, head: &RequestHead, record: &SessionRecord, received: u64) -> Ack {
    let reply_url = match &record.outcome {
        Some(Outcome::Accepted { reply: ReplyKind::Stored, .. }) => {
            Some(address::reply_url(&context.config, head, record.id))
        }
        Some(Outcome::Accepted { reply: ReplyKind::Url(url), .. }) => Some(url.clone()),
        _ => None,
    };
    Ack { session_id: Some(record.id.to_string()), received: Some(received), reply_url, ..Ack::ok() }
}
