//! Finds the session of a packet.

use std::sync::Arc;

use crate::engine::faults;
use crate::engine::request::RequestHead;
use crate::engine::sessions::session::Session;
use crate::engine::state::EngineState;
use crate::proto::packet::SessionRef;
use crate::proto::{Ack, Fault, Packet, Target};
use crate::store::{Destination, EndedSession, SessionEnd};

/// The session with that name, if it belongs to the user of the request. Ends it if it has expired, because
/// the clean-up runs only periodically (PROTOCOL 4.6).
pub(super) fn session(
    state: &EngineState,
    head: &RequestHead,
    name: SessionRef,
) -> Result<Arc<Session>, Fault> {
    let SessionRef::Id(id) = name else { return Err(Fault::session_not_found()) };
    let session = state.live_session(id)?.ok_or(Fault::session_not_found())?;
    if session.owner == head.owner {
        Ok(session)
    } else {
        Err(Fault::denied("the session belongs to another user"))
    }
}

/// The Ack of a Close-Session or Cancel-Session that is repeated because its response was lost; `None` for any other
/// packet. Without it, the client would take the file for not delivered (PROTOCOL 4.5).
pub(super) fn repeated(
    state: &EngineState,
    head: &RequestHead,
    name: SessionRef,
    packet: &Packet,
) -> Option<Ack> {
    let SessionRef::Id(id) = name else { return None };
    let expected = match packet {
        Packet::CloseSession(_) => SessionEnd::Closed,
        Packet::CancelSession(_) => SessionEnd::Cancelled,
        Packet::Ping | Packet::CreateSession | Packet::Fragment(_) => return None,
    };
    let EndedSession { record, end } = state.ended(id)?;
    let (destination, query) = parse_target(head).ok()?;
    let is_same = end == expected
        && record.owner == head.owner
        && *record.remote() == destination
        && record.query.as_deref() == query;
    is_same.then(|| Ack { session_id: Some(id.to_string()), ..Ack::ok() })
}

/// Checks that a packet has the same URL as the Create-Session of its session (FRG-27).
pub(super) fn check_target(head: &RequestHead, session: &Session) -> Result<(), Fault> {
    let (destination, query) = parse_target(head)?;
    if destination == session.remote && query == session.query.as_deref() {
        Ok(())
    } else {
        Err(Fault::invalid("the session was created for another URL"))
    }
}

/// The path and the query of a packet's URL.
pub(super) fn parse_target(head: &RequestHead) -> Result<(Destination, Option<&str>), Fault> {
    let target = Target::parse(&head.target).ok_or(Fault::invalid("the request target is not a path"))?;
    let destination = Destination::from_url_path(target.path).map_err(faults::from_path)?;
    Ok((destination, target.query))
}
