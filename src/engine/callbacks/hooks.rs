//! The callback interface for the host application.

use std::path::{Path, PathBuf};

use crate::proto::{Context, Fault, HResult, Headers, PacketKind, SessionId};
use crate::store::Content;

/// Callbacks of the host application, which decide who may upload, where files go, and what the reply is.
///
/// All methods have default implementations that accept everything.
///
/// Threads: called concurrently for different sessions. For one session, `on_progress`, `on_received` and
/// `on_end` are called one after the other; `on_request` is called for every packet, even while another call
/// for its session is in progress.
///
/// The engine holds no lock during a call, and a call may take minutes. It occupies the calling thread, and
/// later packets of its session wait for it, so it must not wait for such a packet. It may call the engine; if
/// it ends its own session, that takes effect when the call returns.
///
/// # Examples
///
/// ```
/// use bitsup::engine::{Hooks, Upload, Verdict};
/// use bitsup::proto::{Context, HResult};
///
/// /// Accepts PDF files only, and sends a receipt.
/// struct PdfOnly;
///
/// impl Hooks for PdfOnly {
///     fn on_create(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
///         if !upload.target.ends_with(".pdf") {
///             verdict.reject(403, HResult::E_ACCESSDENIED, Context::Application, "not a PDF file");
///         }
///     }
///
///     fn on_received(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
///         verdict.set_reply_bytes(format!("received {} bytes", upload.received));
///     }
/// }
/// ```
pub trait Hooks: Send + Sync {
    /// Called for every packet before it is processed, and with [`Upload::packet`] `None` for the GET of a
    /// reply. Identifies the user with [`Verdict::set_owner`] or rejects the request.
    ///
    /// The session has not been looked up yet: [`Upload::session_id`] is only what the request claims.
    fn on_request(&self, _upload: &Upload<'_>, _verdict: &mut Verdict) {}

    /// Called before a session is created. May choose another destination with [`Verdict::set_destination`].
    fn on_create(&self, _upload: &Upload<'_>, _verdict: &mut Verdict) {}

    /// Called when bytes have been stored, before they are acknowledged.
    fn on_progress(&self, _upload: &Upload<'_>) {}

    /// Called when all bytes are stored, before the last Fragment is acknowledged; or during Close-Session if
    /// no Fragment made the call.
    ///
    /// After a rejection it is called again with the client's next Fragment, except that status 403 is final
    /// (PROTOCOL 5.5). After success it is called again only if the result is not recorded, for example because the
    /// process dies, or if the reply cannot be stored.
    fn on_received(&self, _upload: &Upload<'_>, _verdict: &mut Verdict) {}

    /// Called when the session has ended.
    fn on_end(&self, _upload: &Upload<'_>, _reason: EndReason) {}
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[repr(i32)]
#[non_exhaustive]
pub enum EndReason {
    /// Close-Session after a complete upload.
    Closed = 0,
    /// Cancel-Session, or the host application ended it.
    Cancelled = 1,
    /// No packet arrived within the session timeout.
    Expired = 2,
    /// Close-Session before the upload was complete, the application rejected the upload, or the session's data
    /// was lost.
    Failed = 3,
}

impl EndReason {
    /// The reason as one word, for logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }
}

/// The upload that a callback of [`Hooks`] is about.
#[derive(Clone, Copy)]
pub struct Upload<'a> {
    /// The packet that caused the call; `None` for the GET of a reply, and if a session ends without a packet.
    pub packet: Option<PacketKind>,
    /// The session; `None` before it is created.
    pub session_id: Option<SessionId>,
    /// Path and query of the upload's URL as in Create-Session, including the mount point.
    pub target: &'a str,
    /// The absolute URL of the upload as in Create-Session; only path and query if the host is unknown. In
    /// `on_request`, the URL of the request itself.
    pub url: &'a str,
    /// The client's address.
    pub peer: Option<&'a str>,
    /// The user that the transport or `on_request` identified.
    pub owner: Option<&'a str>,
    /// The header fields of the packet.
    pub headers: &'a Headers,
    /// Number of bytes received so far.
    pub received: u64,
    /// Length of the whole file in bytes; `None` before the first Fragment.
    pub total: Option<u64>,
    /// The received file; in `on_received` only.
    pub content: Option<&'a dyn Content>,
    /// The path of the received file on this machine, if the store has one; in `on_received` only.
    pub data_path: Option<&'a Path>,
    /// A path on this machine where the application may write a reply before it passes the path to
    /// [`Verdict::set_reply_file`]; `None` if the store has no such path. In `on_received` only.
    pub reply_path: Option<&'a Path>,
}

/// The decision of a hook. The default accepts, keeps the file, and sends no reply. See [`Hooks`] for an example.
#[derive(Debug, Default)]
pub struct Verdict {
    pub(super) rejection: Option<Fault>,
    pub(super) owner: Option<String>,
    pub(super) destination: Option<String>,
    pub(super) keep_file: Option<bool>,
    pub(super) reply: VerdictReply,
}

/// The reply to an upload that a [`Verdict`] chose.
#[derive(Debug, Default)]
pub(super) enum VerdictReply {
    /// No reply: the last Ack has no `BITS-Reply-URL`.
    #[default]
    None,
    /// A URL that is not served by this engine.
    Url(String),
    /// A file to move or copy into the store.
    File(PathBuf),
    /// Bytes to store.
    Bytes(Vec<u8>),
}

impl Verdict {
    /// Rejects the packet with that HTTP status, HRESULT and error context. `reason` goes to the log only.
    ///
    /// A status below 300 or above 599 is replaced by 500.
    pub fn reject(&mut self, status: u16, hresult: HResult, context: Context, reason: &'static str) {
        self.rejection = Some(Fault::rejected(status, hresult, context, reason));
    }

    /// Rejects the packet with 401 and requests credentials. `challenge` is the value of `WWW-Authenticate`,
    /// such as `Basic realm="uploads"`.
    ///
    /// If `challenge` contains anything but printable ASCII, the packet is rejected with 500 instead.
    pub fn challenge(&mut self, challenge: impl Into<String>) {
        let challenge = challenge.into();
        self.rejection = Some(if challenge.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            Fault::unauthorized(challenge)
        } else {
            Fault::internal("the application's challenge is not printable ASCII")
        });
    }

    /// Sets the user that sent the request. Only in `on_request`. Sessions belong to the user that created
    /// them.
    pub fn set_owner(&mut self, owner: impl Into<String>) {
        self.owner = Some(owner.into());
    }

    /// Chooses the destination of the file, relative to the store's root and not percent-encoded: `a/b.txt`.
    /// Only in `on_create` and `on_received`.
    pub fn set_destination(&mut self, path: impl Into<String>) {
        self.destination = Some(path.into());
    }

    /// Chooses whether the file goes to its destination (the default) or is discarded with the session. Only
    /// in `on_received`.
    pub fn set_keep_file(&mut self, keep: bool) {
        self.keep_file = Some(keep);
    }

    /// Sets the reply to an absolute URL of at most 2200 characters. Only in `on_received`.
    pub fn set_reply_url(&mut self, url: impl Into<String>) {
        self.reply = VerdictReply::Url(url.into());
    }

    /// Sets the reply to the content of a file, which is moved, or copied and removed. Only in `on_received`.
    pub fn set_reply_file(&mut self, path: impl Into<PathBuf>) {
        self.reply = VerdictReply::File(path.into());
    }

    /// Sets the reply to these bytes. Only in `on_received`.
    pub fn set_reply_bytes(&mut self, bytes: impl Into<Vec<u8>>) {
        self.reply = VerdictReply::Bytes(bytes.into());
    }

    /// Returns the rejection, if any. A status that is not an error becomes 500: the client would take it for
    /// success.
    pub(super) fn check(self) -> Result<(), Fault> {
        match self.rejection {
            None => Ok(()),
            Some(fault) if (300..600).contains(&fault.status) => Err(fault),
            Some(fault) => Err(Fault { status: 500, ..fault }),
        }
    }
}
