//! Notification of an application over HTTP (PROTOCOL 5): an application in another process accepts or rejects
//! complete uploads. Only this folder uses ureq on the server side.

mod config;
mod failure;
mod notify_url;
mod pool;
mod request;
mod resolver;
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

/// The target of log messages.
const LOG_TARGET: &str = "notify";

/// Notifies an application of each complete upload over HTTP.
///
/// It sends one POST per upload. The response decides whether the upload is accepted, whether the file is moved to its
/// destination, and what the reply is (PROTOCOL 5). The file is moved only if the application requests it.
///
/// The notifier does not retry. If the client sends its last fragment again, the application is called again with the
/// same `Idempotency-Key`.
///
/// Set it as the [`hooks`](crate::engine::EngineConfig::hooks) of an engine.
///
/// Threads: may be used from several threads.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use bitsup::engine::{Engine, EngineConfig};
/// use bitsup::server::{Notifier, NotifyConfig, NotifyKind};
/// use bitsup::store::MemoryStore;
///
/// let notifier = Notifier::new(NotifyConfig::new(NotifyKind::ByValue, "http://127.0.0.1:9000/uploads"))?;
/// let mut config = EngineConfig::new(Arc::new(MemoryStore::default()));
/// config.hooks = Some(Arc::new(notifier));
/// let engine = Engine::new(config)?;
/// # Ok::<(), bitsup::Error>(())
/// ```
pub struct Notifier {
    config: NotifyConfig,
    roots: RootCerts,
    connections: ResourcePool<AppConnection>,
}

impl Notifier {
    /// Creates a notifier.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::error::Status::InvalidArgument) if the URL is malformed, longer than 2200
    /// characters or neither http nor https, if the root certificates cannot be parsed, or if a limit or timeout is 0.
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
        self.config.logger.log(level, LOG_TARGET, || {
            let id = upload.session_id.map(|id| id.to_string()).unwrap_or_default();
            format!("{id} {} rejected: {} ({})", upload.target, failure.reason, failure.detail)
        });
        verdict.reject(failure.status, failure.hresult, failure.context, failure.reason);
    }
}
