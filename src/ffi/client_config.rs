//! `bitsup_client_config`: the settings of a client, its credentials included.

use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::RwLock;
use std::time::Duration;

use super::callback::{BITSUP_CONTINUE, UserData, bitsup_destroy_fn};
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::logger::bitsup_logger;
use super::text;
use crate::client::{
    AuthScheme, AuthTarget, Challenge, ClientConfig, Credentials, CredentialsSource, SharedCredentialsSource,
};
use crate::error::{Error, Status};

/// Authentication target: the server (status 401).
pub const BITSUP_AUTH_TARGET_SERVER: i32 = 1;
/// Authentication target: the proxy (status 407).
pub const BITSUP_AUTH_TARGET_PROXY: i32 = 2;

/// Authentication scheme: Basic, a user name and a password. They are readable on an unencrypted connection.
pub const BITSUP_AUTH_BASIC: i32 = 1;
/// Authentication scheme: Digest. Not supported by this version.
pub const BITSUP_AUTH_DIGEST: i32 = 2;
/// Authentication scheme: NTLM. Not supported by this version.
pub const BITSUP_AUTH_NTLM: i32 = 3;
/// Authentication scheme: Negotiate. Not supported by this version.
pub const BITSUP_AUTH_NEGOTIATE: i32 = 4;
/// Authentication scheme: Bearer, a token. It is readable on an unencrypted connection. For servers only.
pub const BITSUP_AUTH_BEARER: i32 = 16;

/// Capacity for a user name including its NUL.
const USER_CAPACITY: usize = 1024;
/// Capacity for a password or token including its NUL.
const SECRET_CAPACITY: usize = 16 * 1024;

/// Settings of a client. Starts with defaults that suit most uses. A client copies its settings, so later
/// changes do not affect it.
pub struct bitsup_client_config {
    header: Header,
    config: RwLock<ClientConfig>,
}

impl Handle for bitsup_client_config {
    fn header(&self) -> &Header {
        &self.header
    }
}

impl bitsup_client_config {
    /// Returns a copy of the current settings.
    pub(super) fn snapshot(&self) -> Result<ClientConfig, Error> {
        Ok(handle::try_read(&self.config)?.clone())
    }
}

/// Creates a configuration with the default settings.
///
/// Ownership: free the configuration with bitsup_client_config_free. Returns NULL only after a bug in this
/// library.
/// Threads: any thread.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_new() -> *mut bitsup_client_config {
    guard_or!(std::ptr::null_mut(), {
        let config = RwLock::new(ClientConfig::default());
        Ok(handle::into_raw(bitsup_client_config { header: Header::new(), config }))
    })
}

/// Frees a configuration. NULL is a no-op. Clients created from it are not affected.
///
/// Ownership: frees `config`.
/// Threads: any thread; never blocks.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_free(config: *mut bitsup_client_config) {
    guard_or!((), {
        handle::free(config);
        Ok(())
    })
}

/// Sets the length of each fragment in bytes. 0, the default, adapts the length to the speed of the
/// connection. Set it if a proxy or server limits the size of a request body.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_fragment_size(
    config: *mut bitsup_client_config,
    bytes: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.fragment_size = non_zero(bytes)) })
}

/// Sets how long establishing a connection may take, including name resolution, in milliseconds. Default:
/// 30,000.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_connect_timeout(
    config: *mut bitsup_client_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.connect_timeout = Duration::from_millis(timeout_ms)) })
}

/// Sets how long sending one request may take, in milliseconds. Default: 120,000.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_request_timeout(
    config: *mut bitsup_client_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.request_timeout = Duration::from_millis(timeout_ms)) })
}

/// Sets how long to wait for the response to one request, in milliseconds. Default: 300,000. Increase it if
/// the application behind the server needs longer to process a complete upload.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_response_timeout(
    config: *mut bitsup_client_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.response_timeout = Duration::from_millis(timeout_ms)) })
}

