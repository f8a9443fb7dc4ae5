//! What an answer means.

use std::time::Duration;

use super::host::HostId;
use crate::error::{Error, Status};
use crate::proto::limits::MAX_SESSION_ID;
use crate::proto::reply_url::ReplyUrlError;
use crate::proto::{Ack, Context, HResult, PacketKind, names};

/// What to do about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The packet was accepted; what the Ack carries is still to be checked.
    Accepted,
    /// The Ack carries the offset to go on from.
    OutOfStep,
    /// The server does not know the session.
    SessionLost,
    /// The fragment was too long; try a shorter one.
    Shorten,
    /// It may pass: try again later.
    Again,
    /// It will not pass.
    Stop,
}

/// PROTOCOL 6.6, top to bottom. `last`: the packet carried the file's last byte.
pub(super) fn verdict(kind: PacketKind, last: bool, ack: &Ack) -> Verdict {
    use PacketKind::{CancelSession as Cancel, CloseSession as Close, Fragment};
    use Verdict::{Accepted, Again, OutOfStep, SessionLost, Shorten, Stop};
    match (kind, ack.status, ack.error) {
        (_, 200 | 201, _) => Accepted,
        (_, _, Some(HResult::BG_E_SESSION_NOT_FOUND)) => SessionLost,
        (_, 401 | 407, _) => Stop,
        (Close | Cancel, 500..=599, _) => Again,
        (Close | Cancel, 300..=499, _) => Stop,
        (Fragment, status, _) if is_of_application(last, ack) => class_of_application(status),
        (Fragment, 413, _) => Shorten,
        (Fragment, 416, _) => OutOfStep,
        (_, _, Some(HResult::BG_E_TOO_LARGE | HResult::E_INVALIDARG)) => Stop,
        (_, 501 | 505, _) => Stop,
        (_, 408 | 429 | 500..=599, _) => Again,
        (_, 300..=499, _) => Stop,
        // No status the protocol knows (1xx, 204, 600): whoever answered is no BITS server.
        _ => Again,
    }
}

/// What an application's status means, whatever HRESULT comes with it (PROTOCOL 5.5): its 413 and 416 are about
/// the file, not about fragments.
fn class_of_application(status: u16) -> Verdict {
    match status {
        306 | 308..=399 | 408 | 409 => Verdict::Again,
        300..=499 | 501 | 505 => Verdict::Stop,
        _ => Verdict::Again,
    }
}

/// Whether a refusal is the application's. Before the last byte no application has been asked, and servers
/// that say so all the same are mistaken; a context means something beside an error only (PROTOCOL 10.2).
fn is_of_application(last: bool, ack: &Ack) -> bool {
    last && ack.error.is_some() && ack.context == Some(Context::Application)
}

/// The error of an answer that is no success. `last` as for [`verdict`].
pub(super) fn refusal(kind: PacketKind, last: bool, ack: &Ack) -> Error {
    // What a challenge says beside its status is of no use.
    let fault = ack.error.filter(|_| !matches!(ack.status, 401 | 407));
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
        None if is_of_application(last, ack) => application_advice(ack.status),
        None => advice(ack.status),
    };
    let message = format!("{} was answered HTTP {}{named}; {advice}", kind.name(), ack.status);
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

/// What a status means that the application chose: nothing about destinations and folders.
fn application_advice(status: u16) -> &'static str {
    match status {
        408 | 500..=599 => advice(status),
        _ => "the application behind the server does not take the file; ask who runs it",
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        401 => {
            "the server wants credentials: give a user and a password, and check them; the server of a host id is told \
             them in a header field only"
        }
        407 => "the proxy wants credentials: give a user and a password for it, and check them",
        403 => "no permission, or the destination exists and may not be overwritten",
        404 => "check the URL: its folder is not there, or takes no uploads",
        409 => "the destination exists; choose another one or let the server allow overwrites",
        413 => "the server, or a proxy before it, takes no fragment as short as this; raise its limit",
        300..=399 => "uploads follow no redirect: check the URL and give the final one",
        405 | 501 => "the server takes no uploads at this URL",
        408 | 429 | 500..=599 => "it may pass: try again later",
        _ => "check that the URL belongs to a BITS server and that no proxy answers in its place",
    }
}

/// The error of an answer that breaks the protocol (PROTOCOL 6.5); it may pass, for it is often a proxy's.
fn invalid(kind: PacketKind, ack: &Ack, flaw: &str) -> Error {
    let message = format!("the answer to {} {flaw}; {}", kind.name(), advice(ack.status));
    Error::new(Status::Protocol, message)
        .with_http_status(ack.status)
        .with_hresult(HResult::BG_E_INVALID_SERVER_RESPONSE)
        .transient()
}

