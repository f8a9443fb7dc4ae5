//! `bitsup_engine_config`: the settings of an engine.

use std::ffi::c_char;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::hooks::bitsup_hooks;
use super::logger::bitsup_logger;
use super::store::bitsup_store;
use super::text;
use crate::engine::{EngineConfig, Finalize, HostId, Overlap};
use crate::error::{Error, Status};
use crate::store::MemoryStore;

/// Overlap: if a fragment begins before the next expected byte, only its new bytes are stored. Default.
pub const BITSUP_OVERLAP_TRIM: i32 = 0;
/// Overlap: a fragment that begins before the next expected byte is rejected with 416.
pub const BITSUP_OVERLAP_REJECT: i32 = 1;

/// Finalize: the file is delivered with its last fragment, before the response. Default.
pub const BITSUP_FINALIZE_LAST_FRAGMENT: i32 = 0;
/// Finalize: the file is delivered when the client closes the session, before the response.
pub const BITSUP_FINALIZE_CLOSE: i32 = 1;

/// Settings of an engine. A store is required; everything else has defaults. An engine copies its settings,
/// so later changes do not affect it.
pub struct bitsup_engine_config {
    header: Header,
    settings: RwLock<EngineSettings>,
}

struct EngineSettings {
    /// Holds an empty memory store as a placeholder until a store is set.
    config: EngineConfig,
    has_store: bool,
}

impl Handle for bitsup_engine_config {
    fn header(&self) -> &Header {
        &self.header
    }
}

impl bitsup_engine_config {
    /// Returns a copy of the current settings.
    pub(super) fn snapshot(&self) -> Result<EngineConfig, Error> {
        let settings = handle::try_read(&self.settings)?;
        if !settings.has_store {
            let message = "`config` has no store: call bitsup_engine_config_set_store first";
            return Err(Error::new(Status::InvalidState, message));
        }
        Ok(settings.config.clone())
    }
}

/// Creates a configuration with the default settings and no store.
///
/// Ownership: free the configuration with bitsup_engine_config_free. Returns NULL only after a bug in this
/// library.
/// Threads: any thread.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_new() -> *mut bitsup_engine_config {
    guard_or!(std::ptr::null_mut(), {
        let config = EngineConfig::new(Arc::new(MemoryStore::new(0)));
        let settings = RwLock::new(EngineSettings { config, has_store: false });
        Ok(handle::into_raw(bitsup_engine_config { header: Header::new(), settings }))
    })
}

/// Frees a configuration. NULL is a no-op. Engines created from it are not affected.
///
/// Ownership: frees `config`.
/// Threads: any thread; never blocks.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_free(config: *mut bitsup_engine_config) {
    guard_or!((), {
        handle::free(config);
        Ok(())
    })
}

/// Sets where received data is stored. Required. Each engine needs a store of its own.
///
/// Ownership: adds a reference to `store`, which the caller still frees.
/// Threads: one call at a time.
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
        let mut settings = handle::try_write(&config.settings)?;
        settings.config.store = store.store();
        settings.has_store = true;
        Ok(())
    })
}

/// Sets the callbacks of the host application. Without them every upload is accepted and there are no
/// replies.
///
/// Ownership: copies the current callbacks and shares their `user_data`; the caller still frees `hooks`.
/// Threads: one call at a time.
/// Callbacks: see bitsup_hooks; they run for the engines created from this configuration. The `destroy` of
/// previous hooks runs in this call if no other object uses them.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_hooks(
    config: *mut bitsup_engine_config,
    hooks: *mut bitsup_hooks,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let hooks = handle::borrow(hooks, "hooks")?.snapshot()?;
        let previous = set(config, |config| config.hooks.replace(hooks))?;
        // Dropped after the lock is released, because `destroy` is the caller's code.
        drop(previous);
        Ok(())
    })
}