/// Sets when a request that failed with a transient error is retried: after a random delay of at most
/// `first_delay_ms`, a bound that doubles with each further failure up to `max_delay_ms`, or after the server's
/// Retry-After if that is longer. After `max_attempts` consecutive failures the run fails; with 0 it fails only
/// when the no-progress timeout expires. Defaults: `max_attempts` 0, `first_delay_ms` 1,000, `max_delay_ms`
/// 60,000.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new validates the values.
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

/// Sets how long a job keeps retrying without progress, in milliseconds from its first failure. Default:
/// 600,000. 0 makes the first failure final.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_no_progress_timeout(
    config: *mut bitsup_client_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.no_progress_timeout = Duration::from_millis(timeout_ms)) })
}

/// Sets how long a whole run may take, in milliseconds. 0, the default, sets no limit as long as the run
/// makes progress. A run that takes longer fails with BITSUP_E_TIMEOUT and can be continued by running the
/// job again.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_timeout(
    config: *mut bitsup_client_config,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.timeout = non_zero(timeout_ms).map(Duration::from_millis)) })
}

/// Sets the User-Agent header field. Default: "bitsup/" followed by the version.
///
/// Ownership: copies the text.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_client_new validates the value.
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
/// Ownership: copies the name and the value.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_client_new validates the name and the value.
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

/// Sets the maximum number of bytes per second that each job sends. 0, the default, sets no limit.
/// bitsup_job_set_rate_limit changes the limit of one job, even while it runs.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_client_new validates the value.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_rate_limit(
    config: *mut bitsup_client_config,
    bytes_per_second: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(config, |config| config.rate_limit = non_zero(bytes_per_second)) })
}

/// Sets whether requests are sent as POST with `X-HTTP-Method-Override: BITS_POST` instead of with the method
/// BITS_POST. Enable it (not 0) for servers that require this and for proxies that reject unknown methods.
/// Default: 0.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
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

/// Sets the proxy for all connections: an http or https URL without credentials, or "" for none, the default.
/// Requests to http URLs are sent to the proxy; connections to https URLs are tunnelled through it with
/// CONNECT. The proxy variables of the environment are not read.
///
/// Ownership: copies the text.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY. bitsup_client_new validates the URL.
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

/// Adds a host to reach without the proxy: a domain name, which includes its subdomains, an IP address, or
/// "*" for all hosts.
///
/// Ownership: copies the text.
/// Threads: one call at a time.
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

/// Adds trusted root certificates in PEM format, in addition to those of the platform. Use it for servers
/// with a certificate of a private authority.
///
/// Ownership: copies the bytes.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if `pem_len` exceeds the address space, BUSY. bitsup_client_new
/// validates the certificates.
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
        // The previous text may lack its final newline.
        set(config, |config| config.root_certificates.extend([pem, b"\n"].concat()))
    })
}

/// Sets the client certificate for servers that authenticate clients by TLS. `pem` holds the certificate, any
/// intermediate certificates and the unencrypted private key in PEM format. An empty block, the default,
/// sends none.
///
/// Ownership: copies the bytes.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if `pem_len` exceeds the address space, BUSY. bitsup_client_new
/// validates the certificates and the key.
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

/// Sets the logger of the client and its jobs. Default: none.
///
/// Ownership: adds a reference to `logger`, which the caller still frees.
/// Threads: one call at a time.
/// Callbacks: see bitsup_logger_new. The `destroy` of the previous logger runs in this call if no other
/// object uses that logger.
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
        let previous = set(config, |config| std::mem::replace(&mut config.logger, logger))?;
        // Dropped after the lock is released, because `destroy` is the caller's code.
        drop(previous);
        Ok(())
    })
}

