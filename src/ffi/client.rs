//! `bitsup_client`: makes jobs.

use std::ffi::c_char;

use super::client_config::bitsup_client_config;
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::observer::bitsup_observer;
use super::text;
use crate::client::Client;

/// Makes jobs, which share its configuration.
pub struct bitsup_client {
    header: Header,
    pub(super) client: Client,
}

impl Handle for bitsup_client {
    fn header(&self) -> &Header {
        &self.header
    }
}

/// A client with a copy of `config`.
///
/// Ownership: borrows `config`; free `*out` with bitsup_client_free.
/// Threads: any, concurrently.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_ARGUMENT for a value of `config` outside its domain.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_new(
    config: *const bitsup_client_config,
    out: *mut *mut bitsup_client,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (config, out) = (handle::borrow(config, "config")?, handle::out(out, "out")?);
        let client = Client::new(config.snapshot()?)?;
        out.set(handle::into_raw(bitsup_client { header: Header::new(), client }));
        Ok(())
    })
}

/// Frees a client. NULL is a no-op; its jobs live on.
///
/// Ownership: takes the client.
/// Threads: any; never waits.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_free(client: *mut bitsup_client) {
    guard_or!((), {
        handle::free(client);
        Ok(())
    })
}

/// Asks the server behind `url` whether it takes uploads: one Ping, without retry.
///
/// Ownership: borrows all.
/// Threads: any, concurrently.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT for a URL that is none; 3xx and 4xx.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_ping(
    client: *const bitsup_client,
    url: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let client = handle::borrow(client, "client")?;
        client.client.ping(text::required(url, "url")?)
    })
}

/// Downloads `url`, for instance the reply of an upload, to the file `path`: in ranges, retrying as a job
/// does. Blocks until the file is whole; until then it is `path` with ".part" behind it, and what was at
/// `path` stays. `observer`, whose progress of a reply and whose retry are called, may be NULL.
///
/// Ownership: borrows all.
/// Threads: any, concurrently.
/// Callbacks: those of the observer, on this thread.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT for a URL that is none, BUSY when `path` is being
/// downloaded to or `observer` is in use, TIMEOUT at the end of the time that a run may take, CALLBACK; 2xx,
/// 3xx and 4xx.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_download(
    client: *const bitsup_client,
    url: *const c_char,
    path: *const c_char,
    observer: *mut bitsup_observer,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (client, url) = (handle::borrow(client, "client")?, text::required(url, "url")?);
        let path = text::path(path, "path")?;
        let observer = match observer.is_null() {
            true => None,
            false => Some(handle::borrow(observer, "observer")?.snapshot()?),
        };
        client.client.download(url, path, observer)
    })
}
