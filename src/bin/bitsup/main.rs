//! The `bitsup` program: the library's server and client on the command line.
//!
//! Exit codes, the first line of `serve` and the JSON events are a stable interface (docs/reference/command-line.md).
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod args;
mod cancel;
mod codes;
mod doctor;
mod explain;
mod failure;
mod files;
mod network;
mod open_files;
mod output;
mod ping;
mod progress;
mod serve;
mod sessions;
mod signals;
mod state_dir;
mod units;
mod upload;
mod verbosity;

use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    let outcome = match args::parse() {
        Command::Serve(args) => serve::run(*args),
        Command::Upload(args) => upload::run(&args),
        Command::Ping(args) => ping::run(&args),
        Command::Cancel(args) => cancel::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Sessions(command) => sessions::run(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
