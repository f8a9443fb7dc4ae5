//! Responds to GET and HEAD.

use std::sync::Arc;

use super::ranges::{MEDIA_TYPE, content_range, multipart};
use super::version::Version;
use crate::engine::address;
use crate::engine::callbacks::calls;
use crate::engine::request::RequestHead;
use crate::engine::response::Response;
use crate::engine::response::body::{Body, Piece};
use crate::engine::sessions::session::Session;
use crate::engine::state::EngineState;
use crate::log::Level;
use crate::proto::{ByteRanges, Fault, SessionId, names};
use crate::store::{Content, Outcome, ReplyKind, StoreError};

/// Responds to a GET or HEAD. Only replies can be read (SES-06).
pub(in crate::engine) fn get(state: &EngineState, head: &mut RequestHead) -> Response {
    let Some(id) = address::reply_session(&head.target) else { return Response::plain(404) };
    if let Err(fault) = calls::authorize(state, head, None) {
        return Response::get_rejected(fault);
    }
    let session = match session_with_reply(state, id) {
        Ok(Some(session)) => session,
        Ok(None) => return Response::plain(404),
        Err(fault) => return Response::get_rejected(fault),
    };
    if session.owner != head.owner {
        return Response::plain(403);
    }
    match state.config.store.reply(id) {
        Ok(content) => {
            session.touch();
            content_response(&session, head, content)
        }
        Err(StoreError::NotFound) => Response::plain(404),
        Err(error) => {
            state.log(Level::Error, || format!("{id}: cannot open its reply: {error}"));
            Response::plain(500)
        }
    }
}

/// The session with that id, if it has a stored reply.
fn session_with_reply(state: &EngineState, id: SessionId) -> Result<Option<Arc<Session>>, Fault> {
    let Some(session) = state.live_session(id)? else { return Ok(None) };
    let outcome = session.read(|record| record.outcome.clone());
    let outcome = outcome.map_err(|error| state.store_fault(&error))?;
    let has_reply = matches!(outcome, Some(Some(Outcome::Accepted { reply: ReplyKind::Stored, .. })));
    Ok(has_reply.then_some(session))
}

fn content_response(session: &Arc<Session>, head: &RequestHead, content: Box<dyn Content>) -> Response {
    let (length, version) = (content.length(), Version::of(&*content));
    let mut headers = vec![
        (names::ACCEPT_RANGES, "bytes".to_owned()),
        (names::LAST_MODIFIED, version.date()),
        (names::ETAG, version.tag.clone()),
        // A reply is deleted with its session, so caches must not keep it.
        (names::CACHE_CONTROL, "no-store".to_owned()),
    ];
    if let Some(status) = version.precondition_status(&head.headers) {
        let length = if status == 304 { length } else { 0 };
        return Response::content(status, headers, length, None);
    }
    let range = head.headers.get(names::RANGE).filter(|_| version.allows_ranges(&head.headers));
    let (status, content_type, pieces) = match ByteRanges::parse(range, length) {
        ByteRanges::Whole => (200, MEDIA_TYPE.to_owned(), vec![Piece::Span(0..length)]),
        ByteRanges::Unsatisfiable => {
            headers.push((names::CONTENT_RANGE, format!("bytes */{length}")));
            return Response::content(416, headers, 0, None);
        }
        ByteRanges::Parts(parts) => match parts.as_slice() {
            [part] => {
                headers.push((names::CONTENT_RANGE, content_range(part, length)));
                (206, MEDIA_TYPE.to_owned(), vec![Piece::Span(part.clone())])
            }
            _ => {
                let (content_type, pieces) = multipart(&parts, length);
                (206, content_type, pieces)
            }
        },
    };
    headers.push((names::CONTENT_TYPE, content_type));
    let length = pieces.iter().map(Piece::length).sum();
    let body = (head.method == "GET").then(|| Body::new(session, content, pieces));
    Response::content(status, headers, length, body)
}
