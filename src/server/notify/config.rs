//! The configuration of a notifier.

use std::time::Duration;

use super::notify_url;
use crate::error::{Error, Status};
use crate::log::Logger;

/// Size of the buffer between a file and the application.
pub(super) const BUFFER: usize = 256 * 1024;

/// How the application receives the uploaded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum NotifyKind {
    /// As a path, together with the path for the reply. The application runs on the same machine, or maps the paths
    /// itself. Requires a store with files: with any other, each upload is rejected with 500.
    ByReference = 1,
    /// As the body of the request; the body of the response is the reply.
    ByValue = 2,
}

/// Timeouts of a notification. None may be zero; `Duration::MAX` disables one. The default is 5 minutes each.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct NotifyTimeouts {
    /// Maximum time for each of these: waiting until fewer than `max_concurrent` calls are running, connecting, and
    /// making no progress while the request is sent. The total time for a large file is not limited.
    pub send: Duration,
    /// Maximum time from the end of the request to the end of the response's head.
    pub receive_headers: Duration,
    /// Maximum time without progress while the response's body is received.
    pub receive_body: Duration,
}

impl Default for NotifyTimeouts {
    /// Returns 5 minutes for each timeout (PROTOCOL 5.6).
    fn default() -> Self {
        let timeout = Duration::from_secs(300);
        Self { send: timeout, receive_headers: timeout, receive_body: timeout }
    }
}

setters! {
    NotifyTimeouts {
        send: Duration,
        receive_headers: Duration,
        receive_body: Duration,
    }
}

/// The configuration of a [`Notifier`](super::Notifier).
///
/// # Examples
///
/// ```
/// use bitsup::server::{Notifier, NotifyConfig, NotifyKind};
///
/// let config =
///     NotifyConfig::new(NotifyKind::ByValue, "http://127.0.0.1:9000/uploads").max_concurrent(8);
/// let notifier = Notifier::new(config)?;
/// # Ok::<(), bitsup::error::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NotifyConfig {
    /// How the application receives the file.
    pub kind: NotifyKind,
    /// An http or https URL, or a relative URL that is resolved against the URL of each upload. The query string of the
    /// upload is appended. The host of an upload's URL comes from the client: use a relative URL only if the engine's
    /// [`public_url`](crate::engine::EngineConfig::public_url) is set, or behind a proxy that checks `Host`.
    pub url: String,
    /// Root certificates in PEM form, trusted in addition to those of the platform for https URLs [default: none].
    pub root_certificates: Vec<u8>,
    /// Timeouts [default: 5 minutes each].
    pub timeouts: NotifyTimeouts,
    /// Maximum concurrent calls [default: 64]; more wait. Each call, waiting or not, occupies a worker thread.
    pub max_concurrent: usize,
    /// The `User-Agent` field [default: `bitsup/VERSION`].
    pub user_agent: String,
    /// Receives messages about failed notifications [default: discarded].
    pub logger: Logger,
}

setters! {
    NotifyConfig {
        root_certificates: impl Into<Vec<u8>>,
        timeouts: NotifyTimeouts,
        max_concurrent: usize,
        user_agent: impl Into<String>,
        logger: Logger,
    }
}

impl NotifyConfig {
    /// Creates a configuration with the default values.
    pub fn new(kind: NotifyKind, url: impl Into<String>) -> Self {
        Self {
            kind,
            url: url.into(),
            root_certificates: Vec::new(),
            timeouts: NotifyTimeouts::default(),
            max_concurrent: 64,
            user_agent: concat!("bitsup/", env!("CARGO_PKG_VERSION")).into(),
            logger: Logger::default(),
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let invalid = |message: String| Err(Error::new(Status::InvalidArgument, message));
        if let Err(why) = notify_url::check(&self.url) {
            return invalid(format!(
                "invalid notification URL {:?}: {why}; use http://host/path or https://host/path",
                self.url
            ));
        }
        if self.max_concurrent == 0 {
            return invalid("invalid max_concurrent 0: it must be greater than 0".into());
        }
        let NotifyTimeouts { send, receive_headers, receive_body } = self.timeouts;
        if [send, receive_headers, receive_body].contains(&Duration::ZERO) {
            return invalid("a notification timeout is 0: it must be greater than 0".into());
        }
        if self.user_agent.bytes().any(|byte| !matches!(byte, b' '..=b'~')) {
            let agent = &self.user_agent;
            return invalid(format!("invalid User-Agent {agent:?}: use printable ASCII characters"));
        }
        Ok(())
    }
}
