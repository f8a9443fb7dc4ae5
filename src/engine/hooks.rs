//! What the application behind an engine decides: who may, where a file goes, what the reply is.

use std::path::{Path, PathBuf};

use crate::proto::{Context, Fault, HResult, Headers, PacketKind, SessionId};
use crate::store::Content;

/// The application behind an engine.
///
/// Threads: called concurrently for different sessions. For one session `on_progress`, `on_received` and
/// `on_end` follow each other; `on_request` comes for every packet, also while another call is made for its
/// session. No lock of the engine is held meanwhile, and a call may take minutes: it holds the calling thread,
/// and further packets of its session, which wait for the outcome. A call must not wait for such a packet.
/// The engine may be called: what ends the session takes effect when the call returns.
pub trait Hooks: Send + Sync {
    /// A packet came in, before anything is done about it: who sent it ([`Verdict::set_owner`]), and may they?
    /// Also called for the GET of a reply, with no packet. No session was looked up yet: its id is only what
    /// the request claims.
    fn on_request(&self, _upload: &Upload<'_>, _verdict: &mut Verdict) {}

    /// A session is about to be made: may it, and where does its file go ([`Verdict::set_destination`])?
    fn on_create(&self, _upload: &Upload<'_>, _verdict: &mut Verdict) {}

    /// Bytes were stored and will be acknowledged.
    fn on_progress(&self, _upload: &Upload<'_>) {}

    /// All bytes are there, and the last Fragment waits for its answer. Called again with the client's next
    /// Fragment when it rejects, but for status 403, which is final (PROTOCOL 5.5). At most once with success
    /// unless the process dies before the answer is recorded, or its reply cannot be kept. A Close-Session
    /// that comes before the application was told leads here, too.
    fn on_received(&self, _upload: &Upload<'_>, _verdict: &mut Verdict) {}

    /// The session is gone.
    fn on_end(&self, _upload: &Upload<'_>, _reason: EndReason) {}
}

/// Why a session is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[repr(i32)]
pub enum EndReason {
    /// Close-Session after a complete upload.
    Closed = 0,
    /// Cancel-Session, or the host ended it.
    Cancelled = 1,
    /// It was idle for too long.
    Expired = 2,
    /// Close-Session before the upload was complete, or its data was lost.
    Failed = 3,
}

impl EndReason {
    /// The reason in a word, for the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }
}

/// What a hook sees of an upload.
#[derive(Clone, Copy)]
pub struct Upload<'a> {
    /// The packet that led here; `None` for the GET of a reply and for the end of a session that no packet
    /// asked for.
    pub packet: Option<PacketKind>,
    /// The session; `None` before there is one.
    pub session_id: Option<SessionId>,
    /// Path and query of the remote name, as Create-Session had it, the mount point included.
    pub target: &'a str,
    /// The absolute URL of the remote name, as far as it is known: scheme, host, mount point, path, query. In
    /// `on_request` that of the request itself.
    pub url: &'a str,
    /// Who is at the other end.
    pub peer: Option<&'a str>,
    /// The authenticated user, or whom a hook named.
    pub owner: Option<&'a str>,
    /// The header fields of the packet.
    pub headers: &'a Headers,
    /// Bytes the session holds.
    pub received: u64,
    /// Length of the whole file, once the first Fragment said it.
    pub total: Option<u64>,
    /// The received file, for `on_received`.
    pub content: Option<&'a dyn Content>,
    /// Where the received file lies on this machine, for stores that have a path for it.
    pub data_path: Option<&'a Path>,
    /// Where a reply may be written on this machine before `on_received` returns, to be named to
    /// [`Verdict::set_reply_file`]; for stores that have a path for it.
    pub reply_path: Option<&'a Path>,
}

/// What a hook decides. Untouched, it means: go on; keep the file; no reply of its own.
#[derive(Debug, Default)]
pub struct Verdict {
    pub(super) rejection: Option<Fault>,
    pub(super) owner: Option<String>,
    pub(super) destination: Option<String>,
    pub(super) keep_file: Option<bool>,
    pub(super) reply: Reply,
}

/// What the client gets back.
#[derive(Debug, Default)]
pub(super) enum Reply {
    /// None: the upload is a simple one, and the last Ack has no `BITS-Reply-URL`.
    #[default]
    None,
    /// A static URL; its content is not ours.
    Url(String),
    /// A file to take over (moved or copied).
    File(PathBuf),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Verdict {
    /// Refuses: the packet is answered with that status, HRESULT and context. `reason` is for the log. A status
    /// below 300 or over 599 is answered as 500.
    pub fn reject(&mut self, status: u16, hresult: HResult, context: Context, reason: &'static str) {
        self.rejection = Some(Fault::rejected(status, hresult, context, reason));
    }

    /// Refuses with 401 and asks for credentials: `challenge` is the value of `WWW-Authenticate`, such as
    /// `Basic realm="uploads"`. A value that cannot be sent in a header is answered as 500.
    pub fn challenge(&mut self, challenge: impl Into<String>) {
        let challenge = challenge.into();
        self.rejection = Some(match challenge.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            true => Fault::unauthorized(challenge),
            false => Fault::internal("the application's challenge cannot be sent"),
        });
    }

    /// Names the user, from `on_request` on. Sessions belong to whoever made them.
    pub fn set_owner(&mut self, owner: impl Into<String>) {
        self.owner = Some(owner.into());
    }

    /// Chooses the destination, a path below the root as in a URL, but not encoded: `a/b.txt`. In `on_create`
    /// and in `on_received`.
    pub fn set_destination(&mut self, path: impl Into<String>) {
        self.destination = Some(path.into());
    }

    /// Whether the file goes to its destination (the default) or is dropped at Close. In `on_received`.
    pub fn set_keep_file(&mut self, keep: bool) {
        self.keep_file = Some(keep);
    }

    /// Replies with a static URL: absolute, at most 2200 characters. In `on_received`.
    pub fn set_reply_url(&mut self, url: impl Into<String>) {
        self.reply = Reply::Url(url.into());
    }

    /// Replies with the content of a file, which is taken over: moved, or copied and removed. In `on_received`.
    pub fn set_reply_file(&mut self, path: impl Into<PathBuf>) {
        self.reply = Reply::File(path.into());
    }

    /// Replies with bytes. In `on_received`.
    pub fn set_reply_bytes(&mut self, bytes: impl Into<Vec<u8>>) {
        self.reply = Reply::Bytes(bytes.into());
    }
}
