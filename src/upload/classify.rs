//! Classifies responses, and builds the errors for those that are not a success.

use std::time::Duration;

use super::session_host::SessionHost;
use crate::error::{Error, Status};
use crate::proto::limits::MAX_SESSION_ID;
use crate::proto::reply_url::ReplyUrlError;
use crate::proto::{Ack, Context, HResult, PacketKind, names};

/// What to do about a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseClass {
    /// The packet was accepted; the content of the Ack is still to be checked.
    Accepted,
    /// The Ack carries the offset to continue from.
    OffsetMismatch,
    /// The server does not know the session.
    SessionLost,
    /// The fragment was too long; send a shorter one.
    TooLong,
    /// A transient error; try again later.
    Retry,
    /// A permanent error.
    Fatal,
}

/// Classifies a response by the table of PROTOCOL 6.6, top to bottom.
pub(super) fn classify(kind: PacketKind, ack: &Ack) -> ResponseClass {
    use PacketKind::{CancelSession as Cancel, CloseSession as Close, Fragment};
    use ResponseClass::{Accepted, Fatal, OffsetMismatch, Retry, SessionLost, TooLong};
    match (kind, ack.status, ack.error) {
        (_, 200 | 201, _) => Accepted,
        (_, _, Some(HResult::BG_E_SESSION_NOT_FOUND)) => SessionLost,
        (_, 401 | 407, _) => Fatal,
        // The server has fewer bytes than it acknowledged, after a power failure for example, and discarded them.
        (Close, 400, Some(HResult::E_INVALIDARG)) if !is_from_application(ack) => SessionLost,
        (Close | Cancel, 500..=599, _) => Retry,
        (Close | Cancel, 300..=499, _) => Fatal,
        (Fragment, status, _) if is_from_application(ack) => classify_application(status),
        (Fragment, 413, _) => TooLong,
        (Fragment, 416, _) => OffsetMismatch,
        (_, _, Some(HResult::BG_E_TOO_LARGE | HResult::E_INVALIDARG)) => Fatal,
        (_, 501 | 505, _) => Fatal,
        (_, 408 | 429 | 500..=599, _) => Retry,
        (_, 300..=499, _) => Fatal,
        // A status that a BITS server does not send (1xx, 204, 600): some other server sent the response.
        _ => Retry,
    }
}

/// Classifies the status of the application behind the server, regardless of the HRESULT (PROTOCOL 5.5). Its
/// 413 and 416 are about the file, not about a fragment.
fn classify_application(status: u16) -> ResponseClass {
    match status {
        306 | 308..=399 | 408 | 409 => ResponseClass::Retry,
        300..=499 | 501 | 505 => ResponseClass::Fatal,
        _ => ResponseClass::Retry,
    }
}

/// Whether the application behind the server rejected the file. That may be the response to any Fragment: a resumed
/// client does not know that the server has all bytes. The context is only meaningful together with an error
/// (PROTOCOL 10.2).
fn is_from_application(ack: &Ack) -> bool {
    ack.error.is_some() && ack.context == Some(Context::Application)
}

/// The error for a response that is not a success.
pub(super) fn rejection(kind: PacketKind, ack: &Ack) -> Error {
    // A 401 or 407 has no HRESULT of its own; one that is sent is ignored.
    let fault = if matches!(ack.status, 401 | 407) { None } else { ack.error };
    let status = match fault {
        Some(HResult::BG_E_SESSION_NOT_FOUND) => Status::SessionNotFound,
        Some(HResult::BG_E_TOO_LARGE) => Status::TooLarge,
        _ if ack.status == 413 => Status::TooLarge,
        Some(_) => Status::ServerFault,
        None => Status::HttpStatus,
    };
    let named = fault.map_or(String::new(), |hresult| format!(", {hresult}"));
    let advice = match fault.and_then(HResult::info) {
        Some(info) => info.advice,
        None if is_from_application(ack) => application_advice(ack.status),
        None => advice(ack.status),
    };
    let message = format!("{} failed with HTTP {}{named}: {advice}", kind.name(), ack.status);
    let mut error = Error::new(status, message)
        .with_http_status(ack.status)
        .with_hresult(fault.unwrap_or(HResult::http(ack.status)));
    if let Some(seconds) = ack.retry_after {
        error = error.with_retry_after(Duration::from_secs(seconds.into()));
    }
    match (fault, ack.context) {
        (Some(_), Some(context)) => error.with_context(context),
        _ => error,
    }
}

