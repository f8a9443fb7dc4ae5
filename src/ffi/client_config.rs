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
    AuthScheme, AuthTarget, Challenge, ClientConfig, Credentials, CredentialsSource, SharedSource,
};
use crate::error::{Error, Status};

/// Who asks for credentials: the server of the upload (401).
pub const BITSUP_AUTH_TARGET_SERVER: i32 = 1;
/// Who asks for credentials: the proxy (407).
pub const BITSUP_AUTH_TARGET_PROXY: i32 = 2;

/// How credentials are told: a name and a password, readable for whoever reads the connection.
pub const BITSUP_AUTH_BASIC: i32 = 1;
/// How credentials are told: by Digest. This version does not.
pub const BITSUP_AUTH_DIGEST: i32 = 2;
/// How credentials are told: by NTLM. This version does not.
pub const BITSUP_AUTH_NTLM: i32 = 3;
/// How credentials are told: by Negotiate. This version does not.
pub const BITSUP_AUTH_NEGOTIATE: i32 = 4;
/// How credentials are told: a token, readable for whoever reads the connection. Servers only.
pub const BITSUP_AUTH_BEARER: i32 = 16;

/// Room for a user's name, with its NUL.
const USER_ROOM: usize = 1024;
/// Room for a password or a token, with its NUL.
const SECRET_ROOM: usize = 16 * 1024;

/// How a client behaves. Begins with defaults that suit most; a client takes a copy.
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
    /// The configuration as it is now.
    pub(super) fn snapshot(&self) -> Result<ClientConfig, Error> {
        Ok(handle::try_read(&self.config)?.clone())
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
        Ok(handle::into_raw(bitsup_client_config { header: Header::new(), config }))
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

/// Knows the credentials for `target`, one of BITSUP_AUTH_TARGET_*, by `scheme`, BITSUP_AUTH_BASIC or
/// BITSUP_AUTH_BEARER, for what `realm` names in the words of who asks (it may be ""). Writes them as text to
/// `out_user`, which has room for `user_cap` bytes, NUL included (1,024 at least), and is of no use to
/// BITSUP_AUTH_BEARER, and to `out_secret`, with `secret_cap` bytes (16,384 at least): the password or the token.
/// Both begin as "", and left like that they say that there are none: the refusal stands. Answers
/// BITSUP_CONTINUE; any other answer ends the call that asks, with BITSUP_E_CALLBACK.
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

/// Sets what is told to `target`, one of BITSUP_AUTH_TARGET_*, when it asks by `scheme`, one of BITSUP_AUTH_*:
/// by BITSUP_AUTH_BASIC a user's name and password, by BITSUP_AUTH_BEARER, which takes no name (NULL is fine), a
/// token. A server may have both; then the token goes first. Nobody is told who does not ask, nor any other
/// host.
///
/// Ownership: copies the texts.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY, INVALID_ARGUMENT for a target or a scheme that is none, UNSUPPORTED
/// for other schemes and for a token to a proxy. bitsup_client_new judges the texts.
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
                    Err(unsupported("a token cannot be told to a proxy; use BITSUP_AUTH_BASIC"))
                }
            };
        }
        let user = text::required(user, "user")?.to_owned();
        let credentials = Some(Credentials { user, password: secret.to_owned() });
        set(config, |config| match target {
            AuthTarget::Server => config.credentials = credentials,
            AuthTarget::Proxy => config.proxy_credentials = credentials,
        })
    })
}

/// Sets who is asked for credentials when a server or the proxy asks for some and those set by
/// bitsup_client_config_set_credentials are of no use: there are none of that scheme, or they were told and
/// refused, perhaps in the middle of an upload, because they have expired. Asked once for each such answer; the
/// request is then sent once more. NULL: nobody.
///
/// Ownership: takes `user_data` in every case.
/// Threads: one at a time.
/// Callbacks: `callback` on the thread inside bitsup_job_run, bitsup_job_cancel, bitsup_client_ping or
/// bitsup_client_download, by several jobs at the same time if they run at the same time. `destroy` runs when this
/// configuration, its clients and their jobs are gone, or have another callback.
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
        let source = callback.map(|callback| SharedSource::new(CredentialsCallback { callback, user_data }));
        // What it takes the place of is dropped outside: its `destroy` is foreign code.
        let mut former = None;
        set(config, |config| former = std::mem::replace(&mut config.credentials_source, source))
    })
}

/// The function, and what it works with.
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
        let (mut user, mut secret) = ([0_u8; USER_ROOM], vec![0_u8; SECRET_ROOM]);
        // SAFETY: the caller set it as a function of this type, with this user data; the other pointers are good
        // for the duration of the call, and the rooms as long as said.
        let result = unsafe {
            (self.callback)(
                self.user_data.pointer(),
                challenge.target as i32,
                challenge.scheme as i32,
                realm.as_ptr(),
                user.as_mut_ptr().cast(),
                USER_ROOM,
                secret.as_mut_ptr().cast(),
                SECRET_ROOM,
            )
        };
        if result != BITSUP_CONTINUE {
            let message = "the callback that knows credentials asked to stop; run the job again to go on";
            return Err(Error::new(Status::Callback, message));
        }
        let (user, password) = (written(&user, "out_user")?, written(&secret, "out_secret")?);
        let is_known = !user.is_empty() || !password.is_empty();
        Ok(is_known.then_some(Credentials { user, password }))
    }
}

/// What a callback wrote as text.
fn written(room: &[u8], name: &str) -> Result<String, Error> {
    let invalid =
        |status, what| Error::new(status, format!("`{name}` of the callback for credentials {what}"));
    let text = CStr::from_bytes_until_nul(room)
        .map_err(|_| invalid(Status::InvalidArgument, "has no NUL at its end"))?;
    let text = text.to_str().map_err(|_| invalid(Status::InvalidUtf8, "is not UTF-8"))?;
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
        BITSUP_AUTH_DIGEST | BITSUP_AUTH_NTLM | BITSUP_AUTH_NEGOTIATE => Err(unsupported(
            "this version tells credentials by BITSUP_AUTH_BASIC and BITSUP_AUTH_BEARER only; use one of them",
        )),
        _ => Err(handle::out_of_range("scheme", scheme, "BITSUP_AUTH_")),
    }
}

fn unsupported(message: &str) -> Error {
    Error::new(Status::Unsupported, message)
}

/// Changes one value; gives what `change` gives.
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
