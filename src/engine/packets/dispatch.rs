//! Checks the head of a request and dispatches it by packet type.

use super::decision::Decision;
use super::{cancel_session, close_session, create_session, fragment, lookup, ping};
use crate::engine::callbacks::calls;
use crate::engine::reply;
use crate::engine::request::RequestHead;
use crate::engine::response::Response;
use crate::engine::state::EngineState;
use crate::log::Level;
use crate::proto::packet::{self, SessionRef};
use crate::proto::{Fault, Packet, PacketKind, names};

/// Decides what to do with a request.
///
/// The checks have the order of PROTOCOL 4.3: method, uploads enabled, format, permission, Content-Length,
/// session, packet. The application is called for malformed packets as well, because the response to a
/// malformed Fragment contains the number of bytes received, which only the owner of the session may see.
pub(in crate::engine) fn decide(state: &EngineState, head: &mut RequestHead) -> Decision {
    match head.method.as_str() {
        names::METHOD => {}
        "POST" if is_override(state, head) => {}
        "GET" | "HEAD" => return Decision::Respond(reply::get::get(state, head)),
        _ => return Decision::Respond(Response::plain(405)),
    }
    if !state.is_enabled() {
        return Err(Fault::disabled()).into();
    }
    let log = |kind: PacketKind, fault: &Fault| {
        state.log(Level::Debug, || format!("{} rejected: {fault}", kind.name()));
    };
    let kind = match PacketKind::from_headers(&head.headers) {
        Ok(kind) => kind,
        Err(fault) => return Err(fault).into(),
    };
    let format = Packet::parse(kind, &head.headers).inspect_err(|fault| log(kind, fault));
    let permission = calls::authorize(state, head, Some(kind)).inspect_err(|fault| log(kind, fault));
    match (format, permission) {
        (Err(fault), Ok(())) => reject(state, head, &fault),
        (Err(fault), Err(_)) | (Ok(_), Err(fault)) => Err(fault).into(),
        (Ok(packet), Ok(())) => match packet::content_length(&head.headers) {
            Ok(Some(length)) => dispatch(state, head, packet, length),
            Ok(None) => reject(state, head, &Fault::length_required()),
            Err(fault) => reject(state, head, &fault),
        },
    }
}

/// Whether a POST is an override for the protocol's method (PROTOCOL 2.4).
fn is_override(state: &EngineState, head: &RequestHead) -> bool {
    state.config.method_override && head.headers.get(names::METHOD_OVERRIDE) == Some(names::METHOD)
}

fn dispatch(state: &EngineState, head: &RequestHead, packet: Packet, length: u64) -> Decision {
    let name = match packet {
        Packet::Ping => return Ok(ping::ping()).into(),
        Packet::CreateSession => return create_session::create(state, head).into(),
        Packet::Fragment(name) | Packet::CloseSession(name) | Packet::CancelSession(name) => name,
    };
    let repeated = |fault| lookup::acknowledge_repeated(state, head, name, packet, fault);
    let session = match lookup::session(state, head, name) {
        Ok(session) => session,
        Err(fault) => return repeated(fault).into(),
    };
    if let Err(fault) = lookup::check_target(head, &session) {
        return reject(state, head, &fault);
    }
    match packet {
        Packet::Fragment(_) => match packet::fragment_range(&head.headers, length) {
            Ok(range) => fragment::begin(state, head, session, range, length),
            Err(fault) => reject(state, head, &fault),
        },
        Packet::CloseSession(_) => close_session::close(state, head, &session).or_else(repeated).into(),
        _ => cancel_session::cancel(state, head, &session).or_else(repeated).into(),
    }
}

/// Rejects a packet. If it is a Fragment of a known session, the client also learns the next expected offset
/// (FRG-29).
fn reject(state: &EngineState, head: &RequestHead, fault: &Fault) -> Decision {
    let is_fragment = PacketKind::from_headers(&head.headers) == Ok(PacketKind::Fragment);
    let name = if is_fragment { SessionRef::from_headers(&head.headers).ok() } else { None };
    let session = name.and_then(|name| lookup::session(state, head, name).ok());
    Decision::Respond(match session {
        Some(session) => fragment::reject(state, head, &session, fault),
        None => Response::fault(fault),
    })
}