/// Checks that an answer is an Ack, and of this session where it names one. IIS names it only in the Ack of
/// Create-Session (PROTOCOL 2.5); a Ping has none (3.1).
pub(super) fn check_ack(kind: PacketKind, session: Option<&str>, ack: &Ack) -> Result<(), Error> {
    let has_session = !matches!(kind, PacketKind::Ping | PacketKind::CreateSession);
    match (session, ack.session_id.as_deref()) {
        _ if !ack.is_ack => Err(invalid(kind, ack, "has no BITS-Packet-Type: Ack")),
        (Some(ours), Some(named)) if has_session && !is_same_guid(ours, named) => {
            Err(invalid(kind, ack, "names another session"))
        }
        _ => Ok(()),
    }
}

/// Whether the answer to a Ping is a BITS server's that takes packets.
///
/// Errors: transient where it may pass.
pub fn check_ping(ack: &Ack) -> Result<(), Error> {
    match verdict(PacketKind::Ping, false, ack) {
        Verdict::Accepted => check_ack(PacketKind::Ping, None, ack),
        Verdict::Again => Err(refusal(PacketKind::Ping, false, ack).transient()),
        _ => Err(refusal(PacketKind::Ping, false, ack)),
    }
}

/// The session that a Create-Session Ack opens.
pub(super) fn opened(ack: &Ack) -> Result<&str, Error> {
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

/// The server of a farm that a Create-Session Ack names.
pub(super) fn host_id(ack: &Ack) -> Result<Option<HostId>, Error> {
    let Some(name) = &ack.host_id else { return Ok(None) };
    match HostId::new(name, ack.host_id_fallback) {
        Some(host) => Ok(Some(host)),
        None => Err(invalid(PacketKind::CreateSession, ack, "has a BITS-Host-Id that is no host")),
    }
}

/// The answer to an upload-reply job's last Fragment does not say where the reply is (CLI-29).
pub(super) fn no_reply_url(ack: &Ack) -> Error {
    reply_error(ack, "has no BITS-Reply-URL; the server has no application here that replies")
}

/// It says so in words of no use.
pub(super) fn bad_reply_url(ack: &Ack, flaw: ReplyUrlError) -> Error {
    reply_error(ack, &format!("has a BITS-Reply-URL that {flaw}; the server's settings have to change"))
}

fn reply_error(ack: &Ack, flaw: &str) -> Error {
    Error::new(Status::Protocol, format!("the answer to the last Fragment {flaw}"))
        .with_http_status(ack.status)
        .with_hresult(HResult::BG_E_INVALID_SERVER_RESPONSE)
}

/// The offset that the Ack of a Fragment carries, on 200 as on 416.
pub(super) fn received(ack: &Ack, total: u64) -> Result<u64, Error> {
    let kind = PacketKind::Fragment;
    match ack.received {
        Some(offset) if offset <= total => Ok(offset),
        Some(_) => Err(invalid(kind, ack, "has a BITS-Received-Content-Range beyond the end of the file")),
        None => Err(invalid(kind, ack, "has no BITS-Received-Content-Range")),
    }
}

/// Whether a session id can be echoed: any text a header may hold, up to 100 characters (PROTOCOL 2.3).
pub(super) fn is_session_id(id: &str) -> bool {
    let is_legal = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte);
    !id.is_empty() && id.len() <= MAX_SESSION_ID && id.bytes().all(is_legal)
}

