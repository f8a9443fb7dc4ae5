//! How a client behaves.

use std::time::Duration;

use super::{Credentials, Secret, SharedSource};
use crate::log::Logger;
use crate::proto::limits;
use crate::upload::{RetryPolicy, UploadOptions};

/// How a client behaves; shared by its jobs.
#[derive(Clone)]
pub struct ClientConfig {
    /// Length of every fragment in bytes; `None` adapts it to the line.
    pub fragment_size: Option<u64>,
    /// Most bytes per second of one job; `None`: no limit.
    pub rate_limit: Option<u64>,
    /// When failed requests are tried again.
    pub retry: RetryPolicy,
    /// How long a job may make no progress, counted from its first failure.
    pub no_progress_timeout: Duration,
    /// How long a whole run may take; `None`: as long as it makes progress.
    pub timeout: Option<Duration>,
    /// How long connecting may take, name resolution included.
    pub connect_timeout: Duration,
    /// How long sending one packet may take.
    pub request_timeout: Duration,
    /// How long its answer may take; for a reply also how long sending the request, and any wait for its bytes.
    pub response_timeout: Duration,
    /// Sends POST with `X-HTTP-Method-Override: BITS_POST` instead of the verb itself, for servers that want it
    /// so and for proxies that refuse the verb.
    pub method_override: bool,
    /// URL of an http or https proxy, which all connections go through; `None`: none. Requests to http URLs are
    /// handed to it, connections to https URLs go through a tunnel that it makes (CONNECT).
    pub proxy: Option<String>,
    /// Hosts that are reached without the proxy: names with all that end in a dot and them, addresses, or `*`.
    pub no_proxy: Vec<String>,
    /// Root certificates in PEM form, trusted beside those of the platform; empty: only those.
    pub root_certificates: Vec<u8>,
    /// A certificate in PEM form, those that lead to its root, and its private key without a passphrase: who
    /// this client is, for servers that want to know by TLS.
    pub client_certificate: Option<Secret>,
    /// Told to the server of the job's URL when it asks for them (401, Basic scheme), and to no other: not to that
    /// of a host id either. A farm whose servers want them all by their own names needs them as `headers`.
    pub credentials: Option<Credentials>,
    /// Told as `credentials` are, by the Bearer scheme; goes before them where both are asked for.
    pub bearer_token: Option<Secret>,
    /// Told to the proxy when it asks for them (407, Basic scheme), and to nobody else.
    pub proxy_credentials: Option<Credentials>,
    /// Asked for credentials when the server of the job's URL or the proxy asks and what is set above is not of use: there is none of that
    /// scheme, or it was refused, perhaps in the middle of an upload, because it has expired.
    pub credentials_source: Option<SharedSource>,
    /// The `User-Agent`.
    pub user_agent: String,
    /// Header fields added to every request, also to the server of a host id, but not to that for a reply at a
    /// server that the upload did not go to.
    pub headers: Vec<(String, String)>,
    /// Where the client says what it does.
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

impl std::fmt::Debug for ClientConfig {
    /// Without the values of header fields, which may be secrets, and without certificates, which are long.
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
