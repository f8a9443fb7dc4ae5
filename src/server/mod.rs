//! A ready-made HTTP/1.1 server: engines mounted under URL prefixes, on one address.
//!
//! One thread, the event loop, waits for all sockets. A connection that is ready goes to a worker thread, which
//! drives its state machine until it would block and then parks it with the idle connections. So an idle or slow
//! client costs some hundred bytes and no thread, and a thread that blocks in the disk or in application code
//! delays only one connection. A further thread loads the sessions of engines that are
//! [not loaded](crate::engine::Engine::new_unloaded), and then ends.
//!
//! | Module | Contents |
//! |---|---|
//! | `config`, `context`, `runtime` | the configuration; what connections need; what the threads share |
//! | `event_loop`, `session_cleanup`, `router` | the thread that waits for sockets; expiry of sessions; URL prefixes |
//! | `network` | sockets, readiness, TLS, worker threads, limits per address |
//! | `http1` | request heads, responses, the state machine of a connection |
//! | `auth` | user names and passwords, certificate subjects |
//! | `notify` | notification of an application over HTTP |
//! | `admin` | the administration page |
//! | `observability` | events, the access log, metrics |
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//!
//! use bitsup::engine::{Engine, EngineConfig};
//! use bitsup::server::{Server, ServerConfig};
//!
//! fn serve(engine: Engine) -> Result<(), bitsup::error::Error> {
//!     let mut server = Server::start(ServerConfig::default().mount("/upload/", engine))?;
//!     println!("listening on {}", server.url());
//!     server.stop(Duration::from_secs(10))
//! }
//! ```

mod admin;
mod auth;
mod config;
mod context;
mod event_loop;
mod http1;
mod network;
mod notify;
mod observability;
mod router;
mod runtime;
mod session_cleanup;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use auth::users::Users;
pub use config::{AdminConfig, ServerConfig};
pub use network::tls::{Pem, TlsConfig};
pub use notify::{Notifier, NotifyConfig, NotifyKind, NotifyTimeouts};
pub use observability::access_log::AccessLog;
pub use observability::line_format::LogFormat;
pub use observability::metrics::Metrics;
pub use router::url_prefix;

use crate::error::{Error, Status};
use crate::log::Level;
use admin::{AdminServer, AdminSources, BoundAdmin};
use context::ServerContext;
use event_loop::EventLoop;
use network::addresses::AddressLimit;
use network::listener::{self, Listener};
use network::pool::{PoolSize, WorkerPool};
use network::registration::Reactor;
use observability::LOG_TARGET;
use observability::event::ServerEvent;
use observability::metrics::MetricsSample;
use runtime::{ServerJob, ServerRuntime};

/// A running server.
///
/// Dropping it stops the server at once, without a grace period, and does not wait for its threads. Call
/// [`Self::stop`] to let running requests complete.
///
/// Threads: may be moved between threads and shared by several.
#[must_use = "dropping a server stops it"]
pub struct Server {
    runtime: Arc<ServerRuntime>,
    pool: WorkerPool<ServerJob>,
    metrics: Metrics,
    local_addr: SocketAddr,
    /// `None` once the server has stopped.
    event_loop: Option<JoinHandle<()>>,
    /// The thread that loads the sessions of the engines, if they are not loaded already.
    loader: Option<JoinHandle<()>>,
    admin: Option<AdminServer>,
}

impl Server {
    /// Binds the address and starts serving.
    ///
    /// # Errors
    ///
    /// - [`Status::InvalidArgument`] if a limit is 0, no engine is mounted, two engines have the same prefix, or the
    ///   certificates or users cannot be used.
    /// - [`Status::Resolve`], [`Status::Denied`] or [`Status::Io`] if the address cannot be bound.
    pub fn start(config: ServerConfig) -> Result<Self, Error> {
        #[cfg(feature = "fault-injection")]
        crate::fault_injection::maybe_panic("server", &config.host);
        config.check()?;
        let context = ServerContext::new(&config)?;
        let socket = match &config.listener {
            Some(listener) => listener::inherit(listener)?,
            None => listener::bind(&config.host, config.port)?,
        };
        let admin = config.admin.as_ref().map(BoundAdmin::bind).transpose()?;
        let failed = |error| Error::io("cannot start the server", error);
        let local_addr = socket.local_addr().map_err(failed)?;
        let reactor = Reactor::new().map_err(failed)?;
        let logger = config.logger;
        let listener =
            Listener::new(&reactor, socket, config.max_connections, logger.clone()).map_err(failed)?;
        let runtime = Arc::new(ServerRuntime::new(context, reactor, config.cleanup_interval));
        let worker = Arc::clone(&runtime);
        let pool =
            WorkerPool::start(PoolSize::for_machine(config.max_workers), logger, move |job, buffer| {
                worker.work(job, buffer)
            })
            .map_err(failed)?;
        let metrics = new_metrics(&runtime, &pool)?;
        runtime.context.subscribe_to_engines();
        let event_loop = EventLoop {
            runtime: Arc::clone(&runtime),
            pool: pool.clone(),
            listener: Some(listener),
            addresses: AddressLimit::new(config.max_connections_per_address),
            next_key: 1,
        };
        let thread = thread::Builder::new().name("bitsup-poller".into()).spawn(move || event_loop.run());
        let mut server =
            Self { runtime, pool, metrics, local_addr, event_loop: None, loader: None, admin: None };
        server.event_loop = Some(thread.map_err(failed)?);
        let sources =
            AdminSources { context: Arc::clone(&server.runtime.context), metrics: server.metrics.clone() };
        server.admin = admin.map(|bound| AdminServer::start(bound, sources)).transpose().map_err(failed)?;
        let url = server.url();
        server.report(format!("listening on {url}"), &ServerEvent::Started { url: &url });
        server.start_loader().map_err(failed)?;
        Ok(server)
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the URL of the server's root with the actual port: `http://127.0.0.1:41234/`, or `https:` with
    /// TLS.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.runtime.context.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", self.local_addr)
    }

