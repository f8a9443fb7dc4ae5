//! The Ack, the response to a packet: written by the server, parsed by the client.

use super::fault::{Context, Fault};
use super::headers::Headers;
use super::hresult::HResult;
use super::names;
use super::range::decimal;

/// The response to a packet (PROTOCOL 3).
///
/// # Examples
///
/// ```
/// use bitsup::proto::{Ack, Headers, names};
///
/// let headers: Headers =
///     [(names::PACKET_TYPE, "Ack"), (names::RECEIVED_CONTENT_RANGE, "1024")].into_iter().collect();
/// let ack = Ack::from_headers(200, &headers);
/// assert!(ack.is_ack && ack.is_success());
/// assert_eq!(ack.received, Some(1024));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ack {
    /// The HTTP status.
    pub status: u16,
    /// Whether the response has `BITS-Packet-Type: Ack`. An error page of a gateway does not have it.
    pub is_ack: bool,
    /// `BITS-Protocol`, in the Ack of Create-Session.
    pub protocol: Option<String>,
    /// `BITS-Session-Id`, exactly as sent.
    pub session_id: Option<String>,
    /// `BITS-Host-Id`, in the Ack of Create-Session.
    pub host_id: Option<String>,
    /// `BITS-Host-Id-Fallback-Timeout` in seconds.
    pub host_id_fallback: Option<u32>,
    /// `BITS-Received-Content-Range`: the next offset the server expects.
    pub received: Option<u64>,
    /// `BITS-Reply-URL`, in the Ack of the last Fragment of an upload-reply job.
    pub reply_url: Option<String>,
    /// `BITS-Error`, or else `BITS-Error-Code`. Meaningless with a success status (PROTOCOL 6.5).
    pub error: Option<HResult>,
    /// `BITS-Error-Context`; meaningful together with `error`.
    pub context: Option<Context>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u32>,
    /// `WWW-Authenticate`, with status 401.
    pub challenge: Option<String>,
}

impl Ack {
    /// Creates the Ack of a success: 200 without further fields.
    #[must_use]
    pub fn ok() -> Self {
        Self { status: 200, is_ack: true, ..Self::default() }
    }

    /// Creates the Ack of a rejected packet. 401, 407 and 416 have no HRESULT (PROTOCOL 11.1 #25).
    #[must_use]
    pub fn fault(fault: &Fault) -> Self {
        let error = if matches!(fault.status, 401 | 407) { None } else { fault.hresult };
        Self {
            status: fault.status,
            is_ack: true,
            error,
            context: error.map(|_| fault.context),
            retry_after: fault.retry_after,
            challenge: fault.challenge.clone(),
            ..Self::default()
        }
    }

    /// Returns whether the packet was accepted: 200, or 201 as from some servers (CLI-05).
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self.status, 200 | 201)
    }

    /// Returns whether the server does not know the session (PROTOCOL 6.6).
    #[must_use]
    pub fn is_session_lost(&self) -> bool {
        !self.is_success() && self.error == Some(HResult::BG_E_SESSION_NOT_FOUND)
    }

    /// Returns the header fields to send, in the order of IIS. The transport adds `Content-Length`.
    #[must_use]
    pub fn to_headers(&self) -> Vec<(&'static str, String)> {
        let mut out = vec![
            (names::PRAGMA, "no-cache".to_owned()),
            (names::CACHE_CONTROL, "no-store".to_owned()),
            (names::PACKET_TYPE, names::ACK.to_owned()),
        ];
        let mut put = |name, value: Option<String>| out.extend(value.map(|value| (name, value)));
        put(names::PROTOCOL, self.protocol.clone());
        put(names::SESSION_ID, self.session_id.clone());
        put(names::HOST_ID, self.host_id.clone());
        put(names::HOST_ID_FALLBACK_TIMEOUT, self.host_id_fallback.map(|seconds| seconds.to_string()));
        put(names::RECEIVED_CONTENT_RANGE, self.received.map(|offset| offset.to_string()));
        put(names::REPLY_URL, self.reply_url.clone());
        put(names::ERROR, self.error.map(|error| error.to_wire()));
        put(names::ERROR_CODE, self.error.map(|error| error.to_wire()));
        put(names::ERROR_CONTEXT, self.context.map(|context| format!("{:#x}", context as u32)));
        put(names::RETRY_AFTER, self.retry_after.map(|seconds| seconds.to_string()));
        put(names::WWW_AUTHENTICATE, self.challenge.clone());
        put(names::ACCEPT_ENCODING, self.protocol.as_ref().map(|_| "identity".to_owned()));
        out
    }

    /// Parses a response, leniently (PROTOCOL 2.3): fields that are missing or invalid are `None`.
    #[must_use]
    pub fn from_headers(status: u16, headers: &Headers) -> Self {
        let text = |name| headers.get(name).filter(|value| !value.is_empty());
        let hresult = |name| text(name).and_then(HResult::from_wire);
        Self {
            status,
            is_ack: text(names::PACKET_TYPE).is_some_and(|value| value.eq_ignore_ascii_case(names::ACK)),
            protocol: text(names::PROTOCOL).map(str::to_owned),
            session_id: text(names::SESSION_ID).map(str::to_owned),
            host_id: text(names::HOST_ID).map(str::to_owned),
            host_id_fallback: text(names::HOST_ID_FALLBACK_TIMEOUT).and_then(|value| value.parse().ok()),
            received: text(names::RECEIVED_CONTENT_RANGE).and_then(decimal),
            reply_url: text(names::REPLY_URL).map(str::to_owned),
            error: hresult(names::ERROR).or_else(|| hresult(names::ERROR_CODE)),
            context: text(names::ERROR_CONTEXT).map(Context::from_wire),
            retry_after: retry_after(headers),
            challenge: text(names::WWW_AUTHENTICATE).map(str::to_owned),
        }
    }
}

