//! What to do with a request, in the order of checks of PROTOCOL 4.3.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::exchange::RequestHead;
use super::fragment::Receiving;
use super::response::Response;
use super::session::Session;
use super::{LOG, Shared, finish, fragment};
use crate::log::Level;
use crate::proto::packet::{self, SessionName};
use crate::proto::{Ack, Fault, Packet, PacketKind, SessionId, Target, names};
use crate::store::{Destination, PathError, SessionPhase, SessionRecord, StoreError};

/// What the head of a request leads to.
pub(super) enum Decision {
    /// An answer, whatever the body holds.
    Answer(Response),
    /// The body is a Fragment to be stored.
    Receive(Receiving),
}

impl From<Result<Ack, Fault>> for Decision {
    fn from(outcome: Result<Ack, Fault>) -> Self {
        Self::Answer(match outcome {
            Ok(ack) => Response::ack(&ack),
            Err(fault) => Response::fault(&fault),
        })
    }
}

/// The order of PROTOCOL 4.3: method, uploads enabled, format, Content-Length, session, packet.
pub(super) fn decide(shared: &Arc<Shared>, head: &RequestHead) -> Decision {
    match head.method.as_str() {
        names::METHOD => {}
        "GET" | "HEAD" => return Decision::Answer(Response::plain(404)),
        _ => return Decision::Answer(Response::plain(405)),
    }
    if !shared.enabled.load(Ordering::SeqCst) {
        return Err(Fault::disabled()).into();
    }
    let checked = PacketKind::of(&head.headers).and_then(|kind| {
        check(kind, head).map_err(|fault| {
            shared.config.logger.log(Level::Debug, LOG, || format!("{} refused: {fault}", kind.name()));
            fault
        })
    });
    match checked {
        Ok((packet, length)) => dispatch(shared, head, packet, length),
        Err(fault) => refuse(shared, head, &fault),
    }
}

/// Format and presence of a length.
fn check(kind: PacketKind, head: &RequestHead) -> Result<(Packet, u64), Fault> {
    let packet = Packet::parse(kind, &head.headers)?;
    let length = packet::content_length(&head.headers)?.ok_or(Fault::length_required())?;
    Ok((packet, length))
}

fn dispatch(shared: &Arc<Shared>, head: &RequestHead, packet: Packet, length: u64) -> Decision {
    let name = match packet {
        // No look-up and no session timer (PROTOCOL 4.3).
        Packet::Ping => return Ok(Ack::ok()).into(),
        Packet::CreateSession => return create(shared, head).into(),
        Packet::Fragment(name) | Packet::CloseSession(name) | Packet::CancelSession(name) => name,
    };
    let session = match look_up(shared, head, name) {
        Ok(session) => session,
        Err(fault) => return Err(fault).into(),
    };
    if let Err(fault) = same_target(head, &session) {
        return refuse(shared, head, &fault);
    }
    match packet {
        Packet::Fragment(_) => match packet::fragment_range(&head.headers, length) {
            Ok(range) => fragment::begin(shared, session, range, length),
            Err(fault) => refuse(shared, head, &fault),
        },
        Packet::CloseSession(_) => finish::close(shared, &session).into(),
        _ => finish::cancel(shared, &session).into(),
    }
}

/// The session of that name, if it lives and belongs to whoever asks. An expired one ends here: the
/// clean-up only runs now and then (PROTOCOL 4.6).
fn look_up(shared: &Shared, head: &RequestHead, name: SessionName) -> Result<Arc<Session>, Fault> {
    let SessionName::Id(id) = name else { return Err(Fault::session_not_found()) };
    let session = shared.registry.get(id).ok_or(Fault::session_not_found())?;
    if shared.time_left(&session).is_zero() {
        if let Err(error) = shared.end(&session, "expired") {
            shared.config.logger.log(Level::Error, LOG, || error.to_string());
        }
        return Err(Fault::session_not_found());
    }
    match session.owner == head.owner {
        true => Ok(session),
        false => Err(Fault::denied("the session belongs to another user")),
    }
}

