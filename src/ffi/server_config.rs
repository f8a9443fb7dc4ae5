//! `bitsup_server_config`: the settings of a server.

use std::ffi::c_char;
use std::sync::RwLock;
use std::time::Duration;

use super::engine::bitsup_engine;
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::logger::bitsup_logger;
use super::text;
use crate::error::{Error, Status};
use crate::server::{AccessLog, AdminConfig, LogFormat, Pem, ServerConfig, TlsConfig};

/// Settings of a server. Starts with the address 127.0.0.1, a free port and no engine. A server copies its
/// settings, so later changes do not affect it.
pub struct bitsup_server_config {
    header: Header,
    config: RwLock<ServerConfig>,
}

impl Handle for bitsup_server_config {
    fn header(&self) -> &Header {
        &self.header
    }
}

impl bitsup_server_config {
    /// Returns a copy of the current settings.
    pub(super) fn snapshot(&self) -> Result<ServerConfig, Error> {
        Ok(handle::try_read(&self.config)?.clone())
    }
}

/// Creates a configuration with the default settings and no engine.
///
/// Ownership: free the configuration with bitsup_server_config_free. Returns NULL only after a bug in this
/// library.
/// Threads: any thread.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_new() -> *mut bitsup_server_config {
    guard_or!(std::ptr::null_mut(), {
        let config = RwLock::new(ServerConfig::default());
        Ok(handle::into_raw(bitsup_server_config { header: Header::new(), config }))
    })
}

/// Frees a configuration. NULL is a no-op. Servers started with it are not affected.
///
/// Ownership: frees `config`.
/// Threads: any thread; never blocks.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_free(config: *mut bitsup_server_config) {
    guard_or!((), {
        handle::free(config);
        Ok(())
    })
}

/// Sets the host name or address and the port to listen on. Port 0 picks a free port, which
/// bitsup_server_port returns. Default: 127.0.0.1, port 0.
///
/// Ownership: copies the host.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_server_start validates the host.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_listen(
    config: *mut bitsup_server_config,
    host: *const c_char,
    port: u16,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let host = text::required(host, "host")?;
        set(config, |config| {
            config.host = host.to_owned();
            config.port = port;
        })
    })
}

/// Enables the administration page on this host name or address and port. Port 0 picks a free port; see
/// bitsup_server_admin_url. Serves GET and HEAD of "/", "/health", "/sessions" and "/metrics" without
/// authentication and TLS, so anyone who can reach the address sees the ids, file names and owners of
/// all sessions. Default: disabled.
///
/// Ownership: copies the host.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_server_start validates the host.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_admin(
    config: *mut bitsup_server_config,
    host: *const c_char,
    port: u16,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let host = text::required(host, "host")?;
        set(config, |config| config.admin = Some(AdminConfig::new(host, port)))
    })
}

/// Mounts an engine at the URL path `prefix`; "/" is the whole server. If several prefixes match a request,
/// the longest is used.
///
/// Ownership: copies the prefix and adds a reference to `engine`, which the caller still frees.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_server_start validates the prefix.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_mount(
    config: *mut bitsup_server_config,
    prefix: *const c_char,
    engine: *const bitsup_engine,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (prefix, engine) = (text::required(prefix, "prefix")?, handle::borrow(engine, "engine")?);
        set(config, |config| config.mounts.push((prefix.to_owned(), engine.engine.clone())))
    })
}

/// Enables TLS 1.2 and 1.3. `certificates_pem` holds the certificate of the server followed by any
/// intermediate certificates, `key_pem` its unencrypted private key, both in PEM format. A client authority
/// that was set before is kept.
///
/// Ownership: copies both texts.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if a length exceeds the address space, BUSY. bitsup_server_start
/// validates certificates and key.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_tls(
    config: *mut bitsup_server_config,
    certificates_pem: *const u8,
    certificates_len: usize,
    key_pem: *const u8,
    key_len: usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let certificates = pem(certificates_pem, certificates_len, "certificates_pem")?;
        let key = pem(key_pem, key_len, "key_pem")?;
        set(config, |config| {
            let client_ca = config.tls.take().and_then(|tls| tls.client_ca);
            config.tls = Some(TlsConfig::new(certificates, key).client_ca(client_ca));
        })
    })
}

/// Requires clients to present a certificate issued by one of these authorities, given as root certificates
/// in PEM format. The subject of the certificate in the format of RFC 4514, for example
/// "CN=pc17,OU=Sales,O=Example", is the owner of the client's sessions. Call bitsup_server_config_set_tls
/// first.
///
/// Ownership: copies the text.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if the length exceeds the address space, INVALID_STATE without
/// TLS, BUSY. bitsup_server_start validates the certificates.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_client_ca(
    config: *mut bitsup_server_config,
    roots_pem: *const u8,
    roots_len: usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let roots = pem(roots_pem, roots_len, "roots_pem")?;
        let config = handle::borrow(config, "config")?;
        let mut config = handle::try_write(&config.config)?;
        let tls = config.tls.as_mut().ok_or_else(|| {
            let message = "client certificates need TLS: call bitsup_server_config_set_tls first";
            Error::new(Status::InvalidState, message)
        })?;
        tls.client_ca = Some(roots);
        Ok(())
    })
}

