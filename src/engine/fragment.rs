//! A Fragment: where its bytes go, by the table of PROTOCOL 4.4.

use std::sync::Arc;

use super::config::{Finalize, Overlap};
use super::dispatch::{Decision, store_fault};
use super::exchange::RequestHead;
use super::guard::Guard;
use super::hooks::EndReason;
use super::note::Turn;
use super::response::Response;
use super::session::{AtBody, Session, State};
use super::{LOG, Shared, address};
use crate::log::Level;
use crate::proto::{Ack, Fault, FragmentRange};
#[cfg(unix)]
use crate::store::SpliceBuffer;
use crate::store::{Outcome, ReplyKind, SessionPhase, SessionRecord, Sink, StoreError};

/// A Fragment whose body is coming in.
pub(super) struct Receiving {
    pub(super) session: Arc<Session>,
    pub(super) turn: Turn,
    pub(super) sink: Box<dyn Sink>,
    _at_body: AtBody,
    /// Bytes at the head of the body that the session holds already.
    skip: u64,
    /// Bytes of the body still to come.
    wanted: u64,
}

/// A Fragment of a session that holds all bytes already. Its body goes by before anything is decided: that
/// can take minutes, and a client writes its whole Fragment before it reads.
pub(super) struct Settling {
    pub(super) session: Arc<Session>,
    pub(super) turn: Turn,
    pub(super) range: FragmentRange,
    /// Length of the body.
    pub(super) length: u64,
    _at_body: AtBody,
    /// Bytes of the body still to come.
    wanted: u64,
}

/// What a Fragment leads to.
pub(super) enum Plan {
    /// Store the body but for its first bytes.
    Store { skip: u64 },
    /// All bytes are there, but the application was not told or the file not delivered: any Fragment tries
    /// again (PROTOCOL 4.2).
    Settle,
    /// The last Fragment once more, after success: the same answer again (FRG-26).
    Repeat,
}

/// Decides what to do with a Fragment whose head is in order.
pub(super) fn begin(
    shared: &Shared,
    head: &RequestHead,
    session: Arc<Session>,
    range: FragmentRange,
    length: u64,
) -> Decision {
    let turn = match session.take_turn(shared) {
        Ok(turn) => turn,
        Err(fault) => return Err(fault).into(),
    };
    let settle = |session| {
        let _at_body = AtBody::begin(&session, turn);
        Decision::Settle(Settling { session, turn, range, length, _at_body, wanted: length })
    };
    let opened = match session.lock_unless_received(shared, turn) {
        Ok(Some(state)) => open(shared, head, &session, state),
        // Whatever the application says, this Fragment gets the answer.
        Ok(None) => return settle(Arc::clone(&session)),
        Err(fault) => Err(fault),
    };
    let (mut state, sink) = match opened {
        Ok(opened) => opened,
        Err(fault) => return Err(fault).into(),
    };
    let received = received(&state, sink.as_deref());
    let decided = match (plan(shared, &state.record, range, length, received), sink) {
        (Ok(Plan::Store { skip }), Some(sink)) => shared
            .check_space(length.saturating_sub(skip))
            .and_then(|()| learn_total(shared, &mut state, range))
            .map(|()| {
                let (session, _at_body) = (Arc::clone(&session), AtBody::begin(&session, turn));
                Decision::Receive(Receiving { session, turn, sink, _at_body, skip, wanted: length })
            }),
        (Ok(Plan::Settle), _) => Ok(settle(Arc::clone(&session))),
        (Ok(_), mut sink) => {
            flush(shared, sink.as_mut()).map(|()| Ok(ack(shared, head, &state.record, received)).into())
        }
        (Err(fault), _) => Err(fault),
    };
    drop(state);
    decided.unwrap_or_else(|fault| Decision::Answer(refuse_at(&session, &fault, received)))
}

impl Receiving {
    /// How many bytes of the body are still to come.
    pub(super) fn wanted(&self) -> u64 {
        self.wanted
    }

    /// Stores the next bytes of the body, unless a newer request owns the session by now.
    pub(super) fn body(&mut self, shared: &Shared, data: &[u8]) -> Result<(), Response> {
        let data = take(&mut self.wanted, data);
        self.store(shared, data.len(), |sink, known| sink.write(data.get(known..).unwrap_or_default()))
    }

    /// Stores what an inlet holds, which is not more than is wanted.
    #[cfg(unix)]
    pub(super) fn pass(&mut self, shared: &Shared, inlet: &mut SpliceBuffer) -> Result<(), Response> {
        let count = inlet.held();
        self.wanted = self.wanted.saturating_sub(count as u64);
        self.store(shared, count, |sink, known| inlet.drain_to(known, sink))
    }

    /// Has the next `count` bytes stored, but for those at their head that are known. A `count` of 0 only asks
    /// whether the session is still this request's; that alone keeps no session alive.
    fn store(
        &mut self,
        shared: &Shared,
        count: usize,
        put: impl FnOnce(&mut dyn Sink, usize) -> Result<(), StoreError>,
    ) -> Result<(), Response> {
        let known = usize::try_from(self.skip).unwrap_or(usize::MAX).min(count);
        self.skip = self.skip.saturating_sub(known as u64);

        let _state = self.session.lock(shared, self.turn).map_err(|fault| Response::fault(&fault))?;
        if count > 0 {
            self.session.touch(shared);
        }
        match put(&mut *self.sink, known) {
            Ok(()) => Ok(()),
            Err(error) => Err(refuse_at(&self.session, &store_fault(shared, &error), self.sink.received())),
        }
    }
}

