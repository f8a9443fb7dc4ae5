//! Calls the hooks of the host application. No lock is held during a call.

use std::borrow::Cow;

use super::hooks::{EndReason, Hooks, Upload, Verdict, VerdictReply};
use crate::engine::address;
use crate::engine::context::EngineContext;
use crate::engine::request::RequestHead;
use crate::proto::packet::SessionRef;
use crate::proto::{Context, Fault, HResult, Headers, PacketKind, SessionId};
use crate::store::{Destination, NewReply, Outcome, ReplyKind, SessionRecord, StoreError};

/// The `Retry-After` of a client whose reply does not fit on the volume, in seconds.
const REPLY_RETRY_AFTER: u32 = 60;

/// Identifies the user of a request and checks that it may use the directory. `packet` is `None` for the GET of
/// a reply.
pub(in crate::engine) fn authorize(
    context: &EngineContext,
    head: &mut RequestHead,
    packet: Option<PacketKind>,
) -> Result<(), Fault> {
    if let Some(hooks) = &context.config.hooks {
        identify(context, &**hooks, head, packet)?;
    }
    context.config.access.check_user(head.owner.as_deref())
}

fn identify(
    context: &EngineContext,
    hooks: &dyn Hooks,
    head: &mut RequestHead,
    packet: Option<PacketKind>,
) -> Result<(), Fault> {
    let mut verdict = Verdict::default();
    let session_id = match SessionRef::from_headers(&head.headers) {
        Ok(SessionRef::Id(id)) => Some(id),
        _ if packet.is_none() => address::reply_session(&head.target),
        _ => None,
    };
    let args = CallArgs {
        session_id,
        ..CallArgs::of_request(head, packet, address::upload_url(&context.config, head))
    };
    hooks.on_request(&args.upload(), &mut verdict);
    let owner = verdict.owner.take();
    verdict.check()?;
    head.owner = owner.or_else(|| head.owner.take());
    Ok(())
}

/// Calls the application before a session is created. Returns the destination that it chose, if any.
pub(in crate::engine) fn create(
    context: &EngineContext,
    head: &RequestHead,
    url: &str,
) -> Result<Option<Destination>, Fault> {
    let Some(hooks) = &context.config.hooks else { return Ok(None) };
    let mut verdict = Verdict::default();
    let args = CallArgs::of_request(head, Some(PacketKind::CreateSession), url.to_owned());
    hooks.on_create(&args.upload(), &mut verdict);
    let chosen = verdict.destination.take();
    verdict.check()?;
    chosen.map(destination).transpose()
}

/// Calls the application after bytes were stored.
pub(in crate::engine) fn progress(
    hooks: &dyn Hooks,
    record: &SessionRecord,
    head: &RequestHead,
    received: u64,
) {
    hooks.on_progress(&CallArgs::of_session(record, Some(head), received).upload());
}

/// Calls the application with a complete upload, and stores its reply. Returns the record with the decision.
///
/// # Errors
///
/// Fails if the application rejects the upload but allows a retry, or if its decision cannot be carried out.
pub(in crate::engine) fn received(
    context: &EngineContext,
    hooks: &dyn Hooks,
    record: &SessionRecord,
    head: &RequestHead,
    received: u64,
) -> Result<SessionRecord, Fault> {
    let store = &context.config.store;
    let fault = |error| context.store_fault(&error);
    let reply_path = store.stage_reply(record.id).map_err(fault)?;
    let content = store.read(record.id).map_err(fault)?;
    let mut verdict = Verdict::default();
    let args = CallArgs::of_session(record, Some(head), received);
    let upload = Upload {
        content: Some(&*content),
        data_path: content.path(),
        reply_path: reply_path.as_deref(),
        ..args.upload()
    };
    hooks.on_received(&upload, &mut verdict);
    let (keep, chosen) = (verdict.keep_file.unwrap_or(true), verdict.destination.take());
    let reply = std::mem::take(&mut verdict.reply);
    match verdict.check() {
        // 403 is the only final status (PROTOCOL 5.5).
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
    let reply = store_reply(context, record.id, reply)?;
    let mut record = SessionRecord { outcome: Some(Outcome::Accepted { keep, reply }), ..record.clone() };
    record.redirect(chosen);
    Ok(record)
}

/// Calls the application after a session ended.
pub(in crate::engine) fn ended(
    context: &EngineContext,
    record: &SessionRecord,
    head: Option<&RequestHead>,
    received: u64,
    reason: EndReason,
) {
    if let Some(hooks) = &context.config.hooks {
        hooks.on_end(&CallArgs::of_session(record, head, received).upload(), reason);
    }
}

fn store_reply(context: &EngineContext, id: SessionId, reply: VerdictReply) -> Result<ReplyKind, Fault> {
    let put = |reply| {
        let stored = context.config.store.put_reply(id, reply);
        stored.map(|()| ReplyKind::Stored).map_err(|error| {
            // The application is called again with the next attempt, which may be expensive and finds the volume as full.
            let retry_after = matches!(error, StoreError::NoSpace(_)).then_some(REPLY_RETRY_AFTER);
            Fault { retry_after, ..context.store_fault(&error) }
        })
    };
    match reply {
        VerdictReply::None => Ok(ReplyKind::None),
        VerdictReply::Bytes(bytes) => put(NewReply::Bytes(&bytes)),
        VerdictReply::File(path) => put(NewReply::File(&path)),
        VerdictReply::Url(url) if address::is_valid_reply_url(&url) => Ok(ReplyKind::Url(url)),
        VerdictReply::Url(_) => Err(Fault::rejected(
            400,
            HResult::E_INVALIDARG,
            Context::Application,
            "the application's reply URL is not absolute or longer than 2200 characters",
        )),
    }
}

/// Parses a destination that the application chose. An invalid one gets 500, because the client did not cause
/// it.
fn destination(path: String) -> Result<Destination, Fault> {
    let reason = "the application chose an invalid destination";
    Destination::try_from(path)
        .map_err(|_| Fault::rejected(500, HResult::http(500), Context::Application, reason))
}

/// The arguments of a call: owns what an [`Upload`] borrows.
struct CallArgs<'a> {
    packet: Option<PacketKind>,
    session_id: Option<SessionId>,
    url: String,
    peer: Option<&'a str>,
    owner: Option<&'a str>,
    headers: Cow<'a, Headers>,
    received: u64,
    total: Option<u64>,
}

impl<'a> CallArgs<'a> {
    fn of_request(head: &'a RequestHead, packet: Option<PacketKind>, url: String) -> Self {
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

    /// Uses the URL of Create-Session: later packets may address this server by its host id.
    fn of_session(record: &'a SessionRecord, head: Option<&'a RequestHead>, received: u64) -> Self {
        Self {
            packet: head.and_then(|head| PacketKind::from_headers(&head.headers).ok()),
            session_id: Some(record.id),
            url: record.url.clone().unwrap_or_else(|| address::record_url(record)),
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
            target: address::path_and_query(&self.url),
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
