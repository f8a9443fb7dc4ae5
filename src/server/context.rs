//! What every connection of a server needs: routing, authentication, limits and reporting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::auth::basic_auth::BasicAuth;
use super::config::ServerConfig;
use super::http1::head::HeadLimits;
use super::network::min_rate::MinRate;
use super::network::tls::TlsState;
use super::observability::event_sink::EventSink;
use super::router::Router;
use crate::error::Error;
use crate::log::Logger;

/// The settings and services that all connections of a server share.
pub(crate) struct ServerContext {
    pub router: Router,
    /// `None` for plain HTTP.
    pub tls: Option<TlsState>,
    /// `None` if requests need no user name and password.
    pub basic_auth: Option<BasicAuth>,
    pub event_sink: Arc<EventSink>,
    pub head_limits: HeadLimits,
    pub head_timeout: Duration,
    pub read_timeout: Duration,
    pub idle_timeout: Duration,
    pub min_rate: MinRate,
    pub logger: Logger,
    stopping: AtomicBool,
}

impl ServerContext {
    /// Builds the context of a configuration.
    ///
    /// # Errors
    ///
    /// Fails if the engines, certificates or users of the configuration cannot be used.
    pub(crate) fn new(config: &ServerConfig) -> Result<Self, Error> {
        let users = config.users.clone();
        Ok(Self {
            router: Router::new(config.mounts.clone())?,
            tls: config.tls.as_ref().map(TlsState::new).transpose()?,
            basic_auth: if users.is_empty() { None } else { Some(BasicAuth::new(users)?) },
            event_sink: Arc::new(EventSink::new(config.access_log.clone())?),
            head_limits: HeadLimits { bytes: config.max_head_bytes, fields: config.max_head_fields },
            head_timeout: config.head_timeout,
            read_timeout: config.read_timeout,
            idle_timeout: config.idle_timeout,
            min_rate: MinRate { bytes_per_second: config.min_body_rate, grace: config.body_grace },
            logger: config.logger.clone(),
            stopping: AtomicBool::new(false),
        })
    }

    /// Reports the session events of all engines to the event sink from now on.
    pub(crate) fn subscribe_to_engines(&self) {
        self.router.engines().for_each(|(_, engine)| engine.subscribe(&self.event_sink));
    }

    /// Whether [`Self::set_stopping`] was called.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Marks the server as stopping; returns whether it was already.
    pub(crate) fn set_stopping(&self) -> bool {
        self.stopping.swap(true, Ordering::SeqCst)
    }
}
