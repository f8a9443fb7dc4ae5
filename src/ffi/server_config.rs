//! `bitsup_server_config`: how a server listens.

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

/// How a server listens. Begins with 127.0.0.1, a free port and no engine; a server takes a copy.
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
    /// The configuration as it is now.
    pub(super) fn snapshot(&self) -> Result<ServerConfig, Error> {
        Ok(handle::try_read(&self.config)?.clone())
    }
}

/// A configuration with the defaults and no engine.
///
/// Ownership: free it with bitsup_server_config_free. NULL only after a bug in this library.
/// Threads: any.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_new() -> *mut bitsup_server_config {
    guard_or!(std::ptr::null_mut(), {
        let config = RwLock::new(ServerConfig::default());
        Ok(handle::into_raw(bitsup_server_config { header: Header::new(), config }))
    })
}

/// Frees a configuration. NULL is a no-op; servers made with it keep their copy.
///
/// Ownership: takes the configuration.
/// Threads: any; never waits.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_free(config: *mut bitsup_server_config) {
    guard_or!((), {
        handle::free(config);
        Ok(())
    })
}

/// Host name or address to listen on, and the port; 0 picks a free one, see bitsup_server_port. Default:
/// 127.0.0.1, port 0.
///
/// Ownership: copies the host.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_server_start judges the host.
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

/// Host name or address on which operators see what goes on, and the port; 0 picks a free one, see
/// bitsup_server_admin_url. GET and HEAD of "/", "/health" and "/sessions", without users and without TLS: whoever
/// reaches it sees the names of all sessions. Default: none.
///
/// Ownership: copies the host.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_server_start judges the host.
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
        set(config, |config| config.admin = Some(AdminConfig { host: host.to_owned(), port }))
    })
}

/// Puts an engine under the URL path `prefix`, "/" for all. Of several the longest that fits wins.
///
/// Ownership: copies the prefix and adds a reference to `engine`; the caller still frees its own.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_server_start judges the prefix.
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

/// Speaks TLS 1.2 and 1.3: the server's certificate, then those that lead to its root, and the certificate's key
/// without a password, in PEM. The roots of clients stay if they were set.
///
/// Ownership: copies both texts.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for an impossible length, BUSY. bitsup_server_start judges the texts.
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
            config.tls = Some(TlsConfig { certificates, key, client_ca });
        })
    })
}

/// Takes only clients with a certificate that leads to one of these roots, in PEM. Its subject, as RFC 4514 writes
/// it, is the owner of their sessions: "CN=pc17,OU=Sales,O=Example". After bitsup_server_config_set_tls.
///
/// Ownership: copies the text.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for an impossible length, INVALID_STATE without TLS, BUSY.
/// bitsup_server_start judges the text.
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
            let message = "clients have certificates with TLS only: call bitsup_server_config_set_tls first";
            Error::new(Status::InvalidState, message)
        })?;
        tls.client_ca = Some(roots);
        Ok(())
    })
}

/// Adds a user, by Basic authentication. With one user at least, every request needs a name and its password, and
/// the name owns the sessions.
///
/// Ownership: copies both texts.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT for a name that is there, is empty or has a colon, and
/// for an empty password; BUSY.
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

/// Most worker threads; 1 or more. Default: 256.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_max_workers(
    config: *mut bitsup_server_config,
    count: u32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_workers = to_usize(count)) })
}

/// How long the head of a request may take; more than 0. Default: 30,000.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_head_timeout(
    config: *mut bitsup_server_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.head_timeout = Duration::from_millis(timeout_ms)) })
}

/// Most connections, 1 or more; further ones wait in the kernel's queue. Default: 16,384.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_max_connections(
    config: *mut bitsup_server_config,
    count: u32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_connections = to_usize(count)) })
}

/// Connections that one address may have, an IPv6 network of 64 bits counting as one. One more is answered 503 and
/// closed. 0: no limit. Default: 4,096.
///
/// Ownership: borrows all.
/// Threads: one at a time.
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

/// Longest head of a request, in bytes; a longer one is answered 431. Default: 65,536.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_max_head_bytes(
    config: *mut bitsup_server_config,
    bytes: u32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_head_bytes = to_usize(bytes)) })
}

/// Most header fields of a request; more are answered 431. Default: 100.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_max_head_fields(
    config: *mut bitsup_server_config,
    count: u32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.max_head_fields = to_usize(count)) })
}

/// Bytes per second that a body must come with, or be taken with, on the average, once `grace_ms` are over. Only
/// the time spent waiting for the peer counts. 0: any. Default: 240, after 60,000.
///
/// Ownership: borrows all.
/// Threads: one at a time.
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

/// How long the body of a request may make no progress; more than 0. Default: 120,000.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_read_timeout(
    config: *mut bitsup_server_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.read_timeout = Duration::from_millis(timeout_ms)) })
}

/// How long a connection may be silent between two requests; more than 0. Default: 300,000.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_server_start judges the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_config_set_idle_timeout(
    config: *mut bitsup_server_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.idle_timeout = Duration::from_millis(timeout_ms)) })
}

/// Where the server says what it does, its engines' words aside. Default: nowhere.
///
/// Ownership: adds a reference to `logger`; the caller still frees its own.
/// Threads: one at a time.
/// Callbacks: as bitsup_logger_new says. The `destroy` of a former logger runs here when nobody else has it.
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
        let former = set(config, |config| std::mem::replace(&mut config.logger, logger))?;
        // Outside the lock: its `destroy` is foreign code.
        drop(former);
        Ok(())
    })
}

/// Whom the server tells of every request and event: of each a line, as JSON, at level BITSUP_LOG_INFO with the target
/// "access". docs/logging.md has the keys. Default: nobody.
///
/// Ownership: adds a reference to `logger`; the caller still frees its own.
/// Threads: one at a time.
/// Callbacks: as bitsup_logger_new says, before a request's answer goes out. The `destroy` of a former logger runs here
/// when nobody else has it.
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
        let former = set(config, |config| config.access_log.replace(log))?;
        // Outside the lock: its `destroy` is foreign code.
        drop(former);
        Ok(())
    })
}

/// PEM text under its parameter's name.
///
/// # Safety
/// As for [`text::bytes`].
unsafe fn pem(data: *const u8, len: usize, name: &str) -> Result<Pem, Error> {
    // SAFETY: by contract.
    unsafe { text::bytes(data, len, name) }.map(|bytes| Pem::new(name, bytes))
}

/// Changes one value; gives what `change` gives.
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
