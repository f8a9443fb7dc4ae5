//! What to do with a request, in the order of checks of PROTOCOL 4.3.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::event::SessionEventKind;
use super::exchange::RequestHead;
use super::fragment::{Receiving, Settling};
use super::response::Response;
use super::session::Session;
use super::{LOG, Shared, address, ask, finish, fragment, reply};
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
    /// The body is a Fragment of a complete upload, to be passed over.
    Settle(Settling),
}

impl From<Result<Ack, Fault>> for Decision {
    fn from(outcome: Result<Ack, Fault>) -> Self {
        Self::Answer(match outcome {
            Ok(ack) => Response::ack(&ack),
            Err(fault) => Response::fault(&fault),
        })
    }
}

/// The order of PROTOCOL 4.3: method, uploads enabled, format, permission, Content-Length, session, packet.
/// The application learns of malformed packets as well, because the refusal of a Fragment tells the owner of
/// its session where that stands.
pub(super) fn decide(shared: &Arc<Shared>, head: &mut RequestHead) -> Decision {
    match head.method.as_str() {
        names::METHOD => {}
        "POST" if is_override(shared, head) => {}
        "GET" | "HEAD" => return Decision::Answer(reply::get(shared, head)),
        _ => return Decision::Answer(Response::plain(405)),
    }
    if !shared.enabled.load(Ordering::SeqCst) {
        return Err(Fault::disabled()).into();
    }
    let log = |kind: PacketKind, fault: &Fault| {
        shared.config.logger.log(Level::Debug, LOG, || format!("{} refused: {fault}", kind.name()));
    };
    let kind = match PacketKind::of(&head.headers) {
        Ok(kind) => kind,
        Err(fault) => return Err(fault).into(),
    };
    let format = Packet::parse(kind, &head.headers).inspect_err(|fault| log(kind, fault));
    let permission = ask::request(shared, head, Some(kind)).inspect_err(|fault| log(kind, fault));
    match (format, permission) {
        (Err(fault), Ok(())) => refuse(shared, head, &fault),
        (Err(fault), Err(_)) | (Ok(_), Err(fault)) => Err(fault).into(),
        (Ok(packet), Ok(())) => match packet::content_length(&head.headers) {
            Ok(Some(length)) => dispatch(shared, head, packet, length),
            Ok(None) => refuse(shared, head, &Fault::length_required()),
            Err(fault) => refuse(shared, head, &fault),
        },
    }
}

/// Whether a POST means the protocol's verb (PROTOCOL 2.4).
fn is_override(shared: &Shared, head: &RequestHead) -> bool {
    shared.config.method_override && head.headers.get(names::METHOD_OVERRIDE) == Some(names::METHOD)
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
            Ok(range) => fragment::begin(shared, head, session, range, length),
            Err(fault) => refuse(shared, head, &fault),
        },
        Packet::CloseSession(_) => finish::close(shared, head, &session).into(),
        _ => finish::cancel(shared, head, &session).into(),
    }
}

/// The session of that name, if it lives and belongs to whoever asks. An expired one ends here: the
/// clean-up only runs now and then (PROTOCOL 4.6).
fn look_up(shared: &Shared, head: &RequestHead, name: SessionName) -> Result<Arc<Session>, Fault> {
    let SessionName::Id(id) = name else { return Err(Fault::session_not_found()) };
    let session = shared.live_session(id)?.ok_or(Fault::session_not_found())?;
    match session.owner == head.owner {
        true => Ok(session),
        false => Err(Fault::denied("the session belongs to another user")),
    }
}

/// A session takes packets for its own remote name only (FRG-27).
fn same_target(head: &RequestHead, session: &Session) -> Result<(), Fault> {
    let target = Target::parse(&head.target).ok_or(Fault::invalid("the request target is no path"))?;
    let destination = Destination::from_url_path(target.path).map_err(path_fault)?;
    match destination == session.remote && target.query == session.query.as_deref() {
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
        Some(session) => fragment::refusal(shared, head, &session, fault),
        None => Response::fault(fault),
    })
}

fn create(shared: &Arc<Shared>, head: &RequestHead) -> Result<Ack, Fault> {
    let target = Target::parse(&head.target).ok_or(Fault::invalid("the request target is no path"))?;
    let destination = Destination::from_url_path(target.path).map_err(path_fault)?;
    let config = &shared.config;
    config.access.may_create(head.owner.as_deref())?;
    let url = address::remote(config, head);
    let chosen = ask::create(shared, head, &url)?;
    let now_ms = shared.now_ms();
    let mut record = SessionRecord {
        // From the operating system's generator: whoever knows the id may resume and cancel.
        id: SessionId::from_u128(uuid::Uuid::new_v4().as_u128()),
        destination,
        remote: None,
        url: Some(url),
        query: target.query.map(str::to_owned),
        owner: head.owner.clone(),
        total: None,
        created_ms: now_ms,
        phase: SessionPhase::Receiving,
        outcome: None,
    };
    record.redirect(chosen);
    let overwrite = config.may_overwrite(record.owner.as_deref());
    let checked = config.store.check(&record.destination, overwrite);
    checked.map_err(|error| store_fault(shared, &error))?;
    shared.check_space(0)?;
    let session = Arc::new(Session::new(record.clone(), now_ms));
    shared.admit(&session)?;
    if let Err(error) = config.store.create(&record) {
        shared.registry.remove(&session);
        return Err(store_fault(shared, &error));
    }
    config.logger.log(Level::Info, LOG, || {
        let peer = head.peer.as_deref().unwrap_or("-");
        format!("{} created by {peer} for {}", record.id, String::from(record.destination.clone()))
    });
    shared.tell(&record, Some(head), SessionEventKind::Created);
    Ok(created(shared, head, &session))
}

fn created(shared: &Shared, head: &RequestHead, session: &Session) -> Ack {
    let host_id = shared.config.host_id.as_ref();
    Ack {
        // The services that speak by POST answer so, and their clients take nothing else (PROTOCOL 13.3).
        status: if head.method == names::METHOD { 200 } else { 201 },
        protocol: Some(names::PROTOCOL_GUID.to_owned()),
        session_id: Some(session.id.to_string()),
        host_id: host_id.map(|host_id| host_id.host.clone()),
        host_id_fallback: host_id.map(|host_id| host_id.fallback_seconds).filter(|seconds| *seconds > 0),
        ..Ack::ok()
    }
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