impl Settling {
    /// How many bytes of the body are still to come.
    pub(super) fn wanted(&self) -> u64 {
        self.wanted
    }

    /// Passes over the next `count` bytes of the body.
    pub(super) fn pass(&mut self, shared: &Shared, count: usize) -> Result<(), Response> {
        self.wanted = self.wanted.saturating_sub(count as u64);
        self.session.check_turn(self.turn).map_err(|fault| Response::fault(&fault))?;
        if count > 0 {
            self.session.touch(shared);
        }
        Ok(())
    }
}

/// As much of `data` as is wanted.
fn take<'a>(wanted: &mut u64, data: &'a [u8]) -> &'a [u8] {
    let count = usize::try_from(*wanted).unwrap_or(usize::MAX).min(data.len());
    *wanted = wanted.saturating_sub(count as u64);
    data.get(..count).unwrap_or_default()
}

/// The session's bytes; `None` once they are of no further use. A session whose bytes vanished is of no use
/// to anybody: it ends, and the client begins anew.
pub(super) fn open<'a>(
    shared: &Shared,
    head: &RequestHead,
    session: &Session,
    state: Guard<'a>,
) -> Result<(Guard<'a>, Option<Box<dyn Sink>>), Fault> {
    if state.record.is_done() {
        return Ok((state, None));
    }
    match shared.config.store.open(session.id) {
        Ok(sink) => Ok((state, Some(sink))),
        Err(StoreError::NotFound) => {
            shared.config.logger.log(Level::Error, LOG, || format!("{} lost its data", session.id));
            let removed = shared.remove(session, state, Some(head), EndReason::Failed);
            removed.map_err(|error| store_fault(shared, &error))?;
            Err(Fault::session_not_found())
        }
        Err(error) => Err(store_fault(shared, &error)),
    }
}

/// How many bytes were received.
pub(super) fn received(state: &State, sink: Option<&dyn Sink>) -> u64 {
    sink.map_or(state.record.total.unwrap_or_default(), |sink| sink.received())
}

/// Makes what the session holds as durable as it must be before it is acknowledged, also when another request
/// stored it: that one may have died before it came so far.
pub(super) fn flush(shared: &Shared, sink: Option<&mut Box<dyn Sink>>) -> Result<(), Fault> {
    sink.map_or(Ok(()), |sink| sink.flush().map_err(|error| store_fault(shared, &error)))
}

/// The table of PROTOCOL 4.4, top to bottom.
pub(super) fn plan(
    shared: &Shared,
    record: &SessionRecord,
    range: FragmentRange,
    length: u64,
    received: u64,
) -> Result<Plan, Fault> {
    let config = &shared.config;
    if record.total.is_some_and(|total| total != range.total()) || received > range.total() {
        return Err(Fault::invalid("the total length differs from the first fragment's"));
    }
    if range.total() > config.max_upload_size {
        return Err(Fault::too_large("the file is longer than the server takes"));
    }
    if length > config.max_fragment_size {
        return Err(Fault::too_large("the fragment is longer than the server takes"));
    }
    let complete = record.total == Some(received);
    if complete && is_owed(shared, record) {
        return Ok(Plan::Settle);
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

/// Whether a complete upload still waits for the application or for its delivery.
fn is_owed(shared: &Shared, record: &SessionRecord) -> bool {
    let untold = record.outcome.is_none() && shared.config.hooks.is_some();
    let refused = matches!(record.outcome, Some(Outcome::Refused { .. }));
    let undelivered = shared.config.finalize == Finalize::LastFragment && !record.is_done();
    record.phase == SessionPhase::Receiving && (untold || refused || undelivered)
}

/// Keeps the total of the first Fragment for the others to be held to (FRG-07).
fn learn_total(shared: &Shared, state: &mut Guard<'_>, range: FragmentRange) -> Result<(), Fault> {
    if state.record.total.is_some() {
        return Ok(());
    }
    let record = SessionRecord { total: Some(range.total()), ..state.record.clone() };
    let saved = state.announce().and_then(|()| shared.config.store.save(&record));
    saved.map_err(|error| store_fault(shared, &error))?;
    state.record = record;
    Ok(())
}

/// The Ack of a Fragment after which the server holds `received` bytes. The last one says where the reply is
/// (RPL-01).
pub(super) fn ack(shared: &Shared, head: &RequestHead, record: &SessionRecord, received: u64) -> Ack {
    let reply_url = match &record.outcome {
        Some(Outcome::Accepted { reply: ReplyKind::Stored, .. }) => {
            Some(address::reply(&shared.config, head, record.id))
        }
        Some(Outcome::Accepted { reply: ReplyKind::Url(url), .. }) => Some(url.clone()),
        _ => None,
    };
    Ack { session_id: Some(record.id.to_string()), received: Some(received), reply_url, ..Ack::ok() }
}

/// Refuses a Fragment of a known session before anything was looked at.
pub(super) fn refusal(shared: &Shared, head: &RequestHead, session: &Session, fault: &Fault) -> Response {
    let held = session.take_turn(shared).and_then(|turn| session.lock(shared, turn)).and_then(|state| {
        let (state, sink) = open(shared, head, session, state)?;
        Ok(received(&state, sink.as_deref()))
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
