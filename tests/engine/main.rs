//! Tests of the engine without a network.

mod clock;
mod exchange;
mod hooks_concurrency;
mod loading;
mod log_crate;
mod repeated_packets;
mod reply_get;
mod shared_store;
mod slow_hooks;