/// A session takes packets for its own remote name only (FRG-27).
fn same_target(head: &RequestHead, session: &Session) -> Result<(), Fault> {
    let target = Target::parse(&head.target).ok_or(Fault::invalid("the request target is no path"))?;
    let destination = Destination::from_url_path(target.path).map_err(path_fault)?;
    match destination == session.destination && target.query == session.query.as_deref() {
        true => Ok(()),
        false => Err(Fault::invalid("the session was made for another URL")),
    }
}

/// Refuses a packet. A Fragment of a known session also learns the true offset (FRG-29).
fn refuse(shared: &Shared, head: &RequestHead, fault: &Fault) -> Decision {
    let is_fragment = PacketKind::of(&head.headers) == Ok(PacketKind::Fragment);
    let session = SessionName::of(&head.headers).ok().filter(|_| is_fragment);
    let session = session.and_then(|name| look_up(shared, head, name).ok());
    Decision::Answer(match session {
        Some(session) => fragment::refusal(shared, &session, fault),
        None => Response::fault(fault),
    })
}

fn create(shared: &Arc<Shared>, head: &RequestHead) -> Result<Ack, Fault> {
    let target = Target::parse(&head.target).ok_or(Fault::invalid("the request target is no path"))?;
    let destination = Destination::from_url_path(target.path).map_err(path_fault)?;
    let config = &shared.config;
    config.store.check(&destination, config.allow_overwrite).map_err(|error| store_fault(shared, &error))?;
    let now_ms = shared.now_ms();
    let record = SessionRecord {
        // From the operating system's generator: whoever knows the id may resume and cancel.
        id: SessionId::from_u128(uuid::Uuid::new_v4().as_u128()),
        destination,
        remote: None,
        url: None,
        query: target.query.map(str::to_owned),
        owner: head.owner.clone(),
        total: None,
        created_ms: now_ms,
        phase: SessionPhase::Receiving,
        outcome: None,
    };
    let session = Arc::new(Session::new(record.clone(), now_ms));
    shared.registry.admit(Arc::clone(&session), config)?;
    if let Err(error) = config.store.create(&record) {
        shared.registry.remove(&session);
        return Err(store_fault(shared, &error));
    }
    config.logger.log(Level::Info, LOG, || {
        let peer = head.peer.as_deref().unwrap_or("-");
        format!("{} created by {peer} for {}", record.id, String::from(record.destination.clone()))
    });
    Ok(Ack {
        protocol: Some(names::PROTOCOL_GUID.to_owned()),
        session_id: Some(session.id.to_string()),
        ..Ack::ok()
    })
}

fn path_fault(error: PathError) -> Fault {
    match error {
        PathError::Directory => Fault::invalid("the URL names a directory"),
        PathError::Unsafe(reason) => Fault::invalid(reason),
        PathError::Reserved => Fault::denied("the URL's path is reserved"),
    }
}

/// What a store's trouble is on the wire. The server's own trouble goes to the log; a peer's does not.
pub(super) fn store_fault(shared: &Shared, error: &StoreError) -> Fault {
    let fault = match error {
        StoreError::Exists => Fault::denied("the destination exists"),
        StoreError::IsDirectory => Fault::invalid("the destination is a directory"),
        StoreError::ParentMissing => Fault::not_found("the destination's folder does not exist"),
        StoreError::NotFound => Fault::not_found("the session's data is gone"),
        StoreError::NoSpace(_) => Fault::no_space(),
        StoreError::Denied(_) => Fault::denied("the operating system does not allow it"),
        StoreError::Io(_) => Fault::internal("the store failed"),
    };
    if matches!(error, StoreError::NoSpace(_) | StoreError::Denied(_) | StoreError::Io(_)) {
        shared.config.logger.log(Level::Error, LOG, || format!("the store failed: {error}"));
    }
    fault
}
