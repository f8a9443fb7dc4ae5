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

/// A running server.
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

/// Binds the address and serves, on threads of its own, until stopped.
///
/// Ownership: borrows `config`, keeps its engines; free `*out` with bitsup_server_free.
/// Threads: any, concurrently.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_ARGUMENT for a value of `config` outside its domain or a server without
/// engines, RESOLVE; DENIED or IO when the address cannot be had.
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

/// The URL of the server's root, with the port in use: "http://127.0.0.1:41234/", or "https:" with TLS.
///
/// Ownership: free `*out_text` with bitsup_string_free.
/// Threads: any, concurrently.
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

/// What the server counts, in Prometheus' text format, version 0.0.4. docs/logging.md has the names. Of a stopped server
/// it is what it counted.
///
/// Ownership: free `*out_text` with bitsup_string_free.
/// Threads: any, concurrently, callbacks included.
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

/// The URL of the operators' page, with the port in use: "http://127.0.0.1:41235/".
///
/// Ownership: free `*out_text` with bitsup_string_free.
/// Threads: any, concurrently.
/// Errors: NULL_ARGUMENT, INVALID_STATE for a server that was started without bitsup_server_config_set_admin.
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
                "the server has no address for operators: call bitsup_server_config_set_admin before it starts",
            )
        })?;
        out.set(text::into_raw(url));
        Ok(())
    })
}

/// The port in use; 0 for NULL or an unusable server.
///
/// Ownership: borrows the server.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_port(server: *const bitsup_server) -> u16 {
    guard_or!(0, { Ok(handle::borrow(server, "server")?.port) })
}

/// Takes the certificate, its key and the roots of clients from `config`, for the connections from now on. No
/// connection is closed. After an error the old ones stay.
///
/// Ownership: borrows both.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_STATE for a server that was started without TLS, INVALID_ARGUMENT for a
/// configuration without TLS and for what is no certificate.
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
            Error::new(Status::InvalidArgument, "`config` has no certificate: bitsup_server_config_set_tls")
        })?;
        handle::try_lock(&server.server)?.reload_tls(&tls)
    })
}

/// Takes the users from `config`, from the next request on. After an error the old ones stay.
///
/// Ownership: borrows both.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_STATE for a server that was started without users, INVALID_ARGUMENT for a
/// configuration without users.
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

/// Stops accepting, closes idle connections, gives requests under way `grace_ms`, closes all connections and
/// waits for every thread of the server. What was acknowledged stays in the store. On a stopped server it does
/// nothing.
///
/// Ownership: borrows the server; free it afterwards.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY while another thread stops it, and in a callback on one of the server's threads:
/// then it stops without being waited for.
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

/// Frees a server. NULL is a no-op. A server that was not stopped is told to stop and not waited for.
///
/// Ownership: takes the server.
/// Threads: any; never waits.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_server_free(server: *mut bitsup_server) {
    guard_or!((), {
        handle::free(server);
        Ok(())
    })
}
