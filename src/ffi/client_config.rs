//! `bitsup_client_config`: how a client behaves.

use std::ffi::c_char;
use std::sync::RwLock;
use std::time::Duration;

use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Head};
use super::logger::bitsup_logger;
use super::text;
use crate::client::ClientConfig;
use crate::error::Error;

/// How a client behaves. Begins with defaults that suit most; a client takes a copy.
pub struct bitsup_client_config {
    head: Head,
    config: RwLock<ClientConfig>,
}

impl Handle for bitsup_client_config {
    fn head(&self) -> &Head {
        &self.head
    }
}

impl bitsup_client_config {
    /// The configuration as it is now.
    pub(super) fn snapshot(&self) -> Result<ClientConfig, Error> {
        Ok(handle::read(&self.config)?.clone())
    }
}

/// A configuration with the defaults.
///
/// Ownership: free it with bitsup_client_config_free. NULL only after a bug in this library.
/// Threads: any.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_new() -> *mut bitsup_client_config {
    guard_or!(std::ptr::null_mut(), {
        let config = RwLock::new(ClientConfig::default());
        Ok(handle::give(bitsup_client_config { head: Head::new(), config }))
    })
}

/// Frees a configuration. NULL is a no-op; clients made with it keep their copy.
///
/// Ownership: takes the configuration.
/// Threads: any; never waits.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_free(config: *mut bitsup_client_config) {
    guard_or!((), {
        handle::free(config);
        Ok(())
    })
}

/// Length of every fragment in bytes; 0, the default, adapts it to the line.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_fragment_size(
    config: *mut bitsup_client_config,
    bytes: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.fragment_size = non_zero(bytes)) })
}

/// How long connecting may take, name resolution included. Default: 30,000.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_connect_timeout(
    config: *mut bitsup_client_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.connect_timeout = Duration::from_millis(timeout_ms)) })
}

/// How long sending one request may take.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_request_timeout(
    config: *mut bitsup_client_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.request_timeout = Duration::from_millis(timeout_ms)) })
}

/// How long the answer to one request may take.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_response_timeout(
    config: *mut bitsup_client_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.response_timeout = Duration::from_millis(timeout_ms)) })
}

/// When a failed request is tried again: after a random delay of at most `first_delay_ms`, a bound that
/// doubles with each further failure up to `max_delay_ms`, and at most `max_attempts` failures in a row; 0
/// leaves the end to the no-progress timeout.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new judges the values.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_retry(
    config: *mut bitsup_client_config,
    max_attempts: u32,
    first_delay_ms: u64,
    max_delay_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        set(config, |config| {
            config.retry.max_attempts = (max_attempts != 0).then_some(max_attempts);
            config.retry.first_delay = Duration::from_millis(first_delay_ms);
            config.retry.max_delay = Duration::from_millis(max_delay_ms);
        })
    })
}

/// How long a job may make no progress, counted from its first failure. 0: the first failure is final.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_no_progress_timeout(
    config: *mut bitsup_client_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.no_progress_timeout = Duration::from_millis(timeout_ms)) })
}

/// How long a whole run may take; 0, the default: as long as it makes progress. A run that takes longer ends
/// with BITSUP_E_TIMEOUT and can be continued.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_timeout(
    config: *mut bitsup_client_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.timeout = non_zero(timeout_ms).map(Duration::from_millis)) })
}

/// The User-Agent header. Default: "bitsup/" and the version.
///
/// Ownership: copies the text.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_client_new judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_user_agent(
    config: *mut bitsup_client_config,
    text: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let text = text::required(text, "text")?;
        set(config, |config| config.user_agent = text.to_owned())
    })
}

/// Adds a header field to every request.
///
/// Ownership: copies name and value.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_client_new judges the values.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_add_header(
    config: *mut bitsup_client_config,
    name: *const c_char,
    value: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (name, value) = (text::required(name, "name")?, text::required(value, "value")?);
        set(config, |config| config.headers.push((name.to_owned(), value.to_owned())))
    })
}

/// Most bytes per second that one job sends; 0, the default: no limit.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_rate_limit(
    config: *mut bitsup_client_config,
    bytes_per_second: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.rate_limit = non_zero(bytes_per_second)) })
}

/// Whether POST with `X-HTTP-Method-Override: BITS_POST` is sent instead of the verb itself, for servers that
/// want it so and for proxies that refuse the verb. Default: 0.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_method_override(
    config: *mut bitsup_client_config,
    enabled: i32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.method_override = enabled != 0) })
}

/// URL of an http or https proxy that all connections go through, without credentials: requests to http URLs
/// are handed to it, connections to https URLs go through a tunnel that it makes (CONNECT). Default: "", none.
/// The environment of the process is not looked at.
///
/// Ownership: copies the text.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_client_new judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_proxy(
    config: *mut bitsup_client_config,
    url: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let url = text::required(url, "url")?;
        set(config, |config| config.proxy = (!url.is_empty()).then(|| url.to_owned()))
    })
}

/// Adds a host that is reached without the proxy: a name, with all that end in a dot and it, an address, or "*".
///
/// Ownership: copies the text.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_add_no_proxy(
    config: *mut bitsup_client_config,
    host: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let host = text::required(host, "host")?;
        set(config, |config| config.no_proxy.push(host.to_owned()))
    })
}

/// Adds root certificates in PEM form, which are trusted beside those of the platform.
///
/// Ownership: copies the bytes.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new judges the certificates.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_add_root_certificates(
    config: *mut bitsup_client_config,
    pem: *const u8,
    pem_len: usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let pem = text::bytes(pem, pem_len, "pem")?;
        // Also where the text before does not end its line.
        set(config, |config| config.root_certificates.extend([pem, b"\n"].concat()))
    })
}

/// Sets who the client is for servers that want to know by TLS: a certificate, those that lead to its root, and
/// its private key without a passphrase, all in one PEM text; an empty one, the default: nobody.
///
/// Ownership: copies the bytes.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new judges certificates and key.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_client_certificate(
    config: *mut bitsup_client_config,
    pem: *const u8,
    pem_len: usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let pem = text::bytes(pem, pem_len, "pem")?;
        set(config, |config| config.client_certificate = (!pem.is_empty()).then(|| pem.into()))
    })
}

/// Where jobs made with this configuration say what they do. Default: nowhere.
///
/// Ownership: adds a reference to `logger`; the caller still frees its own.
/// Threads: one at a time.
/// Callbacks: as bitsup_logger_new says. The `destroy` of a former logger runs here when nobody else has it.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_logger(
    config: *mut bitsup_client_config,
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

/// Changes one value; gives what `change` gives.
///
/// # Safety
/// As for [`handle::borrow`].
pub(super) unsafe fn set<T>(
    config: *mut bitsup_client_config,
    change: impl FnOnce(&mut ClientConfig) -> T,
) -> Result<T, Error> {
    // SAFETY: by contract.
    let config = unsafe { handle::borrow(config, "config") }?;
    Ok(change(&mut *handle::write(&config.config)?))
}

fn non_zero(value: u64) -> Option<u64> {
    (value != 0).then_some(value)
}
