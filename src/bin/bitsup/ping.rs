//! `bitsup ping`: one Ping, no retry.

use bitsup::Error;
use bitsup::client::Client;

use crate::args::PingArgs;
use crate::report;

/// Sends a Ping and says that it was answered.
pub fn run(args: &PingArgs) -> Result<(), Error> {
    Client::new(args.request.config(&args.url)?)?.ping(&args.url)?;
    report::print(&format!("{} answers", args.url))
}
