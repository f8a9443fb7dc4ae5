//! Status numbers and the error object.

use std::ffi::{CStr, CString, c_char};

use super::text;
use crate::error::Error;

/// The result of a call: BITSUP_OK or one of BITSUP_E_*. Hundreds are classes: 1xx the caller, 2xx this
/// machine, 3xx the network, 4xx the peer, 5xx asked for, 9xx a bug in this library. New numbers may come;
/// treat unknown ones by their class.
pub type bitsup_status = i32;

/// Success.
pub const BITSUP_OK: i32 = 0;
/// A required pointer is NULL.
pub const BITSUP_E_NULL_ARGUMENT: i32 = 101;
/// An argument is outside its domain.
pub const BITSUP_E_INVALID_ARGUMENT: i32 = 102;
/// Text is not UTF-8.
pub const BITSUP_E_INVALID_UTF8: i32 = 103;
/// The object is in the wrong state for this call.
pub const BITSUP_E_INVALID_STATE: i32 = 104;
/// The object is in use by another call.
pub const BITSUP_E_BUSY: i32 = 105;
/// Not supported by this build or this platform.
pub const BITSUP_E_UNSUPPORTED: i32 = 106;
/// Reading or writing failed on this machine.
pub const BITSUP_E_IO: i32 = 201;
/// A file is not there.
pub const BITSUP_E_NOT_FOUND: i32 = 202;
/// Not allowed on this machine.
pub const BITSUP_E_DENIED: i32 = 203;
/// No space left on this machine.
pub const BITSUP_E_NO_SPACE: i32 = 204;
/// The source changed while it was read.
pub const BITSUP_E_SOURCE_CHANGED: i32 = 205;
/// The name of the host did not resolve.
pub const BITSUP_E_RESOLVE: i32 = 301;
/// No connection.
pub const BITSUP_E_CONNECT: i32 = 302;
/// The TLS handshake failed.
pub const BITSUP_E_TLS: i32 = 303;
/// A time limit was reached.
pub const BITSUP_E_TIMEOUT: i32 = 304;
/// The connection was lost.
pub const BITSUP_E_DISCONNECTED: i32 = 305;
/// The peer broke the protocol.
pub const BITSUP_E_PROTOCOL: i32 = 401;
/// The peer answered with an HTTP error.
pub const BITSUP_E_HTTP_STATUS: i32 = 402;
/// The server reported a fault of its own, with an HRESULT.
pub const BITSUP_E_SERVER_FAULT: i32 = 403;
/// The server does not know the session.
pub const BITSUP_E_SESSION_NOT_FOUND: i32 = 404;
/// Client and server do not agree on the offset.
pub const BITSUP_E_RANGE: i32 = 405;
/// Over a limit of the server.
pub const BITSUP_E_TOO_LARGE: i32 = 406;
/// Cancelled as asked.
pub const BITSUP_E_CANCELLED: i32 = 501;
/// Suspended as asked.
pub const BITSUP_E_SUSPENDED: i32 = 502;
/// A callback asked to stop.
pub const BITSUP_E_CALLBACK: i32 = 503;
/// A bug in this library; the object it struck is unusable.
pub const BITSUP_E_PANIC: i32 = 901;

/// Who failed on the server's side: the server itself.
pub const BITSUP_CONTEXT_SERVER: u32 = 5;
/// Who failed on the server's side: the application behind it.
pub const BITSUP_CONTEXT_APPLICATION: u32 = 7;

/// Number, name and meaning of every status.
const STATUSES: [(bitsup_status, &CStr, &CStr); 27] = [
    (BITSUP_OK, c"BITSUP_OK", c"success"),
    (BITSUP_E_NULL_ARGUMENT, c"BITSUP_E_NULL_ARGUMENT", c"a required pointer is NULL"),
    (BITSUP_E_INVALID_ARGUMENT, c"BITSUP_E_INVALID_ARGUMENT", c"an argument is outside its domain"),
    (BITSUP_E_INVALID_UTF8, c"BITSUP_E_INVALID_UTF8", c"text is not UTF-8"),
    (BITSUP_E_INVALID_STATE, c"BITSUP_E_INVALID_STATE", c"the object is in the wrong state for this call"),
    (BITSUP_E_BUSY, c"BITSUP_E_BUSY", c"the object is in use by another call"),
    (BITSUP_E_UNSUPPORTED, c"BITSUP_E_UNSUPPORTED", c"not supported by this build or this platform"),
    (BITSUP_E_IO, c"BITSUP_E_IO", c"reading or writing failed on this machine"),
    (BITSUP_E_NOT_FOUND, c"BITSUP_E_NOT_FOUND", c"a file is not there"),
    (BITSUP_E_DENIED, c"BITSUP_E_DENIED", c"not allowed on this machine"),
    (BITSUP_E_NO_SPACE, c"BITSUP_E_NO_SPACE", c"no space left on this machine"),
    (BITSUP_E_SOURCE_CHANGED, c"BITSUP_E_SOURCE_CHANGED", c"the source changed while it was read"),
    (BITSUP_E_RESOLVE, c"BITSUP_E_RESOLVE", c"the name of the host did not resolve"),
    (BITSUP_E_CONNECT, c"BITSUP_E_CONNECT", c"no connection"),
    (BITSUP_E_TLS, c"BITSUP_E_TLS", c"the TLS handshake failed"),
    (BITSUP_E_TIMEOUT, c"BITSUP_E_TIMEOUT", c"a time limit was reached"),
    (BITSUP_E_DISCONNECTED, c"BITSUP_E_DISCONNECTED", c"the connection was lost"),
    (BITSUP_E_PROTOCOL, c"BITSUP_E_PROTOCOL", c"the peer broke the protocol"),
    (BITSUP_E_HTTP_STATUS, c"BITSUP_E_HTTP_STATUS", c"the peer answered with an HTTP error"),
    (BITSUP_E_SERVER_FAULT, c"BITSUP_E_SERVER_FAULT", c"the server reported a fault of its own"),
    (BITSUP_E_SESSION_NOT_FOUND, c"BITSUP_E_SESSION_NOT_FOUND", c"the server does not know the session"),
    (BITSUP_E_RANGE, c"BITSUP_E_RANGE", c"client and server do not agree on the offset"),
    (BITSUP_E_TOO_LARGE, c"BITSUP_E_TOO_LARGE", c"over a limit of the server"),
    (BITSUP_E_CANCELLED, c"BITSUP_E_CANCELLED", c"cancelled as asked"),
    (BITSUP_E_SUSPENDED, c"BITSUP_E_SUSPENDED", c"suspended as asked"),
    (BITSUP_E_CALLBACK, c"BITSUP_E_CALLBACK", c"a callback asked to stop"),
    (BITSUP_E_PANIC, c"BITSUP_E_PANIC", c"a bug in this library"),
];

