//! How a server listens.

use std::time::Duration;

use super::tls::TlsConfig;
use super::users::Users;
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
    /// How long a request's head may take, from its first byte on; and how long a TLS handshake.
    pub head_timeout: Duration,
    /// How long a body, or the sending of an answer, may make no progress.
    pub read_timeout: Duration,
    /// How long a connection may be silent between two requests, or before the first.
    pub idle_timeout: Duration,
    /// How often idle sessions are looked for; sooner when one can expire sooner.
    pub cleanup_interval: Duration,
    /// Where the server says what it does.
    pub logger: Logger,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 0,
            mounts: Vec::new(),
            tls: None,
            users: Users::default(),
            max_workers: 256,
            max_connections: 16_384,
            head_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(300),
            cleanup_interval: Duration::from_millis(limits::CLEANUP_INTERVAL_MS),
            logger: Logger::default(),
        }
    }
}

impl ServerConfig {
    /// Errors: a limit of 0, which would let nothing through.
    pub(super) fn check(&self) -> Result<(), Error> {
        let zeros = [
            ("max_workers", self.max_workers == 0),
            ("max_connections", self.max_connections == 0),
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
