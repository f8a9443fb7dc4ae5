//! What may be typed after `bitsup`.

use std::path::PathBuf;
use std::time::Duration;

use bitsup::Error;
use bitsup::client::ClientConfig;
use bitsup::log::{Level, Logger};
use clap::{ArgAction, Args, Parser, Subcommand};

use crate::network::NetworkArgs;
use crate::serve::ServeArgs;
use crate::sessions::SessionsCommand;
use crate::{report, units};

/// Resumable uploads by the Microsoft BITS Upload Protocol: server and client.
#[derive(Parser)]
#[command(name = "bitsup", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Receive uploads into a directory, until SIGTERM or SIGINT
    Serve(Box<ServeArgs>),
    /// Upload a file; running it again resumes
    Upload(UploadArgs),
    /// Ask a server whether it is there
    Ping(PingArgs),
    /// Give up an upload that was not finished, on the server too
    Cancel(CancelArgs),
    /// Find out what on the way to a server refuses uploads, and how to mend it
    Doctor(DoctorArgs),
    /// Say what an error code means and what to do
    Explain(ExplainArgs),
    /// Look after the sessions that a server keeps below a root, beside it or without it
    #[command(subcommand)]
    Sessions(SessionsCommand),
}

/// `bitsup upload`.
#[derive(Args)]
pub struct UploadArgs {
    /// The file to send
    pub file: PathBuf,
    /// Where it goes: the URL of the file, not of its folder
    pub url: String,
    /// File to put the server's reply in; makes this an upload-reply job
    #[arg(long, value_name = "FILE")]
    pub reply: Option<PathBuf>,
    /// Length of every fragment [default: adapts to the line]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub fragment_size: Option<u64>,
    /// Most bytes per second [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub limit_rate: Option<u64>,
    /// First delay before a failed request is sent again; doubles with each further failure
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = units::duration)]
    pub retry_delay: Duration,
    /// How long the whole run may take [default: as long as it makes progress]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub timeout: Option<Duration>,
    /// Say nothing but errors
    #[arg(long, conflicts_with = "json")]
    pub quiet: bool,
    /// One JSON event per line on standard output
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
    /// Any URL of the server
    pub url: String,
    #[command(flatten)]
    pub request: RequestArgs,
}

/// `bitsup cancel`.
#[derive(Args)]
pub struct CancelArgs {
    /// The file as it was given to `bitsup upload`
    pub file: PathBuf,
    /// The URL as it was given to `bitsup upload`
    pub url: String,
    #[command(flatten)]
    pub state: StateArgs,
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `bitsup doctor`.
#[derive(Args)]
pub struct DoctorArgs {
    /// A folder of the server, with a slash at the end, or a file to be
    pub url: String,
    /// Also begin an upload beside the URL, send fragments of it, and cancel it
    #[arg(long)]
    pub write: bool,
    /// One JSON object per check on standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub request: RequestArgs,
}

/// `bitsup explain`.
#[derive(Args)]
pub struct ExplainArgs {
    /// An HRESULT (0x80200020, -2145386464, BG_E_TOO_LARGE) or an HTTP status (416)
    #[arg(allow_negative_numbers = true)]
    pub code: String,
}

/// Where unfinished uploads are remembered.
#[derive(Args)]
pub struct StateArgs {
    /// Where unfinished uploads are remembered [default: the user's state directory]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// What all retrying subcommands of the client share.
#[derive(Args)]
pub struct ClientArgs {
    /// How long there may be no progress, from the first failure on; 0: the first failure is final
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = units::duration)]
    pub no_progress_timeout: Duration,
    #[command(flatten)]
    pub request: RequestArgs,
}

/// What all subcommands of the client share.
#[derive(Args)]
pub struct RequestArgs {
    /// Header field to add to every request; repeatable
    #[arg(long, value_name = "'NAME: VALUE'", value_parser = header)]
    pub header: Vec<(String, String)>,
    /// Send POST with X-HTTP-Method-Override: BITS_POST, where a server or a proxy refuses the verb
    #[arg(long)]
    pub method_override: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

impl RequestArgs {
    /// A client's configuration for that URL, with all that the options say.
    pub fn config(&self, url: &str) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig {
            headers: self.header.clone(),
            method_override: self.method_override,
            logger: self.verbosity.logger(),
            ..ClientConfig::default()
        };
        self.network.apply(&mut config, url)?;
        Ok(config)
    }
}

/// How much is said on standard error.
#[derive(Debug, Args)]
pub struct Verbosity {
    /// Say more on standard error: session events (-v), packets (-vv), everything (-vvv)
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
}

impl Verbosity {
    /// A logger to standard error.
    pub fn logger(&self) -> Logger {
        let level = match self.verbose {
            0 => Level::Warn,
            1 => Level::Info,
            2 => Level::Debug,
            _ => Level::Trace,
        };
        Logger::new(level, report::log)
    }
}

/// Reads the command line. Ends the process with exit code 2 when it is wrong, 0 after `--help`.
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