/// Advice for a status that the application chose, which says nothing about the destination.
fn application_advice(status: u16) -> &'static str {
    match status {
        408 | 500..=599 => advice(status),
        _ => "the application behind the server does not accept the file; ask its administrator",
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        401 => {
            "the server requires credentials: set or check user and password; a server named by BITS-Host-Id only \
             gets credentials that are set as a header field"
        }
        407 => "the proxy requires credentials: set or check its user and password",
        403 => "no permission, or the destination exists and must not be overwritten",
        404 => "check the URL: the directory does not exist or does not accept uploads",
        409 => "the destination exists: choose another one, or allow overwriting on the server",
        413 => "the server or a proxy rejects even the shortest fragment: raise its limit on request bodies",
        300..=399 => "redirects are not followed: use the final URL",
        405 | 501 => "the server does not accept uploads at this URL",
        408 | 429 | 500..=599 => "the error may be temporary: try again later",
        _ => "check that the URL is that of a BITS server and that no proxy responds in its place",
    }
}

/// The error for a response that breaks the protocol (PROTOCOL 6.5). It is transient, because such a response often
/// comes from a proxy.
fn invalid(kind: PacketKind, ack: &Ack, flaw: &str) -> Error {
    let message = format!("the response to {} {flaw}: {}", kind.name(), advice(ack.status));
    Error::new(Status::Protocol, message)
        .with_http_status(ack.status)
        .with_hresult(HResult::BG_E_INVALID_SERVER_RESPONSE)
        .transient()
}

/// Checks that a response is an Ack and, if it contains a session id, that this is the id of `session`. IIS
/// sends the id only in the Ack of Create-Session (PROTOCOL 2.5); a Ping has none (3.1).
pub(super) fn check_ack(kind: PacketKind, session: Option<&str>, ack: &Ack) -> Result<(), Error> {
    let has_session = !matches!(kind, PacketKind::Ping | PacketKind::CreateSession);
    match (session, ack.session_id.as_deref()) {
        _ if !ack.is_ack => Err(invalid(kind, ack, "has no BITS-Packet-Type: Ack")),
        (Some(ours), Some(named)) if has_session && !is_same_guid(ours, named) => {
            Err(invalid(kind, ack, "is for another session"))
        }
        _ => Ok(()),
    }
}

/// Checks that the response to a Ping is from a BITS server that accepts packets.
///
/// # Errors
///
/// Returns an error that describes the response. It is [transient](Error::is_transient) if a later attempt
/// may succeed.
///
/// # Examples
///
/// ```
/// use bitsup::proto::Ack;
/// use bitsup::upload::check_ping;
///
/// assert!(check_ping(&Ack::ok()).is_ok());
/// let error = check_ping(&Ack { status: 503, ..Ack::default() }).unwrap_err();
/// assert!(error.is_transient());
/// ```
pub fn check_ping(ack: &Ack) -> Result<(), Error> {
    match classify(PacketKind::Ping, ack) {
        ResponseClass::Accepted => check_ack(PacketKind::Ping, None, ack),
        ResponseClass::Retry => Err(rejection(PacketKind::Ping, ack).transient()),
        _ => Err(rejection(PacketKind::Ping, ack)),
    }
}

/// The session id in the Ack of Create-Session.
pub(super) fn opened_session(ack: &Ack) -> Result<&str, Error> {
    let kind = PacketKind::CreateSession;
    if ack.protocol.as_deref().is_some_and(|protocol| !is_same_guid(protocol, names::PROTOCOL_GUID)) {
        return Err(invalid(kind, ack, "chooses a protocol that was not offered"));
    }
    match ack.session_id.as_deref() {
        Some(id) if is_session_id(id) => Ok(id),
        Some(_) => Err(invalid(kind, ack, "has a BITS-Session-Id that cannot be sent back")),
        None => Err(invalid(kind, ack, "has no BITS-Session-Id")),
    }
}

