//! `bitsup_response`: the response of an engine to a request.

use std::ffi::{CString, c_char};
use std::sync::Mutex;

use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::text;
use crate::engine::Response;
use crate::error::Error;

/// The response to a request, for an HTTP server to send: status, header fields, Content-Length, and a body
/// that is read in pieces. The HTTP server adds Date, Connection and Server itself.
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

/// Returns the HTTP status; 0 for NULL.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_status(response: *const bitsup_response) -> u16 {
    guard_or!(0, { Ok(handle::borrow(response, "response")?.status) })
}

/// Returns the reason phrase of the status; NULL for NULL.
///
/// Ownership: `response` owns the text.
/// Threads: any thread, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_reason(response: *const bitsup_response) -> *const c_char {
    guard_or!(std::ptr::null(), { Ok(handle::borrow(response, "response")?.reason.as_ptr()) })
}

/// Returns the number of header fields, without Content-Length; 0 for NULL.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_header_count(response: *const bitsup_response) -> usize {
    guard_or!(0, { Ok(handle::borrow(response, "response")?.headers.len()) })
}

/// Returns the name of a header field; NULL for NULL or if `index` is not below the count.
///
/// Ownership: `response` owns the text.
/// Threads: any thread, concurrently.
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

/// Returns the value of a header field, which is printable ASCII; NULL for NULL or if `index` is not below
/// the count.
///
/// Ownership: `response` owns the text.
/// Threads: any thread, concurrently.
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

/// Returns the value of Content-Length; 0 for NULL. It differs from the length of the body in responses to
/// HEAD and with status 304.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_content_length(response: *const bitsup_response) -> u64 {
    guard_or!(0, { Ok(handle::borrow(response, "response")?.content_length) })
}

/// Returns the number of bytes that bitsup_response_read_body will return in total; 0 for NULL. Only replies
/// have a body.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_body_length(response: *const bitsup_response) -> u64 {
    guard_or!(0, { Ok(handle::borrow(response, "response")?.body_length) })
}

/// Reads the next bytes of the body, at most `cap`, and stores their number in `*out_len`: 0 at the end, or
/// if `cap` is 0.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if `cap` exceeds the address space, BUSY; 2xx if the store cannot
/// be read. The response is then incomplete, and the connection must be closed.
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

/// Returns 1 if the connection must be closed after this response, which must then contain
/// `Connection: close`; otherwise 0, also for NULL. This does not account for a request body that was not
/// read to its end; the HTTP server must then either discard the rest or close the connection.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_must_close(response: *const bitsup_response) -> i32 {
    guard_or!(0, { Ok(i32::from(handle::borrow(response, "response")?.must_close)) })
}

/// Frees a response. NULL is a no-op.
///
/// Ownership: frees `response` and its texts.
/// Threads: any thread; never blocks.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_response_free(response: *mut bitsup_response) {
    guard_or!((), {
        handle::free(response);
        Ok(())
    })
}
