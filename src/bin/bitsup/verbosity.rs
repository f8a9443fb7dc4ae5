//! The `-v` option.

use bitsup::log::{Level, Logger};
use clap::{ArgAction, Args};

use crate::output;

/// The amount of logging on standard error.
#[derive(Debug, Args)]
pub struct Verbosity {
    /// Log more to standard error: session events (-v), packets (-vv), everything (-vvv)
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
}

impl Verbosity {
    /// Creates a logger to standard error.
    pub fn logger(&self) -> Logger {
        let level = match self.verbose {
            0 => Level::Warn,
            1 => Level::Info,
            2 => Level::Debug,
            _ => Level::Trace,
        };
        Logger::new(level, output::log)
    }
}
