//! The `bitsup` program as other programs see it: real processes, exit codes, output (docs/cli.md).

#[path = "../support/application/mod.rs"]
mod application;
mod config;
mod credentials;
mod demands;
mod documents;
mod network;
mod options;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/raw_http.rs"]
mod raw_http;
mod reply;
mod resume;
#[path = "../support/scripted.rs"]
mod scripted;
mod serve;
mod support;
#[path = "../support/tls.rs"]
mod tls;
mod upload;
