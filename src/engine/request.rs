//! The head of a request, as a transport hands it to the engine.

use percent_encoding::{CONTROLS, percent_encode};

use crate::proto::Headers;

/// A request without its body.
///
/// # Examples
///
/// ```
/// use bitsup::engine::RequestHead;
///
/// let head = RequestHead::new("BITS_POST", "/report.pdf")
///     .peer("192.0.2.7:50000")
///     .headers([("BITS-Packet-Type", "Ping")].into_iter().collect());
/// assert_eq!(head.target, "/report.pdf");
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method.
    pub method: String,
    /// The request target relative to the engine's mount point: `/report.pdf?x=1`, still percent-encoded.
    pub target: String,
    /// The URL prefix that the engine is mounted at, percent-encoded; empty for the root. Used to build URLs.
    pub mount: String,
    /// Whether the client uses HTTPS. Used to build URLs.
    pub secure: bool,
    /// The header fields.
    pub headers: Headers,
    /// The client's address, for the log and for [`Hooks`](super::Hooks).
    pub peer: Option<String>,
    /// The authenticated user, if the transport authenticated one.
    pub owner: Option<String>,
}

setters! {
    RequestHead {
        mount: impl Into<String>,
        secure: bool,
        headers: Headers,
    }
    Some {
        peer: impl Into<String>,
        owner: impl Into<String>,
    }
}

impl RequestHead {
    /// Creates a head with the given method and target and no header fields.
    #[must_use]
    pub fn new(method: impl Into<String>, target: impl Into<String>) -> Self {
        Self { method: method.into(), target: target.into(), ..Self::default() }
    }

    /// Creates a head like [`new`](Self::new), from the bytes of a request.
    ///
    /// Never fails: bytes that are not UTF-8 are replaced (method) or percent-encoded (target), and the engine
    /// responds to the result as to any other unknown method or target.
    pub fn from_wire(method: &[u8], target: &[u8]) -> Self {
        let target = match std::str::from_utf8(target) {
            Ok(target) => target.to_owned(),
            Err(_) => percent_encode(target, CONTROLS).to_string(),
        };
        Self { method: String::from_utf8_lossy(method).into_owned(), target, ..Self::default() }
    }
}
