//! `bitsup_status` and `bitsup_error`: status numbers and the error object.

use std::ffi::{CStr, CString, c_char};

use super::text;
use crate::error::Error;

/// Result of a call: BITSUP_OK or one of BITSUP_E_*. The hundreds digit is the class: 1xx the call was wrong,
/// 2xx the local machine failed, 3xx the network failed, 4xx the peer rejected or failed, 5xx the application
/// stopped the operation, 9xx a bug in this library. Later versions may add numbers; handle unknown ones by
/// class.
pub type bitsup_status = i32;

/// Success.
pub const BITSUP_OK: i32 = 0;
/// A required pointer is NULL.
pub const BITSUP_E_NULL_ARGUMENT: i32 = 101;
/// An argument is malformed or out of range.
pub const BITSUP_E_INVALID_ARGUMENT: i32 = 102;
/// A text is not valid UTF-8.
pub const BITSUP_E_INVALID_UTF8: i32 = 103;
/// The object is in the wrong state for this call.
pub const BITSUP_E_INVALID_STATE: i32 = 104;
/// The object is in use by another call.
pub const BITSUP_E_BUSY: i32 = 105;
/// Not supported by this build or platform.
pub const BITSUP_E_UNSUPPORTED: i32 = 106;
/// A local read or write failed.
pub const BITSUP_E_IO: i32 = 201;
/// A local file or directory does not exist.
pub const BITSUP_E_NOT_FOUND: i32 = 202;
/// Permission denied on the local machine.
pub const BITSUP_E_DENIED: i32 = 203;
/// No space left on the local machine.
pub const BITSUP_E_NO_SPACE: i32 = 204;
/// The source changed during the upload.
pub const BITSUP_E_SOURCE_CHANGED: i32 = 205;
/// The host name could not be resolved.
pub const BITSUP_E_RESOLVE: i32 = 301;
/// The connection could not be established.
pub const BITSUP_E_CONNECT: i32 = 302;
/// The TLS handshake failed.
pub const BITSUP_E_TLS: i32 = 303;
/// A timeout expired.
pub const BITSUP_E_TIMEOUT: i32 = 304;
/// The connection was lost.
pub const BITSUP_E_DISCONNECTED: i32 = 305;
/// The peer violated the protocol.
pub const BITSUP_E_PROTOCOL: i32 = 401;
/// The peer responded with an HTTP error status.
pub const BITSUP_E_HTTP_STATUS: i32 = 402;
/// The server reported an error with an HRESULT.
pub const BITSUP_E_SERVER_FAULT: i32 = 403;
/// The server does not know the session.
pub const BITSUP_E_SESSION_NOT_FOUND: i32 = 404;
/// Client and server disagree about the offset.
pub const BITSUP_E_RANGE: i32 = 405;
/// The upload exceeds a limit of the server.
pub const BITSUP_E_TOO_LARGE: i32 = 406;
/// Cancelled by the caller.
pub const BITSUP_E_CANCELLED: i32 = 501;
/// Suspended by the caller.
pub const BITSUP_E_SUSPENDED: i32 = 502;
/// A callback stopped the operation.
pub const BITSUP_E_CALLBACK: i32 = 503;
/// A bug in this library; the affected object is unusable.
pub const BITSUP_E_PANIC: i32 = 901;

/// Origin of a server-side error: the server itself.
pub const BITSUP_CONTEXT_SERVER: u32 = 5;
/// Origin of a server-side error: the application behind the server.
pub const BITSUP_CONTEXT_APPLICATION: u32 = 7;

