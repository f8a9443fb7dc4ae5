//! `bitsup_engine_config`: what an engine takes, and when.

use std::time::Duration;

use super::engine_config::{bitsup_engine_config, set};
use super::error::{bitsup_error, bitsup_status};
use super::handle;
use crate::engine::{Finalize, Overlap};

/// Overlap: of a fragment that begins before the next expected byte only the new bytes are stored. Default.
pub const BITSUP_OVERLAP_TRIM: i32 = 0;
/// Overlap: a fragment that begins before the next expected byte is answered 416.
pub const BITSUP_OVERLAP_REJECT: i32 = 1;

/// Finalize: the file becomes visible with its last byte, before the answer. Default.
pub const BITSUP_FINALIZE_LAST_FRAGMENT: i32 = 0;
/// Finalize: the file becomes visible when the client closes the session, before the answer.
pub const BITSUP_FINALIZE_CLOSE: i32 = 1;

/// Longest file taken, in bytes. 0: empty files only. Default: no limit.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_max_upload_size(
    config: *mut bitsup_engine_config,
    bytes: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_upload_size = bytes) })
}

/// Longest fragment taken, in bytes; 1 or more. Default: no limit.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_engine_new judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_max_fragment_size(
    config: *mut bitsup_engine_config,
    bytes: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_fragment_size = bytes) })
}

/// Bytes that stay free on the volume of a directory store: what would leave fewer is answered as if it were full.
/// 0: none. Default: 67,108,864.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_free_space_reserve(
    config: *mut bitsup_engine_config,
    bytes: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.free_space_reserve = bytes) })
}

/// Sessions that one owner may have at a time; sessions without an owner are not counted. 0: no limit.
/// Default: 50.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_max_sessions_per_owner(
    config: *mut bitsup_engine_config,
    count: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_sessions_per_owner = count) })
}

/// Sessions in all. 0, the default: no limit.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_max_sessions(
    config: *mut bitsup_engine_config,
    count: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_sessions = count) })
}

/// How long a session lives without a successful packet; more than 0. Default: 14 days.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_engine_new judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_session_timeout(
    config: *mut bitsup_engine_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.session_timeout = Duration::from_millis(timeout_ms)) })
}

/// Whether an upload may replace a file: 0, the default, or not 0.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_allow_overwrite(
    config: *mut bitsup_engine_config,
    allowed: i32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.allow_overwrite = allowed != 0) })
}

/// What overlapping fragments do: one of BITSUP_OVERLAP_*.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_overlap(
    config: *mut bitsup_engine_config,
    overlap: i32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let overlap = match overlap {
            BITSUP_OVERLAP_TRIM => Overlap::Trim,
            BITSUP_OVERLAP_REJECT => Overlap::Reject,
            _ => return Err(handle::out_of_range("overlap", overlap, "BITSUP_OVERLAP_")),
        };
        set(config, |config| config.overlap = overlap)
    })
}

/// When files become visible: one of BITSUP_FINALIZE_*.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_finalize(
    config: *mut bitsup_engine_config,
    finalize: i32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let finalize = match finalize {
            BITSUP_FINALIZE_LAST_FRAGMENT => Finalize::LastFragment,
            BITSUP_FINALIZE_CLOSE => Finalize::Close,
            _ => return Err(handle::out_of_range("finalize", finalize, "BITSUP_FINALIZE_")),
        };
        set(config, |config| config.finalize = finalize)
    })
}
