//! What an upload asks its driver to do.

use std::time::Duration;

use crate::error::Error;
use crate::proto::PacketKind;

/// What the caller of [`super::UploadMachine::next_action`] does next.
#[derive(Debug, Clone)]
#[must_use = "the upload only proceeds if the caller carries out the action"]
pub enum Action {
    /// Send this request, then call [`super::UploadMachine::on_response`] or [`super::UploadMachine::on_failure`].
    Send(UploadRequest),
    /// Download the reply from the first of these URLs that has it and flush it to disk, then call
    /// [`super::UploadMachine::reply_fetched`] or [`super::UploadMachine::on_failure`].
    FetchReply(Vec<ReplyUrl>),
    /// Wait, then call [`super::UploadMachine::next_action`] again.
    Wait {
        /// How long to wait.
        delay: Duration,
        /// The failure that made the wait necessary.
        cause: Error,
        /// Number of consecutive failures, including this one.
        attempt: u32,
    },
    /// The file is on the server and the session is closed; or, after [`super::UploadMachine::cancel`], the session is
    /// gone.
    Done,
    /// The upload failed and cannot continue.
    Failed(Error),
}

/// A request to send, complete except for the header fields that the transport adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRequest {
    /// The packet type.
    pub kind: PacketKind,
    /// Absolute URL.
    pub url: String,
    /// Header fields of the protocol in the order to send them, without `Content-Length`.
    pub headers: Vec<(&'static str, String)>,
    /// Offset in the source of the first byte of the body.
    pub offset: u64,
    /// Length of the body in bytes; 0 for every packet except Fragment.
    pub length: u64,
    /// Relation of `url` to the URL that the user chose.
    pub trust: Trust,
}

/// How the server of a URL relates to the one the user chose, which decides the credentials it may receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The server of the upload's own URL.
    Origin,
    /// The server that the origin named in `BITS-Host-Id`.
    HostId,
    /// Any other server.
    ThirdParty,
}

/// A URL at which the reply may be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyUrl {
    /// Absolute http or https URL.
    pub url: String,
    /// Relation of `url` to the URL that the user chose.
    pub trust: Trust,
}
