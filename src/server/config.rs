//! The configuration of a server.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use super::auth::users::Users;
use super::network::tls::TlsConfig;
use super::observability::access_log::AccessLog;
use crate::engine::Engine;
use crate::error::{Error, Status};
use crate::log::Logger;
use crate::proto::limits;

/// The configuration of a [`Server`](super::Server).
///
/// `Duration::MAX` disables a timeout. No limit or timeout may be zero, except where noted.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use bitsup::server::ServerConfig;
///
/// let config =
///     ServerConfig::default().host("0.0.0.0").port(8080).idle_timeout(Duration::from_secs(60));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Host name or address to listen on [default: `127.0.0.1`].
    pub host: String,
    /// Port; 0 picks a free one [default: 0].
    pub port: u16,
    /// A listening socket inherited from a service manager, used instead of `host` and `port`.
    pub listener: Option<Arc<TcpListener>>,
    /// The address of the administration page [default: none].
    pub admin: Option<AdminConfig>,
    /// Engines by URL prefix; the longest matching prefix wins. `up` and `/up/` are the same prefix.
    pub mounts: Vec<(String, Engine)>,
    /// TLS settings [default: plain HTTP].
    pub tls: Option<TlsConfig>,
    /// Users for Basic authentication of every request. If empty, no credentials are required, and only TLS and the
    /// hooks of the engines restrict access. A user owns its sessions; user names take precedence over certificate
    /// subjects.
    pub users: Users,
    /// Maximum worker threads [default: 256]. The server keeps one per processor, at least two, and starts more only
    /// while disks or application code block them.
    pub max_workers: usize,
    /// Maximum connections [default: 16384]; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// Maximum connections per client address [default: 4096; 0: no limit]. An IPv6 /64 network counts as one address.
    /// Further connections get 503; with TLS they are closed without a response.
    pub max_connections_per_address: usize,
    /// Maximum bytes of a request head [default: 64 KiB]; a longer one gets 431.
    pub max_head_bytes: usize,
    /// Maximum header fields of a request [default: 100]; more get 431.
    pub max_head_fields: usize,
    /// Maximum time for a request head, from its first byte, and for a TLS handshake [default: 30 s].
    pub head_timeout: Duration,
    /// Maximum time without progress while a body is received or a response is sent [default: 120 s].
    pub read_timeout: Duration,
    /// Minimum average rate of request and response bodies in bytes per second, enforced after `body_grace`
    /// [default: 240; 0: no minimum]. Only time spent waiting for the client counts.
    pub min_body_rate: u64,
    /// How long a body may be slower than `min_body_rate` [default: 60 s; may be zero].
    pub body_grace: Duration,
    /// Maximum idle time before the first request and between requests [default: 300 s].
    pub idle_timeout: Duration,
    /// Maximum time between two clean-ups of expired sessions [default: 12 h]; shorter if a session can
    /// expire sooner.
    pub cleanup_interval: Duration,
    /// The access log [default: none].
    pub access_log: Option<AccessLog>,
    /// Receives the messages of the server [default: discarded].
    pub logger: Logger,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 0,
            listener: None,
            admin: None,
            mounts: Vec::new(),
            tls: None,
            users: Users::default(),
            max_workers: 256,
            max_connections: 16_384,
            max_connections_per_address: 4096,
            max_head_bytes: 64 * 1024,
            max_head_fields: 100,
            head_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(120),
            min_body_rate: 240,
            body_grace: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(300),
            cleanup_interval: Duration::from_millis(limits::CLEANUP_INTERVAL_MS),
            access_log: None,
            logger: Logger::default(),
        }
    }
}

setters! {
    ServerConfig {
        host: impl Into<String>,
        port: u16,
        admin: impl Into<Option<AdminConfig>>,
        mounts: Vec<(String, Engine)>,
        tls: impl Into<Option<TlsConfig>>,
        users: Users,
        max_workers: usize,
        max_connections: usize,
        max_connections_per_address: usize,
        max_head_bytes: usize,
        max_head_fields: usize,
        head_timeout: Duration,
        read_timeout: Duration,
        min_body_rate: u64,
        body_grace: Duration,
        idle_timeout: Duration,
        cleanup_interval: Duration,
        access_log: impl Into<Option<AccessLog>>,
        logger: Logger,
    }
    Some {
        listener: impl Into<Arc<TcpListener>>,
    }
}

impl ServerConfig {
    /// Adds an engine under a URL prefix to [`mounts`](#structfield.mounts).
    #[must_use]
    pub fn mount(mut self, prefix: impl Into<String>, engine: Engine) -> Self {
        self.mounts.push((prefix.into(), engine));
        self
    }

    /// Checks the limits.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] for a limit of 0.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let zeros = [
            ("max_workers", self.max_workers == 0),
            ("max_connections", self.max_connections == 0),
            ("max_head_bytes", self.max_head_bytes == 0),
            ("max_head_fields", self.max_head_fields == 0),
            ("head_timeout", self.head_timeout.is_zero()),
            ("read_timeout", self.read_timeout.is_zero()),
            ("idle_timeout", self.idle_timeout.is_zero()),
            ("cleanup_interval", self.cleanup_interval.is_zero()),
        ];
        match zeros.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(Error::new(
                Status::InvalidArgument,
                format!("invalid {name} 0: it must be greater than 0"),
            )),
            None => Ok(()),
        }
    }
}

/// The address of the administration page.
///
/// The page has neither users nor TLS, and shows the ids, file names and owners of all sessions to everyone who can
/// reach it. Use a loopback address or an address of an administration network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdminConfig {
    /// Host name or address to listen on.
    pub host: String,
    /// Port; 0 picks a free one.
    pub port: u16,
}

impl AdminConfig {
    /// Creates the configuration of a page on that address.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}
