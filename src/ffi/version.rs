//! Which bitsup this is: at compile time by macro, at run time by function.

use std::ffi::{CStr, c_char};

/// Major version of this header.
pub const BITSUP_VERSION_MAJOR: u32 = 0;
/// Minor version of this header.
pub const BITSUP_VERSION_MINOR: u32 = 1;
/// Patch version of this header.
pub const BITSUP_VERSION_PATCH: u32 = 0;
/// The version of this header as one number that can be compared.
pub const BITSUP_VERSION_NUMBER: u32 =
    (BITSUP_VERSION_MAJOR << 24) | (BITSUP_VERSION_MINOR << 16) | (BITSUP_VERSION_PATCH << 8);
/// The ABI of this header; also the number in the name of the shared library. 0 promises nothing yet.
pub const BITSUP_ABI_VERSION: u32 = 0;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

/// The version of the library in use, to be compared with BITSUP_VERSION_NUMBER.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_version_number() -> u32 {
    guard_or!(0, { Ok(BITSUP_VERSION_NUMBER) })
}

/// The ABI of the library in use, to be compared with BITSUP_ABI_VERSION.
///
/// Ownership: nothing to free.
/// Threads: any.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_abi_version() -> u32 {
    guard_or!(0, { Ok(BITSUP_ABI_VERSION) })
}

/// The version of the library in use as text: "0.1.0".
///
/// Ownership: the text belongs to the library and lives as long as it.
/// Threads: any.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_version_string() -> *const c_char {
    guard_or!(c"".as_ptr(), { Ok(VERSION.as_ptr()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_packages() {
        let macros = [BITSUP_VERSION_MAJOR, BITSUP_VERSION_MINOR, BITSUP_VERSION_PATCH];
        let text = macros.map(|part| part.to_string()).join(".");
        assert_eq!(text, env!("CARGO_PKG_VERSION"));
        assert_eq!(VERSION.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
        assert_eq!(BITSUP_VERSION_NUMBER, 0x0001_0000);
    }
}
