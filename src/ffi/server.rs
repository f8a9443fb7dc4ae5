//! `bitsup_server`: a running HTTP/1.1 listener.

use std::ffi::c_char;
use std::sync::Mutex;
use std::time::Duration;

use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::server_config::bitsup_server_config;
use super::text;
use crate::error::{Error, Status};
use crate::server::{Metrics, Server};

/// A running HTTP/1.1 server.
pub struct bitsup_server {
    header: Header,
    url: String,
    admin_url: Option<String>,
    port: u16,
    metrics: Metrics,
    server: Mutex<Server>,
}

impl Handle for bitsup_server {
    fn header(&self) -> &Header {
        &self.header
    }
}

/// Starts a server: binds the address and serves requests on its own threads until it is stopped.
///
/// Ownership: copies `config`, which the caller still frees, and adds references to its engines; free `*out`
/// with bitsup_server_free.
/// Threads: any thread, concurrently.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_ARGUMENT if a setting in `config` is invalid or no engine is mounted,
/// RESOLVE; DENIED or IO if the address cannot be bound.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_start(
    config: *const bitsup_server_config,
    out: *mut *mut bitsup_server,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (config, out) = (handle::borrow(config, "config")?, handle::out(out, "out")?);
        let server = Server::start(config.snapshot()?)?;
        let (url, port, metrics) = (server.url(), server.local_addr().port(), server.metrics());
        let admin_url = server.admin_url();
        let server = Mutex::new(server);
        out.set(handle::into_raw(bitsup_server {
            header: Header::new(),
            url,
            admin_url,
            port,
            metrics,
            server,
        }));
        Ok(())
    })
}

/// Returns the URL of the server with the port in use, for example "http://127.0.0.1:41234/"; with TLS it
/// begins with "https:".
///
/// Ownership: free `*out_text` with bitsup_string_free.
/// Threads: any thread, concurrently.
/// Errors: NULL_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_url(
    server: *const bitsup_server,
    out_text: *mut *mut c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (server, out) = (handle::borrow(server, "server")?, handle::out(out_text, "out_text")?);
        out.set(text::into_raw(&server.url));
        Ok(())
    })
}

/// Returns the metrics of the server in the Prometheus text format, version 0.0.4. docs/operations/logging.md lists the
/// names. Also works after the server has stopped.
///
/// Ownership: free `*out_text` with bitsup_string_free.
/// Threads: any thread, concurrently, also in callbacks.
/// Errors: NULL_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_metrics(
    server: *const bitsup_server,
    out_text: *mut *mut c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (server, out) = (handle::borrow(server, "server")?, handle::out(out_text, "out_text")?);
        out.set(text::into_raw(&server.metrics.render()));
        Ok(())
    })
}

/// Returns the URL of the administration page with the port in use, for example "http://127.0.0.1:41235/".
///
/// Ownership: free `*out_text` with bitsup_string_free.
/// Threads: any thread, concurrently.
/// Errors: NULL_ARGUMENT, INVALID_STATE if the server was started without bitsup_server_config_set_admin.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_admin_url(
    server: *const bitsup_server,
    out_text: *mut *mut c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (server, out) = (handle::borrow(server, "server")?, handle::out(out_text, "out_text")?);
        let url = server.admin_url.as_deref().ok_or_else(|| {
            Error::new(
                Status::InvalidState,
                "the server has no administration page: call bitsup_server_config_set_admin before starting it",
            )
        })?;
        out.set(text::into_raw(url));
        Ok(())
    })
}

/// Returns the port in use; 0 for NULL or an unusable server.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_port(server: *const bitsup_server) -> u16 {
    guard_or!(0, { Ok(handle::borrow(server, "server")?.port) })
}

/// Replaces the certificate, its key and the client authority by those in `config`, for new connections.
/// Existing connections stay open. On failure the previous ones stay in use. Call it after a certificate was
/// renewed.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_STATE if the server was started without TLS, INVALID_ARGUMENT if
/// `config` has no TLS settings or they are invalid.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_reload_tls(
    server: *mut bitsup_server,
    config: *const bitsup_server_config,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (server, config) = (handle::borrow(server, "server")?, handle::borrow(config, "config")?);
        let tls = config.snapshot()?.tls.ok_or_else(|| {
            Error::new(
                Status::InvalidArgument,
                "`config` has no certificate: call bitsup_server_config_set_tls first",
            )
        })?;
        handle::try_lock(&server.server)?.reload_tls(&tls)
    })
}

/// Replaces the users by those in `config`, from the next request on. On failure the previous ones stay in
/// use.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_STATE if the server was started without users, INVALID_ARGUMENT if
/// `config` has no users.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_reload_users(
    server: *mut bitsup_server,
    config: *const bitsup_server_config,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (server, config) = (handle::borrow(server, "server")?, handle::borrow(config, "config")?);
        let users = config.snapshot()?.users;
        handle::try_lock(&server.server)?.reload_users(users)
    })
}

/// Stops the server: accepts no more connections, closes idle ones, waits up to `grace_ms` milliseconds for
/// requests in progress, closes all connections and waits for all threads of the server. Acknowledged data
/// stays in the store. Does nothing if the server has already stopped.
///
/// Ownership: no transfer; free the server afterwards.
/// Threads: one call at a time; blocks.
/// Errors: NULL_ARGUMENT, BUSY if another thread is stopping the server, or in a callback on a server thread;
/// the server then stops without being waited for.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_stop(
    server: *mut bitsup_server,
    grace_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let server = handle::borrow(server, "server")?;
        handle::try_lock(&server.server)?.stop(Duration::from_millis(grace_ms))
    })
}

/// Frees a server. NULL is a no-op. A running server stops, but this call does not wait for that; to wait,
/// call bitsup_server_stop first.
///
/// Ownership: frees `server`.
/// Threads: any thread; never blocks.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_free(server: *mut bitsup_server) {
    guard_or!((), {
        handle::free(server);
        Ok(())
    })
}
