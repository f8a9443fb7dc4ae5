//! Notification of the server application over HTTP (PROTOCOL 5): an application that is no part of this
//! process decides about complete uploads. Nothing outside this folder knows ureq.

mod address;
mod answer;
mod failure;
mod line;
mod request;
mod slots;

use std::time::Duration;

use crate::engine::{Hooks, Upload, Verdict};
use crate::error::{Error, Status};
use crate::log::{Level, Logger};
use crate::proto::Context;
use failure::Refusal;
use line::Line;
use slots::Slots;
use ureq::tls::RootCerts;

/// The module's name in log messages.
const LOG: &str = "notify";
/// Bytes that move in one piece between a file and the application.
const BUFFER: usize = 256 * 1024;

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

    fn check(&self) -> Result<(), Error> {
        let invalid = |message: String| Err(Error::new(Status::InvalidArgument, message));
        if let Err(why) = address::check(&self.url) {
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

/// Asks the application about every complete upload: one POST, whose answer decides whether the upload
/// counts, whether the file goes to its destination, and what the reply is (PROTOCOL 5). A file goes there
/// only if the application says so.
///
/// A call is never repeated here. It happens again when the client sends its last Fragment again, with the
/// same `Idempotency-Key`.
///
/// Threads: may be used from several.
pub struct Notifier {
    config: NotifyConfig,
    roots: RootCerts,
    lines: Slots<Line>,
}

impl Notifier {
    /// Errors: [`Status::InvalidArgument`] for a URL that is malformed, longer than 2200 characters, or
    /// neither http nor https (IIS refuses https, too; here it is served), for root certificates that are none,
    /// and for a limit of 0.
    pub fn new(config: NotifyConfig) -> Result<Self, Error> {
        config.check()?;
        let roots = line::roots(&config.root_certificates)?;
        Ok(Self { lines: Slots::new(config.max_concurrent), roots, config })
    }

    fn ask(&self, upload: &Upload<'_>, verdict: &mut Verdict) -> Result<(), Refusal> {
        let uri = address::of(&self.config.url, upload.url).map_err(Refusal::no_address)?;
        let fields = request::fields(&self.config, upload)?;
        let timeouts = &self.config.timeouts;
        let outcome = self.lines.lend(
            timeouts.send,
            || Line::new(timeouts, &self.roots),
            |line| {
                let mut body = request::Body::new(self.config.kind, upload, line.hung_up());
                let answer = line.post(uri, &fields, &mut body);
                let answer = answer.map_err(|error| body.failure().unwrap_or_else(|| error.into()))?;
                answer::take(answer, self.config.kind, upload, verdict)
            },
        );
        outcome.unwrap_or_else(|| Err(Refusal::busy(self.config.max_concurrent)))
    }
}

impl Hooks for Notifier {
    fn on_received(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        let Err(refusal) = self.ask(upload, verdict) else { return };
        let level = match refusal.context {
            Context::Server => Level::Error,
            Context::Application => Level::Warn,
        };
        self.config.logger.log(level, LOG, || {
            let id = upload.session_id.map(|id| id.to_string()).unwrap_or_default();
            format!("{id} {} is refused: {} ({})", upload.target, refusal.reason, refusal.detail)
        });
        verdict.reject(refusal.status, refusal.hresult, refusal.context, refusal.reason);
    }
}
