//! The C ABI: functions over opaque pointers, fixed-width integers and UTF-8 text. Its reference is the header
//! `include/bitsup.h`, which is generated from the comments here.
//!
//! An exported function converts its arguments, calls one method of the Rust API and converts the result back.
//! It contains no protocol logic. Five files are shared: `guard` (panics and status), `handle` (opaque
//! pointers), `callback_handle` (pointers valid during one callback), `text` (texts, paths and bytes) and
//! `callback` (`user_data`). Every other file defines the C type of the same name.
//!
//! # Safety
//!
//! Every exported function is `unsafe`. A pointer argument must be null or point to what the header specifies,
//! for as long as the header specifies, and an opaque pointer must come from this library and not be freed.
#![allow(non_camel_case_types, reason = "types have their C names")]
#![allow(clippy::missing_safety_doc, reason = "all functions share the contract stated above")]
#![deny(clippy::undocumented_unsafe_blocks, unsafe_op_in_unsafe_fn)]

// The guards can only catch panics that unwind.
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
