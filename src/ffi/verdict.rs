//! `bitsup_verdict`: what a callback of the server decides about an upload.

use std::ffi::c_char;

use super::callback_handle::{CallbackHandle, Scoped};
use super::error::{BITSUP_CONTEXT_SERVER, bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::text;
use crate::engine::Verdict;
use crate::error::Error;
use crate::proto::{Context, HResult};

/// What a callback of the server decides. Untouched, it means: go on; keep the file; no reply. It is good
/// until that callback returns; a call with it that begins later answers BITSUP_E_INVALID_STATE, as long as
/// the hooks or an engine with them live.
pub struct bitsup_verdict(CallbackHandle<Verdict>);

impl Handle for bitsup_verdict {
    fn header(&self) -> &Header {
        &self.0.header
    }
}

impl From<CallbackHandle<Verdict>> for bitsup_verdict {
    fn from(loan: CallbackHandle<Verdict>) -> Self {
        Self(loan)
    }
}

impl Scoped for bitsup_verdict {
    type Content = Verdict;

    fn handle(&self) -> &CallbackHandle<Verdict> {
        &self.0
    }
}

/// Refuses: the packet is answered with that HTTP status, HRESULT and context. 403 is final; after any other
/// the client of a complete upload tries again, and on_received is called again. A status below 300 or over
/// 599 is answered as 500, an `hresult` of 0 as that of the status, and a `context` that is not
/// BITSUP_CONTEXT_SERVER as BITSUP_CONTEXT_APPLICATION: a refusal with a wrong number is a refusal.
///
/// Ownership: borrows all.
/// Threads: one at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_STATE after the callback.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_verdict_reject(
    verdict: *mut bitsup_verdict,
    http_status: u16,
    hresult: u32,
    context: u32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let hresult = if hresult == 0 { HResult::http(http_status) } else { HResult(hresult) };
        let context = match context {
            BITSUP_CONTEXT_SERVER => Context::Server,
            _ => Context::Application,
        };
        change(verdict, |verdict| {
            verdict.reject(http_status, hresult, context, "the application refuses");
        })
    })
}

/// Refuses with 401 and asks for credentials, in on_request: `challenge` is the value of WWW-Authenticate, such
/// as "Basic realm=\"uploads\"", or several of them with commas between. One that cannot be sent in a header
/// is answered 500: nothing of it gets into the answer.
///
/// Ownership: copies the text.
/// Threads: one at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY, INVALID_STATE after the callback.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_verdict_challenge(
    verdict: *mut bitsup_verdict,
    challenge: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let challenge = text::required(challenge, "challenge")?;
        change(verdict, |verdict| verdict.challenge(challenge))
    })
}

/// Names the user, in on_request. Sessions belong to whoever made them, and nobody else may use them.
///
/// Ownership: copies the text.
/// Threads: one at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY, INVALID_STATE after the callback.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_verdict_set_owner(
    verdict: *mut bitsup_verdict,
    owner: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let owner = text::required(owner, "owner")?;
        change(verdict, |verdict| verdict.set_owner(owner))
    })
}

/// Chooses where the file goes, in on_create or on_received: a path below the root of the store with slashes,
/// not encoded: "folder/file.txt". A path that leaves the root, or is none, is answered 500.
///
/// Ownership: copies the text.
/// Threads: one at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY, INVALID_STATE after the callback.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_verdict_set_destination(
    verdict: *mut bitsup_verdict,
    path: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let path = text::required(path, "path")?;
        change(verdict, |verdict| verdict.set_destination(path))
    })
}

/// Whether the file goes to its destination, as it does by default, or is dropped when the session is closed.
/// In on_received.
///
/// Ownership: borrows all.
/// Threads: one at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_STATE after the callback.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_verdict_set_keep_file(
    verdict: *mut bitsup_verdict,
    keep: i32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { change(verdict, |verdict| verdict.set_keep_file(keep != 0)) })
}

/// Replies with what is at a URL of another server: absolute, at most 2200 characters, else the packet is
/// answered 400. In on_received; takes the place of another reply.
///
/// Ownership: copies the text.
/// Threads: one at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY, INVALID_STATE after the callback.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_verdict_set_reply_url(
    verdict: *mut bitsup_verdict,
    url: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let url = text::required(url, "url")?;
        change(verdict, |verdict| verdict.set_reply_url(url))
    })
}

/// Replies with the content of a file, when the callback has returned. In on_received; takes the place of
/// another reply.
///
/// Ownership: copies the path and takes the file over: it is moved, or copied and removed.
/// Threads: one at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_STATE after the callback. A file that is not there is answered to the
/// client.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_verdict_set_reply_path(
    verdict: *mut bitsup_verdict,
    path: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let path = text::path(path, "path")?;
        change(verdict, |verdict| verdict.set_reply_file(path))
    })
}

/// Replies with bytes. `data` may be NULL when `len` is 0, which is a reply too. In on_received; takes the
/// place of another reply.
///
/// Ownership: copies the bytes.
/// Threads: one at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for a length that no memory has, BUSY, INVALID_STATE after the
/// callback.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_verdict_set_reply_bytes(
    verdict: *mut bitsup_verdict,
    data: *const u8,
    len: usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let data = text::bytes(data, len, "data")?;
        change(verdict, |verdict| verdict.set_reply_bytes(data))
    })
}

/// Changes the verdict.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn change(verdict: *mut bitsup_verdict, change: impl FnOnce(&mut Verdict)) -> Result<(), Error> {
    // SAFETY: by contract.
    unsafe { handle::borrow(verdict, "verdict") }?.0.update("verdict", change)
}
