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
/// let head = RequestHead {
///     peer: Some("192.0.2.7:50000".into()),
///     headers: [("BITS-Packet-Type", "Ping")].into_iter().collect(),
///     ..RequestHead::from_wire(b"BITS_POST", b"/report.pdf")
/// };
/// assert_eq!(head.target, "/report.pdf");
/// ```
#[derive(Debug, Clone, Default)]
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

impl RequestHead {
    /// Creates a head with the given method and target and no header fields.
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
