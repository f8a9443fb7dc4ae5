//! The counters and histograms of a server, updated with every event.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::event::{CompletedRequest, ServerEvent};
use crate::engine::SessionEventKind;
use crate::error::{Error, Status};
use crate::proto::PacketKind;

/// The prefix of every metric name.
const PREFIX: &str = "bitsup";
/// Windows starts with fragments of 5 kB and grows them up to 13 MiB; other clients send a file in one.
const FRAGMENT_SIZES: [f64; 8] =
    [4096.0, 65_536.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 67_108_864.0, 268_435_456.0, 1_073_741_824.0];
/// Seconds: an application may respond within milliseconds or after minutes.
const NOTIFICATION_TIMES: [f64; 10] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0, 300.0];

/// The counters of a server and the registry they belong to.
pub(crate) struct Counters {
    registry: Registry,
    requests: IntCounterVec,
    errors: IntCounterVec,
    received: IntCounter,
    sent: IntCounter,
    stored: IntCounter,
    fragments: Histogram,
    session_events: IntCounterVec,
    notifications: HistogramVec,
    auth_failures: IntCounter,
    tls_failures: IntCounter,
    accepted: IntCounter,
    refused: IntCounter,
}

impl Counters {
    /// Creates and registers the counters, and registers `lost_lines`, the counter of the access log.
    ///
    /// # Errors
    ///
    /// Fails with [`Status::InvalidState`] if a metric cannot be registered, which is a bug.
    pub fn new(lost_lines: Option<&IntCounter>) -> Result<Self, Error> {
        let registry = Registry::new_custom(Some(PREFIX.into()), None).map_err(failed)?;
        let factory = MetricFactory(&registry);
        let build = factory.gauges("build_info", "Version of the running server", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        if let Some(lost_lines) = lost_lines {
            factory.register(lost_lines.clone())?;
        }
        Ok(Self {
            requests: factory.counters(
                "requests_total",
                "Requests by packet type and status class; none: the connection was lost before the response",
                &["packet", "status"],
            )?,
            errors: factory.counters("errors_total", "Rejected packets by HRESULT", &["hresult"])?,
            received: factory.counter("received_bytes_total", "Bytes of requests, including heads")?,
            sent: factory.counter("sent_bytes_total", "Bytes of responses, including heads")?,
            stored: factory.counter("stored_bytes_total", "Bytes written to the stores")?,
            fragments: factory.register(
                Histogram::with_opts(opts(
                    "fragment_stored_bytes",
                    "Bytes stored per acknowledged fragment",
                    &FRAGMENT_SIZES,
                ))
                .map_err(failed)?,
            )?,
            session_events: factory.counters("session_events_total", "Session events", &["event"])?,
            notifications: factory.register(
                HistogramVec::new(
                    opts(
                        "notification_duration_seconds",
                        "Time until the application responded to a notification",
                        &NOTIFICATION_TIMES,
                    ),
                    &["outcome"],
                )
                .map_err(failed)?,
            )?,
            auth_failures: factory.counter("authentication_failures_total", "Rejected credentials")?,
            tls_failures: factory.counter("tls_failures_total", "Failed TLS handshakes")?,
            accepted: factory.counter("connections_accepted_total", "Accepted connections")?,
            refused: factory
                .counter("connections_refused_total", "Connections that were closed without being served")?,
            registry,
        })
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn add_received(&self, bytes: u64) {
        self.received.inc_by(bytes);
    }

    pub fn add_sent(&self, bytes: u64) {
        self.sent.inc_by(bytes);
    }

    pub fn connection_accepted(&self) {
        self.accepted.inc();
    }

    pub fn connection_rejected(&self) {
        self.refused.inc();
    }

    /// Counts an event.
    pub fn count(&self, event: &ServerEvent<'_>) {
        match event {
            ServerEvent::Request(request) => self.request(request),
            ServerEvent::Session(session) => {
                self.session_events.with_label_values(&[event.name().trim_start_matches("session-")]).inc();
                if let SessionEventKind::Notified { refused, took } = session.kind {
                    let outcome = if refused.is_some() { "refused" } else { "accepted" };
                    self.notifications.with_label_values(&[outcome]).observe(took.as_secs_f64());
                }
            }
            ServerEvent::AuthFailed { .. } => self.auth_failures.inc(),
            ServerEvent::TlsFailed { .. } => self.tls_failures.inc(),
            ServerEvent::Started { .. }
            | ServerEvent::Reloaded { .. }
            | ServerEvent::Stopping
            | ServerEvent::Stopped => {}
        }
    }

    fn request(&self, request: &CompletedRequest) {
        let packet = request.packet.map_or("other", PacketKind::name);
        self.requests.with_label_values(&[packet, status_class(request.status)]).inc();
        self.stored.inc_by(request.bytes_stored);
        if let Some(hresult) = request.hresult {
            self.errors.with_label_values(&[&hresult.to_wire()]).inc();
        }
        if request.packet == Some(PacketKind::Fragment) && status_class(request.status) == "2xx" {
            self.fragments.observe(request.bytes_stored as f64);
        }
    }
}

/// Creates the counter of lines of the access log that could not be written.
///
/// # Errors
///
/// As for [`Counters::new`].
pub(crate) fn lost_lines() -> Result<IntCounter, Error> {
    IntCounter::new("access_log_lost_lines_total", "Access log lines that could not be written")
        .map_err(failed)
}

fn status_class(status: Option<u16>) -> &'static str {
    match status {
        None => "none",
        Some(..300) => "2xx",
        Some(300..400) => "3xx",
        Some(400..500) => "4xx",
        Some(500..) => "5xx",
    }
}

fn opts(name: &str, help: &str, buckets: &[f64]) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(buckets.to_vec())
}

/// Creates metrics and registers them.
pub(super) struct MetricFactory<'a>(pub &'a Registry);

impl MetricFactory<'_> {
    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.register(IntCounter::new(name, help).map_err(failed)?)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        self.register(IntCounterVec::new(Opts::new(name, help), labels).map_err(failed)?)
    }

    pub fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        self.register(IntGauge::new(name, help).map_err(failed)?)
    }

    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels).map_err(failed)?)
    }

    fn register<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, Error> {
        self.0.register(Box::new(collector.clone())).map_err(failed)?;
        Ok(collector)
    }
}

fn failed(error: prometheus::Error) -> Error {
    Error::new(Status::InvalidState, format!("cannot register a metric: {error}"))
}
