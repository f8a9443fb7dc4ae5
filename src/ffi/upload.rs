//! `bitsup_upload`: what a callback of the server sees of an upload.

use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::ptr::NonNull;

use super::callback_handle::{CallbackHandle, Scoped};
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::text;
use crate::engine::Upload;
use crate::error::{Error, Status};
use crate::proto::{PacketKind, names};
use crate::store::Content;

/// Packet: none; a session ended by itself.
pub const BITSUP_PACKET_NONE: i32 = 0;
/// Packet: asks whether the server is there; belongs to no session.
pub const BITSUP_PACKET_PING: i32 = 1;
/// Packet: opens a session.
pub const BITSUP_PACKET_CREATE: i32 = 2;
/// Packet: carries bytes of the file.
pub const BITSUP_PACKET_FRAGMENT: i32 = 3;
/// Packet: ends a session after a complete upload.
pub const BITSUP_PACKET_CLOSE: i32 = 4;
/// Packet: ends a session and discards it.
pub const BITSUP_PACKET_CANCEL: i32 = 5;
/// Packet: none, but a GET or HEAD of a reply.
pub const BITSUP_PACKET_REPLY: i32 = 6;

/// An upload, as a callback of the server sees it. It and its texts are good until that callback returns. A
/// call with it that begins later answers as for NULL, as long as the hooks or an engine with them live; then
/// there is nothing any more that it could point to.
pub struct bitsup_upload(CallbackHandle<UploadView>);

impl Handle for bitsup_upload {
    fn header(&self) -> &Header {
        &self.0.header
    }
}

impl From<CallbackHandle<UploadView>> for bitsup_upload {
    fn from(loan: CallbackHandle<UploadView>) -> Self {
        Self(loan)
    }
}

impl Scoped for bitsup_upload {
    type Content = UploadView;

    fn handle(&self) -> &CallbackHandle<UploadView> {
        &self.0
    }
}

/// An upload in C's terms.
pub(super) struct UploadView {
    packet: i32,
    session_id: Option<CString>,
    target: CString,
    url: CString,
    peer: Option<CString>,
    owner: Option<CString>,
    data_path: Option<CString>,
    reply_path: Option<CString>,
    headers: Vec<(String, CString)>,
    received: u64,
    total: u64,
    content: Option<ContentPtr>,
}

/// The received bytes, borrowed from the engine while a callback runs.
struct ContentPtr(NonNull<dyn Content>);

// SAFETY: whoever calls back waits for the callback, so that only one thread at a time uses the content, which
// may move between threads.
unsafe impl Send for ContentPtr {}
// SAFETY: a shared one is only read by `UploadView::read`, which has it for itself.
unsafe impl Sync for ContentPtr {}

impl UploadView {
    /// `without` is the packet where there is none.
    pub(super) fn new(upload: &Upload<'_>, without: i32) -> Self {
        let fields = upload.headers.iter();
        let texts = fields.filter_map(|(name, value)| Some((name, std::str::from_utf8(value).ok()?)));
        Self {
            packet: upload.packet.map_or(without, packet),
            session_id: upload.session_id.map(|id| text::c_string(&id.to_string())),
            target: text::c_string(upload.target),
            url: text::c_string(upload.url),
            peer: upload.peer.map(text::c_string),
            owner: upload.owner.map(text::c_string),
            data_path: upload.data_path.and_then(path),
            reply_path: upload.reply_path.and_then(path),
            headers: texts.map(|(name, value)| (name.to_owned(), text::c_string(value))).collect(),
            received: upload.received,
            total: upload.total.unwrap_or(u64::MAX),
            content: None,
        }
    }

    /// The same with what `upload` has to be read.
    ///
    /// # Safety
    /// The view ends before `upload` does.
    pub(super) unsafe fn with_content(self, upload: &Upload<'_>) -> Self {
        let content = upload.content.map(|content| {
            let content: NonNull<dyn Content + '_> = NonNull::from(content);
            // SAFETY: only the lifetime changes, which the caller sees to.
            ContentPtr(unsafe {
                std::mem::transmute::<NonNull<dyn Content + '_>, NonNull<dyn Content>>(content)
            })
        });
        Self { content, ..self }
    }

    /// Reads the content; exclusive, because a content is read by one thread at a time.
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let Some(ContentPtr(content)) = &self.content else {
            let message = "the upload has nothing to be read; only on_received has";
            return Err(Error::new(Status::InvalidState, message));
        };
        // SAFETY: the view ends before what it was made of, by the contract of `with_content`.
        let read = unsafe { content.as_ref() }.read_at(offset, buffer);
        read.map_err(|error| Error::io("cannot read what was received", error))
    }

    fn header(&self, name: &str) -> Option<&CStr> {
        let mut fields = self.headers.iter().filter(|field| field.0.eq_ignore_ascii_case(name));
        fields.next().map(|field| field.1.as_c_str())
    }
}

fn packet(kind: PacketKind) -> i32 {
    match kind {
        PacketKind::Ping => BITSUP_PACKET_PING,
        PacketKind::CreateSession => BITSUP_PACKET_CREATE,
        PacketKind::Fragment => BITSUP_PACKET_FRAGMENT,
        PacketKind::CloseSession => BITSUP_PACKET_CLOSE,
        PacketKind::CancelSession => BITSUP_PACKET_CANCEL,
    }
}

