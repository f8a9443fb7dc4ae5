//! The first statement of every exported function: no panic passes it, and what went wrong becomes a status
//! and an error object.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::{BITSUP_OK, bitsup_error, bitsup_status};
use crate::error::{Error, Status};

/// `guard!(error, { … Ok(()) })`: runs the body, an `impl FnOnce() -> Result<(), Error>`; fills `*error` and
/// yields the status.
macro_rules! guard {
    ($error:expr, $body:block) => {
        // SAFETY: the exported function is unsafe; its caller keeps the contract in the module documentation.
        unsafe { $crate::ffi::guard::run($error, || $body) }
    };
}

/// `guard_or!(fallback, { … Ok(value) })`: the same for functions without an error parameter; whatever goes
/// wrong yields `fallback`.
macro_rules! guard_or {
    ($fallback:expr, $body:block) => {
        // SAFETY: the exported function is unsafe; its caller keeps the contract in the module documentation.
        unsafe { $crate::ffi::guard::run_or($fallback, || $body) }
    };
}

/// Runs the body of an exported function that reports by status and error object.
///
/// # Safety
/// `error` is null or writable.
pub(super) unsafe fn run(
    error: *mut *mut bitsup_error,
    body: impl FnOnce() -> Result<(), Error>,
) -> bitsup_status {
    let result = catch(body);
    let status = result.as_ref().err().map_or(BITSUP_OK, |failure| failure.status() as bitsup_status);
    if !error.is_null() {
        let object =
            result.err().map_or(std::ptr::null_mut(), |failure| bitsup_error::new(failure).into_raw());
        // SAFETY: not null, hence writable. The old value is not read: it may be uninitialised.
        unsafe { error.write(object) };
    }
    status
}

/// Runs the body of an exported function that has no way to report.
///
/// # Safety
/// None beyond what the body needs; `unsafe` so that the macros are alike.
pub(super) unsafe fn run_or<T>(fallback: T, body: impl FnOnce() -> Result<T, Error>) -> T {
    catch(body).unwrap_or(fallback)
}

/// What the body leaves half done stays out of reach: a panic poisons every handle in use (see
/// [`super::handle::Borrowed`]), which is why it is unwind safe.
fn catch<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(panic_error(payload.as_ref())))
}

fn panic_error(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    Error::new(Status::Panic, format!("a bug in bitsup; please report it: {text}"))
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::super::error::{
        BITSUP_E_IO, BITSUP_E_PANIC, bitsup_error_free, bitsup_error_message, bitsup_error_status,
    };
    use super::*;

    #[test]
    fn success_clears_the_error() {
        let mut error = ptr::dangling_mut();
        let status = guard!(&mut error, { Ok(()) });
        assert_eq!((status, error.is_null()), (BITSUP_OK, true));
    }

    #[test]
    fn failure_comes_as_status_and_object() {
        let mut error = ptr::null_mut();
        let fail = || Err(Error::new(Status::Io, "the disk burns"));
        assert_eq!(guard!(&mut error, { fail() }), BITSUP_E_IO);
        assert_eq!(guard!(ptr::null_mut(), { fail() }), BITSUP_E_IO);
        // SAFETY: the guard made the error.
        unsafe {
            assert_eq!(bitsup_error_status(error), BITSUP_E_IO);
            assert_eq!(std::ffi::CStr::from_ptr(bitsup_error_message(error)), c"the disk burns");
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
