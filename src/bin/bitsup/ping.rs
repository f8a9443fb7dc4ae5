//! `bitsup ping`: one Ping, no retry.

use bitsup::Error;
use bitsup::client::{Client, ClientConfig};

use crate::args::PingArgs;
use crate::report;

/// Sends a Ping and says that it was answered.
pub fn run(args: &PingArgs) -> Result<(), Error> {
    let config = ClientConfig {
        headers: args.request.header.clone(),
        method_override: args.request.method_override,
        logger: args.request.verbosity.logger(),
        ..ClientConfig::default()
    };
    Client::new(config)?.ping(&args.url)?;
    report::print(&format!("{} answers", args.url))
}