/// Adds a user for Basic authentication. With at least one user, every request must be authenticated, and the
/// user name is the owner of the sessions. Use TLS, because Basic authentication sends the password in clear
/// text.
///
/// Ownership: copies both texts.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT if the name is empty, contains a colon or was added
/// before, or if the password is empty, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_add_user(
    config: *mut bitsup_server_config,
    name: *const c_char,
    password: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (name, password) = (text::required(name, "name")?, text::required(password, "password")?);
        let config = handle::borrow(config, "config")?;
        handle::try_write(&config.config)?.users.add(name, password)
    })
}

/// Sets the maximum number of worker threads; at least 1. Default: 256.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_max_workers(
    config: *mut bitsup_server_config,
    count: u32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_workers = to_usize(count)) })
}

/// Sets how long receiving the head of a request and a TLS handshake may each take, in milliseconds; at least
/// 1. Default: 30,000.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_head_timeout(
    config: *mut bitsup_server_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.head_timeout = Duration::from_millis(timeout_ms)) })
}

/// Sets the maximum number of connections; at least 1. Further connections wait in the queue of the operating
/// system. Default: 16,384.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_max_connections(
    config: *mut bitsup_server_config,
    count: u32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_connections = to_usize(count)) })
}

/// Sets the maximum number of connections per client address; an IPv6 /64 network counts as one address.
/// Further connections get 503 and are closed; with TLS they are closed without a response. 0 sets no limit.
/// Default: 4,096.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_max_connections_per_address(
    config: *mut bitsup_server_config,
    count: u32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_connections_per_address = to_usize(count)) })
}

/// Sets the maximum length of a request head in bytes; at least 1. A longer one gets 431. Default: 65,536.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_max_head_bytes(
    config: *mut bitsup_server_config,
    bytes: u32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_head_bytes = to_usize(bytes)) })
}

/// Sets the maximum number of header fields of a request; at least 1. A request with more gets 431. Default:
/// 100.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_max_head_fields(
    config: *mut bitsup_server_config,
    count: u32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_head_fields = to_usize(count)) })
}

/// Sets the minimum average rate, in bytes per second, at which clients must send request bodies and receive
/// response bodies after the first `grace_ms` milliseconds. Only time spent waiting for the client counts. 0
/// sets no minimum. Defaults: 240 bytes per second, 60,000 ms.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_min_body_rate(
    config: *mut bitsup_server_config,
    bytes_per_second: u64,
    grace_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        set(config, |config| {
            config.min_body_rate = bytes_per_second;
            config.body_grace = Duration::from_millis(grace_ms);
        })
    })
}

/// Sets how long receiving a request body or sending a response may go without progress, in milliseconds; at
/// least 1. Default: 120,000.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_read_timeout(
    config: *mut bitsup_server_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.read_timeout = Duration::from_millis(timeout_ms)) })
}

/// Sets how long a connection may be idle before the first request and between requests, in milliseconds; at
/// least 1. Default: 300,000.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_idle_timeout(
    config: *mut bitsup_server_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.idle_timeout = Duration::from_millis(timeout_ms)) })
}

/// Sets the logger of the server. Engines have loggers of their own. Default: none.
///
/// Ownership: adds a reference to `logger`, which the caller still frees.
/// Threads: one call at a time.
/// Callbacks: see bitsup_logger_new. The `destroy` of the previous logger runs in this call if no other
/// object uses that logger.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_logger(
    config: *mut bitsup_server_config,
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

/// Sets the logger for the access log: one JSON object per request and event, at level BITSUP_LOG_INFO with
/// the target "access". docs/operations/logging.md lists its keys. The logger must accept BITSUP_LOG_INFO, or nothing is
/// logged. Default: none.
///
/// Ownership: adds a reference to `logger`, which the caller still frees.
/// Threads: one call at a time.
/// Callbacks: see bitsup_logger_new; a request is logged before its response is sent. The `destroy` of the
/// previous logger runs in this call if no other object uses that logger.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_access_logger(
    config: *mut bitsup_server_config,
    logger: *mut bitsup_logger,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let logger = handle::borrow(logger, "logger")?.logger.clone();
        let log = AccessLog::to_logger(logger, LogFormat::Json)?;
        let previous = set(config, |config| config.access_log.replace(log))?;
        // Dropped after the lock is released, because `destroy` is the caller's code.
        drop(previous);
        Ok(())
    })
}

/// Reads a PEM text; errors about its content contain the name of the parameter.
///
/// # Safety
/// As for [`text::bytes`].
unsafe fn pem(data: *const u8, len: usize, name: &str) -> Result<Pem, Error> {
    // SAFETY: by contract.
    unsafe { text::bytes(data, len, name) }.map(|bytes| Pem::new(name, bytes))
}

/// Applies `change` to the settings and returns its result.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn set<T>(
    config: *mut bitsup_server_config,
    change: impl FnOnce(&mut ServerConfig) -> T,
) -> Result<T, Error> {
    // SAFETY: by contract.
    let config = unsafe { handle::borrow(config, "config") }?;
    Ok(change(&mut *handle::try_write(&config.config)?))
}

fn to_usize(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
