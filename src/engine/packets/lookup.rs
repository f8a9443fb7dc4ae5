//! Finds the session of a packet.

use std::sync::Arc;

use crate::engine::faults;
use crate::engine::request::RequestHead;
use crate::engine::sessions::session::Session;
use crate::engine::state::EngineState;
use crate::proto::packet::SessionRef;
use crate::proto::{Ack, Fault, HResult, Packet, Target};
use crate::store::record::identity;
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

/// Acknowledges a Close-Session or Cancel-Session that is repeated because its response was lost. Otherwise the client
/// would assume that its file was not delivered (PROTOCOL 4.4).
///
/// # Errors
///
/// Returns `fault`, unless it says that the session is unknown and an earlier packet of the same type ended the session.
pub(super) fn acknowledge_repeated(
    state: &EngineState,
    head: &RequestHead,
    name: SessionRef,
    packet: Packet,
    fault: Fault,
) -> Result<Ack, Fault> {
    let (SessionRef::Id(id), Some(HResult::BG_E_SESSION_NOT_FOUND)) = (name, fault.hresult) else {
        return Err(fault);
    };
    let expected = match packet {
        Packet::CloseSession(_) => SessionEnd::Closed,
        Packet::CancelSession(_) => SessionEnd::Cancelled,
        Packet::Ping | Packet::CreateSession | Packet::Fragment(_) => return Err(fault),
    };
    let Ok((remote, query)) = parse_target(head) else { return Err(fault) };
    let ended = EndedSession { end: expected, identity: identity(head.owner.as_deref(), &remote, query) };
    if state.ended(id) == Some(ended) {
        Ok(Ack { session_id: Some(id.to_string()), ..Ack::ok() })
    } else {
        Err(fault)
    }
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