/// Sets the URL under which clients reach the engine, including the mount point, for example
/// "https://host/prefix/". It is used in URLs that the engine sends. Default: derived from the Host header
/// field of each request. Set it behind a proxy that changes Host.
///
/// Ownership: copies the text.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_engine_new validates the URL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_public_url(
    config: *mut bitsup_engine_config,
    url: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let url = text::required(url, "url")?.to_owned();
        set(config, |config| config.public_url = Some(url))
    })
}

/// Sets the address of this server in a server farm (BITS-Host-Id): a host name or address, with a port if it
/// differs from the one that clients use. Clients send the rest of an upload to it, and reply URLs contain
/// it. If it is unreachable for `fallback_seconds`, they return to the original host; with 0, clients are not
/// sent a limit. Default: none.
///
/// Ownership: copies the text.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_engine_new validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_host_id(
    config: *mut bitsup_engine_config,
    host: *const c_char,
    fallback_seconds: u32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let host = text::required(host, "host")?.to_owned();
        set(config, |config| config.host_id = Some(HostId::new(host).fallback_seconds(fallback_seconds)))
    })
}

/// Sets whether POST with `X-HTTP-Method-Override: BITS_POST` is accepted as BITS_POST. Enable it (not 0) for
/// clients behind proxies that reject unknown methods. Create-Session then gets 201 instead of 200, because
/// clients that use the override accept nothing else. Default: 0.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_method_override(
    config: *mut bitsup_engine_config,
    enabled: i32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.method_override = enabled != 0) })
}

/// Sets the logger of the engine. Default: none.
///
/// Ownership: adds a reference to `logger`, which the caller still frees.
/// Threads: one call at a time.
/// Callbacks: see bitsup_logger_new. The `destroy` of the previous logger runs in this call if no other
/// object uses that logger.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_logger(
    config: *mut bitsup_engine_config,
    logger: *mut bitsup_logger,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let logger = handle::borrow(logger, "logger")?.logger.clone();
        let previous = set(config, |config| std::mem::replace(&mut config.logger, logger))?;
        // Dropped after the lock is released, because `destroy` is the caller's code.
        drop(previous);
        Ok(())
    })
}

/// Sets the maximum length of a file in bytes. 0 accepts only empty files. Default: no limit.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
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

/// Sets the maximum length of a fragment in bytes; at least 1. Default: no limit.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_engine_new validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_max_fragment_size(
    config: *mut bitsup_engine_config,
    bytes: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_fragment_size = bytes) })
}

/// Sets how many bytes a directory store leaves free on its volume. A write that would leave less fails as if
/// the disk were full. 0 reserves nothing. Default: 67,108,864 (64 MiB).
///
/// Ownership: no transfer.
/// Threads: one call at a time.
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

/// Sets the maximum number of sessions per user. Sessions without a user are not limited. 0 sets no limit.
/// Default: 50.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
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

/// Sets the maximum number of sessions in total. 0, the default, sets no limit.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
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

/// Sets how long a session lives without a successful packet, in milliseconds; at least 1. Default:
/// 1,209,600,000 (14 days).
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_engine_new validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_config_set_session_timeout(
    config: *mut bitsup_engine_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.session_timeout = Duration::from_millis(timeout_ms)) })
}

/// Sets whether an upload may replace an existing file (not 0). Default: 0.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
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

/// Sets how overlapping fragments are handled, one of BITSUP_OVERLAP_*. Default: BITSUP_OVERLAP_TRIM.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if the value is unknown, BUSY.
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

/// Sets when files are delivered to their destination, one of BITSUP_FINALIZE_*. Default:
/// BITSUP_FINALIZE_LAST_FRAGMENT.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if the value is unknown, BUSY.
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

/// Applies `change` to the settings and returns its result.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn set<T>(
    config: *mut bitsup_engine_config,
    change: impl FnOnce(&mut EngineConfig) -> T,
) -> Result<T, Error> {
    // SAFETY: by contract.
    let config = unsafe { handle::borrow(config, "config") }?;
    Ok(change(&mut handle::try_write(&config.settings)?.config))
}
