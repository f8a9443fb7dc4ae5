//! Strings across the boundary: NUL-terminated UTF-8 both ways; paths as the system's own bytes.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char};
use std::path::Path;

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

/// A required text parameter.
///
/// # Safety
/// `text` is null or NUL-terminated, and stays as it is during the call.
pub(super) unsafe fn required<'a>(text: *const c_char, name: &str) -> Result<&'a str, Error> {
    // SAFETY: by contract.
    let text = unsafe { c_str(text, name) }?;
    text.to_str().map_err(|e| Error::new(Status::InvalidUtf8, format!("`{name}` is not UTF-8: {e}")))
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
    if len == 0 {
        return Ok(&[]);
    }
    check_block(data, len, name)?;
    // SAFETY: not null, of `len` bytes by contract, and no longer than a slice can be.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// A required block of memory to be filled; null is fine when it is empty.
///
/// # Safety
/// `buffer` is null or points to `len` bytes that nobody else uses during the call.
pub(super) unsafe fn buffer<'a>(buffer: *mut u8, len: usize, name: &str) -> Result<&'a mut [u8], Error> {
    if len == 0 {
        return Ok(&mut []);
    }
    check_block(buffer, len, name)?;
    // SAFETY: the memory is not null, is ours by contract, and is no longer than a slice can be. C may have
    // left it uninitialised, and a slice must not be.
    unsafe {
        buffer.write_bytes(0, len);
        Ok(std::slice::from_raw_parts_mut(buffer, len))
    }
}

fn check_block(data: *const u8, len: usize, name: &str) -> Result<(), Error> {
    if data.is_null() {
        return Err(null(name));
    }
    if isize::try_from(len).is_err() {
        let message = format!("`{name}` cannot be {len} bytes long");
        return Err(Error::new(Status::InvalidArgument, message));
    }
    Ok(())
}

/// Text for the caller; a NUL inside becomes U+FFFD.
pub(super) fn c_string(text: &str) -> CString {
    let text = if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{FFFD}")) } else { text.into() };
    CString::new(text.as_bytes()).unwrap_or_default()
}

/// Hands text to the caller, who ends with [`bitsup_string_free`].
pub(super) fn give(text: &str) -> *mut c_char {
    c_string(text).into_raw()
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
