//! The `bitsup` program as other programs see it: real processes, exit codes, output (docs/cli.md).

#[path = "../support/application/mod.rs"]
mod application;
mod config;
mod demands;
mod documents;
mod options;
#[path = "../support/raw_http.rs"]
mod raw_http;
mod resume;
mod serve;
mod support;
mod upload;
