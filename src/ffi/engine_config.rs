//! `bitsup_engine_config`: how an engine behaves.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Head};
use super::store::bitsup_store;
use crate::engine::{EngineConfig, Finalize, Overlap};
use crate::error::{Error, Status};
use crate::store::MemoryStore;

/// Overlap: of a fragment that begins before the next expected byte only the new bytes are stored. Default.
pub const BITSUP_OVERLAP_TRIM: i32 = 0;
/// Overlap: a fragment that begins before the next expected byte is answered 416.
pub const BITSUP_OVERLAP_REJECT: i32 = 1;

/// Finalize: the file becomes visible with its last byte, before the answer. Default.
pub const BITSUP_FINALIZE_LAST_FRAGMENT: i32 = 0;
/// Finalize: the file becomes visible when the client closes the session, before the answer.
pub const BITSUP_FINALIZE_CLOSE: i32 = 1;

/// How an engine behaves. Needs a store; the rest begins with defaults. An engine takes a copy.
pub struct bitsup_engine_config {
    head: Head,
    settings: RwLock<Settings>,
}

struct Settings {
    /// Until a store is set, one without capacity stands in its place.
    config: EngineConfig,
    has_store: bool,
}

impl Handle for bitsup_engine_config {
    fn head(&self) -> &Head {
        &self.head
    }
}

impl bitsup_engine_config {
    /// The configuration as it is now.
    pub(super) fn snapshot(&self) -> Result<EngineConfig, Error> {
        let settings = handle::read(&self.settings)?;
        if !settings.has_store {
            let message = "`config` has no store; call bitsup_engine_config_set_store first";
            return Err(Error::new(Status::InvalidState, message));
        }
        Ok(settings.config.clone())
    }
}

/// A configuration with the defaults and no store.
///
/// Ownership: free it with bitsup_engine_config_free. NULL only after a bug in this library.
/// Threads: any.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_new() -> *mut bitsup_engine_config {
    guard_or!(std::ptr::null_mut(), {
        let config = EngineConfig::new(Arc::new(MemoryStore::new(0)));
        let settings = RwLock::new(Settings { config, has_store: false });
        Ok(handle::give(bitsup_engine_config { head: Head::new(), settings }))
    })
}

/// Frees a configuration. NULL is a no-op; engines made with it keep their copy.
///
/// Ownership: takes the configuration.
/// Threads: any; never waits.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_free(config: *mut bitsup_engine_config) {
    guard_or!((), {
        handle::free(config);
        Ok(())
    })
}

/// Where received bytes go. Required. One store serves one engine.
///
/// Ownership: adds a reference to `store`; the caller still frees its own.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_store(
    config: *mut bitsup_engine_config,
    store: *mut bitsup_store,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (config, store) = (handle::borrow(config, "config")?, handle::borrow(store, "store")?);
        let mut settings = handle::write(&config.settings)?;
        settings.config.store = Arc::clone(&store.store);
        settings.has_store = true;
        Ok(())
    })
}

/// Longest file taken, in bytes. Default: no limit.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_engine_new judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_max_upload_size(
    config: *mut bitsup_engine_config,
    bytes: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_upload_size = bytes) })
}

/// Longest fragment taken, in bytes. Default: no limit.
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

/// How long a session lives without a successful packet. Default: 14 days.
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

/// Changes one value.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn set(
    config: *mut bitsup_engine_config,
    change: impl FnOnce(&mut EngineConfig),
) -> Result<(), Error> {
    // SAFETY: by contract.
    let config = unsafe { handle::borrow(config, "config") }?;
    change(&mut handle::write(&config.settings)?.config);
    Ok(())
}
