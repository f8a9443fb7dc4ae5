//! The `bitsup` program as other programs see it: real processes, exit codes, output (docs/cli.md).

#[path = "../support/application/mod.rs"]
mod application;
mod config;
mod demands;
mod documents;
mod options;
#[path = "../support/raw_http.rs"]
mod raw_http;
mod reply;
mod resume;
#[path = "../support/scripted.rs"]
mod scripted;
mod security;
mod serve;
mod support;
#[path = "../support/tls.rs"]
mod tls;
mod upload;
