//! The `bitsup` program as other programs see it: real processes, exit codes, output (docs/cli.md).

mod demands;
mod documents;
mod reply;
mod resume;
#[path = "../support/scripted.rs"]
mod scripted;
mod serve;
mod support;
mod upload;
