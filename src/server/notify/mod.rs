//! Notification of the server application over HTTP (PROTOCOL 5): an application that is no part of this
//! process decides about complete uploads. Nothing outside this folder knows ureq.

mod config;
mod failure;
mod notify_url;
mod pool;
mod request;
mod response;
mod transport;

use ureq::tls::RootCerts;

pub use config::{NotifyConfig, NotifyKind, NotifyTimeouts};

use crate::engine::{Hooks, Upload, Verdict};
use crate::error::Error;
use crate::log::Level;
use crate::proto::Context;
use failure::NotifyFailure;
use pool::ResourcePool;
use transport::AppConnection;

/// The module's name in log messages.
const LOG: &str = "notify";

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
    connections: ResourcePool<AppConnection>,
}

impl Notifier {
    /// Errors: [`Status::InvalidArgument`] for a URL that is malformed, longer than 2200 characters, or
    /// neither http nor https (IIS refuses https, too; here it is served), for root certificates that are none,
    /// and for a limit of 0.
    pub fn new(config: NotifyConfig) -> Result<Self, Error> {
        config.check()?;
        let roots = transport::roots(&config.root_certificates)?;
        Ok(Self { connections: ResourcePool::new(config.max_concurrent), roots, config })
    }

    fn notify(&self, upload: &Upload<'_>, verdict: &mut Verdict) -> Result<(), NotifyFailure> {
        let uri = notify_url::for_upload(&self.config.url, upload.url).map_err(NotifyFailure::no_url)?;
        let fields = request::fields(&self.config, upload)?;
        let timeouts = &self.config.timeouts;
        let outcome = self.connections.with(
            timeouts.send,
            || AppConnection::new(timeouts, &self.roots),
            |connection| {
                let mut body =
                    request::NotifyBody::new(self.config.kind, upload, connection.stopped_reading());
                let response = connection.post(uri, &fields, &mut body);
                let response = response.map_err(|error| body.failure().unwrap_or_else(|| error.into()))?;
                response::apply(response, self.config.kind, upload, verdict)
            },
        );
        outcome.unwrap_or_else(|| Err(NotifyFailure::busy(self.config.max_concurrent)))
    }
}

impl Hooks for Notifier {
    fn on_received(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        let Err(failure) = self.notify(upload, verdict) else { return };
        let level = match failure.context {
            Context::Server => Level::Error,
            Context::Application => Level::Warn,
        };
        self.config.logger.log(level, LOG, || {
            let id = upload.session_id.map(|id| id.to_string()).unwrap_or_default();
            format!("{id} {} is refused: {} ({})", upload.target, failure.reason, failure.detail)
        });
        verdict.reject(failure.status, failure.hresult, failure.context, failure.reason);
    }
}
