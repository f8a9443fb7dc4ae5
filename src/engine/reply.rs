//! GET and HEAD of a reply (PROTOCOL 7.3).

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::body::{Body, Piece};
use super::dispatch::store_fault;
use super::exchange::RequestHead;
use super::response::Response;
use super::session::Session;
use super::{LOG, Shared, address, ask};
use crate::log::Level;
use crate::proto::{ByteRanges, Fault, Headers, SessionId, names};
use crate::store::{Content, Outcome, ReplyKind, StoreError};

const TYPE: &str = "application/octet-stream";

/// Answers a GET or HEAD. Nothing but replies can be read (SES-06).
pub(super) fn get(shared: &Arc<Shared>, head: &mut RequestHead) -> Response {
    let Some(id) = address::reply_session(&head.target) else { return Response::plain(404) };
    if let Err(fault) = ask::request(shared, head, None) {
        return Response::refused(fault);
    }
    let session = match replied(shared, id) {
        Ok(Some(session)) => session,
        Ok(None) => return Response::plain(404),
        Err(fault) => return Response::plain(fault.status),
    };
    if session.owner != head.owner {
        return Response::plain(403);
    }
    match shared.config.store.reply(id) {
        Ok(content) => {
            session.touch(shared);
            answer(shared, &session, head, content)
        }
        Err(StoreError::NotFound) => Response::plain(404),
        Err(error) => {
            shared.config.logger.log(Level::Error, LOG, || format!("{id}: cannot open its reply: {error}"));
            Response::plain(500)
        }
    }
}

/// The session of that id, if it has a reply.
fn replied(shared: &Shared, id: SessionId) -> Result<Option<Arc<Session>>, Fault> {
    let Some(session) = shared.live_session(id)? else { return Ok(None) };
    let outcome = session.look(shared, |record| record.outcome.clone());
    let outcome = outcome.map_err(|error| store_fault(shared, &error))?;
    let has_reply = matches!(outcome, Some(Some(Outcome::Accepted { reply: ReplyKind::Stored, .. })));
    Ok(Some(session).filter(|_| has_reply))
}

fn answer(
    shared: &Arc<Shared>,
    session: &Arc<Session>,
    head: &RequestHead,
    content: Box<dyn Content>,
) -> Response {
    let (length, version) = (content.length(), Version::of(&*content));
    let mut headers = vec![
        (names::ACCEPT_RANGES, "bytes".to_owned()),
        (names::LAST_MODIFIED, version.date()),
        (names::ETAG, version.tag.clone()),
        // Replies end with their session; a cache must not keep what the server forgets.
        (names::CACHE_CONTROL, "no-store".to_owned()),
    ];
    if let Some(status) = version.refusal(&head.headers) {
        let length = if status == 304 { length } else { 0 };
        return Response::content(status, headers, length, None);
    }
    let range = head.headers.get(names::RANGE).filter(|_| version.suits_if_range(&head.headers));
    let (status, kind, pieces) = match ByteRanges::parse(range, length) {
        ByteRanges::Whole => (200, TYPE.to_owned(), vec![Piece::Span(0..length)]),
        ByteRanges::Unsatisfiable => {
            headers.push((names::CONTENT_RANGE, format!("bytes */{length}")));
            return Response::content(416, headers, 0, None);
        }
        ByteRanges::Parts(parts) => match parts.as_slice() {
            [part] => {
                headers.push((names::CONTENT_RANGE, content_range(part, length)));
                (206, TYPE.to_owned(), vec![Piece::Span(part.clone())])
            }
            _ => multipart(&parts, length),
        },
    };
    headers.push((names::CONTENT_TYPE, kind));
    let length = pieces.iter().map(Piece::length).fold(0, u64::saturating_add);
    let body = (head.method == "GET").then(|| Body::new(shared, session, content, pieces));
    Response::content(status, headers, length, body)
}

/// Several parts in the order they were asked for (RFC 9110, 14.6).
fn multipart(parts: &[Range<u64>], length: u64) -> (u16, String, Vec<Piece>) {
    // Long and random: it does not occur in the content.
    let boundary = uuid::Uuid::new_v4().simple().to_string();
    let mut pieces = Vec::new();
    for part in parts {
        let before = if pieces.is_empty() { "" } else { "\r\n" };
        let range = content_range(part, length);
        let text = format!(
            "{before}--{boundary}\r\n{}: {TYPE}\r\n{}: {range}\r\n\r\n",
            names::CONTENT_TYPE,
            names::CONTENT_RANGE
        );
        pieces.extend([Piece::Text(text.into_bytes()), Piece::Span(part.clone())]);
    }
    pieces.push(Piece::Text(format!("\r\n--{boundary}--\r\n").into_bytes()));
    (206, format!("multipart/byteranges; boundary={boundary}"), pieces)
}

fn content_range(part: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", part.start, part.end.saturating_sub(1))
}

/// Which reply this is: how clients notice that it changed.
struct Version {
    tag: String,
    /// Seconds since 1970; dates in headers are no finer.
    modified: u64,
}

impl Version {
    fn of(content: &dyn Content) -> Self {
        let (modified_ms, length) = (content.modified_ms(), content.length());
        Self { tag: format!("\"{modified_ms:x}-{length:x}\""), modified: modified_ms / 1000 }
    }

    fn date(&self) -> String {
        let date = UNIX_EPOCH.checked_add(Duration::from_secs(self.modified)).unwrap_or(UNIX_EPOCH);
        httpdate::fmt_http_date(date)
    }

    /// 412 or 304 when a condition of the request says so, in the order of RFC 9110, 13.2.2. A date that is
    /// none is no condition.
    fn refusal(&self, headers: &Headers) -> Option<u16> {
        let date = |name| headers.get(name).and_then(seconds);
        let matches = match headers.get(names::IF_MATCH) {
            Some(list) => self.is_in(list, false),
            None => date(names::IF_UNMODIFIED_SINCE).is_none_or(|since| self.modified <= since),
        };
        let is_new = match headers.get(names::IF_NONE_MATCH) {
            Some(list) => !self.is_in(list, true),
            None => date(names::IF_MODIFIED_SINCE).is_none_or(|since| self.modified > since),
        };
        match (matches, is_new) {
            (false, _) => Some(412),
            (true, false) => Some(304),
            (true, true) => None,
        }
    }

    /// Whether the ranges were counted in this version; without the condition they were.
    fn suits_if_range(&self, headers: &Headers) -> bool {
        headers.get(names::IF_RANGE).is_none_or(|value| match value.contains('"') {
            true => value == self.tag,
            false => seconds(value) == Some(self.modified),
        })
    }

    /// Whether a list of tags names this version. `weakly` takes `W/"x"` for `"x"`.
    fn is_in(&self, list: &str, weakly: bool) -> bool {
        list.split(',').map(str::trim).any(|tag| {
            let tag = tag.strip_prefix("W/").filter(|_| weakly).unwrap_or(tag);
            tag == "*" || tag == self.tag
        })
    }
}

fn seconds(date: &str) -> Option<u64> {
    let date = httpdate::parse_http_date(date).ok()?;
    date.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}
