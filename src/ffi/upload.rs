//! `bitsup_upload`: an upload as seen by a server callback.

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

/// Packet: none; the session ended without a request.
pub const BITSUP_PACKET_NONE: i32 = 0;
/// Packet: checks whether the server accepts uploads; belongs to no session.
pub const BITSUP_PACKET_PING: i32 = 1;
/// Packet: opens a session.
pub const BITSUP_PACKET_CREATE: i32 = 2;
/// Packet: contains part of the file.
pub const BITSUP_PACKET_FRAGMENT: i32 = 3;
/// Packet: ends a session after a complete upload.
pub const BITSUP_PACKET_CLOSE: i32 = 4;
/// Packet: ends a session and discards its data.
pub const BITSUP_PACKET_CANCEL: i32 = 5;
/// Packet: none; the request is a GET or HEAD of a reply.
pub const BITSUP_PACKET_REPLY: i32 = 6;

/// An upload as seen by a server callback. The upload and its texts are valid until the callback returns. A
/// later call with it returns the same as for NULL, or INVALID_STATE from bitsup_upload_read, while the hooks or
/// an engine that uses them exist; after that the pointer is dangling.
pub struct bitsup_upload(CallbackHandle<UploadView>);

impl Handle for bitsup_upload {
    fn header(&self) -> &Header {
        &self.0.header
    }
}

impl From<CallbackHandle<UploadView>> for bitsup_upload {
    fn from(handle: CallbackHandle<UploadView>) -> Self {
        Self(handle)
    }
}

impl Scoped for bitsup_upload {
    type Value = UploadView;

    fn handle(&self) -> &CallbackHandle<UploadView> {
        &self.0
    }
}

/// A copy of an upload in C types, and a pointer to its content.
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

/// The received file, borrowed from the engine while a callback runs.
struct ContentPtr(NonNull<dyn Content>);

// SAFETY: the engine's thread waits for the callback, so only one thread at a time uses the content, which may
// move between threads.
unsafe impl Send for ContentPtr {}
// SAFETY: only `UploadView::read` uses the pointer, and it has exclusive access.
unsafe impl Sync for ContentPtr {}

impl UploadView {
    /// Copies `upload`. `without` is the packet number to use if no packet caused the callback.
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

    /// Adds a pointer to the content of `upload`, if it has any.
    ///
    /// # Safety
    /// The view must be dropped before `upload`.
    pub(super) unsafe fn with_content(self, upload: &Upload<'_>) -> Self {
        let content = upload.content.map(|content| {
            let content: NonNull<dyn Content + '_> = NonNull::from(content);
            // SAFETY: only the lifetime changes, which the caller guarantees.
            ContentPtr(unsafe {
                std::mem::transmute::<NonNull<dyn Content + '_>, NonNull<dyn Content>>(content)
            })
        });
        Self { content, ..self }
    }

    /// Reads the content. Takes `&mut self` because only one thread at a time may read it.
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let Some(ContentPtr(content)) = &self.content else {
            let message = "the upload has no content: read it in on_received only";
            return Err(Error::new(Status::InvalidState, message));
        };
        // SAFETY: the content outlives the view by the contract of `with_content`.
        let read = unsafe { content.as_ref() }.read_at(offset, buffer);
        read.map_err(|error| Error::io("cannot read the received file", error))
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

/// Converts a path for C, in the format that [`text::path`] reads. Paths contain no NUL.
fn path(path: &Path) -> Option<CString> {
    CString::new(path.as_os_str().as_encoded_bytes()).ok()
}

/// Returns the packet that caused the callback, one of BITSUP_PACKET_*; -1 for NULL.
///
/// Ownership: no transfer.
/// Threads: any thread, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_packet(upload: *const bitsup_upload) -> i32 {
    guard_or!(-1, { inspect(upload, |view| view.packet) })
}

/// Returns the session id that the client uses, "{...}"; NULL if there is no session yet. In on_request it is
/// what the request claims and has not been checked.
///
/// Ownership: `upload` owns the text, which is valid until the callback returns.
/// Threads: any thread, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_session_id(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| view.session_id.as_deref()) })
}

/// Returns the path and query of the upload URL as sent with Create-Session, including the mount point. NULL
/// for NULL.
///
/// Ownership: `upload` owns the text, which is valid until the callback returns.
/// Threads: any thread, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_target(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| Some(&view.target)) })
}

/// Returns the absolute upload URL, or only its path and query if there is neither a public URL nor a Host header
/// field. In on_request it is the URL of the request itself. NULL for NULL.
///
/// Ownership: `upload` owns the text, which is valid until the callback returns.
/// Threads: any thread, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_url(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| Some(&view.url)) })
}

/// Returns the address of the client; NULL if it is unknown.
///
/// Ownership: `upload` owns the text, which is valid until the callback returns.
/// Threads: any thread, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_peer(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| view.peer.as_deref()) })
}

/// Returns the authenticated user, or the one that on_request set; NULL if there is none.
///
/// Ownership: `upload` owns the text, which is valid until the callback returns.
/// Threads: any thread, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_owner(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| view.owner.as_deref()) })
}

/// Returns the file name that the client sent as Content-Name; NULL if the packet has none. Do not use it as
/// a path: it is chosen by the client.
///
/// Ownership: `upload` owns the text, which is valid until the callback returns.
/// Threads: any thread, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_content_name(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| view.header(names::CONTENT_NAME)) })
}

/// Returns the path of the received file, which the callback may read but must not move or change. NULL in
/// other callbacks than on_received, and for stores without files.
///
/// Ownership: `upload` owns the text, which is valid until the callback returns.
/// Threads: any thread, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_data_path(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| view.data_path.as_deref()) })
}

/// Returns a path where on_received may write a reply and then pass it to bitsup_verdict_set_reply_path. NULL
/// in other callbacks than on_received, and for stores without files.
///
/// Ownership: `upload` owns the text, which is valid until the callback returns.
/// Threads: any thread, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_reply_path(upload: *const bitsup_upload) -> *const c_char {
    guard_or!(std::ptr::null(), { text_of(upload, |view| view.reply_path.as_deref()) })
}

/// Returns the first header field of the packet with that name, in any letter case; NULL if there is none or
/// its value is not UTF-8. Only ASCII is transmitted reliably in HTTP header fields; clients should encode
/// other data, for example in base64.
///
/// Ownership: `upload` owns the text, which is valid until the callback returns.
/// Threads: any thread, until the callback returns.
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

/// Returns the number of bytes received so far; 0 for NULL.
///
/// Ownership: no transfer.
/// Threads: any thread, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_received(upload: *const bitsup_upload) -> u64 {
    guard_or!(0, { inspect(upload, |view| view.received) })
}

/// Returns the length of the whole file; UINT64_MAX if it is not known yet, and for NULL.
///
/// Ownership: no transfer.
/// Threads: any thread, until the callback returns.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_upload_total(upload: *const bitsup_upload) -> u64 {
    guard_or!(u64::MAX, { inspect(upload, |view| view.total) })
}

/// Reads up to `len` bytes of the received file at `offset` into `buffer` and stores their number in
/// `*out_read`, which is 0 only at the end. For on_received. Works for every store, also for those without
/// files.
///
/// Ownership: no transfer.
/// Threads: one call at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if `len` exceeds the address space, BUSY, INVALID_STATE in other
/// callbacks and after the callback has returned; 2xx from the store.
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

/// Returns a text of the view; null if there is none.
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
