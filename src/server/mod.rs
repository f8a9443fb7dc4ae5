//! The ready-made HTTP/1.1 listener: engines mounted under URL prefixes, on one address.
//!
//! One thread, the `poller`, waits for all sockets at once. A connection with something to do goes to a
//! worker of the `pool`, which drives its state machine (`conn`) until it would block and then parks it
//! (`parking`). So a peer that is idle or slow holds some hundred bytes and no thread, and a thread that
//! blocks in a disk or in application code holds up one connection only.

mod access_log;
mod addresses;
mod admin;
mod answer;
mod cleanup;
mod config;
mod conn;
mod event;
mod head;
mod journal;
mod listener;
mod metrics;
mod notify;
mod pace;
mod parking;
mod poller;
mod pool;
mod router;
mod subject;
mod tls;
mod transport;
mod users;
mod watch;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use access_log::{AccessLog, LogFormat};
pub use admin::AdminConfig;
pub use config::ServerConfig;
pub use metrics::Metrics;
pub use notify::{Notifier, NotifyConfig, NotifyKind, NotifyTimeouts};
pub use router::url_prefix;
pub use tls::{Pem, TlsConfig};
pub use users::Users;

use crate::error::{Error, Status};
use crate::log::{Level, Logger};
use addresses::Addresses;
use admin::{Admin, Sources};
use cleanup::CleanUp;
use conn::{Connection, Next};
use event::Event;
use journal::Journal;
use listener::Listener;
use parking::Parking;
use poller::Poller;
use pool::Pool;
use router::Router;
use tls::Tls;
use users::Gate;
use watch::{Interest, Watch};

/// The module's name in log messages.
const LOG: &str = "server";

/// A running server. Dropping it signals it to stop, without grace, and does not wait.
///
/// Threads: may move between threads and be read from several.
pub struct Server {
    shared: Arc<Shared>,
    pool: Pool<Job>,
    metrics: Metrics,
    local_addr: SocketAddr,
    /// Gone once the server has stopped.
    poller: Option<JoinHandle<()>>,
    admin: Option<Admin>,
}

/// What all threads of a server share.
struct Shared {
    site: Site,
    watch: Arc<Watch>,
    parking: Parking,
    cleanup: CleanUp,
    /// When a server that stops gives up on the connections that are left.
    stop_at: Mutex<Option<Instant>>,
}

/// What a connection needs to know of its server.
struct Site {
    router: Router,
    tls: Option<Tls>,
    /// Asks who it is, if anybody is to be asked.
    gate: Option<Gate>,
    /// Hears of everything.
    journal: Arc<Journal>,
    head_limits: head::Limits,
    head_timeout: Duration,
    read_timeout: Duration,
    idle_timeout: Duration,
    pace: pace::Limit,
    logger: Logger,
    stopping: AtomicBool,
}

/// What a worker is given.
enum Job {
    /// The connection is ready.
    Drive(Box<Connection>),
    /// The connection's deadline has come.
    Expire(Box<Connection>),
    /// Idle sessions are to be ended.
    CleanUp,
}

