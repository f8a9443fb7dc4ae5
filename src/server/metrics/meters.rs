//! What is counted as it happens.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::engine::SessionEventKind;
use crate::error::{Error, Status};
use crate::proto::PacketKind;
use crate::server::access_log::AccessLog;
use crate::server::event::{Event, Request};

/// With what every name begins.
const PREFIX: &str = "bitsup";
/// Windows begins with 5 kB and goes up to 13 MiB; others send a file at once.
const FRAGMENT_SIZES: [f64; 8] =
    [4096.0, 65_536.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 67_108_864.0, 268_435_456.0, 1_073_741_824.0];
/// Applications answer in milliseconds, or after minutes.
const NOTIFICATION_TIMES: [f64; 10] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0, 300.0];

pub(in crate::server) struct Meters {
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

impl Meters {
    /// Errors: none that a program could mend.
    pub fn new(log: Option<&AccessLog>) -> Result<Self, Error> {
        let registry = Registry::new_custom(Some(PREFIX.into()), None).map_err(failed)?;
        let family = Family(&registry);
        let build = family.gauges("build_info", "The version that runs", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        if let Some(log) = log {
            family.register(log.lost().clone())?;
        }
        Ok(Self {
            requests: family.counters(
                "requests_total",
                "Requests by packet and class of status; none: the connection was lost first",
                &["packet", "status"],
            )?,
            errors: family.counters("errors_total", "Refused packets by HRESULT", &["hresult"])?,
            received: family.counter("received_bytes_total", "Bytes of requests, heads included")?,
            sent: family.counter("sent_bytes_total", "Bytes of answers, heads included")?,
            stored: family.counter("stored_bytes_total", "Bytes that stores took")?,
            fragments: family.register(
                Histogram::with_opts(opts(
                    "fragment_stored_bytes",
                    "Bytes stored per acknowledged fragment",
                    &FRAGMENT_SIZES,
                ))
                .map_err(failed)?,
            )?,
            session_events: family.counters("session_events_total", "Events of sessions", &["event"])?,
            notifications: family.register(
                HistogramVec::new(
                    opts("notification_seconds", "How long applications took to answer", &NOTIFICATION_TIMES),
                    &["outcome"],
                )
                .map_err(failed)?,
            )?,
            auth_failures: family
                .counter("authentication_failures_total", "Credentials that were refused")?,
            tls_failures: family.counter("tls_failures_total", "TLS handshakes that failed")?,
            accepted: family.counter("connections_accepted_total", "Connections that were accepted")?,
            refused: family.counter("connections_refused_total", "Connections that were closed unserved")?,
            registry,
        })
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn received(&self, bytes: u64) {
        self.received.inc_by(bytes);
    }

    pub fn sent(&self, bytes: u64) {
        self.sent.inc_by(bytes);
    }

    pub fn connection_accepted(&self) {
        self.accepted.inc();
    }

    pub fn connection_refused(&self) {
        self.refused.inc();
    }

    pub fn count(&self, event: &Event<'_>) {
        match event {
            Event::Request(request) => self.request(request),
            Event::Session(session) => {
                self.session_events.with_label_values(&[event.name().trim_start_matches("session-")]).inc();
                if let SessionEventKind::Notified { refused, took } = session.kind {
                    let outcome = if refused.is_some() { "refused" } else { "accepted" };
                    self.notifications.with_label_values(&[outcome]).observe(took.as_secs_f64());
                }
            }
            Event::AuthFailed { .. } => self.auth_failures.inc(),
            Event::TlsFailed { .. } => self.tls_failures.inc(),
            Event::Started { .. } | Event::Reloaded { .. } | Event::Stopping | Event::Stopped => {}
        }
    }

    fn request(&self, request: &Request) {
        let packet = request.packet.map_or("other", PacketKind::name);
        self.requests.with_label_values(&[packet, class(request.status)]).inc();
        self.stored.inc_by(request.stored);
        if let Some(hresult) = request.hresult {
            self.errors.with_label_values(&[&hresult.wire()]).inc();
        }
        if request.packet == Some(PacketKind::Fragment) && class(request.status) == "2xx" {
            self.fragments.observe(request.stored as f64);
        }
    }
}

/// Lines of the access log that could not be written.
///
/// Errors: none that a program could mend.
pub(in crate::server) fn lost_lines() -> Result<IntCounter, Error> {
    IntCounter::new("access_log_lost_lines_total", "Lines of the access log that could not be written")
        .map_err(failed)
}

fn class(status: Option<u16>) -> &'static str {
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

/// Makes metrics that a registry has.
pub(super) struct Family<'a>(pub &'a Registry);

impl Family<'_> {
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
    Error::new(Status::InvalidState, format!("the metrics cannot be made: {error}"))
}
