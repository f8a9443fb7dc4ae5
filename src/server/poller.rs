//! The one thread that waits: for sockets, for deadlines, for room, for the end.

use std::sync::Arc;
use std::time::Instant;

use polling::Events;

use super::addresses::{Addresses, Admission};
use super::conn::Connection;
use super::listener::{self, Listener};
use super::pool::Pool;
use super::watch::Interest;
use super::{Job, LOG, Shared};
use crate::log::Level;

/// What the poller's thread owns.
pub(super) struct Poller {
    pub shared: Arc<Shared>,
    pub pool: Pool<Job>,
    /// Gone once the server stops.
    pub listener: Option<Listener>,
    pub addresses: Arc<Addresses>,
    pub next_key: usize,
}

impl Poller {
    /// Runs until the server has stopped.
    pub fn run(mut self) {
        let mut events = Events::new();
        while !self.is_over() {
            let now = Instant::now();
            self.start_due(now);
            let until = self.wake_at(now);
            if let Err(error) = self.shared.watch.wait(&mut events, until) {
                self.shared.site.logger.log(Level::Error, LOG, || format!("the poller failed: {error}"));
                break;
            }
            for event in events.iter() {
                match event.key {
                    listener::KEY => self.accept(),
                    key => {
                        if let Some(conn) = self.shared.parking.take(key) {
                            self.pool.push(Job::Drive(conn));
                        }
                    }
                }
            }
        }
        self.shared.parking.close();
        self.pool.close();
    }

    /// Whether the server was told to stop and no connection is left, or its time is up.
    fn is_over(&mut self) -> bool {
        if !self.shared.site.is_stopping() {
            return false;
        }
        if self.listener.take().is_some() {
            self.shared.watch.report_closings(true);
            self.shared.parking.drain();
        }
        self.shared.watch.open() == 0 || self.shared.stop_at().is_some_and(|end| end <= Instant::now())
    }

    /// Starts what its time has come for.
    fn start_due(&mut self, now: Instant) {
        while let Some(conn) = self.shared.parking.take_expired(now) {
            self.pool.push(Job::Expire(conn));
        }
        if let Some(listener) = &mut self.listener {
            listener.resume(now);
        }
        if self.shared.cleanup.take(now) {
            self.pool.push(Job::CleanUp);
        }
    }

    /// When to wake up if no socket is ready and nobody calls.
    fn wake_at(&self, now: Instant) -> Option<Instant> {
        let soonest = [
            self.pool.supervise(now),
            self.shared.cleanup.due(),
            self.listener.as_ref().and_then(Listener::resumes_at),
            self.shared.stop_at(),
        ];
        self.shared.parking.next_look(now, soonest.into_iter().flatten().min())
    }

    fn accept(&mut self) {
        let Some(listener) = &mut self.listener else { return };
        let (shared, addresses, next_key) = (&self.shared, &self.addresses, &mut self.next_key);
        listener.accept(|stream, peer| {
            let metrics = &shared.site.journal.metrics;
            let (place, is_served) = match addresses.admit(peer.ip()) {
                Admission::Serve(place) => (place, true),
                // To be told by TLS costs a handshake, which is what the limit is to save.
                Admission::TurnAway(place) if shared.site.tls.is_none() => (Some(place), false),
                Admission::TurnAway(_) | Admission::Drop => return metrics.connection_refused(),
            };
            match is_served {
                true => metrics.connection_accepted(),
                false => metrics.connection_refused(),
            }
            let key = *next_key;
            // The poller keeps the last key for itself; 0 is the listener's.
            *next_key = if key >= usize::MAX - 1 { 1 } else { key.saturating_add(1) };
            match Connection::new(&shared.watch, stream, peer, key, place, &shared.site) {
                Ok(conn) if is_served => shared.park(Box::new(conn), Interest::Read),
                Ok(mut conn) => {
                    conn.turn_away(&shared.site);
                    shared.park(Box::new(conn), Interest::Write);
                }
                Err(error) => {
                    shared.site.journal.metrics.connection_refused();
                    shared.site.logger.log(Level::Warn, LOG, || format!("{peer} not served: {error}"));
                }
            }
        });
    }
}
