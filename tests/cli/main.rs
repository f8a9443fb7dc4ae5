//! The `bitsup` program as other programs see it: real processes, exit codes, output (docs/cli.md).

mod demands;
mod documents;
mod resume;
mod serve;
mod support;
mod upload;
