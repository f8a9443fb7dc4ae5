//! The Microsoft BITS Upload Protocol (`BITS_POST`), client and server.
//!
//! BITS is the upload service of Windows. This crate receives uploads from it without IIS, uploads to BITS servers from
//! any system, and resumes uploads after lost connections, crashes and reboots. A file appears at its destination complete
//! and bit-exact, or not at all.
//!
//! # Receive files
//!
//! A [`Server`](server::Server) mounts one or more engines under URL prefixes. An [`Engine`](engine::Engine) handles the
//! protocol for one virtual directory and keeps its data in a [`Store`](store::Store).
//!
//! ```
//! # #[cfg(all(feature = "client", feature = "server", unix))] {
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use bitsup::client::{Client, ClientConfig, Source};
//! use bitsup::engine::{Engine, EngineConfig};
//! use bitsup::server::{Server, ServerConfig};
//! use bitsup::store::{DirOptions, DirStore};
//!
//! # let inbox = tempfile::tempdir()?;
//! # let inbox = inbox.path();
//! let store = DirStore::open(inbox, DirOptions::default())?;
//! let engine = Engine::new(EngineConfig::new(Arc::new(store)))?;
//! let mut server = Server::start(ServerConfig::default().mount("/", engine))?;
//!
//! // Upload something to it, and stop.
//! let url = format!("{}hello.txt", server.url());
//! Client::new(ClientConfig::default())?.job(&url, Source::from_bytes("hello"))?.run()?;
//! server.stop(Duration::from_secs(10))?;
//! assert_eq!(std::fs::read(inbox.join("hello.txt"))?, b"hello");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Upload a file
//!
//! A [`Job`](client::Job) uploads one source to one URL. With a state path it survives the end of the
//! process: the same calls in the next process resume the upload. Transient errors are retried until there is
//! no progress for [`no_progress_timeout`](client::ClientConfig::no_progress_timeout).
//!
//! ```no_run
//! # #[cfg(feature = "client")] {
//! use bitsup::client::{Client, ClientConfig, Source};
//!
//! let client = Client::new(ClientConfig::default())?;
//! let mut job = client.job("https://server.example/in/backup.tar", Source::from_file("backup.tar")?)?;
//! job.set_state_path("backup.tar.bitsup")?;
//! job.run()?;
//! # }
//! # Ok::<(), bitsup::Error>(())
//! ```
//!
//! # Embed the engine in another HTTP server
//!
//! The engine needs no listener. Another server passes it the head of a request, then the body in pieces of any size, and
//! sends the [`Response`](engine::Response). The same interface is used by the listener of this crate.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bitsup::engine::{Engine, EngineConfig, RequestHead, Want};
//! use bitsup::proto::Headers;
//! use bitsup::store::MemoryStore;
//!
//! let engine = Engine::new(EngineConfig::new(Arc::new(MemoryStore::new(1 << 20))))?;
//! let mut headers = Headers::default();
//! headers.push("BITS-Packet-Type", "Ping");
//! headers.push("Content-Length", "0");
//! let mut exchange = engine.begin(RequestHead::new("BITS_POST", "/file").headers(headers));
//! while let Want::Body(_) = exchange.want() {
//!     exchange.body(b"the next bytes of the request body");
//! }
//! assert_eq!(exchange.finish().status, 200);
//! # Ok::<(), bitsup::Error>(())
//! ```
//!
//! # Structure
//!
//! Each half of the protocol is a state machine without I/O and a driver around it: [`engine`] and [`server`] on the
//! receiving side, [`upload`] and [`client`] on the sending side. Both share the packet formats in [`proto`]. Modules use
//! only those below them: `proto`, then `store`, `engine` and `upload`, then `server` and `client`, then `ffi`.
//!
//! # Features
//!
//! | Feature | Default | Contents |
//! |---|---|---|
//! | `client` | yes | the uploading side, over ureq and rustls |
//! | `server` | yes | the HTTP/1.1 listener, users, HTTP notifications to web applications |
//! | `log` | no | [`Logger::log_crate`](crate::log::Logger), a bridge to the `log` crate, and so to `tracing` |
//! | `ffi` | no | the C ABI |
//! | `cli` | no | the `bitsup` program |
//!
//! Without features the crate contains the engine, the stores and the upload machine, which need no network.
#![deny(unsafe_code, missing_docs)]
#![cfg_attr(
    not(test),
    warn(clippy::disallowed_macros, clippy::disallowed_methods, clippy::print_stderr, clippy::print_stdout)
)]
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

#[macro_use]
mod setters;

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

#[cfg(feature = "fault-injection")]
mod fault_injection;

pub use error::{Error, Status};

// Runs the Rust examples of the manual and the README as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/guide/embedding.md")]
mod embedding_manual {}

#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
mod readme {}
