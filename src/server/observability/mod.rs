//! What a server reports: events, the access log and metrics.
//!
//! [`event`] defines the events. [`request_record`] collects what is reported about one request.
//! [`event_sink`] passes every event to the [`counters`] and to the [`access_log`]. [`metrics`] renders the
//! counters together with gauges that are sampled on each call. Nothing here depends on the rest of the
//! server.

pub(crate) mod access_log;
pub(crate) mod counters;
pub(crate) mod event;
pub(crate) mod event_sink;
pub(crate) mod line_format;
pub(crate) mod metrics;
pub(crate) mod request_record;

/// The target of the server's messages to its [`Logger`](crate::log::Logger).
pub(crate) const LOG_TARGET: &str = "server";