impl Server {
    /// Binds the address and starts serving.
    ///
    /// Errors: [`Status::InvalidArgument`] for a configuration that serves nothing or is ambiguous,
    /// [`Status::Resolve`], [`Status::Denied`] or [`Status::Io`] when the address cannot be had.
    pub fn start(config: ServerConfig) -> Result<Self, Error> {
        #[cfg(feature = "planted-panics")]
        crate::fault_injection::maybe_panic("server", &config.host);
        config.check()?;
        let site = Site::new(&config)?;
        let socket = match &config.listener {
            Some(listener) => listener::inherit(listener)?,
            None => listener::bind(&config.host, config.port)?,
        };
        let operators = config.admin.as_ref().map(AdminConfig::bind).transpose()?;
        let failed = |error| Error::io("cannot start the server", error);
        let local_addr = socket.local_addr().map_err(failed)?;
        let watch = Watch::new().map_err(failed)?;
        let addresses = Addresses::new(config.max_connections_per_address);
        let logger = config.logger;
        let listener =
            Listener::new(&watch, socket, config.max_connections, logger.clone()).map_err(failed)?;
        let shared = Arc::new(Shared {
            site,
            parking: Parking::new(Arc::clone(&watch)),
            watch,
            cleanup: CleanUp::new(config.cleanup_interval),
            stop_at: Mutex::new(None),
        });
        let worker = Arc::clone(&shared);
        let pool = Pool::start(pool::Size::for_machine(config.max_workers), logger, move |job, buffer| {
            worker.work(job, buffer)
        })
        .map_err(failed)?;
        let metrics = Metrics::new(&shared, &pool)?;
        shared.site.listen_to_engines();
        let poller = Poller {
            shared: Arc::clone(&shared),
            pool: pool.clone(),
            listener: Some(listener),
            addresses,
            next_key: 1,
        };
        let thread = thread::Builder::new().name("bitsup-poller".into()).spawn(move || poller.run());
        let mut server = Self { shared, pool, metrics, local_addr, poller: None, admin: None };
        server.poller = Some(thread.map_err(failed)?);
        let sources = Sources { shared: Arc::clone(&server.shared), metrics: server.metrics.clone() };
        server.admin = operators.map(|bound| Admin::start(bound, sources)).transpose().map_err(failed)?;
        let url = server.url();
        server.shared.site.logger.log(Level::Info, LOG, || format!("listening on {url}"));
        server.shared.site.journal.tell(&Event::Started { url: &url });
        Ok(server)
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The URL of its root, with the port in use: `http://127.0.0.1:41234/`, or `https:` with TLS.
    pub fn url(&self) -> String {
        let scheme = if self.shared.site.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", self.local_addr)
    }

    /// The URL of the operator's page, when there is one.
    pub fn admin_url(&self) -> Option<String> {
        self.admin.as_ref().map(Admin::url)
    }

    /// Takes another certificate, and other roots of clients' certificates, for the connections from now on. No
    /// connection is closed, but none comes back with a ticket of before.
    ///
    /// Errors: [`Status::InvalidState`] for a server without TLS; those of [`Self::start`] for what is no
    /// certificate. The old one stays.
    pub fn reload_tls(&self, config: &TlsConfig) -> Result<(), Error> {
        let Some(tls) = &self.shared.site.tls else {
            return Err(Error::new(
                Status::InvalidState,
                "the server was started without TLS: start it anew",
            ));
        };
        tls.replace(config)?;
        self.shared.site.logger.log(Level::Info, LOG, || "took the TLS certificate anew".into());
        self.shared.site.journal.tell(&Event::Reloaded { what: "certificates" });
        Ok(())
    }

    /// Takes other users, from the next request on.
    ///
    /// Errors: [`Status::InvalidState`] for a server that began without users, [`Status::InvalidArgument`] when
    /// there are none: neither is to open or to close a server by mistake.
    pub fn reload_users(&self, users: Users) -> Result<(), Error> {
        let Some(gate) = &self.shared.site.gate else {
            return Err(Error::new(
                Status::InvalidState,
                "the server was started without users: start it anew",
            ));
        };
        gate.replace(users)?;
        self.shared.site.logger.log(Level::Info, LOG, || "took the users anew".into());
        self.shared.site.journal.tell(&Event::Reloaded { what: "users" });
        Ok(())
    }

    /// Opens the file of the access log anew, for its rotation: rename it, then call this. Without such a file it
    /// does nothing.
    ///
    /// Errors: the file cannot be opened; the log goes on in the old one.
    pub fn reopen_access_log(&self) -> Result<(), Error> {
        self.shared.site.journal.reopen()
    }

    /// What it counts, for Prometheus. Outlives the server.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Stops accepting, closes idle connections, gives running requests `grace`, closes everything, and joins
    /// every thread. A worker that is in application code is waited for, however long that takes. On a
    /// stopped server it does nothing.
    ///
    /// Errors: [`Status::Busy`] when called by a thread of this server, out of a callback. The server stops
    /// all the same, but nobody waits for it.
    pub fn stop(&mut self, grace: Duration) -> Result<(), Error> {
        self.shared.begin_stop(grace);
        let is_poller = |poller: &JoinHandle<()>| poller.thread().id() == thread::current().id();
        let is_admin = self.admin.as_ref().is_some_and(Admin::is_current);
        if self.pool.is_worker() || self.poller.as_ref().is_some_and(is_poller) || is_admin {
            return Err(Error::new(
                Status::Busy,
                "a server cannot wait for the thread that stops it: stop it from outside its callbacks",
            ));
        }
        let Some(poller) = self.poller.take() else { return Ok(()) };
        let ended = poller.join();
        // The poller closes both; should it have panicked, they must not be waited for in vain.
        self.shared.parking.close();
        self.pool.close();
        self.pool.join();
        // Last, so that operators hear that the server is stopping for as long as it does.
        if let Some(admin) = &mut self.admin {
            admin.stop();
        }
        ended
            .map_err(|_| Error::new(Status::Panic, "the server's poller panicked; the server has stopped"))?;
        self.shared.site.logger.log(Level::Info, LOG, || format!("{} stopped", self.local_addr));
        self.shared.site.journal.tell(&Event::Stopped);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match self.poller.is_some() {
            true => self.shared.begin_stop(Duration::ZERO),
            // The poller never came to life, or has ended and closed the pool.
            false => self.pool.close(),
        }
    }
}

impl Shared {
    fn work(&self, job: Job, buffer: &mut [u8]) -> Option<Job> {
        let (mut conn, next);
        match job {
            Job::Drive(ready) => {
                conn = ready;
                next = conn.drive(buffer, &self.site);
            }
            Job::Expire(late) => {
                conn = late;
                next = conn.expire(buffer, &self.site);
            }
            Job::CleanUp => {
                self.cleanup.run(&self.site.router, &self.site.logger);
                self.watch.wake();
                return None;
            }
        }
        match next {
            Next::Park(interest) => self.park(conn, interest),
            Next::Requeue => return Some(Job::Drive(conn)),
            Next::Close => drop(conn),
        }
        None
    }

