//! The end of a Fragment and of a session: delivery, Close, Cancel.

use super::config::Finalize;
use super::dispatch::store_fault;
use super::fragment::{Receiving, fragment_ack, refuse_at};
use super::response::Response;
use super::session::{Session, State};
use super::{LOG, Shared};
use crate::log::Level;
use crate::proto::{Ack, Fault};
use crate::store::{SessionPhase, SessionRecord, Sink, StoreError};

/// Ends a Fragment whose body came in: with the last byte the file is delivered, and only then acknowledged.
pub(super) fn fragment(shared: &Shared, receiving: Receiving) -> Response {
    let short = receiving.wanted() > 0;
    let Receiving { session, turn, mut sink, .. } = receiving;
    let mut state = match session.lock(turn) {
        Ok(state) => state,
        Err(fault) => return Response::fault(&fault),
    };
    let outcome = match short {
        true => Err(Fault::invalid("the body is shorter than its range")),
        false => accept(shared, &session, &mut state, sink.as_mut()),
    };
    match outcome {
        Ok(()) => Response::ack(&fragment_ack(&session, sink.received())),
        Err(fault) => refuse_at(&session, &fault, sink.received()),
    }
}

fn accept(shared: &Shared, session: &Session, state: &mut State, sink: &mut dyn Sink) -> Result<(), Fault> {
    sink.flush().map_err(|error| store_fault(shared, &error))?;
    session.touch(shared.now_ms());
    let complete = state.record.total == Some(sink.received());
    match complete && shared.config.finalize == Finalize::LastFragment {
        true => deliver(shared, session, state),
        false => Ok(()),
    }
}

/// Puts the complete file at its destination. After an error everything is as before, and the same packet
/// tries again.
pub(super) fn deliver(shared: &Shared, session: &Session, state: &mut State) -> Result<(), Fault> {
    let record = SessionRecord { phase: SessionPhase::Delivered, ..state.record.clone() };
    let config = &shared.config;
    config.store.commit(&record, config.allow_overwrite).map_err(|error| store_fault(shared, &error))?;
    state.record = record;
    session.touch(shared.now_ms());
    config.logger.log(Level::Info, LOG, || {
        format!("{} delivered {}", session.id, String::from(session.destination.clone()))
    });
    Ok(())
}

/// Close-Session: the upload was complete and its session goes, or it was not and everything goes
/// (PROTOCOL 4.5).
pub(super) fn close(shared: &Shared, session: &Session) -> Result<Ack, Fault> {
    let turn = session.take_turn();
    let mut state = session.lock(turn)?;
    let unfinished = match state.record.phase {
        SessionPhase::Delivered => None,
        SessionPhase::Receiving => deliver_if_complete(shared, session, &mut state)?,
    };
    shared.remove(session, &mut state).map_err(|error| store_fault(shared, &error))?;
    shared.config.logger.log(Level::Info, LOG, || format!("{} closed", session.id));
    unfinished.map_or_else(|| Ok(session_ack(session)), Err)
}

/// Delivers what is complete. What is not, or has lost its data (CLS-04), is the fault to answer with once
/// the session is gone.
fn deliver_if_complete(
    shared: &Shared,
    session: &Session,
    state: &mut State,
) -> Result<Option<Fault>, Fault> {
    match shared.config.store.open(session.id) {
        Ok(sink) if state.record.total == Some(sink.received()) => {
            deliver(shared, session, state).map(|()| None)
        }
        Ok(_) => Ok(Some(Fault::invalid("the session was closed before all bytes were there"))),
        Err(error @ StoreError::NotFound) => Ok(Some(store_fault(shared, &error))),
        Err(error) => Err(store_fault(shared, &error)),
    }
}

/// Cancel-Session: everything goes but a file that was delivered already (CAN-03).
pub(super) fn cancel(shared: &Shared, session: &Session) -> Result<Ack, Fault> {
    let turn = session.take_turn();
    let mut state = session.lock(turn)?;
    shared.remove(session, &mut state).map_err(|error| store_fault(shared, &error))?;
    shared.config.logger.log(Level::Info, LOG, || format!("{} cancelled", session.id));
    Ok(session_ack(session))
}

fn session_ack(session: &Session) -> Ack {
    Ack { session_id: Some(session.id.to_string()), ..Ack::ok() }
}
