//! What goes back to the client.

use crate::proto::{Ack, Fault, names};

/// An answer; it has no body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Header fields, without `Content-Length`, `Date`, `Connection` and `Server`.
    pub headers: Vec<(&'static str, String)>,
    /// Whether the connection must be closed after it.
    pub close: bool,
}

impl Response {
    /// The answer to a packet.
    pub(super) fn ack(ack: &Ack) -> Self {
        Self { status: ack.status, headers: ack.to_headers(), close: false }
    }

    /// The answer to a refused packet. After 411 the end of the request is unknown (PROTOCOL 2.1 #11), after
    /// 503 nobody may be there to end it; neither connection is used again.
    pub(super) fn fault(fault: &Fault) -> Self {
        Self::refusal(Ack::fault(fault))
    }

    /// As [`Self::fault`], with more in the Ack.
    pub(super) fn refusal(ack: Ack) -> Self {
        Self { close: matches!(ack.status, 411 | 503), ..Self::ack(&ack) }
    }

    /// The answer to something other than a packet.
    pub(super) fn plain(status: u16) -> Self {
        let allow = (status == 405).then(|| (names::ALLOW, names::METHOD.to_owned()));
        Self { status, headers: allow.into_iter().collect(), close: false }
    }

    /// The reason phrase of the status.
    pub fn reason(&self) -> &'static str {
        reason(self.status)
    }
}

/// The reason phrase of an HTTP status this server sends.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}
