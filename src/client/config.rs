//! The settings of a client.

use std::time::Duration;

use super::auth::{Credentials, Secret, SharedCredentialsSource};
use crate::log::Logger;
use crate::proto::limits;
use crate::upload::{RetryPolicy, UploadOptions};

/// Settings of a [`Client`](super::Client), shared by all of its jobs.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use bitsup::client::{Client, ClientConfig, Credentials};
///
/// let config = ClientConfig::default()
///     .credentials(Credentials::new("alice", "secret"))
///     .rate_limit(1_000_000)
///     .no_progress_timeout(Duration::from_secs(3600));
/// let client = Client::new(config)?;
/// # let _ = client;
/// # Ok::<(), bitsup::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Length of every fragment in bytes. `None`, the default, adapts the length to the speed of the connection.
    pub fragment_size: Option<u64>,
    /// Maximum bytes per second of each job; `None`, the default, means no limit.
    pub rate_limit: Option<u64>,
    /// When to retry a failed request.
    pub retry: RetryPolicy,
    /// How long a job may go without progress, counted from its first failure. Default: 10 min.
    pub no_progress_timeout: Duration,
    /// Maximum duration of a run; `None`, the default, lets a run take as long as it makes progress.
    pub timeout: Option<Duration>,
    /// Maximum time to connect, including name resolution. Default: 30 s.
    pub connect_timeout: Duration,
    /// Maximum time to send one packet. Default: 2 min.
    pub request_timeout: Duration,
    /// Maximum time to wait for the response to a packet. For a download, it limits sending the request, waiting for
    /// the response, and each wait for further bytes. Default: 5 min.
    pub response_timeout: Duration,
    /// Whether to send POST with `X-HTTP-Method-Override: BITS_POST` instead of the method `BITS_POST`, for servers
    /// that expect it and proxies that reject unknown methods. Default: `false`.
    pub method_override: bool,
    /// URL of an http or https proxy for all connections; `None`, the default, connects directly. Requests to http
    /// URLs are sent to the proxy; connections to https URLs use a tunnel through it (CONNECT).
    pub proxy: Option<String>,
    /// Hosts that are reached without the proxy: a domain name, which includes its subdomains, an address, or `*`.
    pub no_proxy: Vec<String>,
    /// Root certificates in PEM format, trusted in addition to those of the platform.
    pub root_certificates: Vec<u8>,
    /// Client certificate for TLS in PEM format, with its chain and its private key without a passphrase.
    pub client_certificate: Option<Secret>,
    /// Sent by the Basic scheme when the server of the job's URL responds with 401. No other server receives them, not
    /// even one named by `BITS-Host-Id`; if the servers of a server farm need credentials, set them in `headers`.
    pub credentials: Option<Credentials>,
    /// Sent by the Bearer scheme when the server responds with 401; like `credentials`, and preferred to them if the
    /// server offers both schemes.
    pub bearer_token: Option<Secret>,
    /// Sent to the proxy, and only to it, by the Basic scheme when it responds with 407.
    pub proxy_credentials: Option<Credentials>,
    /// Called for credentials when the server of the job's URL or the proxy requires some and the ones above
    /// are not set for the scheme or were rejected, for example because a token expired during an upload.
    pub credentials_source: Option<SharedCredentialsSource>,
    /// Value of `User-Agent`. Default: `bitsup/` and the version.
    pub user_agent: String,
    /// Header fields to add to every request. Servers named by `BITS-Host-Id` receive them, too; a
    /// third-party server from which the reply is fetched does not.
    pub headers: Vec<(String, String)>,
    /// Receives log messages. Default: none.
    pub logger: Logger,
}

impl Default for ClientConfig {
    fn default() -> Self {
        let upload = UploadOptions::default();
        Self {
            fragment_size: None,
            rate_limit: None,
            retry: upload.retry,
            no_progress_timeout: upload.no_progress_timeout,
            timeout: None,
            connect_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_millis(limits::REQUEST_TIMEOUT_MS),
            response_timeout: Duration::from_millis(limits::RESPONSE_TIMEOUT_MS),
            method_override: false,
            proxy: None,
            no_proxy: Vec::new(),
            root_certificates: Vec::new(),
            client_certificate: None,
            credentials: None,
            bearer_token: None,
            proxy_credentials: None,
            credentials_source: None,
            user_agent: concat!("bitsup/", env!("CARGO_PKG_VERSION")).into(),
            headers: Vec::new(),
            logger: Logger::default(),
        }
    }
}

setters! {
    ClientConfig {
        fragment_size: impl Into<Option<u64>>,
        rate_limit: impl Into<Option<u64>>,
        retry: RetryPolicy,
        no_progress_timeout: Duration,
        timeout: impl Into<Option<Duration>>,
        connect_timeout: Duration,
        request_timeout: Duration,
        response_timeout: Duration,
        method_override: bool,
        no_proxy: Vec<String>,
        root_certificates: impl Into<Vec<u8>>,
        credentials: impl Into<Option<Credentials>>,
        proxy_credentials: impl Into<Option<Credentials>>,
        user_agent: impl Into<String>,
        headers: Vec<(String, String)>,
        logger: Logger,
    }
    Some {
        proxy: impl Into<String>,
        client_certificate: impl Into<Secret>,
        bearer_token: impl Into<Secret>,
        credentials_source: SharedCredentialsSource,
    }
}

impl ClientConfig {
    /// Adds a header field to [`headers`](#structfield.headers).
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl std::fmt::Debug for ClientConfig {
    /// Leaves out credentials, certificates and the values of header fields.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("ClientConfig")
            .field("fragment_size", &self.fragment_size)
            .field("rate_limit", &self.rate_limit)
            .field("retry", &self.retry)
            .field("no_progress_timeout", &self.no_progress_timeout)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("method_override", &self.method_override)
            .field("proxy", &self.proxy)
            .field("no_proxy", &self.no_proxy)
            .field("user_agent", &self.user_agent)
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}
