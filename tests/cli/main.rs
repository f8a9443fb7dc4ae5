//! The `bitsup` program as other programs see it: real processes, exit codes, output (docs/cli.md).

mod config;
mod demands;
mod documents;
#[path = "../support/raw_http.rs"]
mod raw_http;
mod resume;
mod serve;
mod support;
mod upload;
