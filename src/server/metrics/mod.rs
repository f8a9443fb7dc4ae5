//! What a server counts, for Prometheus.

mod meters;

use std::sync::{Arc, Weak};

use prometheus::{IntGauge, IntGaugeVec, Registry, TextEncoder};

use super::pool::{Load, Pool};
use super::{Job, Shared};
use crate::error::Error;
use meters::Family;

pub(super) use meters::{Meters, lost_lines};

/// The metrics of a server. A clone shows the same. It keeps no server from ending; what was counted stays.
///
/// Threads: may be used from several.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    shared: Weak<Shared>,
    load: Box<dyn Fn() -> Option<Load> + Send + Sync>,
    gauges: Gauges,
}

/// What is looked up when somebody asks.
struct Gauges {
    connections: IntGauge,
    sessions: IntGaugeVec,
    workers: IntGaugeVec,
    queue: IntGauge,
    free: IntGaugeVec,
}

impl Metrics {
    /// Errors: the metrics cannot be made.
    pub(super) fn new(shared: &Arc<Shared>, pool: &Pool<Job>) -> Result<Self, Error> {
        let registry = shared.site.journal.metrics.registry().clone();
        let gauges = Gauges::new(&registry)?;
        Ok(Self(Arc::new(Inner {
            registry,
            shared: Arc::downgrade(shared),
            load: Box::new(pool.load()),
            gauges,
        })))
    }

    /// All metrics in Prometheus' text format, version 0.0.4. May be called in callbacks of the server: it waits
    /// for nobody.
    pub fn render(&self) -> String {
        let Inner { registry, shared, load, gauges } = &*self.0;
        if let Some(shared) = shared.upgrade() {
            gauges.look(&shared);
        }
        let load = load().unwrap_or_default();
        gauges.workers.with_label_values(&["busy"]).set(number(load.busy));
        gauges.workers.with_label_values(&["idle"]).set(number(load.workers.saturating_sub(load.busy)));
        gauges.queue.set(number(load.queued));
        // What the registry took can be written.
        TextEncoder::new().encode_to_string(&registry.gather()).unwrap_or_default()
    }
}

impl Gauges {
    fn new(registry: &Registry) -> Result<Self, Error> {
        let family = Family(registry);
        Ok(Self {
            connections: family.gauge("connections", "Open connections")?,
            sessions: family.gauges(
                "sessions",
                "Sessions: those that receive, those whose file is with the application, those that wait to be closed",
                &["directory", "state"],
            )?,
            workers: family.gauges("workers", "Worker threads", &["state"])?,
            queue: family.gauge("queue", "Connections that wait for a worker")?,
            free: family.gauges("store_free_bytes", "Room on the volume of the store", &["directory"])?,
        })
    }

    fn look(&self, shared: &Shared) {
        self.connections.set(number(shared.watch.open()));
        for (prefix, engine) in shared.site.router.engines() {
            let census = engine.session_counts();
            let states = [
                ("receiving", census.receiving),
                ("notifying", census.notifying),
                ("settled", census.settled),
            ];
            for (state, count) in states {
                self.sessions.with_label_values(&[prefix, state]).set(number(count));
            }
            if let Some(free) = engine.free_bytes() {
                self.free.with_label_values(&[prefix]).set(number(free));
            }
        }
    }
}

fn number(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
