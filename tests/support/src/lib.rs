//! Code shared by the integration tests and the benchmark.

pub mod administrator;
pub mod application;
pub mod callback_store;
pub mod cc;
pub mod certificates;
pub mod examples;
pub mod make;
pub mod packets;
pub mod process;
pub mod proxy;
pub mod raw_http;
pub mod scripted;
pub mod soak;
pub mod tls;
pub mod tls_terminator;
pub mod vector;

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Reports a skipped test to the summary of `tools/test`.
pub fn skip(reason: &str) {
    eprintln!("skipped {reason}");
    if let Some(path) = env::var_os("BITSUP_TEST_SKIPS") {
        let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(format!("{reason}\n").as_bytes()).unwrap();
    }
}

/// Returns the root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// Returns the program `bitsup` that cargo built with the running test or benchmark.
pub fn program() -> PathBuf {
    let folder = env::current_exe().unwrap().parent().unwrap().with_file_name("");
    let program = folder.join(format!("bitsup{}", env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "{} is missing; cargo builds it with the feature `cli`", program.display());
    program
}