    fn park(&self, conn: Box<Connection>, interest: Interest) {
        let deadline = conn.deadline(&self.site);
        self.parking.park(conn, interest, deadline);
    }

    fn begin_stop(&self, grace: Duration) {
        *self.stop_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now().checked_add(grace);
        if !self.site.stopping.swap(true, Ordering::SeqCst) {
            self.site.journal.tell(&Event::Stopping);
        }
        self.watch.wake();
    }

    fn stop_at(&self) -> Option<Instant> {
        *self.stop_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Site {
    /// Errors: engines, certificates or users that cannot be served.
    fn new(config: &ServerConfig) -> Result<Self, Error> {
        let users = Some(config.users.clone()).filter(|users| !users.is_empty());
        Ok(Self {
            router: Router::new(config.mounts.clone())?,
            tls: config.tls.as_ref().map(Tls::new).transpose()?,
            gate: users.map(Gate::new).transpose()?,
            journal: Arc::new(Journal::new(config.access_log.clone())?),
            head_limits: head::Limits { bytes: config.max_head_bytes, fields: config.max_head_fields },
            head_timeout: config.head_timeout,
            read_timeout: config.read_timeout,
            idle_timeout: config.idle_timeout,
            pace: pace::Limit { rate: config.min_body_rate, grace: config.body_grace },
            logger: config.logger.clone(),
            stopping: AtomicBool::new(false),
        })
    }

    fn listen_to_engines(&self) {
        self.router.engines().for_each(|(_, engine)| engine.subscribe(&self.journal));
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}
