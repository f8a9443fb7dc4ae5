//! Create-Session.

use super::lookup;
use crate::engine::address;
use crate::engine::callbacks::calls;
use crate::engine::callbacks::event::SessionEventKind;
use crate::engine::request::RequestHead;
use crate::engine::state::EngineState;
use crate::log::Level;
use crate::proto::{Ack, Fault, SessionId, names};
use crate::store::{SessionPhase, SessionRecord};

/// Creates a session, if the user, the application, the destination and the limits allow it.
pub(super) fn create(state: &EngineState, head: &RequestHead) -> Result<Ack, Fault> {
    let (destination, query) = lookup::parse_target(head)?;
    let config = &state.config;
    config.access.check_creator(head.owner.as_deref())?;
    let url = address::upload_url(config, head);
    let chosen = calls::create(state, head, &url)?;
    let now_ms = state.now_ms();
    let mut record = SessionRecord {
        // From the operating system's generator: anyone who knows the id can resume and cancel the upload.
        id: SessionId::from_u128(uuid::Uuid::new_v4().as_u128()),
        destination,
        remote: None,
        url: Some(url),
        query: query.map(str::to_owned),
        owner: head.owner.clone(),
        total: None,
        created_ms: now_ms,
        phase: SessionPhase::Receiving,
        outcome: None,
    };
    record.redirect(chosen);
    let overwrite = config.may_overwrite(record.owner.as_deref());
    let checked = config.store.check(&record.destination, overwrite);
    checked.map_err(|error| state.store_fault(&error))?;
    state.check_space(0)?;
    let session = state.new_session(record.clone(), now_ms);
    state.insert(&session)?;
    if let Err(error) = config.store.create(&record) {
        state.forget(&session);
        return Err(state.store_fault(&error));
    }
    state.log(Level::Info, || {
        let peer = head.peer.as_deref().unwrap_or("-");
        format!("{} created by {peer} for {}", record.id, String::from(record.destination.clone()))
    });
    state.emit(&record, Some(head), SessionEventKind::Created);
    Ok(ack(state, head, session.id))
}

fn ack(state: &EngineState, head: &RequestHead, id: SessionId) -> Ack {
    let host_id = state.config.host_id.as_ref();
    Ack {
        // Servers that accept POST respond with 201, and their clients accept nothing else (PROTOCOL 13.3).
        status: if head.method == names::METHOD { 200 } else { 201 },
        protocol: Some(names::PROTOCOL_GUID.to_owned()),
        session_id: Some(id.to_string()),
        host_id: host_id.map(|host_id| host_id.host.clone()),
        host_id_fallback: host_id.map(|host_id| host_id.fallback_seconds).filter(|seconds| *seconds > 0),
        ..Ack::ok()
    }
}
