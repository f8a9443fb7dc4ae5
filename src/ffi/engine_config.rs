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
    header: Header,
    settings: RwLock<EngineSettings>,
}

struct EngineSettings {
    /// Until a store is set, one without capacity stands in its place.
    config: EngineConfig,
    has_store: bool,
}

impl Handle for bitsup_engine_config {
    fn header(&self) -> &Header {
        &self.header
    }
}

impl bitsup_engine_config {
    /// The configuration as it is now.
    pub(super) fn snapshot(&self) -> Result<EngineConfig, Error> {
        let settings = handle::try_read(&self.settings)?;
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
        let settings = RwLock::new(EngineSettings { config, has_store: false });
        Ok(handle::into_raw(bitsup_engine_config { header: Header::new(), settings }))
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
        let mut settings = handle::try_write(&config.settings)?;
        settings.config.store = store.store();
        settings.has_store = true;
        Ok(())
    })
}

/// The application behind the engine. Without one every upload is taken, and there are no replies.
///
/// Ownership: takes a copy of the callbacks as they are now and a share of their `user_data`; the caller
/// still frees `hooks`.
/// Threads: one at a time.
/// Callbacks: as bitsup_hooks says, for the engines made with this configuration. The `destroy` of former
/// hooks runs here when nobody else has them.
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
        let former = set(config, |config| config.hooks.replace(hooks))?;
        // Outside the lock: its `destroy` is foreign code.
        drop(former);
        Ok(())
    })
}

/// The URL by which clients reach the engine's root, mount point included: "https://host/prefix/". Default:
/// what the requests say by their Host, as a proxy in front passed it on.
///
/// Ownership: copies the text.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_engine_new judges the value.
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

/// The address of this server within a farm, a host name or an address, with a port if it differs from the
/// one that clients use. Clients come back to it, and reply URLs name it. After `fallback_seconds` without it
/// they return to the original host; 0 says nothing of that.
///
/// Ownership: copies the text.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_engine_new judges the value.
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
        set(config, |config| config.host_id = Some(HostId { host, fallback_seconds }))
    })
}

/// Whether POST with `X-HTTP-Method-Override: BITS_POST` is taken for the verb, as it passes proxies that
/// refuse the verb. Create-Session is then answered 201, as the services that speak so do. Default: 0.
///
/// Ownership: borrows all.
/// Threads: one at a time.
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

/// Where the engine says what it does. Default: nowhere.
///
/// Ownership: adds a reference to `logger`; the caller still frees its own.
/// Threads: one at a time.
/// Callbacks: as bitsup_logger_new says. The `destroy` of a former logger runs here when nobody else has it.
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
        let former = set(config, |config| std::mem::replace(&mut config.logger, logger))?;
        // Outside the lock: its `destroy` is foreign code.
        drop(former);
        Ok(())
    })
}

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

/// Changes one value; gives what `change` gives.
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
