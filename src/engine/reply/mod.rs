//! GET and HEAD of a reply (PROTOCOL 7.3).

pub(super) mod get;
mod ranges;
mod version;
