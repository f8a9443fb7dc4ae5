//! The metrics of a server in the text format of Prometheus.

use std::sync::Arc;

use prometheus::{IntGauge, IntGaugeVec, Registry, TextEncoder};

use super::counters::{Counters, MetricFactory};
use crate::engine::SessionCounts;
use crate::error::Error;

/// The metrics of a server.
///
/// Clones share the metrics and do not keep the server running; after the server has stopped, the counters
/// keep their last values.
///
/// Threads: may be used from several threads.
///
/// # Examples
///
/// ```no_run
/// # fn example(server: &bitsup::server::Server) {
/// let metrics = server.metrics();
/// println!("{}", metrics.render());
/// # }
/// ```
#[derive(Clone)]
pub struct Metrics(Arc<MetricsInner>);

struct MetricsInner {
    registry: Registry,
    sample: Box<dyn Fn() -> MetricsSample + Send + Sync>,
    gauges: Gauges,
}

/// The values of the gauges at one moment.
#[derive(Default)]
pub(crate) struct MetricsSample {
    pub busy_workers: usize,
    pub idle_workers: usize,
    /// Jobs that wait for a worker.
    pub queued: usize,
    /// `None` once the server has been dropped; the gauges then keep their last values.
    pub running: Option<RunningSample>,
}

/// The values that only a running server has.
pub(crate) struct RunningSample {
    pub open_connections: usize,
    pub directories: Vec<DirectorySample>,
}

/// The values of one engine.
pub(crate) struct DirectorySample {
    pub prefix: String,
    pub sessions: SessionCounts,
    /// `None` if unknown.
    pub free_bytes: Option<u64>,
}

/// Metrics whose values are sampled when the metrics are rendered.
struct Gauges {
    connections: IntGauge,
    sessions: IntGaugeVec,
    workers: IntGaugeVec,
    queue: IntGauge,
    free: IntGaugeVec,
}

impl Metrics {
    /// Adds gauges to the registry of the counters; `sample` is called by each [`Self::render`].
    ///
    /// # Errors
    ///
    /// Fails if the gauges cannot be registered.
    pub(crate) fn new(
        counters: &Counters,
        sample: impl Fn() -> MetricsSample + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let registry = counters.registry().clone();
        let gauges = Gauges::new(&registry)?;
        Ok(Self(Arc::new(MetricsInner { registry, sample: Box::new(sample), gauges })))
    }

    /// Renders all metrics in the text format of Prometheus, version 0.0.4.
    ///
    /// May be called from callbacks of the server: it does not wait for requests or sessions.
    #[must_use]
    pub fn render(&self) -> String {
        let MetricsInner { registry, sample, gauges } = &*self.0;
        gauges.set(&sample());
        match TextEncoder::new().encode_to_string(&registry.gather()) {
            Ok(text) => text,
            Err(error) => {
                debug_assert!(false, "registered metrics can be encoded: {error}");
                String::new()
            }
        }
    }
}

impl Gauges {
    fn new(registry: &Registry) -> Result<Self, Error> {
        let factory = MetricFactory(registry);
        Ok(Self {
            connections: factory.gauge("connections", "Open connections")?,
            sessions: factory.gauges(
                "sessions",
                "Sessions: receiving the file, waiting for the application, or complete and waiting for Close-Session",
                &["directory", "state"],
            )?,
            workers: factory.gauges("workers", "Worker threads", &["state"])?,
            queue: factory.gauge("worker_queue_length", "Connections that wait for a worker")?,
            free: factory.gauges(
                "store_free_bytes",
                "Free bytes on the volume of the store",
                &["directory"],
            )?,
        })
    }

    fn set(&self, sample: &MetricsSample) {
        self.workers.with_label_values(&["busy"]).set(gauge_value(sample.busy_workers));
        self.workers.with_label_values(&["idle"]).set(gauge_value(sample.idle_workers));
        self.queue.set(gauge_value(sample.queued));
        let Some(running) = &sample.running else { return };
        self.connections.set(gauge_value(running.open_connections));
        for DirectorySample { prefix, sessions, free_bytes } in &running.directories {
            let states = [
                ("receiving", sessions.receiving),
                ("notifying", sessions.notifying),
                ("complete", sessions.awaiting_close),
            ];
            for (state, count) in states {
                self.sessions.with_label_values(&[prefix.as_str(), state]).set(gauge_value(count));
            }
            if let Some(free) = *free_bytes {
                self.free.with_label_values(&[prefix]).set(gauge_value(free));
            }
        }
    }
}

/// Converts a count for a gauge. A volume may report more free bytes than `i64` can hold.
fn gauge_value(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