/// Number, name and description of every status. The descriptions repeat the comments above.
const STATUSES: [(bitsup_status, &CStr, &CStr); 27] = [
    (BITSUP_OK, c"BITSUP_OK", c"success"),
    (BITSUP_E_NULL_ARGUMENT, c"BITSUP_E_NULL_ARGUMENT", c"a required pointer is NULL"),
    (BITSUP_E_INVALID_ARGUMENT, c"BITSUP_E_INVALID_ARGUMENT", c"an argument is malformed or out of range"),
    (BITSUP_E_INVALID_UTF8, c"BITSUP_E_INVALID_UTF8", c"a text is not valid UTF-8"),
    (BITSUP_E_INVALID_STATE, c"BITSUP_E_INVALID_STATE", c"the object is in the wrong state for this call"),
    (BITSUP_E_BUSY, c"BITSUP_E_BUSY", c"the object is in use by another call"),
    (BITSUP_E_UNSUPPORTED, c"BITSUP_E_UNSUPPORTED", c"not supported by this build or platform"),
    (BITSUP_E_IO, c"BITSUP_E_IO", c"a local read or write failed"),
    (BITSUP_E_NOT_FOUND, c"BITSUP_E_NOT_FOUND", c"a local file or directory does not exist"),
    (BITSUP_E_DENIED, c"BITSUP_E_DENIED", c"permission denied on the local machine"),
    (BITSUP_E_NO_SPACE, c"BITSUP_E_NO_SPACE", c"no space left on the local machine"),
    (BITSUP_E_SOURCE_CHANGED, c"BITSUP_E_SOURCE_CHANGED", c"the source changed during the upload"),
    (BITSUP_E_RESOLVE, c"BITSUP_E_RESOLVE", c"the host name could not be resolved"),
    (BITSUP_E_CONNECT, c"BITSUP_E_CONNECT", c"the connection could not be established"),
    (BITSUP_E_TLS, c"BITSUP_E_TLS", c"the TLS handshake failed"),
    (BITSUP_E_TIMEOUT, c"BITSUP_E_TIMEOUT", c"a timeout expired"),
    (BITSUP_E_DISCONNECTED, c"BITSUP_E_DISCONNECTED", c"the connection was lost"),
    (BITSUP_E_PROTOCOL, c"BITSUP_E_PROTOCOL", c"the peer violated the protocol"),
    (BITSUP_E_HTTP_STATUS, c"BITSUP_E_HTTP_STATUS", c"the peer responded with an HTTP error status"),
    (BITSUP_E_SERVER_FAULT, c"BITSUP_E_SERVER_FAULT", c"the server reported an error with an HRESULT"),
    (BITSUP_E_SESSION_NOT_FOUND, c"BITSUP_E_SESSION_NOT_FOUND", c"the server does not know the session"),
    (BITSUP_E_RANGE, c"BITSUP_E_RANGE", c"client and server disagree about the offset"),
    (BITSUP_E_TOO_LARGE, c"BITSUP_E_TOO_LARGE", c"the upload exceeds a limit of the server"),
    (BITSUP_E_CANCELLED, c"BITSUP_E_CANCELLED", c"cancelled by the caller"),
    (BITSUP_E_SUSPENDED, c"BITSUP_E_SUSPENDED", c"suspended by the caller"),
    (BITSUP_E_CALLBACK, c"BITSUP_E_CALLBACK", c"a callback stopped the operation"),
    (BITSUP_E_PANIC, c"BITSUP_E_PANIC", c"a bug in this library; the affected object is unusable"),
];

/// Describes why a call failed.
pub struct bitsup_error {
    error: Error,
    message: CString,
}

impl bitsup_error {
    /// Wraps an error for C.
    pub(super) fn new(error: Error) -> Self {
        let message = text::c_string(error.message());
        Self { error, message }
    }

    /// Converts the error into a pointer that the caller releases with [`bitsup_error_free`].
    pub(super) fn into_raw(self) -> *mut Self {
        Box::into_raw(Box::new(self))
    }
}

/// Returns the name of a status, for example "BITSUP_E_IO"; "BITSUP_E_UNKNOWN" for a number that this version
/// does not know.
///
/// Ownership: the library owns the text, which stays valid for the life of the process.
/// Threads: any thread.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_status_name(status: bitsup_status) -> *const c_char {
    guard_or!(c"".as_ptr(), { Ok(name_of(status).as_ptr()) })
}

/// Returns a short English description of a status, for example "a local read or write failed". For a user,
/// prefer bitsup_error_message, which names the file, URL or value concerned.
///
/// Ownership: the library owns the text, which stays valid for the life of the process.
/// Threads: any thread.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_status_text(status: bitsup_status) -> *const c_char {
    guard_or!(c"".as_ptr(), { Ok(status_row(status).map_or(c"unknown status", |row| row.2).as_ptr()) })
}

/// Returns the status of the failed call; BITSUP_OK for NULL.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_error_status(error: *const bitsup_error) -> bitsup_status {
    guard_or!(BITSUP_OK, { Ok(error.as_ref().map_or(BITSUP_OK, |e| e.error.status() as bitsup_status)) })
}

