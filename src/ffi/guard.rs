//! The first statement of every exported function: catches panics and turns errors into a status and an error
//! object.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::{BITSUP_OK, bitsup_error, bitsup_status};
use crate::error::{Error, Status};

/// Runs the body, an `impl FnOnce() -> Result<(), Error>`, sets `*error` and evaluates to the status:
/// `guard!(error, { ...; Ok(()) })`.
macro_rules! guard {
    ($error:expr, $body:block) => {
        // SAFETY: the exported function is unsafe; its caller upholds the contract in the module documentation.
        unsafe { $crate::ffi::guard::run($error, || $body) }
    };
}

/// The same for functions without an error parameter; evaluates to `fallback` on any error:
/// `guard_or!(fallback, { ...; Ok(value) })`.
macro_rules! guard_or {
    ($fallback:expr, $body:block) => {
        // SAFETY: the exported function is unsafe; its caller upholds the contract in the module documentation.
        unsafe { $crate::ffi::guard::run_or($fallback, || $body) }
    };
}

/// Runs the body of an exported function that returns a status and an error object.
///
/// # Safety
/// `error` must be null or valid for writes.
pub(super) unsafe fn run(
    error: *mut *mut bitsup_error,
    body: impl FnOnce() -> Result<(), Error>,
) -> bitsup_status {
    let result = catch(body);
    let status = result.as_ref().err().map_or(BITSUP_OK, |failure| failure.status() as bitsup_status);
    if !error.is_null() {
        let object =
            result.err().map_or(std::ptr::null_mut(), |failure| bitsup_error::new(failure).into_raw());
        // SAFETY: not null, so valid for writes. The old value is not read: it may be uninitialised.
        unsafe { error.write(object) };
    }
    status
}

/// Runs the body of an exported function that cannot return an error.
///
/// # Safety
/// No requirements beyond those of the body; `unsafe` so that both macros expand alike.
pub(super) unsafe fn run_or<T>(fallback: T, body: impl FnOnce() -> Result<T, Error>) -> T {
    catch(body).unwrap_or(fallback)
}

/// Asserting unwind safety is sound because a panic poisons every handle in use (see
/// [`super::handle::BorrowedHandle`]), so inconsistent state cannot be reached again.
fn catch<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(panic_error(payload.as_ref())))
}

fn panic_error(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    Error::new(Status::Panic, format!("a bug in bitsup, please report it: {text}"))
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::super::error::{
        BITSUP_E_IO, BITSUP_E_PANIC, bitsup_error_free, bitsup_error_message, bitsup_error_status,
    };
    use super::*;

    #[test]
    fn success_sets_the_error_to_null() {
        let mut error = ptr::dangling_mut();
        let status = guard!(&mut error, { Ok(()) });
        assert_eq!((status, error.is_null()), (BITSUP_OK, true));
    }

    #[test]
    fn failure_sets_status_and_error() {
        let mut error = ptr::null_mut();
        let fail = || Err(Error::new(Status::Io, "disk failure"));
        assert_eq!(guard!(&mut error, { fail() }), BITSUP_E_IO);
        assert_eq!(guard!(ptr::null_mut(), { fail() }), BITSUP_E_IO);
        // SAFETY: the guard made the error.
        unsafe {
            assert_eq!(bitsup_error_status(error), BITSUP_E_IO);
            assert_eq!(std::ffi::CStr::from_ptr(bitsup_error_message(error)), c"disk failure");
            bitsup_error_free(error);
        }
    }

    #[test]
    fn a_panic_becomes_a_status_with_its_message() {
        let mut error = ptr::null_mut();
        assert_eq!(guard!(&mut error, { panic!("seven {}", 8) }), BITSUP_E_PANIC);
        // SAFETY: the guard made the error.
        let message = unsafe { std::ffi::CStr::from_ptr(bitsup_error_message(error)) };
        assert!(message.to_str().unwrap().contains("seven 8"));
        // SAFETY: as above.
        unsafe { bitsup_error_free(error) };
        assert_eq!(guard_or!(-1, { panic!("text") }), -1);
    }
}
