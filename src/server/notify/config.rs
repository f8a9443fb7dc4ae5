//! The configuration of a notifier.

use std::time::Duration;

use super::notify_url;
use crate::error::{Error, Status};
use crate::log::Logger;

/// Bytes that move in one piece between a file and the application.
pub(super) const BUFFER: usize = 256 * 1024;

/// What the application gets to see of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum NotifyKind {
    /// The paths of the file and of the reply to write; the application is on the same machine, or maps the
    /// paths itself. Needs a store whose files have paths: with any other, every upload is refused with 500.
    ByReference = 1,
    /// The file, as the body of the request; the reply is the body of the answer.
    ByValue = 2,
}

/// How long the application may take. Each is more than zero; `Duration::MAX` is no limit.
#[derive(Debug, Clone, Copy)]
pub struct NotifyTimeouts {
    /// For a free place among `max_concurrent`, for connecting, and for the request to make progress: a file
    /// of any size may take as long as it needs while its bytes move.
    pub send: Duration,
    /// From the end of the request to the end of the answer's head.
    pub receive_headers: Duration,
    /// For the answer's body to make progress.
    pub receive_body: Duration,
}

impl Default for NotifyTimeouts {
    /// 5 minutes each (PROTOCOL 5.6).
    fn default() -> Self {
        let timeout = Duration::from_secs(300);
        Self { send: timeout, receive_headers: timeout, receive_body: timeout }
    }
}

/// How the application is called.
#[derive(Debug, Clone)]
pub struct NotifyConfig {
    /// What it gets to see.
    pub kind: NotifyKind,
    /// Where it is: an http or https URL, or a reference that is resolved against the URL of each upload.
    /// The host in that one is the client's word: a relative URL is for servers whose public URL is set, or
    /// that stand behind a proxy which checks `Host`. The query string of the upload is appended.
    pub url: String,
    /// Root certificates in PEM form, trusted beside those of the platform when the URL is https; empty: only
    /// those.
    pub root_certificates: Vec<u8>,
    /// How long it may take.
    pub timeouts: NotifyTimeouts,
    /// Most calls at a time; more wait. Every call, and every wait, holds the thread of its request.
    pub max_concurrent: usize,
    /// Goes out as `User-Agent`.
    pub user_agent: String,
    /// Where the notifier says what went wrong.
    pub logger: Logger,
}

impl NotifyConfig {
    /// The defaults, for that URL.
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
                "{:?} is no notification URL: {why}; use http://host/path or https://host/path",
                self.url
            ));
        }
        if self.max_concurrent == 0 {
            return invalid("max_concurrent is 0: it must be 1 or more".into());
        }
        let NotifyTimeouts { send, receive_headers, receive_body } = self.timeouts;
        if [send, receive_headers, receive_body].contains(&Duration::ZERO) {
            return invalid("a time limit of the notification is 0: it must be more".into());
        }
        if self.user_agent.bytes().any(|byte| !matches!(byte, b' '..=b'~')) {
            let agent = &self.user_agent;
            return invalid(format!("{agent:?} cannot be a User-Agent; use printable ASCII characters"));
        }
        Ok(())
    }
}
