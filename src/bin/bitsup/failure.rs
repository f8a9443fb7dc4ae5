//! Reporting a failed command: message, advice and exit code.

use std::process::ExitCode;

use bitsup::proto::{Context, HResult};
use bitsup::{Error, Status};

use crate::codes;
use crate::output::to_stderr;

/// Prints the error and what to do about it, and returns the exit code (docs/reference/command-line.md).
pub fn report(error: &Error) -> ExitCode {
    if error.status() == Status::Suspended {
        to_stderr("bitsup: interrupted; run the same command again to resume");
        return ExitCode::from(130);
    }
    to_stderr(&format!("bitsup: {}", error.message()));
    if let Some(status) = error.http_status() {
        to_stderr(&format!("  HTTP status: {status}"));
    }
    if let Some(hresult) = error.hresult() {
        to_stderr(&format!("  HRESULT: {hresult}"));
    }
    if let Some(advice) = advice(error) {
        to_stderr(&format!("  what to do: {advice}"));
    }
    ExitCode::from(match (error.status(), error.is_transient()) {
        (Status::InvalidArgument, _) => 2,
        (_, true) => 3,
        (_, false) => 1,
    })
}

fn advice(error: &Error) -> Option<String> {
    let codes =
        error.hresult().and_then(codes::hresult).or_else(|| error.http_status().and_then(codes::http_status));
    // A status that the host application chose does not have its usual meaning for a packet.
    let is_applications =
        error.context() == Some(Context::Application) && error.hresult().and_then(HResult::info).is_none();
    let known = codes.filter(|_| !is_applications);
    match (known, error.is_transient()) {
        (Some(known), true) => {
            Some(format!("{}; then run the same command again to resume the upload", known.advice))
        }
        (Some(known), false) => Some(known.advice.into()),
        (None, true) => Some("run the same command again to resume the upload".into()),
        (None, false) => None,
    }
}
