//! What may be typed after `bitsup`.

use std::path::PathBuf;
use std::time::Duration;

use bitsup::engine::{Finalize, Overlap};
use bitsup::log::{Level, Logger};
use bitsup::store::Durability;
use clap::builder::PossibleValue;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

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
    Serve(ServeArgs),
    /// Upload a file; running it again resumes
    Upload(UploadArgs),
    /// Ask a server whether it is there
    Ping(PingArgs),
    /// Give up an upload that was not finished, on the server too
    Cancel(CancelArgs),
    /// Say what an error code means and what to do
    Explain(ExplainArgs),
}

/// `bitsup serve`.
#[derive(Args)]
pub struct ServeArgs {
    /// Directory to receive into: URL /a/b becomes DIR/a/b
    #[arg(long, value_name = "DIR")]
    pub root: PathBuf,
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080", value_parser = listen)]
    pub listen: Listen,
    /// Part of the URL's path that stands for the root
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub url_prefix: String,
    /// Longest file taken [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub max_upload_size: Option<u64>,
    /// Longest fragment taken [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub max_fragment_size: Option<u64>,
    /// Let an upload replace a file
    #[arg(long)]
    pub allow_overwrites: bool,
    /// How long a session lives without a successful packet
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = units::duration)]
    pub session_timeout: Duration,
    /// How often idle sessions are looked for
    #[arg(long, value_name = "TIME", default_value = "12h", value_parser = units::duration)]
    pub cleanup_interval: Duration,
    /// Sessions one user may have at a time; 0: no limit
    #[arg(long, value_name = "N", default_value_t = bitsup::proto::limits::SESSIONS_PER_USER)]
    pub max_sessions_per_user: u64,
    /// Sessions in all; 0: no limit
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub max_sessions: u64,
    /// What a fragment does that begins before the next expected byte
    #[arg(long, value_name = "HOW", default_value = "trim")]
    pub overlap: OverlapArg,
    /// When a complete file becomes visible
    #[arg(long, value_name = "WHEN", default_value = "fragment")]
    pub finalize: FinalizeArg,
    /// What survives a loss of power
    #[arg(long, value_name = "WHAT", default_value = "file")]
    pub durability: DurabilityArg,
    /// Other servers use the root at the same time, all with this option
    #[arg(long)]
    pub shared: bool,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// `bitsup upload`.
#[derive(Args)]
pub struct UploadArgs {
    /// The file to send
    pub file: PathBuf,
    /// Where it goes: the URL of the file, not of its folder
    pub url: String,
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
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// How much is said on standard error.
#[derive(Args)]
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

/// An address to listen on.
#[derive(Clone)]
pub struct Listen {
    pub host: String,
    pub port: u16,
}

/// [`Overlap`] by its name on the command line.
#[derive(Clone, Copy)]
pub struct OverlapArg(pub Overlap);

/// [`Finalize`] by its name on the command line.
#[derive(Clone, Copy)]
pub struct FinalizeArg(pub Finalize);

/// [`Durability`] by its name on the command line.
#[derive(Clone, Copy)]
pub struct DurabilityArg(pub Durability);

macro_rules! named_values {
    ($arg:ident: $($value:path = $name:literal),+) => {
        impl ValueEnum for $arg {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self($value)),+]
            }
            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(PossibleValue::new(match self.0 { $($value => $name),+ }))
            }
        }
    };
}
named_values!(OverlapArg: Overlap::Trim = "trim", Overlap::Reject = "reject");
named_values!(FinalizeArg: Finalize::LastFragment = "fragment", Finalize::Close = "close");
named_values!(DurabilityArg: Durability::None = "none", Durability::File = "file", Durability::Fragment = "fragment");

/// Options of later versions, by subcommand: refused by name, so that nobody believes they took effect.
const NOT_YET: &[(&str, &[&str])] = &[
    (
        "serve",
        &[
            "host-id",
            "host-id-fallback-timeout",
            "notify",
            "notify-url",
            "notify-timeout",
            "user",
            "users-file",
            "tls-cert",
            "tls-key",
            "client-ca",
            "public-url",
            "method-override",
        ],
    ),
    ("upload", &["reply", "user", "cacert"]),
];

/// Reads the command line. Ends the process with exit code 2 when it is wrong, 0 after `--help`.
pub fn parse() -> Command {
    let mut command = command();
    let matches = command.get_matches_mut();
    if let Some((subcommand, option)) = not_yet(&matches) {
        let message = format!("--{option} of `bitsup {subcommand}` is not in this version");
        command.error(ErrorKind::UnknownArgument, message).exit()
    }
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.command,
        Err(error) => error.format(&mut command).exit(),
    }
}

fn command() -> clap::Command {
    NOT_YET.iter().fold(Cli::command(), |command, (subcommand, options)| {
        let hidden = options.iter().map(|&option| {
            Arg::new(option).long(option).hide(true).num_args(0..=1).action(ArgAction::Append)
        });
        command.mut_subcommand(subcommand, |subcommand| subcommand.args(hidden))
    })
}

fn not_yet(matches: &clap::ArgMatches) -> Option<(&'static str, &'static str)> {
    let (name, given) = matches.subcommand()?;
    let (subcommand, options) = NOT_YET.iter().find(|(subcommand, _)| *subcommand == name)?;
    options.iter().find(|&&option| given.contains_id(option)).map(|&option| (*subcommand, option))
}

fn listen(text: &str) -> Result<Listen, String> {
    let wanted = "expected an address and a port such as 127.0.0.1:8080 or [::1]:0";
    let (host, port) = text.rsplit_once(':').ok_or(wanted)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = bare.unwrap_or(host);
    match port.parse() {
        Ok(port) if !host.is_empty() && (bare.is_some() || !host.contains(':')) => {
            Ok(Listen { host: host.into(), port })
        }
        _ => Err(wanted.into()),
    }
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
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (text, host, port) in
            [("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:80", "::1", 80), ("localhost:8080", "localhost", 8080)]
        {
            let address = listen(text).unwrap();
            assert_eq!((address.host.as_str(), address.port), (host, port));
        }
        for text in ["", "8080", ":8080", "::1:80", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:http"] {
            assert!(listen(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_header_is_a_name_and_a_value() {
        assert_eq!(header("X-A: b:c "), Ok(("X-A".into(), "b:c".into())));
        assert_eq!(header("X-Empty:"), Ok(("X-Empty".into(), String::new())));
        assert!(header("nothing").is_err());
        assert!(header(": value").is_err());
    }
}