/// Parses `Retry-After`, in seconds or as a date. A date counts from the `Date` of the same response, so that the clock
/// of the client does not matter; a date that has passed is no delay.
pub(crate) fn retry_after(headers: &Headers) -> Option<u32> {
    let value = headers.get(names::RETRY_AFTER)?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(seconds);
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let (then, now) = (date(value)?, date(headers.get("Date")?)?);
    u32::try_from(then.duration_since(now).unwrap_or_default().as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (value, date, seconds) in [
            ("120", None, Some(120)),
            (" 5 ", None, Some(5)),
            ("Sun, 06 Nov 1994 08:51:37 GMT", Some(NOW), Some(120)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(NOW), Some(0)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(NOW), Some(60)),
            ("Sun, 06 Nov 1994 08:51:37 GMT", None, None),
            ("soon", Some(NOW), None),
            ("-1", Some(NOW), None),
            ("Sun, 06 Nov 2994 08:51:37 GMT", Some(NOW), None),
        ] {
            let headers = [("Retry-After", Some(value)), ("Date", date)];
            let headers: Headers =
                headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            assert_eq!(retry_after(&headers), seconds, "{value} {date:?}");
        }
    }

    #[test]
    fn an_ack_round_trips() {
        let ack = Ack {
            protocol: Some(names::PROTOCOL_GUID.into()),
            session_id: Some("{X}".into()),
            host_id: Some("node3".into()),
            host_id_fallback: Some(110),
            received: Some(u64::MAX),
            reply_url: Some("http://h/r".into()),
            ..Ack::fault(&Fault::unavailable("busy", 7))
        };
        let headers: Headers = ack.to_headers().into_iter().collect();
        assert_eq!(Ack::from_headers(503, &headers), ack);
    }

    #[test]
    fn gen_21_gen_23_both_error_headers_have_the_same_value() {
        let headers: Headers = Ack::fault(&Fault::session_not_found()).to_headers().into_iter().collect();
        assert_eq!(headers.get(names::ERROR), Some("0x8020001F"));
        assert_eq!(headers.get(names::ERROR_CODE), Some("0x8020001F"));
        assert_eq!(headers.get(names::ERROR_CONTEXT), Some("0x5"));
        let plain: Headers = Ack::fault(&Fault::offset_mismatch()).to_headers().into_iter().collect();
        assert_eq!((plain.get(names::ERROR), plain.get(names::ERROR_CONTEXT)), (None, None));
    }

    #[test]
    fn cli_12_both_header_names_and_a_bare_x_are_accepted() {
        for (name, value) in [(names::ERROR_CODE, "0x8020001f"), (names::ERROR, "x8020001F")] {
            let headers: Headers = [(name, value)].into_iter().collect();
            assert!(Ack::from_headers(500, &headers).is_session_lost(), "{name}: {value}");
        }
        let empty: Headers = [(names::ERROR, ""), (names::ERROR_CODE, "0x8020001F")].into_iter().collect();
        assert!(Ack::from_headers(500, &empty).is_session_lost());
    }

    #[test]
    fn cli_43_error_headers_on_success_are_ignored() {
        let headers: Headers = [(names::ERROR_CODE, "1"), (names::ERROR_CONTEXT, "")].into_iter().collect();
        let ack = Ack::from_headers(200, &headers);
        assert!(ack.is_success() && !ack.is_session_lost());
    }
}
