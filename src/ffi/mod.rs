//! The C ABI: functions over opaque pointers, fixed-width integers and UTF-8 text. Its manual is the header
//! `include/bitsup.h`, which is generated from the comments here.
//!
//! An exported function converts its arguments, calls one method of the Rust API, and converts the result
//! back; decisions about the protocol are made below. The machinery is in five files: `guard` (panics and
//! status), `handle` (what an opaque pointer points to), `loan` (what C sees during a callback only), `text`
//! (strings) and `callback` (foreign state). Then there is a file per C type, or two for a big one.
//!
//! # Safety
//!
//! Every exported function is `unsafe`: a pointer handed in is null or points to what the header says, lives
//! as long as the header says, and an opaque pointer came from this library and was not freed.
#![allow(non_camel_case_types, reason = "types bear their C names")]
#![allow(clippy::missing_safety_doc, reason = "one contract for all of them, stated above")]
#![deny(clippy::undocumented_unsafe_blocks, unsafe_op_in_unsafe_fn)]

// The guards catch panics only where panics unwind.
const _: () = assert!(cfg!(panic = "unwind"), "bitsup's C ABI needs panic = \"unwind\"");

#[macro_use]
mod guard;
mod callback_handle;
mod handle;

pub mod callback;
pub mod client;
pub mod client_config;
pub mod engine;
pub mod engine_config;
pub mod error;
pub mod exchange;
pub mod hooks;
pub mod job;
pub mod logger;
pub mod observer;
pub mod response;
pub mod server;
pub mod server_config;
pub mod source;
pub mod store;
pub mod store_ops;
pub mod text;
pub mod upload;
pub mod verdict;
pub mod version;
