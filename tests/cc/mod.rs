//! Compiles C against the header and the shared library of the build under test.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Everything here compiles without a warning.
pub const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// The shared library that cargo built beside this test.
pub fn library() -> PathBuf {
    let library = env::current_exe().unwrap().with_file_name("libbitsup.so");
    assert!(library.is_file(), "{} is missing; cargo builds it with the tests", library.display());
    library
}

/// The include directory.
pub fn include() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

/// A command that must be there; `package` says what to install when it is not.
pub fn tool(name: &str, package: &str) -> Command {
    let there = Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(there, "`{name}` is not installed; on Debian: apt-get install {package}");
    Command::new(name)
}

/// Runs a command and fails with all that it said when it fails.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    output
}
