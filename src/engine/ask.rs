//! Calls of the application behind an engine. None is made under a lock.

use std::borrow::Cow;

use super::exchange::RequestHead;
use super::hooks::{EndReason, Hooks, Reply, Upload, Verdict};
use super::{Shared, address, dispatch};
use crate::proto::packet::SessionName;
use crate::proto::{Context, Fault, HResult, Headers, PacketKind, SessionId};
use crate::store::{Destination, NewReply, Outcome, ReplyKind, SessionRecord};

/// Asks who sent a request and whether they may; `packet` is `None` for the GET of a reply.
pub(super) fn request(
    shared: &Shared,
    head: &mut RequestHead,
    packet: Option<PacketKind>,
) -> Result<(), Fault> {
    if let Some(hooks) = &shared.config.hooks {
        identify(shared, &**hooks, head, packet)?;
    }
    shared.config.access.admit(head.owner.as_deref())
}

fn identify(
    shared: &Shared,
    hooks: &dyn Hooks,
    head: &mut RequestHead,
    packet: Option<PacketKind>,
) -> Result<(), Fault> {
    let mut verdict = Verdict::default();
    let session_id = match SessionName::of(&head.headers) {
        Ok(SessionName::Id(id)) => Some(id),
        _ => address::reply_session(&head.target).filter(|_| packet.is_none()),
    };
    let view = View { session_id, ..View::of(head, packet, address::remote(&shared.config, head)) };
    hooks.on_request(&view.upload(), &mut verdict);
    let owner = verdict.owner.take();
    verdict.check()?;
    head.owner = owner.or_else(|| head.owner.take());
    Ok(())
}

/// Asks whether a session may be made, and where its file goes if not where its URL says.
pub(super) fn create(shared: &Shared, head: &RequestHead, url: &str) -> Result<Option<Destination>, Fault> {
    let Some(hooks) = &shared.config.hooks else { return Ok(None) };
    let mut verdict = Verdict::default();
    let view = View::of(head, Some(PacketKind::CreateSession), url.to_owned());
    hooks.on_create(&view.upload(), &mut verdict);
    let chosen = verdict.destination.take();
    verdict.check()?;
    chosen.map(destination).transpose()
}

/// Tells of bytes that were stored.
pub(super) fn progress(hooks: &dyn Hooks, record: &SessionRecord, head: &RequestHead, held: u64) {
    hooks.on_progress(&View::of_session(record, Some(head), held).upload());
}

/// Asks what to do with a complete upload, and keeps its reply. The record that comes back says what was
/// decided.
///
/// Errors: the application rejects, for now, or its decision cannot be carried out.
pub(super) fn received(
    shared: &Shared,
    hooks: &dyn Hooks,
    record: &SessionRecord,
    head: &RequestHead,
    held: u64,
) -> Result<SessionRecord, Fault> {
    let store = &shared.config.store;
    let fault = |error| dispatch::store_fault(shared, &error);
    let reply_path = store.stage_reply(record.id).map_err(fault)?;
    let content = store.read(record.id).map_err(fault)?;
    let mut verdict = Verdict::default();
    let view = View::of_session(record, Some(head), held);
    let upload = Upload {
        content: Some(&*content),
        data_path: content.path(),
        reply_path: reply_path.as_deref(),
        ..view.upload()
    };
    hooks.on_received(&upload, &mut verdict);
    let (keep, chosen) = (verdict.keep_file.unwrap_or(true), verdict.destination.take());
    let reply = std::mem::take(&mut verdict.reply);
    match verdict.check() {
        // The one status that is final (PROTOCOL 5.5).
        Err(Fault { status: 403, hresult, context, .. }) => {
            let hresult = hresult.unwrap_or(HResult::E_ACCESSDENIED);
            return Ok(SessionRecord {
                outcome: Some(Outcome::Refused { hresult, context }),
                ..record.clone()
            });
        }
        checked => checked?,
    }
    let chosen = chosen.map(destination).transpose()?;
    let reply = keep_reply(shared, record.id, reply)?;
    let mut record = SessionRecord { outcome: Some(Outcome::Accepted { keep, reply }), ..record.clone() };
    record.redirect(chosen);
    Ok(record)
}

