//! `bitsup_response`: the answer to a request.

use std::ffi::{CString, c_char};
use std::sync::Mutex;

use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::text;
use crate::engine::Response;
use crate::error::Error;

/// The answer to a request, for an HTTP server to send: status, fields, the Content-Length, and a body that is
/// read piece by piece. `Date`, `Connection` and `Server` are up to that server.
pub struct bitsup_response {
    header: Header,
    status: u16,
    reason: CString,
    headers: Vec<(CString, CString)>,
    content_length: u64,
    body_length: u64,
    must_close: bool,
    response: Mutex<Response>,
}

impl Handle for bitsup_response {
    fn header(&self) -> &Header {
        &self.header
    }
}

impl bitsup_response {
    pub(super) fn new(response: Response) -> Self {
        let fields = response.headers.iter();
        Self {
            header: Header::new(),
            status: response.status,
            reason: text::c_string(response.reason()),
            headers: fields.map(|(name, value)| (text::c_string(name), text::c_string(value))).collect(),
            content_length: response.content_length(),
            body_length: response.body_left(),
            must_close: response.close,
            response: Mutex::new(response),
        }
    }
}

/// The HTTP status; 0 for NULL.
///
/// Ownership: borrows the response.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_status(response: *const bitsup_response) -> u16 {
    guard_or!(0, { Ok(handle::borrow(response, "response")?.status) })
}

/// The reason phrase of the status; NULL for NULL.
///
/// Ownership: the text belongs to the response.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_reason(response: *const bitsup_response) -> *const c_char {
    guard_or!(std::ptr::null(), { Ok(handle::borrow(response, "response")?.reason.as_ptr()) })
}

/// How many header fields there are; 0 for NULL. Content-Length is none of them.
///
/// Ownership: borrows the response.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_header_count(response: *const bitsup_response) -> usize {
    guard_or!(0, { Ok(handle::borrow(response, "response")?.headers.len()) })
}

/// The name of a header field; NULL for NULL and for an index that is not below the count.
///
/// Ownership: the text belongs to the response.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_header_name(
    response: *const bitsup_response,
    index: usize,
) -> *const c_char {
    guard_or!(std::ptr::null(), {
        let response = handle::borrow(response, "response")?;
        Ok(response.headers.get(index).map_or(std::ptr::null(), |(name, _)| name.as_ptr()))
    })
}

/// The value of a header field; NULL for NULL and for an index that is not below the count. It is printable
/// ASCII, so the NUL at its end is the only one.
///
/// Ownership: the text belongs to the response.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_header_value(
    response: *const bitsup_response,
    index: usize,
) -> *const c_char {
    guard_or!(std::ptr::null(), {
        let response = handle::borrow(response, "response")?;
        Ok(response.headers.get(index).map_or(std::ptr::null(), |(_, value)| value.as_ptr()))
    })
}

/// The value of Content-Length; 0 for NULL. It differs from the length of the body in answers to a HEAD and with
/// status 304.
///
/// Ownership: borrows the response.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_content_length(response: *const bitsup_response) -> u64 {
    guard_or!(0, { Ok(handle::borrow(response, "response")?.content_length) })
}

/// How many bytes bitsup_response_read_body gives in all; 0 for NULL. Only replies have a body.
///
/// Ownership: borrows the response.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_body_length(response: *const bitsup_response) -> u64 {
    guard_or!(0, { Ok(handle::borrow(response, "response")?.body_length) })
}

/// Reads the next bytes of the body, at most `cap`: `*out_len` of them. 0 at the end, and for a `cap` of 0.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for an impossible length, BUSY; 2xx when the store cannot read: the
/// answer cannot be completed, and its connection must be closed.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_read_body(
    response: *mut bitsup_response,
    buf: *mut u8,
    cap: usize,
    out_len: *mut usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let response = handle::borrow(response, "response")?;
        let (buffer, out) = (text::buffer(buf, cap, "buf")?, handle::out(out_len, "out_len")?);
        let mut response = handle::try_lock(&response.response)?;
        let count = response.read_body(buffer);
        out.set(count.map_err(|error| Error::io("cannot read the reply", error))?);
        Ok(())
    })
}

/// Whether the connection must be closed after this answer, with `Connection: close` in it: nobody can know
/// where the next request would begin. 0 for NULL. A body that was not read to its end is for the program around
/// to read, or to close for.
///
/// Ownership: borrows the response.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_must_close(response: *const bitsup_response) -> i32 {
    guard_or!(0, { Ok(i32::from(handle::borrow(response, "response")?.must_close)) })
}

/// Frees a response. NULL is a no-op.
///
/// Ownership: takes the response and its texts.
/// Threads: any; never waits.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_free(response: *mut bitsup_response) {
    guard_or!((), {
        handle::free(response);
        Ok(())
    })
}
