//! Standard output and standard error.

use std::io::{self, Write};

use bitsup::Error;
use bitsup::log::Level;

/// Prints a line of results to standard output.
///
/// # Errors
///
/// Returns an error if standard output cannot be written.
pub fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| Error::io("cannot write to standard output", error))
}

/// Prints a warning to standard error.
pub fn warn(text: &str) {
    to_stderr(&format!("bitsup: warning: {text}"));
}

/// Prints a log message of the library to standard error.
pub fn log(level: Level, target: &str, message: &str) {
    to_stderr(&format!("{level:?} {target}: {message}"));
}

/// Prints a line to standard error. Failures are ignored: if standard error is closed, there is nowhere to report them.
pub fn to_stderr(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints a line of progress to standard output. Failures are ignored: the upload continues when nobody reads it.
pub fn print_progress(text: &str) {
    let _ = print(text);
}
