//! A Fragment: where its bytes go, by the table of PROTOCOL 4.4.

use std::sync::Arc;

use super::config::{Finalize, Overlap};
use super::dispatch::{Decision, store_fault};
use super::response::Response;
use super::session::{Session, State, Turn};
use super::{LOG, Shared, finish};
use crate::log::Level;
use crate::proto::{Ack, Fault, FragmentRange};
use crate::store::{SessionPhase, SessionRecord, Sink, StoreError};

/// A Fragment whose body is coming in.
pub(super) struct Receiving {
    pub(super) session: Arc<Session>,
    pub(super) turn: Turn,
    pub(super) sink: Box<dyn Sink>,
    /// Bytes at the head of the body that the session holds already.
    skip: u64,
    /// Bytes of the body still to come.
    wanted: u64,
}

/// What a Fragment leads to.
enum Plan {
    /// Store the body but for its first bytes.
    Store { skip: u64 },
    /// All bytes are there but the file is not delivered: any Fragment tries again (PROTOCOL 4.2).
    Deliver,
    /// The last Fragment once more, after success: the same answer again (FRG-26).
    Repeat,
}

/// Decides what to do with a Fragment whose head is in order.
pub(super) fn begin(shared: &Shared, session: Arc<Session>, range: FragmentRange, length: u64) -> Decision {
    let turn = session.take_turn();
    let opened = session.lock(turn).and_then(|mut state| {
        let sink = open(shared, &session, &mut state)?;
        Ok((state, sink))
    });
    let (mut state, sink) = match opened {
        Ok(opened) => opened,
        Err(fault) => return Err(fault).into(),
    };
    let received = sink.as_ref().map_or(state.record.total.unwrap_or_default(), |sink| sink.received());
    let acked = |received| Decision::from(Ok(fragment_ack(&session, received)));
    let outcome = match (plan(shared, &state, range, length, received), sink) {
        (Ok(Plan::Store { skip }), Some(sink)) => learn_total(shared, &mut state, range).map(|()| {
            Decision::Receive(Receiving { session: Arc::clone(&session), turn, sink, skip, wanted: length })
        }),
        (Ok(Plan::Deliver), Some(_)) => {
            finish::deliver(shared, &session, &mut state).map(|()| acked(received))
        }
        (Ok(_), _) => Ok(acked(received)),
        (Err(fault), _) => Err(fault),
    };
    outcome.unwrap_or_else(|fault| Decision::Answer(refuse_at(&session, &fault, received)))
}

impl Receiving {
    /// How many bytes of the body are still to come.
    pub(super) fn wanted(&self) -> u64 {
        self.wanted
    }

    /// Stores the next bytes of the body, unless a newer request owns the session by now.
    pub(super) fn body(&mut self, shared: &Shared, data: &[u8]) -> Result<(), Response> {
        let take = usize::try_from(self.wanted).unwrap_or(usize::MAX).min(data.len());
        let data = data.get(..take).unwrap_or_default();
        let known = usize::try_from(self.skip).unwrap_or(usize::MAX).min(data.len());
        self.skip = self.skip.saturating_sub(known as u64);
        self.wanted = self.wanted.saturating_sub(take as u64);

        let _state = self.session.lock(self.turn).map_err(|fault| Response::fault(&fault))?;
        self.session.touch(shared.now_ms());
        match self.sink.write(data.get(known..).unwrap_or_default()) {
            Ok(()) => Ok(()),
            Err(error) => Err(refuse_at(&self.session, &store_fault(shared, &error), self.sink.received())),
        }
    }
}

/// The session's bytes; `None` once the file is delivered. A session whose bytes vanished is of no use to
/// anybody: it ends, and the client begins anew.
fn open(shared: &Shared, session: &Session, state: &mut State) -> Result<Option<Box<dyn Sink>>, Fault> {
    if state.record.phase == SessionPhase::Delivered {
        return Ok(None);
    }
    match shared.config.store.open(session.id) {
        Ok(sink) => Ok(Some(sink)),
        Err(StoreError::NotFound) => {
            shared.config.logger.log(Level::Error, LOG, || format!("{} lost its data", session.id));
            shared.remove(session, state).map_err(|error| store_fault(shared, &error))?;
            Err(Fault::session_not_found())
        }
        Err(error) => Err(store_fault(shared, &error)),
    }
}

/// The table of PROTOCOL 4.4, top to bottom.
fn plan(
    shared: &Shared,
    state: &State,
    range: FragmentRange,
    length: u64,
    received: u64,
) -> Result<Plan, Fault> {
    let config = &shared.config;
    if state.record.total.is_some_and(|total| total != range.total()) || received > range.total() {
        return Err(Fault::invalid("the total length differs from the first fragment's"));
    }
    if range.total() > config.max_upload_size {
        return Err(Fault::too_large("the file is longer than the server takes"));
    }
    if length > config.max_fragment_size {
        return Err(Fault::too_large("the fragment is longer than the server takes"));
    }
    let complete = state.record.total == Some(received);
    if complete && state.record.phase == SessionPhase::Receiving && config.finalize == Finalize::LastFragment
    {
        return Ok(Plan::Deliver);
    }
    if complete && range.is_last() {
        return Ok(Plan::Repeat);
    }
    // Nothing is ever written over, and there are no holes (FRG-03, FRG-05, FRG-06).
    let overlap = received.checked_sub(range.first()).ok_or(Fault::out_of_step())?;
    match overlap {
        0 => Ok(Plan::Store { skip: 0 }),
        skip if received < range.end() && config.overlap == Overlap::Trim => Ok(Plan::Store { skip }),
        _ => Err(Fault::out_of_step()),
    }
}

/// Keeps the total of the first Fragment for the others to be held to (FRG-07).
fn learn_total(shared: &Shared, state: &mut State, range: FragmentRange) -> Result<(), Fault> {
    if state.record.total.is_some() {
        return Ok(());
    }
    let record = SessionRecord { total: Some(range.total()), ..state.record.clone() };
    shared.config.store.save(&record).map_err(|error| store_fault(shared, &error))?;
    state.record = record;
    Ok(())
}

/// The Ack of a Fragment after which the server holds `received` bytes.
pub(super) fn fragment_ack(session: &Session, received: u64) -> Ack {
    Ack { session_id: Some(session.id.to_string()), received: Some(received), ..Ack::ok() }
}

/// Refuses a Fragment of a known session before anything was looked at.
pub(super) fn refusal(shared: &Shared, session: &Session, fault: &Fault) -> Response {
    let turn = session.take_turn();
    let held = session.lock(turn).and_then(|mut state| {
        let sink = open(shared, session, &mut state)?;
        Ok(sink.map_or(state.record.total.unwrap_or_default(), |sink| sink.received()))
    });
    match held {
        Ok(received) => refuse_at(session, fault, received),
        Err(gone) => Response::fault(&gone),
    }
}

/// Refuses a Fragment and says where the session stands (FRG-29).
pub(super) fn refuse_at(session: &Session, fault: &Fault, received: u64) -> Response {
    let session_id = Some(session.id.to_string());
    Response::refusal(Ack { session_id, received: Some(received), ..Ack::fault(fault) })
}
