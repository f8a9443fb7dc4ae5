//! The response to a request.

pub(super) mod body;

use std::io;

use crate::proto::{Ack, Fault, SessionId, names};
use body::Body;

/// The response to a request. Only the response to the GET of a reply has a body.
#[must_use = "the response must be sent to the client"]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header fields, without `Content-Length`, `Date`, `Connection` and `Server`, which the transport
    /// adds.
    pub headers: Vec<(&'static str, String)>,
    /// Whether the transport must close the connection after the response.
    pub close: bool,
    content_length: u64,
    body: Option<Body>,
}

impl Response {
    /// Creates a response without an Ack, for requests that are not packets.
    pub fn plain(status: u16) -> Self {
        let allow = (status == 405).then(|| (names::ALLOW, names::METHOD.to_owned()));
        Self::new(status, allow.into_iter().collect())
    }

    /// Creates the response to a request that the transport rejects before it reaches the engine: an Ack with
    /// the fault, or only its status for GET and HEAD.
    pub fn rejection(method: &str, fault: Fault) -> Self {
        match method {
            "GET" | "HEAD" => Self::get_rejected(fault),
            _ => Self::fault(&fault),
        }
    }

    /// The response to a GET that is rejected, with the challenge if there is one (GEN-14).
    pub(super) fn get_rejected(fault: Fault) -> Self {
        let challenge = fault.challenge.map(|challenge| (names::WWW_AUTHENTICATE, challenge));
        let retry_after = fault.retry_after.map(|seconds| (names::RETRY_AFTER, seconds.to_string()));
        Self::new(fault.status, challenge.into_iter().chain(retry_after).collect())
    }

    fn new(status: u16, headers: Vec<(&'static str, String)>) -> Self {
        Self { status, headers, close: false, content_length: 0, body: None }
    }

    /// The response to an accepted packet.
    pub(super) fn ack(ack: &Ack) -> Self {
        Self::new(ack.status, ack.to_headers())
    }

    /// The response to a rejected packet.
    ///
    /// The connection is closed after 411, because the end of the request is unknown (PROTOCOL 2.1 #11), and
    /// after 503, because the client may have abandoned the request in the middle.
    pub(super) fn fault(fault: &Fault) -> Self {
        Self::error_ack(Ack::fault(fault))
    }

    /// The response to a rejected Fragment, with the number of bytes received (FRG-29).
    pub(super) fn fragment_fault(id: SessionId, fault: &Fault, received: u64) -> Self {
        Self::error_ack(Ack {
            session_id: Some(id.to_string()),
            received: Some(received),
            ..Ack::fault(fault)
        })
    }

    fn error_ack(ack: Ack) -> Self {
        Self { close: matches!(ack.status, 411 | 503), ..Self::ack(&ack) }
    }

    /// The response to a GET; without a body, that to a HEAD.
    pub(super) fn content(
        status: u16,
        headers: Vec<(&'static str, String)>,
        content_length: u64,
        body: Option<Body>,
    ) -> Self {
        Self { content_length, body, ..Self::new(status, headers) }
    }

    /// Returns the value of a header field; `None` if it is missing. `name` must have the case of [`names`].
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of `Content-Length` in bytes. It is the length of the body, except that the responses
    /// to HEAD and with status 304 have no body.
    pub fn content_length(&self) -> u64 {
        self.content_length
    }

    /// Returns the number of body bytes that have not been read yet.
    pub fn body_left(&self) -> u64 {
        self.body.as_ref().map_or(0, Body::length)
    }

    /// Reads the next bytes of the body into `buffer`. Returns their number; 0 at the end.
    ///
    /// # Errors
    ///
    /// Fails if the store cannot be read. The response is then incomplete, and the connection must be closed.
    pub fn read_body(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.as_mut().map_or(Ok(0), |body| body.read(buffer))
    }

    /// Returns the reason phrase of the status, such as `Not Found`.
    pub fn reason(&self) -> &'static str {
        reason(self.status)
    }
}

/// The reason phrase of an HTTP status, including those that an application may choose.
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