/// A path for the caller, in the form that [`text::path`] takes; no path has a NUL.
fn path(path: &Path) -> Option<CString> {
    CString::new(path.as_os_str().as_encoded_bytes()).ok()
}

/// What led to the callback: one of BITSUP_PACKET_*; -1 for NULL.
///
/// Ownership: borrows the upload.
/// Threads: any, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_packet(upload: *const bitsup_upload) -> i32 {
    guard_or!(-1, { inspect(upload, |view| view.packet) })
}

/// The session, as the client names it: "{...}"; NULL before there is one. In on_request it is only what the
/// request claims.
///
/// Ownership: the text belongs to the upload and lives until the callback returns.
/// Threads: any, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_session_id(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| view.session_id.as_deref()) })
}

/// Path and query of the remote name, as Create-Session had it, the mount point included. NULL for NULL.
///
/// Ownership: the text belongs to the upload and lives until the callback returns.
/// Threads: any, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_target(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| Some(&view.target)) })
}

/// The absolute URL of the remote name, as far as it is known: without public URL and Host it begins with the
/// path. In on_request that of the request itself. NULL for NULL.
///
/// Ownership: the text belongs to the upload and lives until the callback returns.
/// Threads: any, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_url(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| Some(&view.url)) })
}

/// The address of the client; NULL when it is not known.
///
/// Ownership: the text belongs to the upload and lives until the callback returns.
/// Threads: any, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_peer(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| view.peer.as_deref()) })
}

/// The authenticated user, or whom a callback named; NULL when there is none.
///
/// Ownership: the text belongs to the upload and lives until the callback returns.
/// Threads: any, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_owner(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| view.owner.as_deref()) })
}

/// The name that the client gives the file (Content-Name); NULL when the packet has none. It is no path to
/// write to.
///
/// Ownership: the text belongs to the upload and lives until the callback returns.
/// Threads: any, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_content_name(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| view.header(names::CONTENT_NAME)) })
}

/// Where the received file lies on this machine: to be read, and left there. NULL but in on_received, and for
/// stores without files.
///
/// Ownership: the text belongs to the upload and lives until the callback returns.
/// Threads: any, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_data_path(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| view.data_path.as_deref()) })
}

/// Where a reply may be written before on_received returns, to be named to bitsup_verdict_set_reply_path.
/// NULL but in on_received, and for stores without files.
///
/// Ownership: the text belongs to the upload and lives until the callback returns.
/// Threads: any, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_reply_path(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| view.reply_path.as_deref()) })
}

/// The first header field of that name in the packet, in any case; NULL when there is none, or none in UTF-8:
/// HTTP knows no text but ASCII here, so what a client of yours is to say in other bytes it says in base64.
///
/// Ownership: borrows the name; the text belongs to the upload and lives until the callback returns.
/// Threads: any, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_header(
    upload: *const bitsup_upload,
    name: *const c_char,
) -> *const c_char {
    guard_or!(std::ptr::null(), {
        let name = text::required(name, "name")?;
        text_of(upload, |view| view.header(name))
    })
}

/// How many bytes the session holds; 0 for NULL.
///
/// Ownership: borrows the upload.
/// Threads: any, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_received(upload: *const bitsup_upload) -> u64 {
    guard_or!(0, { inspect(upload, |view| view.received) })
}

/// Length of the whole file; UINT64_MAX while it is not known, and for NULL.
///
/// Ownership: borrows the upload.
/// Threads: any, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_total(upload: *const bitsup_upload) -> u64 {
    guard_or!(u64::MAX, { inspect(upload, |view| view.total) })
}

/// Reads what was received, in on_received: at most `len` bytes at `offset` into `buffer`, `*out_read` of them;
/// 0 at the end only. It works for every store, those without files included.
///
/// Ownership: borrows all.
/// Threads: one at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for a length that no memory has, BUSY, INVALID_STATE in and after
/// other callbacks; 2xx from the store.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_read(
    upload: *const bitsup_upload,
    offset: u64,
    buffer: *mut u8,
    len: usize,
    out_read: *mut usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let upload = handle::borrow(upload, "upload")?;
        let (buffer, out_read) = (text::buffer(buffer, len, "buffer")?, handle::out(out_read, "out_read")?);
        out_read.set(upload.0.update("upload", |view| view.read(offset, buffer))??);
        Ok(())
    })
}

/// # Safety
/// As for [`handle::borrow`].
unsafe fn inspect<T>(upload: *const bitsup_upload, pick: impl FnOnce(&UploadView) -> T) -> Result<T, Error> {
    // SAFETY: by contract.
    unsafe { handle::borrow(upload, "upload") }?.0.inspect("upload", pick)
}

/// A text of the view; null where there is none.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn text_of(
    upload: *const bitsup_upload,
    pick: impl FnOnce(&UploadView) -> Option<&CStr>,
) -> Result<*const c_char, Error> {
    // SAFETY: by contract.
    unsafe { inspect(upload, |view| pick(view).map_or(std::ptr::null(), CStr::as_ptr)) }
}
