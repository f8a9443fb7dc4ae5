//! The Microsoft BITS Upload Protocol, client and server.
//!
//! A *client* ([`client`]) uploads files by the verb `BITS_POST`, resumably. A *server* receives them: the
//! [`engine`] holds the protocol and knows no socket, a [`store`] holds the bytes, and the [`server`] is the
//! ready-made HTTP/1.1 listener in front of an engine. Both sides share the packet formats in [`proto`].
//!
//! The layers only ever look downwards: `proto` → `store`, `engine`, `upload` → `server`, `client` → `ffi`.
#![deny(unsafe_code, missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod clock;
pub mod error;
pub mod log;
pub mod proto;
#[cfg(any(feature = "client", feature = "server"))]
mod trust;

pub mod engine;
pub mod store;
pub mod upload;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
pub mod server;

#[cfg(feature = "ffi")]
#[allow(unsafe_code)]
pub mod ffi;

#[cfg(feature = "planted-panics")]
mod fault_injection;

pub use error::{Error, Status};

// Its snippets in Rust are run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/guide/embedding.md")]
mod manual_of_embedding {}
