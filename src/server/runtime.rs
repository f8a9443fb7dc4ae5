//! The state that all threads of a running server share, and the work of its worker threads.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::context::ServerContext;
use super::http1::connection::{HttpConnection, NextAction};
use super::http1::idle_connections::IdleConnections;
use super::network::registration::{Interest, Reactor};
use super::observability::LOG_TARGET;
use super::observability::event::ServerEvent;
use super::observability::metrics::{DirectorySample, RunningSample};
use super::session_cleanup::CleanupSchedule;
use crate::log::Level;

/// What all threads of a server share.
pub(crate) struct ServerRuntime {
    pub context: Arc<ServerContext>,
    pub reactor: Arc<Reactor>,
    pub idle: IdleConnections,
    pub cleanup: CleanupSchedule,
    /// When a stopping server closes the remaining connections.
    stop_at: Mutex<Option<Instant>>,
}

/// A job for a worker thread.
pub(crate) enum ServerJob {
    /// The connection is ready.
    Drive(Box<HttpConnection>),
    /// The connection's deadline has passed.
    Expire(Box<HttpConnection>),
    /// Expired sessions are to be ended.
    CleanUp,
}

impl ServerRuntime {
    pub(crate) fn new(context: ServerContext, reactor: Arc<Reactor>, cleanup_interval: Duration) -> Self {
        Self {
            context: Arc::new(context),
            idle: IdleConnections::new(Arc::clone(&reactor)),
            reactor,
            cleanup: CleanupSchedule::new(cleanup_interval),
            stop_at: Mutex::new(None),
        }
    }

    /// Runs a job on a worker thread with the worker's buffer. A job that is returned goes back to the queue.
    pub(crate) fn work(&self, job: ServerJob, buffer: &mut [u8]) -> Option<ServerJob> {
        let (mut connection, next);
        match job {
            ServerJob::Drive(ready) => {
                connection = ready;
                next = connection.drive(buffer, &self.context);
            }
            ServerJob::Expire(expired) => {
                connection = expired;
                next = connection.expire(buffer, &self.context);
            }
            ServerJob::CleanUp => {
                self.cleanup.run(&self.context.router, &self.context.logger);
                self.reactor.wake();
                return None;
            }
        }
        match next {
            NextAction::Park(interest) => self.park(connection, interest),
            NextAction::Requeue => return Some(ServerJob::Drive(connection)),
            NextAction::Close => drop(connection),
        }
        None
    }

    /// Whether all engines have loaded the sessions of their stores.
    pub(crate) fn is_loaded(&self) -> bool {
        self.context.router.engines().all(|(_, engine)| engine.is_loaded())
    }

    /// Loads the sessions of all engines, unless the server stops before. Then begins to end expired sessions.
    pub(crate) fn load_sessions(&self) {
        for (prefix, engine) in self.context.router.engines() {
            if let Err(error) = engine.load(|| !self.context.is_stopping()) {
                // The next clean-up tries again. Until then, sessions are looked up one by one.
                self.context.logger.log(Level::Error, LOG_TARGET, || format!("{prefix}: {error}"));
            }
        }
        self.cleanup.start();
        self.reactor.wake();
    }

    /// Parks a connection until it is ready or its deadline has passed.
    pub(crate) fn park(&self, connection: Box<HttpConnection>, interest: Interest) {
        let deadline = connection.deadline(&self.context);
        self.idle.park(connection, interest, deadline);
    }

    /// Makes the server stop: gracefully until `grace` is over, then by closing all connections.
    pub(crate) fn begin_stop(&self, grace: Duration) {
        *self.stop_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now().checked_add(grace);
        if !self.context.set_stopping() {
            self.context.event_sink.emit(&ServerEvent::Stopping);
        }
        self.reactor.wake();
    }

    /// Ends the waits of workers for sessions. Another server may hold them and hang, and must not delay the end.
    pub(crate) fn abort_waits(&self) {
        self.context.router.engines().for_each(|(_, engine)| engine.abort_waits());
    }

    /// Returns when the remaining connections are to be closed, if the server is stopping.
    pub(crate) fn stop_at(&self) -> Option<Instant> {
        *self.stop_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Samples the gauges of a running server.
    pub(crate) fn sample(&self) -> RunningSample {
        let directories = self.context.router.engines().map(|(prefix, engine)| DirectorySample {
            prefix: prefix.to_owned(),
            sessions: engine.session_counts(),
            free_bytes: engine.free_bytes(),
        });
        RunningSample { open_connections: self.reactor.open(), directories: directories.collect() }
    }
}
