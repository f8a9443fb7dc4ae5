//! The settings of an upload.

use std::time::Duration;

/// When, and how often, a failed request is sent again.
///
/// The default waits up to 1 s after the first failure, doubles that with each further failure up to 60 s, and
/// does not limit the number of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Upper bound of the first delay. It doubles with each consecutive failure; the actual delay is drawn at
    /// random between half the bound and the bound, unless `Retry-After` of the server is longer. Default: 1 s.
    pub first_delay: Duration,
    /// Largest bound of a delay. Default: 60 s.
    pub max_delay: Duration,
    /// Number of consecutive failures after which the upload fails. `None`, the default, sets no limit; then only
    /// [`UploadOptions::no_progress_timeout`] ends the attempts.
    pub max_attempts: Option<u32>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { first_delay: Duration::from_secs(1), max_delay: Duration::from_secs(60), max_attempts: None }
    }
}

setters! {
    RetryPolicy {
        first_delay: Duration,
        max_delay: Duration,
        max_attempts: impl Into<Option<u32>>,
    }
}

/// Settings of one [`super::UploadMachine`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UploadOptions {
    /// Length of every fragment in bytes. `None`, the default, adapts the length to the speed of the connection.
    /// Either way, fragments get shorter if the server rejects one as too long.
    pub fragment_size: Option<u64>,
    /// Bytes per second that the caller sends at most; `None`, the default, means no limit. The machine does not
    /// enforce this limit: it only shortens fragments, including those of a set `fragment_size`, so that each one
    /// is sent before the request times out.
    pub rate_limit: Option<u64>,
    /// When to retry.
    pub retry: RetryPolicy,
    /// How long the upload may go without progress, counted from the first failure; with zero, the first transient
    /// failure is final. Default: 10 min.
    pub no_progress_timeout: Duration,
    /// Value of `Content-Name`. A name that cannot be sent in a header field is left out. Default: `None`.
    pub content_name: Option<String>,
    /// Whether this is an upload-reply job: the server produces a reply, which is fetched before the session is
    /// closed. Default: `false`.
    pub reply: bool,
}

impl Default for UploadOptions {
    fn default() -> Self {
        Self {
            fragment_size: None,
            rate_limit: None,
            retry: RetryPolicy::default(),
            no_progress_timeout: Duration::from_secs(600),
            content_name: None,
            reply: false,
        }
    }
}

setters! {
    UploadOptions {
        fragment_size: impl Into<Option<u64>>,
        rate_limit: impl Into<Option<u64>>,
        retry: RetryPolicy,
        no_progress_timeout: Duration,
        reply: bool,
    }
    Some {
        content_name: impl Into<String>,
    }
}
