//! `bitsup_client`: creates jobs.

use std::ffi::c_char;

use super::client_config::bitsup_client_config;
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::observer::bitsup_observer;
use super::text;
use crate::client::Client;

/// Creates jobs that share one configuration. A program usually needs one client.
pub struct bitsup_client {
    header: Header,
    pub(super) client: Client,
}

impl Handle for bitsup_client {
    fn header(&self) -> &Header {
        &self.header
    }
}

/// Creates a client with a copy of `config`.
///
/// Ownership: copies `config`, which the caller still frees; free `*out` with bitsup_client_free.
/// Threads: any thread, concurrently.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_ARGUMENT if a setting in `config` is invalid; the message names it.
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

/// Frees a client. NULL is a no-op. Its jobs are not affected.
///
/// Ownership: frees `client`.
/// Threads: any thread; never blocks.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_free(client: *mut bitsup_client) {
    guard_or!((), {
        handle::free(client);
        Ok(())
    })
}

/// Checks that the server at `url` accepts BITS uploads, by sending one Ping packet without retries.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT if `url` is not an absolute http or https URL; 3xx
/// and 4xx.
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

/// Downloads `url`, for example the reply to an upload, to the file `path`. Fetches the content in ranges and
/// retries as a job does. Blocks until the file is complete; until then the data is in `path` with ".part"
/// appended, and an existing file at `path` is kept. `observer` may be NULL; its callbacks for reply progress
/// and for retries are used.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Callbacks: those of the observer, on this thread.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT if `url` is not an absolute http or https URL, BUSY
/// if another download writes to `path` or `observer` is in use, TIMEOUT if the download takes longer than
/// bitsup_client_config_set_timeout allows, CALLBACK; 2xx, 3xx and 4xx.
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
        let observer =
            if observer.is_null() { None } else { Some(handle::borrow(observer, "observer")?.snapshot()?) };
        client.client.download(url, path, observer)
    })
}
