//! Conversions of texts, paths and byte blocks: text is NUL-terminated UTF-8, paths are the system's own bytes.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::str::Utf8Error;

use super::handle::null;
use crate::error::{Error, Status};

/// Frees a text that a function of this library returned through a `char **` output. NULL is a no-op.
///
/// Ownership: frees `text`.
/// Threads: any thread.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_string_free(text: *mut c_char) {
    guard_or!((), {
        if !text.is_null() {
            drop(CString::from_raw(text));
        }
        Ok(())
    })
}

/// Frees bytes that a function of this library returned; `len` is the length returned with them. NULL is a
/// no-op.
///
/// Ownership: frees `data`.
/// Threads: any thread.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_bytes_free(data: *mut u8, len: usize) {
    guard_or!((), {
        if !data.is_null() {
            drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(data, len)));
        }
        Ok(())
    })
}

/// Reads a required text parameter.
///
/// # Safety
/// `text` must be null or NUL-terminated, and must not change during the call.
pub(super) unsafe fn required<'a>(text: *const c_char, name: &str) -> Result<&'a str, Error> {
    // SAFETY: by contract.
    let text = unsafe { c_str(text, name) }?;
    #[cfg(feature = "fault-injection")]
    crate::fault_injection::maybe_panic("ffi", &text.to_string_lossy());
    text.to_str().map_err(|e| not_utf8(name, e))
}

fn not_utf8(name: &str, error: Utf8Error) -> Error {
    Error::new(Status::InvalidUtf8, format!("`{name}` is not valid UTF-8: {error}"))
}

/// Reads a required path parameter.
///
/// # Safety
/// As for [`required`].
#[cfg(unix)]
pub(super) unsafe fn path<'a>(path: *const c_char, name: &str) -> Result<&'a Path, Error> {
    use std::os::unix::ffi::OsStrExt;

    // SAFETY: by contract.
    let path = unsafe { c_str(path, name) }?;
    Ok(Path::new(std::ffi::OsStr::from_bytes(path.to_bytes())))
}

/// Reads a required path parameter.
///
/// # Safety
/// As for [`required`].
#[cfg(not(unix))]
pub(super) unsafe fn path<'a>(path: *const c_char, name: &str) -> Result<&'a Path, Error> {
    // SAFETY: by contract.
    unsafe { required(path, name) }.map(Path::new)
}

unsafe fn c_str<'a>(text: *const c_char, name: &str) -> Result<&'a CStr, Error> {
    if text.is_null() {
        return Err(null(name));
    }
    // SAFETY: not null, so NUL-terminated by contract.
    Ok(unsafe { CStr::from_ptr(text) })
}

/// Reads a block of bytes; null is allowed if `len` is 0.
///
/// # Safety
/// `data` must be null or point to `len` bytes that do not change during the call.
pub(super) unsafe fn bytes<'a>(data: *const u8, len: usize, name: &str) -> Result<&'a [u8], Error> {
    if is_empty(data, len, name)? {
        return Ok(&[]);
    }
    // SAFETY: not null, `len` bytes long by contract, and not longer than a slice can be.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// Reads a parameter for an output buffer of `cap` bytes; null is allowed if `cap` is 0.
///
/// # Safety
/// `buf` must be null or point to `cap` bytes that nothing else accesses during the call.
pub(super) unsafe fn buffer<'a>(buf: *mut u8, cap: usize, name: &str) -> Result<&'a mut [u8], Error> {
    if is_empty(buf, cap, name)? {
        return Ok(&mut []);
    }
    // SAFETY: not null, `cap` bytes long by contract, and not longer than a slice can be. The bytes are only
    // written to.
    Ok(unsafe { std::slice::from_raw_parts_mut(buf, cap) })
}

/// Returns whether a block is empty; fails if it is null or longer than a block can be.
fn is_empty(data: *const u8, len: usize, name: &str) -> Result<bool, Error> {
    if len > 0 && data.is_null() {
        return Err(null(name));
    }
    if isize::try_from(len).is_err() {
        let message = format!("invalid length {len} of `{name}`: larger than the address space");
        return Err(Error::new(Status::InvalidArgument, message));
    }
    Ok(len == 0)
}

/// Reads a text of `len` bytes; null is allowed if `len` is 0.
///
/// # Safety
/// As for [`bytes`].
pub(super) unsafe fn utf8<'a>(text: *const c_char, len: usize, name: &str) -> Result<&'a str, Error> {
    // SAFETY: by contract.
    let text = unsafe { bytes(text.cast(), len, name) }?;
    std::str::from_utf8(text).map_err(|e| not_utf8(name, e))
}

/// Converts text for C; a NUL inside becomes U+FFFD.
pub(super) fn c_string(text: &str) -> CString {
    let text = if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{FFFD}")) } else { text.into() };
    CString::new(text.as_bytes()).unwrap_or_default()
}

/// Converts text into a pointer that the caller releases with [`bitsup_string_free`].
pub(super) fn into_raw(text: &str) -> *mut c_char {
    c_string(text).into_raw()
}

/// Converts bytes into a pointer and a length that the caller releases with [`bitsup_bytes_free`].
pub(super) fn bytes_into_raw(bytes: Vec<u8>) -> (*mut u8, usize) {
    let bytes = Box::leak(bytes.into_boxed_slice());
    (bytes.as_mut_ptr(), bytes.len())
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[test]
    fn null_and_invalid_utf8_name_the_parameter() {
        // SAFETY: null and literals.
        unsafe {
            let error = required(ptr::null(), "url").unwrap_err();
            assert_eq!((error.status(), error.message()), (Status::NullArgument, "`url` must not be NULL"));
            let error = required(c"a\xFFb".as_ptr(), "url").unwrap_err();
            assert_eq!(error.status(), Status::InvalidUtf8);
            assert!(error.message().starts_with("`url` is not valid UTF-8"), "{error}");
            assert_eq!(required(c"\xC3\xA9".as_ptr(), "url").unwrap(), "é");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_is_bytes() {
        use std::os::unix::ffi::OsStrExt;
        // SAFETY: a literal.
        let path = unsafe { path(c"/a\xFF".as_ptr(), "path") }.unwrap();
        assert_eq!(path.as_os_str().as_bytes(), b"/a\xFF");
    }

    #[test]
    fn bytes_may_be_null_only_if_empty() {
        // SAFETY: null, and a block whose length is rejected before it is read.
        unsafe {
            assert_eq!(bytes(ptr::null(), 0, "data").unwrap(), b"");
            assert_eq!(bytes(ptr::null(), 1, "data").unwrap_err().status(), Status::NullArgument);
            let short = [0u8; 1];
            let error = bytes(short.as_ptr(), usize::MAX, "data").unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
        }
    }

    #[test]
    fn a_nul_inside_does_not_cut_the_text() {
        assert_eq!(c_string("a\0b").to_str().unwrap(), "a\u{FFFD}b");
    }
}
