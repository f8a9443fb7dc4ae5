//! The version of the header (macros) and of the library (functions).

use std::ffi::{CStr, c_char};

/// Major version of this header.
pub const BITSUP_VERSION_MAJOR: u32 = 0;
/// Minor version of this header.
pub const BITSUP_VERSION_MINOR: u32 = 1;
/// Patch version of this header.
pub const BITSUP_VERSION_PATCH: u32 = 0;
/// Version of this header as a single number, for comparisons: major << 24, minor << 16, patch << 8.
pub const BITSUP_VERSION_NUMBER: u32 =
    (BITSUP_VERSION_MAJOR << 24) | (BITSUP_VERSION_MINOR << 16) | (BITSUP_VERSION_PATCH << 8);
/// ABI version of this header. It is also part of the name of the shared library (libbitsup.so.0). ABI
/// version 0 gives no compatibility guarantee.
pub const BITSUP_ABI_VERSION: u32 = 0;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

/// Returns the version of the loaded library, for comparison with BITSUP_VERSION_NUMBER.
///
/// Ownership: nothing to free.
/// Threads: any thread.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_version_number() -> u32 {
    guard_or!(0, { Ok(BITSUP_VERSION_NUMBER) })
}

/// Returns the ABI version of the loaded library. A program that loads the library at run time checks that it
/// equals BITSUP_ABI_VERSION.
///
/// Ownership: nothing to free.
/// Threads: any thread.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_abi_version() -> u32 {
    guard_or!(0, { Ok(BITSUP_ABI_VERSION) })
}

/// Returns the version of the loaded library as text, for example "0.1.0".
///
/// Ownership: the library owns the text, which stays valid for the life of the process.
/// Threads: any thread.
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
    fn the_version_is_that_of_the_package() {
        let macros = [BITSUP_VERSION_MAJOR, BITSUP_VERSION_MINOR, BITSUP_VERSION_PATCH];
        let text = macros.map(|part| part.to_string()).join(".");
        assert_eq!(text, env!("CARGO_PKG_VERSION"));
        assert_eq!(VERSION.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
        assert_eq!(BITSUP_VERSION_NUMBER, 0x0001_0000);
    }
}
