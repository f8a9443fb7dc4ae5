//! Compiles C and C++ against the header and the shared library of the build under test.

mod run;

use std::env;
use std::path::PathBuf;

pub use run::{WARNINGS, succeed, tool};

/// Returns the shared library that cargo built next to this test.
pub fn library() -> PathBuf {
    let library = env::current_exe().unwrap().with_file_name("libbitsup.so");
    assert!(library.is_file(), "{} is missing; cargo builds it with the tests", library.display());
    library
}

/// Returns the include directory.
pub fn include() -> PathBuf {
    crate::repository().join("include")
}
