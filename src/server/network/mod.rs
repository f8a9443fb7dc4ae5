//! Sockets and threads: listening, readiness, limits per address, TLS and the worker threads. Nothing here
//! depends on HTTP.

pub(crate) mod addresses;
pub(crate) mod listener;
pub(crate) mod min_rate;
pub(crate) mod pool;
pub(crate) mod registration;
pub(crate) mod tls;
pub(crate) mod transport;