/// Tells that a session is gone.
pub(super) fn ended(
    shared: &Shared,
    record: &SessionRecord,
    head: Option<&RequestHead>,
    held: u64,
    reason: EndReason,
) {
    if let Some(hooks) = &shared.config.hooks {
        hooks.on_end(&View::of_session(record, head, held).upload(), reason);
    }
}

fn keep_reply(shared: &Shared, id: SessionId, reply: Reply) -> Result<ReplyKind, Fault> {
    let put = |reply| {
        let stored = shared.config.store.put_reply(id, reply);
        stored.map(|()| ReplyKind::Stored).map_err(|error| dispatch::store_fault(shared, &error))
    };
    match reply {
        Reply::None => Ok(ReplyKind::None),
        Reply::Bytes(bytes) => put(NewReply::Bytes(&bytes)),
        Reply::File(path) => put(NewReply::File(&path)),
        Reply::Url(url) if address::is_static_url(&url) => Ok(ReplyKind::Url(url)),
        Reply::Url(_) => Err(Fault::rejected(
            400,
            HResult::E_INVALIDARG,
            Context::Application,
            "the application's reply URL is longer than 2200 characters or no absolute URL",
        )),
    }
}

/// A destination that the application chose; a wrong one is its fault, not the client's.
fn destination(path: String) -> Result<Destination, Fault> {
    let reason = "the application chose a destination that is none";
    Destination::try_from(path)
        .map_err(|_| Fault::rejected(500, HResult::http(500), Context::Application, reason))
}

impl Verdict {
    /// The rejection, if there is one. A status that is no error would tell the client that all is well.
    fn check(self) -> Result<(), Fault> {
        match self.rejection {
            None => Ok(()),
            Some(fault) if (300..600).contains(&fault.status) => Err(fault),
            Some(fault) => Err(Fault { status: 500, ..fault }),
        }
    }
}

/// What the application gets to see, as long as a call lasts.
struct View<'a> {
    packet: Option<PacketKind>,
    session_id: Option<SessionId>,
    url: String,
    peer: Option<&'a str>,
    owner: Option<&'a str>,
    headers: Cow<'a, Headers>,
    received: u64,
    total: Option<u64>,
}

impl<'a> View<'a> {
    fn of(head: &'a RequestHead, packet: Option<PacketKind>, url: String) -> Self {
        Self {
            packet,
            session_id: None,
            url,
            peer: head.peer.as_deref(),
            owner: head.owner.as_deref(),
            headers: Cow::Borrowed(&head.headers),
            received: 0,
            total: None,
        }
    }

    /// The URL is that of Create-Session: later packets may name this server by its host id.
    fn of_session(record: &'a SessionRecord, head: Option<&'a RequestHead>, received: u64) -> Self {
        Self {
            packet: head.and_then(|head| PacketKind::of(&head.headers).ok()),
            session_id: Some(record.id),
            url: record.url.clone().unwrap_or_else(|| address::of_record(record)),
            peer: head.and_then(|head| head.peer.as_deref()),
            owner: record.owner.as_deref(),
            headers: head.map_or_else(|| Cow::Owned(Headers::new()), |head| Cow::Borrowed(&head.headers)),
            received,
            total: record.total,
        }
    }

    fn upload(&self) -> Upload<'_> {
        Upload {
            packet: self.packet,
            session_id: self.session_id,
            target: address::local(&self.url),
            url: &self.url,
            peer: self.peer,
            owner: self.owner,
            headers: &self.headers,
            received: self.received,
            total: self.total,
            content: None,
            data_path: None,
            reply_path: None,
        }
    }
}
