//! How a server listens.

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

/// How a server listens. A time of `Duration::MAX` is no limit, and none may be zero.
#[derive(Clone)]
pub struct ServerConfig {
    /// Host name or address to listen on.
    pub host: String,
    /// Port; 0 picks a free one.
    pub port: u16,
    /// A socket that listens already, as a service manager hands it over; host and port say nothing then.
    pub listener: Option<Arc<TcpListener>>,
    /// Where operators see what goes on, if they are to.
    pub admin: Option<AdminConfig>,
    /// Engines by URL prefix; the longest prefix wins. `up` and `/up/` are the same prefix.
    pub mounts: Vec<(String, Engine)>,
    /// TLS, if it is to be spoken.
    pub tls: Option<TlsConfig>,
    /// Who may use the server, by Basic authentication of every request. Without users everybody may, as far as
    /// TLS and hooks let them. Names own sessions, and go before the subjects of certificates.
    pub users: Users,
    /// Most worker threads. There are as many as the machine has processors, and more only while disks or
    /// application code block them.
    pub max_workers: usize,
    /// Most connections; more wait in the kernel's queue.
    pub max_connections: usize,
    /// Connections that one address may have, where an IPv6 network of 64 bits counts as one address; 0: no
    /// limit. One more is answered 503 and closed; with TLS it is only closed.
    pub max_connections_per_address: usize,
    /// Longest head of a request in bytes; a longer one is answered 431.
    pub max_head_bytes: usize,
    /// Most header fields of a request; more are answered 431.
    pub max_head_fields: usize,
    /// How long a request's head may take, from its first byte on; and how long a TLS handshake.
    pub head_timeout: Duration,
    /// How long a body, or the sending of an answer, may make no progress.
    pub read_timeout: Duration,
    /// Bytes per second that a body must come with on the average, or be taken with when it is that of an
    /// answer, once `body_grace` is over; 0: any. Only the time that is spent waiting for the peer counts.
    pub min_body_rate: u64,
    /// How long a body may be slower than `min_body_rate`.
    pub body_grace: Duration,
    /// How long a connection may be silent between two requests, or before the first.
    pub idle_timeout: Duration,
    /// How often idle sessions are looked for; sooner when one can expire sooner.
    pub cleanup_interval: Duration,
    /// Where every request and event is written down, if they are to be.
    pub access_log: Option<AccessLog>,
    /// Where the server says what it does.
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

impl ServerConfig {
    /// Errors: a limit of 0, which would let nothing through.
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
            Some((name, _)) => {
                Err(Error::new(Status::InvalidArgument, format!("{name} is 0; it must be more")))
            }
            None => Ok(()),
        }
    }
}

/// The address of the administration page.
///
/// The page has neither users nor TLS, and shows the names of sessions and their owners to everyone who can reach
/// it. Use a loopback address or an address of an administration network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Host name or address to listen on.
    pub host: String,
    /// Port; 0 picks a free one.
    pub port: u16,
}