/// Supplies credentials for `target`, one of BITSUP_AUTH_TARGET_*, and `scheme`, BITSUP_AUTH_BASIC or
/// BITSUP_AUTH_BEARER. `realm` is the realm that the server or proxy sent and may be "". The callback writes
/// NUL-terminated texts: the user name to `out_user`, which holds `user_cap` bytes including the NUL (at
/// least 1,024) and is not used for BITSUP_AUTH_BEARER, and the password or token to `out_secret`, which
/// holds `secret_cap` bytes (at least 16,384). Both are "" before the call. If there are no credentials,
/// leave both empty; the request then fails with the status of the response. Returns BITSUP_CONTINUE; with
/// any other value the call that needed credentials fails with BITSUP_E_CALLBACK.
pub type bitsup_credentials_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        target: i32,
        scheme: i32,
        realm: *const c_char,
        out_user: *mut c_char,
        user_cap: usize,
        out_secret: *mut c_char,
        secret_cap: usize,
    ) -> i32,
>;

/// Sets the credentials for `target`, one of BITSUP_AUTH_TARGET_*, and `scheme`, one of BITSUP_AUTH_*. For
/// BITSUP_AUTH_BASIC they are a user name and a password; for BITSUP_AUTH_BEARER `secret` is the token and
/// `user` is ignored and may be NULL. If both are set for the server and it offers both schemes, the token is
/// sent first. Credentials are sent only after the target has required them with 401 or 407, and never to
/// another host.
///
/// Ownership: copies the texts.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY, INVALID_ARGUMENT if `target` or `scheme` is unknown,
/// UNSUPPORTED for a scheme that this version does not support and for a token for a proxy. bitsup_client_new
/// validates the texts.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_set_credentials(
    config: *mut bitsup_client_config,
    target: i32,
    scheme: i32,
    user: *const c_char,
    secret: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let secret = text::required(secret, "secret")?;
        let (target, scheme) = (read_target(target)?, read_scheme(scheme)?);
        if scheme == AuthScheme::Bearer {
            return match target {
                AuthTarget::Server => set(config, |config| config.bearer_token = Some(secret.into())),
                AuthTarget::Proxy => {
                    Err(unsupported("BITSUP_AUTH_BEARER is not supported for a proxy: use BITSUP_AUTH_BASIC"))
                }
            };
        }
        let user = text::required(user, "user")?.to_owned();
        let credentials = Some(Credentials::new(user, secret));
        set(config, |config| match target {
            AuthTarget::Server => config.credentials = credentials,
            AuthTarget::Proxy => config.proxy_credentials = credentials,
        })
    })
}

/// Sets the callback that supplies credentials on demand: if a server or proxy requires credentials and
/// bitsup_client_config_set_credentials set none for the scheme, or the ones it set were rejected, for
/// example because a token expired during an upload. The callback runs once for each such response, and the
/// request is then sent once more. Use it for tokens that expire, or to prompt a user. NULL removes the
/// callback.
///
/// Ownership: takes `user_data`, even on failure.
/// Threads: one call at a time.
/// Callbacks: `callback` runs on the thread inside bitsup_job_run, bitsup_job_step, bitsup_job_close,
/// bitsup_job_cancel, bitsup_client_ping or bitsup_client_download, concurrently if several of those run
/// concurrently. `destroy` runs once this configuration, its clients and their jobs are gone or have another
/// callback.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_client_config_on_credentials(
    config: *mut bitsup_client_config,
    callback: bitsup_credentials_fn,
    user_data: *mut c_void,
    destroy: bitsup_destroy_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let user_data = UserData::new(user_data, destroy);
        let source = callback
            .map(|callback| SharedCredentialsSource::new(CredentialsCallback { callback, user_data }));
        // The previous one is dropped after the lock is released, because `destroy` is the caller's code.
        let mut previous = None;
        set(config, |config| previous = std::mem::replace(&mut config.credentials_source, source))
    })
}

/// The callback and its `user_data`.
struct CredentialsCallback {
    callback: unsafe extern "C" fn(
        *mut c_void,
        i32,
        i32,
        *const c_char,
        *mut c_char,
        usize,
        *mut c_char,
        usize,
    ) -> i32,
    user_data: UserData,
}

