//! Finds the session of a packet.

use std::sync::Arc;

use crate::engine::faults;
use crate::engine::request::RequestHead;
use crate::engine::sessions::session::Session;
use crate::engine::state::EngineState;
use crate::proto::packet::SessionRef;
use crate::proto::{Fault, Target};
use crate::store::Destination;

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
