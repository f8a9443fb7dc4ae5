//! The ready-made HTTP/1.1 listener: engines mounted under URL prefixes, on one address.

use std::net::SocketAddr;
use std::time::Duration;

use crate::engine::Engine;
use crate::error::Error;
use crate::log::Logger;

/// How a server listens.
#[derive(Clone)]
pub struct ServerConfig {
    /// Host name or address to listen on.
    pub host: String,
    /// Port; 0 picks a free one.
    pub port: u16,
    /// Engines by URL prefix; the longest prefix wins.
    pub mounts: Vec<(String, Engine)>,
    /// Most worker threads.
    pub max_workers: usize,
    /// Most connections; more wait in the kernel's queue.
    pub max_connections: usize,
    /// How long a request's head may take.
    pub head_timeout: Duration,
    /// How long a body may make no progress.
    pub read_timeout: Duration,
    /// How long a connection may be silent between two requests.
    pub idle_timeout: Duration,
    /// How often idle sessions are looked for.
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
            max_workers: 256,
            max_connections: 16_384,
            head_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(300),
            cleanup_interval: Duration::from_secs(12 * 3600),
            logger: Logger::default(),
        }
    }
}

/// A running server. Dropping it signals it to stop and does not wait.
pub struct Server {}

impl Server {
    /// Binds the address and starts serving.
    pub fn start(_config: ServerConfig) -> Result<Self, Error> {
        unimplemented!()
    }
    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        unimplemented!()
    }
    /// The URL of its root, with the port in use: `http://127.0.0.1:41234/`.
    pub fn url(&self) -> String {
        unimplemented!()
    }
    /// Stops accepting, gives running requests `grace`, closes everything, and joins every thread.
    pub fn stop(&mut self, _grace: Duration) -> Result<(), Error> {
        unimplemented!()
    }
}
