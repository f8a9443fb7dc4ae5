//! The Ack: written by the server, read by the client.

use super::fault::{Context, Fault};
use super::headers::Headers;
use super::hresult::HResult;
use super::names;
use super::range::decimal;

/// An answer to a packet, in the terms of PROTOCOL 3.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ack {
    /// HTTP status.
    pub status: u16,
    /// Whether the answer says `BITS-Packet-Type: Ack`. A gateway's error page does not.
    pub is_ack: bool,
    /// `BITS-Protocol`, of a Create-Session Ack.
    pub protocol: Option<String>,
    /// `BITS-Session-Id`, byte for byte.
    pub session_id: Option<String>,
    /// `BITS-Host-Id`, of a Create-Session Ack.
    pub host_id: Option<String>,
    /// `BITS-Host-Id-Fallback-Timeout` in seconds.
    pub host_id_fallback: Option<u32>,
    /// `BITS-Received-Content-Range`: the next offset the server expects.
    pub received: Option<u64>,
    /// `BITS-Reply-URL`, of the last Fragment of an upload-reply job.
    pub reply_url: Option<String>,
    /// `BITS-Error`, else `BITS-Error-Code`. Without meaning on a success status (PROTOCOL 6.5).
    pub error: Option<HResult>,
    /// `BITS-Error-Context`; meaningful beside an error.
    pub context: Option<Context>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u32>,
    /// `WWW-Authenticate`, of a 401.
    pub challenge: Option<String>,
}

impl Ack {
    /// A bare success.
    pub fn ok() -> Self {
        Self { status: 200, is_ack: true, ..Self::default() }
    }

    /// The Ack of a refused packet. 416 carries no HRESULT and 401 and 407 none either (PROTOCOL 11.1 #25).
    pub fn fault(fault: &Fault) -> Self {
        let error = fault.hresult.filter(|_| !matches!(fault.status, 401 | 407));
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

    /// Whether the packet was accepted: 200, or 201 as some servers say it (CLI-05).
    pub fn is_success(&self) -> bool {
        matches!(self.status, 200 | 201)
    }

    /// Whether the server does not know the session (PROTOCOL 6.6).
    pub fn is_session_lost(&self) -> bool {
        !self.is_success() && self.error == Some(HResult::BG_E_SESSION_NOT_FOUND)
    }

    /// The header fields to send, in the order IIS uses. `Content-Length` is the transport's.
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
        put(names::ERROR, self.error.map(|error| error.wire()));
        put(names::ERROR_CODE, self.error.map(|error| error.wire()));
        put(names::ERROR_CONTEXT, self.context.map(|context| format!("{:#x}", context as u32)));
        put(names::RETRY_AFTER, self.retry_after.map(|seconds| seconds.to_string()));
        put(names::WWW_AUTHENTICATE, self.challenge.clone());
        put(names::ACCEPT_ENCODING, self.protocol.as_ref().map(|_| "identity".to_owned()));
        out
    }

    /// Reads an answer. Lenient as PROTOCOL 2.3 says; what is missing or unreadable is `None`.
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

/// `Retry-After` in seconds; nobody here sends the form with a date.
pub(crate) fn retry_after(headers: &Headers) -> Option<u32> {
    headers.get(names::RETRY_AFTER)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_writes_the_client_reads() {
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
    fn gen_21_gen_23_both_error_names_carry_one_value() {
        let headers: Headers = Ack::fault(&Fault::session_not_found()).to_headers().into_iter().collect();
        assert_eq!(headers.get(names::ERROR), Some("0x8020001F"));
        assert_eq!(headers.get(names::ERROR_CODE), Some("0x8020001F"));
        assert_eq!(headers.get(names::ERROR_CONTEXT), Some("0x5"));
        let plain: Headers = Ack::fault(&Fault::out_of_step()).to_headers().into_iter().collect();
        assert_eq!((plain.get(names::ERROR), plain.get(names::ERROR_CONTEXT)), (None, None));
    }

    #[test]
    fn cli_12_either_name_and_a_bare_x_are_read() {
        for (name, value) in [(names::ERROR_CODE, "0x8020001f"), (names::ERROR, "x8020001F")] {
            let headers: Headers = [(name, value)].into_iter().collect();
            assert!(Ack::from_headers(500, &headers).is_session_lost(), "{name}: {value}");
        }
        let empty: Headers = [(names::ERROR, ""), (names::ERROR_CODE, "0x8020001F")].into_iter().collect();
        assert!(Ack::from_headers(500, &empty).is_session_lost());
    }

    #[test]
    fn cli_43_error_headers_on_success_mean_nothing() {
        let headers: Headers = [(names::ERROR_CODE, "1"), (names::ERROR_CONTEXT, "")].into_iter().collect();
        let ack = Ack::from_headers(200, &headers);
        assert!(ack.is_success() && !ack.is_session_lost());
    }
}