/// The server that the Ack of Create-Session names in `BITS-Host-Id`, if any.
pub(super) fn session_host(ack: &Ack) -> Result<Option<SessionHost>, Error> {
    let Some(name) = &ack.host_id else { return Ok(None) };
    match SessionHost::new(name, ack.host_id_fallback) {
        Some(host) => Ok(Some(host)),
        None => Err(invalid(PacketKind::CreateSession, ack, "has a BITS-Host-Id that is not a host")),
    }
}

/// The error for a response to the last Fragment of an upload-reply job without a reply URL (CLI-29).
pub(super) fn no_reply_url(ack: &Ack) -> Error {
    reply_error(ack, "has no BITS-Reply-URL: no application behind the server produces a reply at this URL")
}

/// The error for an invalid reply URL in the Ack.
pub(super) fn bad_reply_url(ack: &Ack, flaw: ReplyUrlError) -> Error {
    reply_error(ack, &format!("has a BITS-Reply-URL that {flaw}: correct the configuration of the server"))
}

fn reply_error(ack: &Ack, flaw: &str) -> Error {
    Error::new(Status::Protocol, format!("the response to the last Fragment {flaw}"))
        .with_http_status(ack.status)
        .with_hresult(HResult::BG_E_INVALID_SERVER_RESPONSE)
}

/// The offset in the Ack of a Fragment, for both 200 and 416.
pub(super) fn acknowledged_offset(ack: &Ack, total: u64) -> Result<u64, Error> {
    let kind = PacketKind::Fragment;
    match ack.received {
        Some(offset) if offset <= total => Ok(offset),
        Some(_) => Err(invalid(kind, ack, "has a BITS-Received-Content-Range beyond the end of the file")),
        None => Err(invalid(kind, ack, "has no BITS-Received-Content-Range")),
    }
}

/// Whether a session id can be sent back: any text allowed in a header field, up to 100 characters (PROTOCOL 2.3).
pub(super) fn is_session_id(id: &str) -> bool {
    let is_legal = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte);
    !id.is_empty() && id.len() <= MAX_SESSION_ID && id.bytes().all(is_legal)
}

