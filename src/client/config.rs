//! How a client behaves.

use std::time::Duration;

use super::Credentials;
use crate::log::Logger;
use crate::proto::limits;
use crate::upload::{RetryPolicy, UploadOptions};

/// How a client behaves; shared by its jobs.
#[derive(Debug, Clone)]
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
    /// Told to the server of the job's URL when it asks for them (401, Basic scheme), and to no other: not to that
    /// of a host id either. A farm whose servers want them all by their own names needs them as `headers`.
    pub credentials: Option<Credentials>,
    /// Told to a proxy in between when it asks for them (407, Basic scheme).
    pub proxy_credentials: Option<Credentials>,
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
            credentials: None,
            proxy_credentials: None,
            user_agent: concat!("bitsup/", env!("CARGO_PKG_VERSION")).into(),
            headers: Vec::new(),
            logger: Logger::default(),
        }
    }
}
