//! `bitsup_verdict`: the decision of a server callback about an upload.

use std::ffi::c_char;

use super::callback_handle::{CallbackHandle, Scoped};
use super::error::{BITSUP_CONTEXT_SERVER, bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::text;
use crate::engine::Verdict;
use crate::error::Error;
use crate::proto::{Context, HResult};

/// The decision of a server callback. By default it accepts the packet, keeps the file and sends no reply.
/// Valid until the callback returns; a later call with it fails with BITSUP_E_INVALID_STATE while the hooks
/// or an engine that uses them exist.
pub struct bitsup_verdict(CallbackHandle<Verdict>);

impl Handle for bitsup_verdict {
    fn header(&self) -> &Header {
        &self.0.header
    }
}

impl From<CallbackHandle<Verdict>> for bitsup_verdict {
    fn from(handle: CallbackHandle<Verdict>) -> Self {
        Self(handle)
    }
}

impl Scoped for bitsup_verdict {
    type Value = Verdict;

    fn handle(&self) -> &CallbackHandle<Verdict> {
        &self.0
    }
}

/// Rejects the packet with this HTTP status, HRESULT and context. Status 403 is final. After any other
/// status, the client retries a complete upload, and on_received is called again. Invalid values still
/// reject: a status below 300 or above 599 becomes 500, an `hresult` of 0 becomes the one for the status, and
/// a `context` other than BITSUP_CONTEXT_SERVER becomes BITSUP_CONTEXT_APPLICATION.
///
/// Ownership: no transfer.
/// Threads: one call at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_STATE after the callback has returned.
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
            verdict.reject(http_status, hresult, context, "rejected by the application");
        })
    })
}

/// Rejects the request with 401 and requests credentials. For on_request. `challenge` is the value of
/// WWW-Authenticate, for example "Basic realm=\"uploads\"", or several challenges separated by commas. If it
/// cannot be sent in a header field, the response is 500.
///
/// Ownership: copies the text.
/// Threads: one call at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY, INVALID_STATE after the callback has returned.
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

/// Sets the user who sent the request. For on_request. A session belongs to the user who created it; requests
/// of other users for it are rejected.
///
/// Ownership: copies the text.
/// Threads: one call at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY, INVALID_STATE after the callback has returned.
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

/// Sets where the file is delivered. For on_create and on_received. `path` is relative to the root of the
/// store, uses slashes and is not URL-encoded, for example "folder/file.txt". If it is invalid or leaves the
/// root, the response is 500.
///
/// Ownership: copies the text.
/// Threads: one call at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY, INVALID_STATE after the callback has returned.
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

/// Sets whether the file is delivered to its destination (not 0, the default) or discarded when the session
/// is closed (0). For on_received. Discard files that the callback has already processed.
///
/// Ownership: no transfer.
/// Threads: one call at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_STATE after the callback has returned.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_verdict_set_keep_file(
    verdict: *mut bitsup_verdict,
    keep: i32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { change(verdict, |verdict| verdict.set_keep_file(keep != 0)) })
}

/// Sets a URL on another server as the reply, and replaces any other reply. For on_received. The URL must be
/// absolute and at most 2,200 characters long; otherwise the response is 400.
///
/// Ownership: copies the text.
/// Threads: one call at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY, INVALID_STATE after the callback has returned.
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

/// Sets the content of the file `path` as the reply, and replaces any other reply. For on_received. The file
/// is taken when the callback has returned; if it does not exist then, the response to the client is an
/// error.
///
/// Ownership: copies the path and takes the file, which is moved, or copied and removed.
/// Threads: one call at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_STATE after the callback has returned.
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

/// Sets `len` bytes as the reply, and replaces any other reply. For on_received. With a `len` of 0, for which
/// `data` may be NULL, the reply is empty.
///
/// Ownership: copies the bytes.
/// Threads: one call at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if `len` exceeds the address space, BUSY, INVALID_STATE after the
/// callback has returned.
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

/// Applies `change` to the verdict.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn change(verdict: *mut bitsup_verdict, change: impl FnOnce(&mut Verdict)) -> Result<(), Error> {
    // SAFETY: by contract.
    unsafe { handle::borrow(verdict, "verdict") }?.0.update("verdict", change)
}
