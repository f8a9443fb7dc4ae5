//! The `bitsup` program as other programs see it: real processes, exit codes, output (docs/reference/command-line.md).

#[path = "../support/application/mod.rs"]
mod application;
#[path = "../support/certificates.rs"]
mod certificates;
mod config;
mod credentials;
mod demands;
mod documents;
mod manager;
mod network;
#[path = "../support/operator.rs"]
mod operator;
mod options;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/raw_http.rs"]
mod raw_http;
mod reply;
mod resume;
#[path = "../support/scripted.rs"]
mod scripted;
mod security;
mod serve;
mod sessions;
mod support;
#[path = "../support/tls.rs"]
mod tls;
#[path = "../support/tls_front.rs"]
mod tls_front;
mod upload;
