//! The `bitsup` program: the library's server and client on the command line.
//!
//! What other programs may rely on is in docs/reference/command-line.md: exit codes, the first line of `serve`, the JSON events.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod args;
mod cancel;
mod doctor;
mod explain;
mod files;
mod network;
mod open_files;
mod ping;
mod report;
mod serve;
mod sessions;
mod signals;
mod state_dir;
mod units;
mod upload;

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
        Err(error) => report::failure(&error),
    }
}
