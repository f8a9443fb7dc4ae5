//! The command line of `bitsup`.

use std::path::PathBuf;
use std::time::Duration;

use bitsup::Error;
use bitsup::client::ClientConfig;
use clap::{Args, Parser, Subcommand};

use crate::network::{NETWORK, NetworkArgs};
use crate::serve::ServeArgs;
use crate::sessions::SessionsCommand;
use crate::units;
use crate::verbosity::Verbosity;

/// Resumable uploads by the Microsoft BITS Upload Protocol: server and client.
#[derive(Parser)]
#[command(
    name = "bitsup",
    version,
    after_help = "\
Examples:
  bitsup serve --root /srv/uploads
  bitsup upload backup.tar http://127.0.0.1:8080/backup.tar"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Receive uploads into a directory until SIGTERM or SIGINT
    Serve(Box<ServeArgs>),
    /// Upload a file; run it again to resume
    Upload(UploadArgs),
    /// Check that a server accepts BITS requests
    Ping(PingArgs),
    /// Cancel an unfinished upload, here and on the server
    Cancel(CancelArgs),
    /// Diagnose why uploads to a server fail
    Doctor(DoctorArgs),
    /// Explain an error code and what to do about it
    Explain(ExplainArgs),
    /// List and remove the sessions of a server
    #[command(subcommand)]
    Sessions(SessionsCommand),
}

/// `bitsup upload`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bitsup upload backup.tar http://server:8080/backup.tar
  bitsup upload report.pdf https://server/in/report.pdf --user-file login.txt --reply result.xml")]
pub struct UploadArgs {
    /// File to upload
    pub file: PathBuf,
    /// URL of the uploaded file, not of its folder
    pub url: String,
    /// Save the server's reply in this file (an upload-reply job)
    #[arg(long, value_name = "FILE")]
    pub reply: Option<PathBuf>,
    /// Length of every fragment [default: adapts to the connection]
    #[arg(long, hide_short_help = true, value_name = "SIZE", value_parser = units::size)]
    pub fragment_size: Option<u64>,
    /// Maximum bytes per second [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub limit_rate: Option<u64>,
    /// Delay before the first retry; doubles with each further failure
    #[arg(long, hide_short_help = true, value_name = "TIME", default_value = "1s", value_parser = units::duration)]
    pub retry_delay: Duration,
    /// Maximum duration of the run [default: no limit while it makes progress]
    #[arg(long, hide_short_help = true, value_name = "TIME", value_parser = units::duration)]
    pub timeout: Option<Duration>,
    /// Print only errors
    #[arg(long, conflicts_with = "json")]
    pub quiet: bool,
    /// Print one JSON event per line to standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub state: StateArgs,
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `bitsup ping`.
#[derive(Args)]
pub struct PingArgs {
    /// Any URL on the server
    pub url: String,
    #[command(flatten)]
    pub request: RequestArgs,
}

/// `bitsup cancel`.
#[derive(Args)]
pub struct CancelArgs {
    /// File that was passed to `bitsup upload`
    pub file: PathBuf,
    /// URL that was passed to `bitsup upload`
    pub url: String,
    #[command(flatten)]
    pub state: StateArgs,
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `bitsup doctor`.
#[derive(Args)]
#[command(after_help = "\
Example:
  bitsup doctor --write https://server/in/")]
pub struct DoctorArgs {
    /// URL of a folder, with a trailing slash, or of a file to upload
    pub url: String,
    /// Also start a test upload next to the URL, send fragments, and cancel it
    #[arg(long)]
    pub write: bool,
    /// Print one JSON object per check to standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub request: RequestArgs,
}

/// `bitsup explain`.
#[derive(Args)]
pub struct ExplainArgs {
    /// HRESULT (0x80200020, -2145386464, BG_E_TOO_LARGE) or HTTP status (416)
    #[arg(allow_negative_numbers = true)]
    pub code: String,
}

/// The location of the state files.
#[derive(Args)]
pub struct StateArgs {
    /// Directory for the state of unfinished uploads [default: the user's state directory]
    #[arg(long, hide_short_help = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// Options of all client subcommands that retry.
#[derive(Args)]
pub struct ClientArgs {
    /// How long to retry without progress; 0: no retry
    #[arg(long, hide_short_help = true, value_name = "TIME", default_value = "10m", value_parser = units::duration)]
    pub no_progress_timeout: Duration,
    #[command(flatten)]
    pub request: RequestArgs,
}

/// Options of all client subcommands.
#[derive(Args)]
pub struct RequestArgs {
    /// Header field for every request; repeatable
    #[arg(long, help_heading = NETWORK, hide_short_help = true, value_name = "'NAME: VALUE'", value_parser = header)]
    pub header: Vec<(String, String)>,
    /// Send POST with X-HTTP-Method-Override: BITS_POST, for servers and proxies that reject BITS_POST
    #[arg(long, help_heading = NETWORK, hide_short_help = true)]
    pub method_override: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

impl RequestArgs {
    /// Creates the client configuration for requests to `url`.
    pub fn config(&self, url: &str) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::default()
            .headers(self.header.clone())
            .method_override(self.method_override)
            .logger(self.verbosity.logger());
        self.network.apply(&mut config, url)?;
        Ok(config)
    }
}

/// Parses the command line. Exits with code 2 if it is invalid, and with 0 after `--help`.
pub fn parse() -> Command {
    Cli::parse().command
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().into(), value.trim().into())),
        _ => Err("expected 'NAME: VALUE'".into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_header_is_a_name_and_a_value() {
        assert_eq!(header("X-A: b:c "), Ok(("X-A".into(), "b:c".into())));
        assert_eq!(header("X-Empty:"), Ok(("X-Empty".into(), String::new())));
        assert!(header("nothing").is_err());
        assert!(header(": value").is_err());
    }
}
