//! The end of a Fragment and of a session: the application's answer, delivery, Close, Cancel.

use std::time::Duration;

use super::config::Finalize;
use super::dispatch::store_fault;
use super::event::SessionEventKind;
use super::exchange::RequestHead;
use super::fragment::{self, Plan, Receiving, Settling, ack, refuse_at};
use super::guard::{Absence, Guard};
use super::hooks::{EndReason, Hooks};
use super::note::{Away, Turn};
use super::response::Response;
use super::session::Session;
use super::{LOG, Shared, ask};
use crate::log::Level;
use crate::proto::{Ack, Fault};
use crate::store::{Outcome, SessionPhase, SessionRecord, StoreError};

/// Ends a Fragment whose body came in: with the last byte the application is asked and the file delivered,
/// and only then acknowledged.
pub(super) fn receiving(shared: &Shared, head: &RequestHead, receiving: Receiving) -> Response {
    let short = receiving.wanted() > 0;
    let Receiving { session, turn, mut sink, .. } = receiving;
    let state = match session.lock(shared, turn) {
        Ok(state) => state,
        Err(fault) => return Response::fault(&fault),
    };
    let received = sink.received();
    let stored = match short {
        true => Err(Fault::invalid("the body is shorter than its range")),
        false => fragment::flush(shared, Some(&mut sink)),
    };
    // A store may not deliver what a sink is open for.
    drop(sink);
    if let Err(fault) = stored {
        return refuse_at(&session, &fault, received);
    }
    session.touch(shared);
    if state.record.total == Some(received) {
        shared.tell(&state.record, Some(head), SessionEventKind::Received);
    }
    let told = match &shared.config.hooks {
        Some(hooks) => progress(shared, head, &session, state, &**hooks, received),
        None => Ok(state),
    };
    let settled = told.and_then(|state| match state.record.total == Some(received) {
        true => settle(shared, head, &session, turn, state, Finalize::LastFragment),
        false => Ok(state),
    });
    answer(shared, head, &session, settled, received)
}

/// Ends a Fragment of a session that held all bytes. Another request may have been with the application
/// until now: then its answer is the answer.
pub(super) fn settling(shared: &Shared, head: &RequestHead, settling: Settling) -> Response {
    let short = settling.wanted() > 0;
    let Settling { session, turn, range, length, .. } = settling;
    let opened = session.lock(shared, turn).and_then(|state| fragment::open(shared, head, &session, state));
    let (state, mut sink) = match opened {
        Ok(opened) => opened,
        Err(fault) => return Response::fault(&fault),
    };
    let received = fragment::received(&state, sink.as_deref());
    if let Err(fault) = fragment::flush(shared, sink.as_mut()) {
        return refuse_at(&session, &fault, received);
    }
    drop(sink);
    let settled = match fragment::plan(shared, &state.record, range, length, received) {
        _ if short => Err(Fault::invalid("the body is shorter than its range")),
        Ok(Plan::Settle) => settle(shared, head, &session, turn, state, Finalize::LastFragment),
        Ok(Plan::Repeat) => Ok(state),
        // The bytes became fewer meanwhile, and the body has gone by.
        Ok(Plan::Store { .. }) => Err(Fault::out_of_step()),
        Err(fault) => Err(fault),
    };
    answer(shared, head, &session, settled, received)
}

fn answer(
    shared: &Shared,
    head: &RequestHead,
    session: &Session,
    settled: Result<Guard<'_>, Fault>,
    received: u64,
) -> Response {
    match settled {
        Ok(state) => Response::ack(&ack(shared, head, &state.record, received)),
        Err(fault) => refuse_at(session, &fault, received),
    }
}

/// Does what a complete upload is owed at that moment: asks the application unless it has answered, then
/// delivers. After an error the next Fragment goes on from there.
fn settle<'a>(
    shared: &Shared,
    head: &RequestHead,
    session: &'a Session,
    turn: Turn,
    mut state: Guard<'a>,
    moment: Finalize,
) -> Result<Guard<'a>, Fault> {
    if state.record.phase == SessionPhase::Delivered {
        return Ok(state);
    }
    if let (None, Some(hooks)) = (&state.record.outcome, &shared.config.hooks) {
        match state.note.rejected(turn) {
            Some(fault) => return Err(fault),
            None => state = ask_application(shared, head, session, state, &**hooks)?,
        }
    }
    if let Some(Outcome::Refused { hresult, context }) = state.record.outcome {
        return Err(Fault::rejected(403, hresult, context, "the application refused the upload"));
    }
    let due = moment == Finalize::Close || shared.config.finalize == moment;
    if due && !state.record.is_done() {
        deliver(shared, session, &mut state)?;
    }
    Ok(state)
}