/// Compares two GUIDs; case and braces do not matter.
fn is_same_guid(one: &str, other: &str) -> bool {
    let bare = |text: &str| text.trim_matches(['{', '}']).to_ascii_lowercase();
    bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use PacketKind::{CancelSession, CloseSession, CreateSession, Fragment, Ping};
    use ResponseClass::{Accepted, Fatal, OffsetMismatch, Retry, SessionLost, TooLong};

    fn ack(status: u16, error: u32) -> Ack {
        let error = (error != 0).then_some(HResult(error));
        Ack { status, error, context: error.map(|_| Context::Server), ..Ack::ok() }
    }

    fn of_application(status: u16, error: u32) -> Ack {
        Ack { context: Some(Context::Application), ..ack(status, error) }
    }

    #[test]
    fn every_row_of_the_table() {
        let rows: &[(&[PacketKind], u16, u32, ResponseClass)] = &[
            (&PacketKind::ALL, 200, 0, Accepted),
            (&PacketKind::ALL, 201, 0x1, Accepted),
            (&PacketKind::ALL, 500, 0x8020_001F, SessionLost),
            (&PacketKind::ALL, 404, 0x8020_001F, SessionLost),
            (&PacketKind::ALL, 401, 0, Fatal),
            (&PacketKind::ALL, 407, 0, Fatal),
            (&PacketKind::ALL, 403, 0x8007_0005, Fatal),
            (&PacketKind::ALL, 404, 0, Fatal),
            (&PacketKind::ALL, 302, 0, Fatal),
            (&[CloseSession, CancelSession], 408, 0, Fatal),
            (&[CloseSession, CancelSession], 501, 0x8007_0005, Retry),
            (&[CloseSession, CancelSession], 503, 0, Retry),
            (&[Fragment], 413, 0, TooLong),
            (&[Ping, CreateSession, CloseSession], 413, 0, Fatal),
            (&[Fragment], 416, 0, OffsetMismatch),
            (&[Ping, CreateSession, CloseSession], 416, 0, Fatal),
            (&[Ping, CreateSession, Fragment], 501, 0x8007_0005, Fatal),
            (&[Ping, CreateSession, Fragment], 505, 0, Fatal),
            (&[CreateSession, Fragment], 500, 0x8020_0020, Fatal),
            (&[Ping, CreateSession, Fragment], 500, 0x8007_0057, Fatal),
            (&[CreateSession, Fragment], 500, 0x8007_0070, Retry),
            (&[CreateSession, Fragment], 500, 0x8007_0112, Retry),
            (&[Ping, CreateSession, Fragment], 408, 0, Retry),
            (&[Ping, CreateSession, Fragment], 429, 0, Retry),
            (&[Ping, CreateSession, Fragment], 502, 0, Retry),
            (&[CreateSession], 409, 0, Fatal),
            (&PacketKind::ALL, 204, 0, Retry),
        ];
        for &(kinds, status, error, expected) in rows {
            for &kind in kinds {
                assert_eq!(classify(kind, &ack(status, error)), expected, "{kind:?} {status} {error:#x}");
            }
        }
    }

    #[test]
    fn cli_39_a_status_of_the_application_is_classified_by_its_own_table() {
        let fatal = [300, 305, 307, 400, 403, 404, 411, 413, 416, 429, 501, 505];
        let transient = [306, 308, 399, 408, 409, 500, 502, 504, 600];
        let cases =
            fatal.map(|status| (status, Fatal)).into_iter().chain(transient.map(|status| (status, Retry)));
        for (status, expected) in cases {
            for hresult in [HResult::http(status), HResult::E_INVALIDARG, HResult::BG_E_TOO_LARGE] {
                let response = of_application(status, hresult.0);
                assert_eq!(classify(Fragment, &response), expected, "{status} {hresult}");
            }
        }
    }

    #[test]
    fn the_context_of_the_application_needs_an_error_and_does_not_hide_a_lost_session() {
        assert_eq!(classify(Fragment, &of_application(416, 0)), OffsetMismatch, "no error, no context");
        let lost = of_application(500, HResult::BG_E_SESSION_NOT_FOUND.0);
        assert_eq!(classify(Fragment, &lost), SessionLost, "lost, regardless of the context");
    }

    #[test]
    fn a_close_session_finds_lost_bytes_unless_the_application_responds() {
        assert_eq!(classify(CloseSession, &ack(400, HResult::E_INVALIDARG.0)), SessionLost);
        assert_eq!(classify(CloseSession, &of_application(400, HResult::E_INVALIDARG.0)), Fatal);
    }

    #[test]
    fn a_rejection_message_contains_packet_status_and_advice() {
        let error = rejection(Fragment, &ack(500, 0x8020_0020));
        assert_eq!((error.status(), error.http_status()), (Status::TooLarge, Some(500)));
        assert_eq!(
            (error.hresult(), error.context()),
            (Some(HResult::BG_E_TOO_LARGE), Some(Context::Server))
        );
        for part in ["Fragment", "HTTP 500", "0x80200020 BG_E_TOO_LARGE", "raise the server's limit"] {
            assert!(error.message().contains(part), "{error}");
        }
        let full = rejection(Fragment, &ack(500, 0x8007_0070));
        assert!(full.message().contains("free space on the server"), "{full}");
        let bare = rejection(CreateSession, &ack(404, 0));
        assert_eq!((bare.status(), bare.hresult()), (Status::HttpStatus, Some(HResult::http(404))));
    }

    #[test]
    fn a_rejection_by_the_application_is_reported_as_such() {
        let response = |status| of_application(status, HResult::http(status).0);
        let message = |status| rejection(Fragment, &response(status)).message().to_owned();
        assert!(message(403).contains("application behind the server does not accept the file"));
        assert!(message(503).contains("try again later"));
    }

    #[test]
    fn missing_credentials_are_reported() {
        let error = rejection(CreateSession, &ack(401, 0));
        assert_eq!((error.status(), error.hresult()), (Status::HttpStatus, Some(HResult::http(401))));
        assert!(error.message().contains("credentials"), "{error}");
    }

    #[test]
    fn session_ids_that_can_be_sent_back() {
        for id in ["abc", "{A0FF5911-4144-45B3-BF27-27AFC8EC8A67}", "a b", &"x".repeat(100)] {
            assert!(is_session_id(id), "{id}");
        }
        for id in ["", "a\nb", "a\0", "\u{e9}", &"x".repeat(101)] {
            assert!(!is_session_id(id), "{id}");
        }
    }
}