/// GUIDs have no case, and their braces are optional.
fn is_same_guid(one: &str, other: &str) -> bool {
    let bare = |text: &str| text.trim_matches(['{', '}']).to_ascii_lowercase();
    bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use PacketKind::{CancelSession, CloseSession, CreateSession, Fragment, Ping};
    use Verdict::{Accepted, Again, OutOfStep, SessionLost, Shorten, Stop};

    fn ack(status: u16, error: u32) -> Ack {
        let error = (error != 0).then_some(HResult(error));
        Ack { status, error, context: error.map(|_| Context::Server), ..Ack::ok() }
    }

    fn of_application(status: u16, error: u32) -> Ack {
        Ack { context: Some(Context::Application), ..ack(status, error) }
    }

    #[test]
    fn every_row_of_the_table() {
        let rows: &[(&[PacketKind], u16, u32, Verdict)] = &[
            (&PacketKind::ALL, 200, 0, Accepted),
            (&PacketKind::ALL, 201, 0x1, Accepted),
            (&PacketKind::ALL, 500, 0x8020_001F, SessionLost),
            (&PacketKind::ALL, 404, 0x8020_001F, SessionLost),
            (&PacketKind::ALL, 401, 0, Stop),
            (&PacketKind::ALL, 407, 0, Stop),
            (&PacketKind::ALL, 403, 0x8007_0005, Stop),
            (&PacketKind::ALL, 404, 0, Stop),
            (&PacketKind::ALL, 302, 0, Stop),
            (&[CloseSession, CancelSession], 408, 0, Stop),
            (&[CloseSession, CancelSession], 501, 0x8007_0005, Again),
            (&[CloseSession, CancelSession], 503, 0, Again),
            (&[Fragment], 413, 0, Shorten),
            (&[Ping, CreateSession, CloseSession], 413, 0, Stop),
            (&[Fragment], 416, 0, OutOfStep),
            (&[Ping, CreateSession, CloseSession], 416, 0, Stop),
            (&[Ping, CreateSession, Fragment], 501, 0x8007_0005, Stop),
            (&[Ping, CreateSession, Fragment], 505, 0, Stop),
            (&[CreateSession, Fragment], 500, 0x8020_0020, Stop),
            (&[Ping, CreateSession, Fragment], 500, 0x8007_0057, Stop),
            (&[CreateSession, Fragment], 500, 0x8007_0070, Again),
            (&[CreateSession, Fragment], 500, 0x8007_0112, Again),
            (&[Ping, CreateSession, Fragment], 408, 0, Again),
            (&[Ping, CreateSession, Fragment], 429, 0, Again),
            (&[Ping, CreateSession, Fragment], 502, 0, Again),
            (&[CreateSession], 409, 0, Stop),
            (&PacketKind::ALL, 204, 0, Again),
        ];
        for &(kinds, status, error, expected) in rows {
            for &kind in kinds {
                assert_eq!(
                    verdict(kind, false, &ack(status, error)),
                    expected,
                    "{kind:?} {status} {error:#x}"
                );
            }
        }
    }

    #[test]
    fn cli_39_the_application_has_classes_of_its_own_on_the_last_fragment() {
        let fatal = [300, 305, 307, 400, 403, 404, 411, 413, 416, 429, 501, 505];
        let transient = [306, 308, 399, 408, 409, 500, 502, 504, 600];
        let cases =
            fatal.map(|status| (status, Stop)).into_iter().chain(transient.map(|status| (status, Again)));
        for (status, expected) in cases {
            for hresult in [HResult::http(status), HResult::E_INVALIDARG, HResult::BG_E_TOO_LARGE] {
                let answer = of_application(status, hresult.0);
                assert_eq!(verdict(Fragment, true, &answer), expected, "{status} {hresult}");
            }
        }
    }

    #[test]
    fn what_only_looks_like_an_application_is_the_server() {
        let cases = [(409, 0x8019_0199, Stop), (413, 0x8019_019D, Shorten), (503, 0x8020_0020, Stop)];
        for (status, error, expected) in cases {
            let early = verdict(Fragment, false, &of_application(status, error));
            assert_eq!(early, expected, "{status}: no application was asked yet");
        }
        assert_eq!(verdict(Fragment, true, &of_application(416, 0)), OutOfStep, "no error, no context");
        let lost = of_application(500, HResult::BG_E_SESSION_NOT_FOUND.0);
        assert_eq!(verdict(Fragment, true, &lost), SessionLost, "whoever says so, it is lost");
    }

    #[test]
    fn a_refusal_names_the_packet_the_numbers_and_what_to_do() {
        let error = refusal(Fragment, false, &ack(500, 0x8020_0020));
        assert_eq!((error.status(), error.http_status()), (Status::TooLarge, Some(500)));
        assert_eq!(
            (error.hresult(), error.context()),
            (Some(HResult::BG_E_TOO_LARGE), Some(Context::Server))
        );
        for part in ["Fragment", "HTTP 500", "0x80200020 BG_E_TOO_LARGE", "raise the server's limit"] {
            assert!(error.message().contains(part), "{error}");
        }
        let full = refusal(Fragment, false, &ack(500, 0x8007_0070));
        assert!(full.message().contains("make room on the server"), "{full}");
        let bare = refusal(CreateSession, false, &ack(404, 0));
        assert_eq!((bare.status(), bare.hresult()), (Status::HttpStatus, Some(HResult::http(404))));
    }

    #[test]
    fn a_refusal_by_the_application_says_so() {
        let answer = |status| of_application(status, HResult::http(status).0);
        let message = |last, status| refusal(Fragment, last, &answer(status)).message().to_owned();
        assert!(message(true, 403).contains("application behind the server does not take the file"));
        assert!(message(true, 503).contains("try again later"));
        assert!(message(false, 403).contains("no permission"), "no application was asked yet");
    }

    #[test]
    fn a_missing_credential_is_named() {
        let error = refusal(CreateSession, false, &ack(401, 0));
        assert_eq!((error.status(), error.hresult()), (Status::HttpStatus, Some(HResult::http(401))));
        assert!(error.message().contains("credentials"), "{error}");
    }

    #[test]
    fn session_ids_that_can_be_echoed() {
        for id in ["abc", "{A0FF5911-4144-45B3-BF27-27AFC8EC8A67}", "a b", &"x".repeat(100)] {
            assert!(is_session_id(id), "{id}");
        }
        for id in ["", "a\nb", "a\0", "\u{e9}", &"x".repeat(101)] {
            assert!(!is_session_id(id), "{id}");
        }
    }
}