/// Asks the application and records its answer (the NotifyCache of PROTOCOL 4.2), so that it is asked once.
fn ask_application<'a>(
    shared: &Shared,
    head: &RequestHead,
    session: &'a Session,
    state: Guard<'a>,
    hooks: &dyn Hooks,
) -> Result<Guard<'a>, Fault> {
    let record = state.record.clone();
    let held = record.total.unwrap_or_default();
    let absence = state.mark_callback(Away::Received).map_err(|error| store_fault(shared, &error))?;
    let asked_ms = shared.now_ms();
    let answer = ask::received(shared, hooks, &record, head, held);
    let refused = match &answer {
        Ok(SessionRecord { outcome: Some(Outcome::Refused { .. }), .. }) => Some(403),
        Ok(_) => None,
        Err(fault) => Some(fault.status),
    };
    let took = Duration::from_millis(shared.now_ms().saturating_sub(asked_ms));
    shared.tell(&record, Some(head), SessionEventKind::Notified { refused, took });
    session.touch(shared);
    let mut state = back(shared, head, session, absence)?;
    match answer {
        Ok(record) => {
            let saved = state.announce().and_then(|()| shared.config.store.save(&record));
            // The answer counts even if it cannot be written down.
            state.record = record;
            saved.map(|()| state).map_err(|error| store_fault(shared, &error))
        }
        Err(fault) => {
            shared.config.logger.log(Level::Warn, LOG, || format!("{} not accepted: {fault}", session.id));
            state.reject(&fault).map_err(|error| store_fault(shared, &error))?;
            Err(fault)
        }
    }
}

fn progress<'a>(
    shared: &Shared,
    head: &RequestHead,
    session: &'a Session,
    state: Guard<'a>,
    hooks: &dyn Hooks,
    received: u64,
) -> Result<Guard<'a>, Fault> {
    let record = state.record.clone();
    let absence = state.mark_callback(Away::Progress).map_err(|error| store_fault(shared, &error))?;
    ask::progress(hooks, &record, head, received);
    back(shared, head, session, absence)
}

/// Goes on after the application was asked, or ends the session if that was wanted meanwhile.
fn back<'a>(
    shared: &Shared,
    head: &RequestHead,
    session: &Session,
    absence: Absence<'a>,
) -> Result<Guard<'a>, Fault> {
    let (state, doomed) = absence.back().map_err(|error| store_fault(shared, &error))?;
    let reason = match doomed {
        _ if state.ended => return Err(Fault::session_not_found()),
        None => return Ok(state),
        Some(reason) => reason,
    };
    shared.remove(session, state, Some(head), reason).map_err(|error| store_fault(shared, &error))?;
    Err(Fault::session_not_found())
}

/// Puts the complete file at its destination. After an error everything is as before, and the same packet
/// tries again.
fn deliver(shared: &Shared, session: &Session, state: &mut Guard<'_>) -> Result<(), Fault> {
    let record = SessionRecord { phase: SessionPhase::Delivered, ..state.record.clone() };
    let config = &shared.config;
    let overwrite = config.may_overwrite(record.owner.as_deref());
    let committed = state.announce().and_then(|()| config.store.commit(&record, overwrite));
    committed.map_err(|error| store_fault(shared, &error))?;
    session.touch(shared);
    config.logger.log(Level::Info, LOG, || {
        format!("{} delivered {}", session.id, String::from(record.destination.clone()))
    });
    state.record = record;
    Ok(())
}

/// Close-Session: the upload was complete and its session goes, or it was not and everything goes
/// (PROTOCOL 4.5). While the application is asked it waits. A complete upload that the application rejects
/// stays, for the client to try again, unless the rejection is final.
pub(super) fn close(shared: &Shared, head: &RequestHead, session: &Session) -> Result<Ack, Fault> {
    let turn = session.take_turn(shared)?;
    let state = session.lock(shared, turn)?;
    if let Some(fault) = shortfall(shared, &state.record)? {
        end(shared, head, session, state, EndReason::Failed)?;
        return Err(fault);
    }
    match settle(shared, head, session, turn, state, Finalize::Close) {
        Ok(state) => end(shared, head, session, state, EndReason::Closed),
        Err(fault) => {
            let state = session.lock(shared, turn)?;
            if matches!(state.record.outcome, Some(Outcome::Refused { .. })) {
                end(shared, head, session, state, EndReason::Failed)?;
            }
            Err(fault)
        }
    }
}

/// What a session lacks that is to be closed: bytes, or all of its data (CLS-04).
fn shortfall(shared: &Shared, record: &SessionRecord) -> Result<Option<Fault>, Fault> {
    if record.is_done() {
        return Ok(None);
    }
    match shared.config.store.open(record.id) {
        Ok(sink) if record.total == Some(sink.received()) => Ok(None),
        Ok(_) => Ok(Some(Fault::invalid("the session was closed before all bytes were there"))),
        Err(error @ StoreError::NotFound) => Ok(Some(store_fault(shared, &error))),
        Err(error) => Err(store_fault(shared, &error)),
    }
}

/// Cancel-Session: everything goes but a file that was delivered already (CAN-03). While the application is
/// asked it waits, so that what it answers is true.
pub(super) fn cancel(shared: &Shared, head: &RequestHead, session: &Session) -> Result<Ack, Fault> {
    let turn = session.take_turn(shared)?;
    let state = session.lock(shared, turn)?;
    end(shared, head, session, state, EndReason::Cancelled)
}

fn end(
    shared: &Shared,
    head: &RequestHead,
    session: &Session,
    state: Guard<'_>,
    reason: EndReason,
) -> Result<Ack, Fault> {
    let removed = shared.remove(session, state, Some(head), reason);
    removed.map_err(|error| store_fault(shared, &error))?;
    Ok(Ack { session_id: Some(session.id.to_string()), ..Ack::ok() })
}