/// What went wrong in one call.
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

    /// Gives it to the caller, who ends with [`bitsup_error_free`].
    pub(super) fn into_raw(self) -> *mut Self {
        Box::into_raw(Box::new(self))
    }
}

/// The name of a status: "BITSUP_E_IO"; "BITSUP_E_UNKNOWN" for a number that this version does not know.
///
/// Ownership: the text belongs to the library and lives as long as it.
/// Threads: any.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_status_name(status: bitsup_status) -> *const c_char {
    guard_or!(c"".as_ptr(), { Ok(name_of(status).as_ptr()) })
}

/// What a status means, in English: "reading or writing failed on this machine".
///
/// Ownership: the text belongs to the library and lives as long as it.
/// Threads: any.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_status_text(status: bitsup_status) -> *const c_char {
    guard_or!(c"".as_ptr(), { Ok(status_row(status).map_or(c"unknown status", |row| row.2).as_ptr()) })
}

/// The status of the failed call; BITSUP_OK for NULL.
///
/// Ownership: borrows the error.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_error_status(error: *const bitsup_error) -> bitsup_status {
    guard_or!(BITSUP_OK, { Ok(error.as_ref().map_or(BITSUP_OK, |e| e.error.status() as bitsup_status)) })
}

/// What failed and what to do, one sentence in English; "" for NULL.
///
/// Ownership: the text belongs to the error and lives as long as it.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_error_message(error: *const bitsup_error) -> *const c_char {
    guard_or!(c"".as_ptr(), { Ok(error.as_ref().map_or(c"", |e| e.message.as_c_str()).as_ptr()) })
}

/// The HTTP status of the peer's answer; 0 when no answer was the cause.
///
/// Ownership: borrows the error.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_error_http_status(error: *const bitsup_error) -> u16 {
    guard_or!(0, { Ok(error.as_ref().and_then(|e| e.error.http_status()).unwrap_or(0)) })
}

/// The HRESULT that the server sent, or that Windows would report; 0 when there is none.
///
/// Ownership: borrows the error.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_error_hresult(error: *const bitsup_error) -> u32 {
    guard_or!(0, { Ok(error.as_ref().and_then(|e| e.error.hresult()).map_or(0, |hresult| hresult.0)) })
}

/// Who failed on the server's side: one of BITSUP_CONTEXT_*, or 0 when it was not said.
///
/// Ownership: borrows the error.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_error_context(error: *const bitsup_error) -> u32 {
    guard_or!(0, { Ok(error.as_ref().and_then(|e| e.error.context()).map_or(0, |context| context as u32)) })
}

/// 1 when the same call is worth another try, else 0.
///
/// Ownership: borrows the error.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_error_is_transient(error: *const bitsup_error) -> i32 {
    guard_or!(0, { Ok(error.as_ref().is_some_and(|e| e.error.is_transient()).into()) })
}

/// Frees an error. NULL is a no-op.
///
/// Ownership: takes the error.
/// Threads: any, one at a time.
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

/// The name of a status.
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

    /// `NullArgument = 101,` is row 101, named BITSUP_E_NULL_ARGUMENT.
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
    fn an_error_shows_all_that_the_rust_api_knows() {
        let error = Error::new(Status::ServerFault, "no")
            .with_http_status(500)
            .with_hresult(HResult::BG_E_TOO_LARGE)
            .with_context(Context::Application)
            .transient();
        let error = bitsup_error::new(error).into_raw();
        // SAFETY: made just now, freed at the end.
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
