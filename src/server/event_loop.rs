//! The thread that waits for sockets and deadlines and hands ready connections to the workers.

use std::sync::Arc;
use std::time::Instant;

use polling::Events;

use super::http1::connection::HttpConnection;
use super::network::addresses::{AddressLimit, Admission};
use super::network::listener::{ACCEPT_ROUNDS, LISTENER_KEY, Listener};
use super::network::pool::WorkerPool;
use super::network::registration::Interest;
use super::observability::LOG_TARGET;
use super::runtime::{ServerJob, ServerRuntime};
use crate::log::Level;

/// The state of the event loop's thread.
pub(crate) struct EventLoop {
    pub runtime: Arc<ServerRuntime>,
    pub pool: WorkerPool<ServerJob>,
    /// `None` once the server is stopping.
    pub listener: Option<Listener>,
    pub addresses: Arc<AddressLimit>,
    pub next_key: usize,
}

impl EventLoop {
    /// Runs until the server has stopped; then closes all connections and the pool.
    pub fn run(mut self) {
        let mut events = Events::new();
        while !self.is_over() {
            let now = Instant::now();
            self.start_due(now);
            let until = self.wake_at(now);
            if let Err(error) = self.runtime.reactor.wait(&mut events, until) {
                self.runtime.context.logger.log(Level::Error, LOG_TARGET, || {
                    format!("cannot wait for sockets, stopping the server: {error}")
                });
                break;
            }
            for event in events.iter() {
                match event.key {
                    LISTENER_KEY => {
                        self.accept();
                    }
                    key => {
                        if let Some(conn) = self.runtime.idle.take(key) {
                            self.pool.push(ServerJob::Drive(conn));
                        }
                    }
                }
            }
        }
        self.runtime.idle.close();
        self.pool.close();
        self.runtime.abort_waits();
    }

    /// Whether the server is stopping and has no connections left, or its grace period is over.
    fn is_over(&mut self) -> bool {
        if !self.runtime.context.is_stopping() {
            return false;
        }
        if self.listener.is_some() {
            // What waits in the kernel's queue would be reset when the listener closes. Connections that arrive meanwhile
            // must not delay the stop.
            let mut rounds = 0..ACCEPT_ROUNDS;
            while rounds.next().is_some() && self.accept() {}
            self.listener = None;
            self.runtime.reactor.wake_on_close(true);
            self.runtime.idle.drain(|conn| self.pool.push(ServerJob::Drive(conn)));
        }
        self.runtime.reactor.open() == 0 || self.runtime.stop_at().is_some_and(|end| end <= Instant::now())
    }

    /// Starts everything that is due.
    fn start_due(&mut self, now: Instant) {
        while let Some(conn) = self.runtime.idle.take_expired(now) {
            self.pool.push(ServerJob::Expire(conn));
        }
        if let Some(listener) = &mut self.listener {
            listener.resume(now);
        }
        if self.runtime.cleanup.take(now) {
            self.pool.push(ServerJob::CleanUp);
        }
    }

    /// Returns when to wake up if no socket becomes ready before.
    fn wake_at(&self, now: Instant) -> Option<Instant> {
        let soonest = [
            self.pool.supervise(now),
            self.runtime.cleanup.due(),
            self.listener.as_ref().and_then(Listener::resumes_at),
            self.runtime.stop_at(),
        ];
        self.runtime.idle.next_check(now, soonest.into_iter().flatten().min())
    }

    /// Accepts waiting connections. Returns whether there may be more.
    fn accept(&mut self) -> bool {
        let Some(listener) = &mut self.listener else { return false };
        let (runtime, addresses, next_key) = (&self.runtime, &self.addresses, &mut self.next_key);
        listener.accept(|stream, peer| {
            let counters = &runtime.context.event_sink.counters;
            let (permit, is_served) = match addresses.admit(peer.ip()) {
                Admission::Serve(permit) => (permit, true),
                // With TLS a response would cost a handshake, which the limit is to avoid.
                Admission::Reject(permit) if runtime.context.tls.is_none() => (Some(permit), false),
                Admission::Reject(_) | Admission::Drop => return counters.connection_rejected(),
            };
            if is_served {
                counters.connection_accepted();
            } else {
                counters.connection_rejected();
            }
            let key = *next_key;
            // `polling` reserves the last key; 0 is the listener's.
            *next_key = if key >= usize::MAX - 1 { 1 } else { key.saturating_add(1) };
            match HttpConnection::new(&runtime.reactor, stream, peer, key, permit, &runtime.context) {
                Ok(conn) if is_served => runtime.park(Box::new(conn), Interest::Read),
                Ok(mut conn) => {
                    conn.reject_over_limit(&runtime.context);
                    runtime.park(Box::new(conn), Interest::Write);
                }
                Err(error) => {
                    runtime.context.event_sink.counters.connection_rejected();
                    runtime
                        .context
                        .logger
                        .log(Level::Warn, LOG_TARGET, || format!("cannot serve {peer}: {error}"));
                }
            }
        })
    }
}