impl CredentialsSource for CredentialsCallback {
    fn credentials(&self, challenge: &Challenge) -> Result<Option<Credentials>, Error> {
        let realm: CString = text::c_string(&challenge.realm);
        let (mut user, mut secret) = ([0_u8; USER_CAPACITY], vec![0_u8; SECRET_CAPACITY]);
        // SAFETY: the caller set it as a function of this type, with this user data; the other pointers are
        // valid during the call, and the buffers have the given capacities.
        let result = unsafe {
            (self.callback)(
                self.user_data.pointer(),
                challenge.target as i32,
                challenge.scheme as i32,
                realm.as_ptr(),
                user.as_mut_ptr().cast(),
                USER_CAPACITY,
                secret.as_mut_ptr().cast(),
                SECRET_CAPACITY,
            )
        };
        if result != BITSUP_CONTINUE {
            let message = "the credentials callback stopped the operation: run the job again to continue";
            return Err(Error::new(Status::Callback, message));
        }
        let (user, password) = (written(&user, "out_user")?, written(&secret, "out_secret")?);
        let is_known = !user.is_empty() || !password.is_empty();
        Ok(is_known.then_some(Credentials::new(user, password)))
    }
}

/// Returns the text that a callback wrote.
fn written(room: &[u8], name: &str) -> Result<String, Error> {
    let invalid = |status, what| Error::new(status, format!("`{name}` of the credentials callback {what}"));
    let text = CStr::from_bytes_until_nul(room)
        .map_err(|_| invalid(Status::InvalidArgument, "is not terminated by a NUL"))?;
    let text = text.to_str().map_err(|_| invalid(Status::InvalidUtf8, "is not valid UTF-8"))?;
    Ok(text.to_owned())
}

fn read_target(target: i32) -> Result<AuthTarget, Error> {
    match target {
        BITSUP_AUTH_TARGET_SERVER => Ok(AuthTarget::Server),
        BITSUP_AUTH_TARGET_PROXY => Ok(AuthTarget::Proxy),
        _ => Err(handle::out_of_range("target", target, "BITSUP_AUTH_TARGET_")),
    }
}

fn read_scheme(scheme: i32) -> Result<AuthScheme, Error> {
    match scheme {
        BITSUP_AUTH_BASIC => Ok(AuthScheme::Basic),
        BITSUP_AUTH_BEARER => Ok(AuthScheme::Bearer),
        BITSUP_AUTH_DIGEST | BITSUP_AUTH_NTLM | BITSUP_AUTH_NEGOTIATE => {
            Err(unsupported("unsupported authentication scheme: use BITSUP_AUTH_BASIC or BITSUP_AUTH_BEARER"))
        }
        _ => Err(handle::out_of_range("scheme", scheme, "BITSUP_AUTH_")),
    }
}

fn unsupported(message: &str) -> Error {
    Error::new(Status::Unsupported, message)
}

/// Applies `change` to the settings and returns its result.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn set<T>(
    config: *mut bitsup_client_config,
    change: impl FnOnce(&mut ClientConfig) -> T,
) -> Result<T, Error> {
    // SAFETY: by contract.
    let config = unsafe { handle::borrow(config, "config") }?;
    Ok(change(&mut *handle::try_write(&config.config)?))
}

fn non_zero(value: u64) -> Option<u64> {
    (value != 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_schemes_of_both_apis_have_the_same_numbers() {
        for target in [AuthTarget::Server, AuthTarget::Proxy] {
            assert_eq!(read_target(target as i32).unwrap(), target);
        }
        for scheme in [AuthScheme::Basic, AuthScheme::Bearer] {
            assert_eq!(read_scheme(scheme as i32).unwrap(), scheme);
        }
    }

    #[test]
    fn what_a_callback_writes_ends_with_nul_and_is_utf_8() {
        assert_eq!(written(b"ab\0c", "out_user").unwrap(), "ab");
        assert_eq!(written(b"ab", "out_user").unwrap_err().status(), Status::InvalidArgument);
        assert_eq!(written(b"a\xFF\0", "out_user").unwrap_err().status(), Status::InvalidUtf8);
    }
}