    /// Returns the URL of the administration page, `None` without one.
    #[must_use]
    pub fn admin_url(&self) -> Option<String> {
        self.admin.as_ref().map(AdminServer::url)
    }

    /// Replaces the certificate and the roots for client certificates, for new connections.
    ///
    /// Open connections stay open. Session tickets issued before are no longer accepted.
    ///
    /// # Errors
    ///
    /// - [`Status::InvalidState`] if the server was started without TLS.
    /// - The errors of [`Self::start`] if the certificates cannot be used; the old ones stay in use.
    pub fn reload_tls(&self, config: &TlsConfig) -> Result<(), Error> {
        let Some(tls) = &self.runtime.context.tls else {
            return Err(Error::new(Status::InvalidState, "the server was started without TLS: restart it"));
        };
        tls.replace(config)?;
        self.report(
            "reloaded the TLS certificates".into(),
            &ServerEvent::Reloaded { resource: "certificates" },
        );
        Ok(())
    }

    /// Replaces the users, from the next request on.
    ///
    /// # Errors
    ///
    /// - [`Status::InvalidState`] if the server was started without users, [`Status::InvalidArgument`] if `users` is
    ///   empty. Authentication cannot be switched on or off by a reload.
    pub fn reload_users(&self, users: Users) -> Result<(), Error> {
        let Some(auth) = &self.runtime.context.basic_auth else {
            return Err(Error::new(Status::InvalidState, "the server was started without users: restart it"));
        };
        auth.replace(users)?;
        self.report("reloaded the users".into(), &ServerEvent::Reloaded { resource: "users" });
        Ok(())
    }

    /// Reopens the file of the access log, for log rotation: rename the file, then call this. Does nothing without
    /// an access log in a file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened; the log then continues in the old one.
    pub fn reopen_access_log(&self) -> Result<(), Error> {
        self.runtime.context.event_sink.reopen()
    }

    /// Returns the server's metrics. They stay readable after the server has stopped.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Stops the server and waits until it has stopped.
    ///
    /// It stops accepting, closes idle connections, gives running requests up to `grace` to complete, closes
    /// all connections and joins all threads. If a worker thread is running application code, this waits
    /// until that returns. Does nothing if the server has stopped.
    ///
    /// # Errors
    ///
    /// - [`Status::Busy`] if called by a thread of this server, from a callback. The server stops nevertheless, but
    ///   this call does not wait for it.
    /// - [`Status::Panic`] if the event loop, or a store while its sessions were loaded, has panicked. The server has
    ///   stopped.
    pub fn stop(&mut self, grace: Duration) -> Result<(), Error> {
        self.runtime.begin_stop(grace);
        let is_current = |thread: &JoinHandle<()>| thread.thread().id() == thread::current().id();
        let is_admin = self.admin.as_ref().is_some_and(AdminServer::is_current);
        let threads = [&self.event_loop, &self.loader];
        if self.pool.is_worker() || threads.into_iter().flatten().any(is_current) || is_admin {
            return Err(Error::new(
                Status::Busy,
                "a server cannot wait for the thread that stops it: stop it from outside its callbacks",
            ));
        }
        let Some(event_loop) = self.event_loop.take() else { return Ok(()) };
        let ended = event_loop.join();
        let loaded = self.loader.take().map_or(Ok(()), JoinHandle::join);
        // The event loop closes both, unless it panicked.
        self.runtime.idle.close();
        self.pool.close();
        self.pool.join(|| self.runtime.abort_waits());
        // Last, so that the health check reports a stopping server until the end.
        if let Some(admin) = &mut self.admin {
            admin.stop();
        }
        let panicked = |thread| {
            Error::new(Status::Panic, format!("the server's {thread} panicked; the server has stopped"))
        };
        ended.map_err(|_| panicked("event loop"))?;
        loaded.map_err(|_| panicked("loading of sessions"))?;
        self.report(format!("{} stopped", self.local_addr), &ServerEvent::Stopped);
        Ok(())
    }

    /// Loads the sessions of the engines in a thread of its own: it may take long, and must not occupy a worker.
    fn start_loader(&mut self) -> io::Result<()> {
        if self.runtime.is_loaded() {
            self.runtime.load_sessions();
            return Ok(());
        }
        let runtime = Arc::clone(&self.runtime);
        let thread = thread::Builder::new().name("bitsup-loader".into());
        self.loader = Some(thread.spawn(move || runtime.load_sessions())?);
        Ok(())
    }

    fn report(&self, message: String, event: &ServerEvent<'_>) {
        self.runtime.context.logger.log(Level::Info, LOG_TARGET, || message);
        self.runtime.context.event_sink.emit(event);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.event_loop.is_some() {
            self.runtime.begin_stop(Duration::ZERO);
        } else {
            // The event loop could not be started, or has ended.
            self.pool.close();
        }
    }
}

/// Creates the metrics of a server. They keep neither the runtime nor the pool alive.
fn new_metrics(runtime: &Arc<ServerRuntime>, pool: &WorkerPool<ServerJob>) -> Result<Metrics, Error> {
    let (load, running) = (pool.load(), Arc::downgrade(runtime));
    Metrics::new(&runtime.context.event_sink.counters, move || {
        let load = load().unwrap_or_default();
        MetricsSample {
            busy_workers: load.busy,
            idle_workers: load.idle,
            queued: load.queued,
            running: running.upgrade().map(|runtime| runtime.sample()),
        }
    })
}