/// Returns an English message that says what failed and what to do about it; "" for NULL. The wording may
/// change between versions: test the status, not the message.
///
/// Ownership: `error` owns the text, which stays valid until it is freed.
/// Threads: any thread, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_error_message(error: *const bitsup_error) -> *const c_char {
    guard_or!(c"".as_ptr(), { Ok(error.as_ref().map_or(c"", |e| e.message.as_c_str()).as_ptr()) })
}

/// Returns the HTTP status of the response that caused the error; 0 if no response did.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_error_http_status(error: *const bitsup_error) -> u16 {
    guard_or!(0, { Ok(error.as_ref().and_then(|e| e.error.http_status()).unwrap_or(0)) })
}

/// Returns the HRESULT that the server sent, or that Windows reports for this error; 0 if there is none.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_error_hresult(error: *const bitsup_error) -> u32 {
    guard_or!(0, { Ok(error.as_ref().and_then(|e| e.error.hresult()).map_or(0, |hresult| hresult.0)) })
}

/// Returns which part of the server failed, one of BITSUP_CONTEXT_*; 0 if the server did not report it.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_error_context(error: *const bitsup_error) -> u32 {
    guard_or!(0, { Ok(error.as_ref().and_then(|e| e.error.context()).map_or(0, |context| context as u32)) })
}

/// Returns 1 if the same call may succeed later, otherwise 0. Jobs and downloads have then already retried
/// until the no-progress timeout; they can be run again later.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_error_is_transient(error: *const bitsup_error) -> i32 {
    guard_or!(0, { Ok(error.as_ref().is_some_and(|e| e.error.is_transient()).into()) })
}

/// Frees an error. NULL is a no-op.
///
/// Ownership: frees `error` and the text of bitsup_error_message.
/// Threads: any thread; no other call may be using `error`.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_error_free(error: *mut bitsup_error) {
    guard_or!((), {
        if !error.is_null() {
            drop(Box::from_raw(error));
        }
        Ok(())
    })
}

/// Returns the name of a status.
pub(super) fn name_of(status: bitsup_status) -> &'static CStr {
    status_row(status).map_or(c"BITSUP_E_UNKNOWN", |row| row.1)
}

fn status_row(status: bitsup_status) -> Option<&'static (bitsup_status, &'static CStr, &'static CStr)> {
    STATUSES.iter().find(|row| row.0 == status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use crate::proto::{Context, HResult};

    /// `NullArgument = 101,` in the enum is row 101, named BITSUP_E_NULL_ARGUMENT.
    #[test]
    fn every_status_of_the_rust_api_has_its_constant() {
        let source = include_str!("../error.rs");
        let variants: Vec<(&str, i32)> = source.lines().filter_map(variant).collect();
        assert_eq!(variants.len() + 1, STATUSES.len());
        for (variant, number) in variants {
            let (_, name, _) = status_row(number).unwrap_or_else(|| panic!("no constant for {variant}"));
            let name = name.to_str().unwrap().trim_start_matches("BITSUP_E_").replace('_', "");
            assert_eq!(name, variant.to_uppercase());
        }
    }

    fn variant(line: &str) -> Option<(&str, i32)> {
        let (name, number) = line.trim().strip_suffix(',')?.split_once(" = ")?;
        Some((name, number.parse().ok()?))
    }

    #[test]
    fn an_error_has_all_details_of_the_rust_error() {
        let error = Error::new(Status::ServerFault, "no")
            .with_http_status(500)
            .with_hresult(HResult::BG_E_TOO_LARGE)
            .with_context(Context::Application)
            .transient();
        let error = bitsup_error::new(error).into_raw();
        // SAFETY: created above and freed at the end.
        unsafe {
            assert_eq!(bitsup_error_status(error), BITSUP_E_SERVER_FAULT);
            assert_eq!(CStr::from_ptr(bitsup_error_message(error)), c"no");
            assert_eq!(bitsup_error_http_status(error), 500);
            assert_eq!(bitsup_error_hresult(error), 0x8020_0020);
            assert_eq!(bitsup_error_context(error), 7);
            assert_eq!(bitsup_error_is_transient(error), 1);
            bitsup_error_free(error);
        }
    }
}
