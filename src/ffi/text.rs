//! Strings across the boundary: NUL-terminated UTF-8 both ways; paths as the system's own bytes.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::str::Utf8Error;

use super::handle::null;
use crate::error::{Error, Status};

/// Frees a text that a function of this library gave out as `char *`. NULL is a no-op.
///
/// Ownership: takes the text.
/// Threads: any.
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

/// Frees bytes that a function of this library gave out with that length. NULL is a no-op.
///
/// Ownership: takes the bytes.
/// Threads: any.
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

/// A required text parameter.
///
/// # Safety
/// `text` is null or NUL-terminated, and stays as it is during the call.
pub(super) unsafe fn required<'a>(text: *const c_char, name: &str) -> Result<&'a str, Error> {
    // SAFETY: by contract.
    let text = unsafe { c_str(text, name) }?;
    #[cfg(feature = "planted-panics")]
    crate::planted::strike("ffi", &text.to_string_lossy());
    text.to_str().map_err(|e| not_utf8(name, e))
}

fn not_utf8(name: &str, error: Utf8Error) -> Error {
    Error::new(Status::InvalidUtf8, format!("`{name}` is not UTF-8: {error}"))
}

/// A required path parameter.
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

/// A required path parameter.
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
    // SAFETY: not null, hence NUL-terminated by contract.
    Ok(unsafe { CStr::from_ptr(text) })
}

/// A required block of bytes; null is fine when it is empty.
///
/// # Safety
/// `data` is null or points to `len` bytes that stay as they are during the call.
pub(super) unsafe fn bytes<'a>(data: *const u8, len: usize, name: &str) -> Result<&'a [u8], Error> {
    match is_empty(data, len, name)? {
        true => Ok(&[]),
        // SAFETY: not null, of `len` bytes by contract, and no longer than a slice can be.
        false => Ok(unsafe { std::slice::from_raw_parts(data, len) }),
    }
}

/// Room for `cap` bytes; null is fine when there is none.
///
/// # Safety
/// `buf` is null or points to `cap` bytes that nobody else uses during the call.
pub(super) unsafe fn buffer<'a>(buf: *mut u8, cap: usize, name: &str) -> Result<&'a mut [u8], Error> {
    match is_empty(buf, cap, name)? {
        true => Ok(&mut []),
        // SAFETY: not null, of `cap` bytes by contract, and no longer than a slice can be. What comes from
        // outside has some value, and is only written to.
        false => Ok(unsafe { std::slice::from_raw_parts_mut(buf, cap) }),
    }
}

/// Whether a block has no bytes; refuses one that cannot be.
fn is_empty(data: *const u8, len: usize, name: &str) -> Result<bool, Error> {
    if len > 0 && data.is_null() {
        return Err(null(name));
    }
    if isize::try_from(len).is_err() {
        let message = format!("`{name}` cannot be {len} bytes long");
        return Err(Error::new(Status::InvalidArgument, message));
    }
    Ok(len == 0)
}

/// A required text of that length; null is fine when it is empty.
///
/// # Safety
/// As for [`bytes`].
pub(super) unsafe fn utf8<'a>(text: *const c_char, len: usize, name: &str) -> Result<&'a str, Error> {
    // SAFETY: by contract.
    let text = unsafe { bytes(text.cast(), len, name) }?;
    std::str::from_utf8(text).map_err(|e| not_utf8(name, e))
}

/// Text for the caller; a NUL inside becomes U+FFFD.
pub(super) fn c_string(text: &str) -> CString {
    let text = if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{FFFD}")) } else { text.into() };
    CString::new(text.as_bytes()).unwrap_or_default()
}

/// Hands text to the caller, who ends with [`bitsup_string_free`].
pub(super) fn into_raw(text: &str) -> *mut c_char {
    c_string(text).into_raw()
}

/// Hands bytes to the caller, who ends with [`bitsup_bytes_free`].
pub(super) fn bytes_into_raw(bytes: Vec<u8>) -> (*mut u8, usize) {
    let bytes = Box::leak(bytes.into_boxed_slice());
    (bytes.as_mut_ptr(), bytes.len())
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[test]
    fn null_and_bad_utf8_are_named() {
        // SAFETY: null and literals.
        unsafe {
            let error = required(ptr::null(), "url").unwrap_err();
            assert_eq!((error.status(), error.message()), (Status::NullArgument, "`url` must not be NULL"));
            let error = required(c"a\xFFb".as_ptr(), "url").unwrap_err();
            assert_eq!(error.status(), Status::InvalidUtf8);
            assert!(error.message().starts_with("`url` is not UTF-8"), "{error}");
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
    fn bytes_may_be_null_only_when_there_are_none() {
        // SAFETY: null, and a block shorter than said that is refused before it is read.
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
