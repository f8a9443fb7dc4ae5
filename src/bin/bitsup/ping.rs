//! `bitsup ping`: sends one Ping without retries.

use bitsup::Error;
use bitsup::client::Client;

use crate::args::PingArgs;
use crate::output;

/// Sends a Ping and reports success.
pub fn run(args: &PingArgs) -> Result<(), Error> {
    Client::new(args.request.config(&args.url)?)?.ping(&args.url)?;
    output::print(&format!("{} responds", args.url))
}
