//! What goes back to the client.

use std::io;

use super::body::Body;
use crate::proto::{Ack, Fault, names};

/// An answer. Acks have no body; a reply has.
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Header fields, without `Content-Length`, `Date`, `Connection` and `Server`.
    pub headers: Vec<(&'static str, String)>,
    /// Whether the connection must be closed after it.
    pub close: bool,
    content_length: u64,
    body: Option<Body>,
}

impl Response {
    /// The answer to something other than a packet.
    pub fn plain(status: u16) -> Self {
        let allow = (status == 405).then(|| (names::ALLOW, names::METHOD.to_owned()));
        Self::new(status, allow.into_iter().collect())
    }

    /// The answer to a request that a transport refuses, in the way of its method, without asking the engine.
    pub fn rejection(method: &str, fault: Fault) -> Self {
        match method {
            "GET" | "HEAD" => Self::refused(fault),
            _ => Self::fault(&fault),
        }
    }

    /// The answer to a GET that the application refuses. Whoever has to tell who they are learns how (GEN-14).
    pub(super) fn refused(fault: Fault) -> Self {
        let challenge = fault.challenge.map(|challenge| (names::WWW_AUTHENTICATE, challenge));
        Self::new(fault.status, challenge.into_iter().collect())
    }

    fn new(status: u16, headers: Vec<(&'static str, String)>) -> Self {
        Self { status, headers, close: false, content_length: 0, body: None }
    }

    /// The answer to a packet.
    pub(super) fn ack(ack: &Ack) -> Self {
        Self::new(ack.status, ack.to_headers())
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

    /// The answer to a GET; without the body that it speaks of, the answer to a HEAD.
    pub(super) fn content(
        status: u16,
        headers: Vec<(&'static str, String)>,
        content_length: u64,
        body: Option<Body>,
    ) -> Self {
        Self { content_length, body, ..Self::new(status, headers) }
    }

    /// The value of a header field; `None` when the answer has none of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    /// The value of `Content-Length`. The body has as many bytes; that of an answer to a HEAD, or with status
    /// 304, has none.
    pub fn content_length(&self) -> u64 {
        self.content_length
    }

    /// How many bytes of the body were not read yet.
    pub fn body_left(&self) -> u64 {
        self.body.as_ref().map_or(0, Body::length)
    }

    /// Reads the next bytes of the body, at most a buffer full; 0 at the end.
    ///
    /// Errors: the store cannot read. The answer cannot be completed; its connection must be closed.
    pub fn read_body(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.as_mut().map_or(Ok(0), |body| body.read(buffer))
    }

    /// The reason phrase of the status.
    pub fn reason(&self) -> &'static str {
        reason(self.status)
    }
}

/// The reason phrase of an HTTP status; those that an application may choose included.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        206 => "Partial Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}
