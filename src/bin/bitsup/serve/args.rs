//! The options of `bitsup serve`, which are the keys of its configuration file too.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bitsup::engine::{Engine, EngineConfig, Finalize, HostId, Overlap};
use bitsup::server::{self, LogFormat, Notifier, NotifyConfig, NotifyKind};
use bitsup::store::{Durability, MemoryStore};
use clap::builder::{PossibleValue, RangedU64ValueParser};
use clap::{ArgAction, Args, ValueEnum};

use super::limits::LimitArgs;
use crate::args::Verbosity;
use crate::units;

/// `bitsup serve`.
#[derive(Args)]
pub struct ServeArgs {
    /// Take the options from a TOML file, which may describe several directories
    #[arg(long, value_name = "FILE", conflicts_with_all = ["DirectoryArgs", "LimitArgs", "cleanup_interval", "stop_grace",
        "tls_cert", "tls_key", "client_ca", "user", "users_file", "allow_anonymous", "admin", "admin_allow_remote",
        "access_log", "log_format"])]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(flatten)]
    pub directory: DirectoryArgs,
}

/// What concerns the whole server.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Address to listen on; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT", value_parser = listen)]
    pub listen: Option<Listen>,
    /// Show operators what goes on, at this address: a page, /health and /sessions; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT", value_parser = listen)]
    pub admin: Option<Listen>,
    /// Let --admin be an address that other machines reach: everybody who does sees the names of all sessions
    #[arg(long)]
    pub admin_allow_remote: bool,
    /// How often idle sessions are looked for
    #[arg(long, value_name = "TIME", default_value = "12h", value_parser = units::duration)]
    pub cleanup_interval: Duration,
    /// How long requests under way may go on after SIGTERM; what they leave open resumes
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration)]
    pub stop_grace: Duration,
    /// Speak TLS, with this certificate and those that lead to its root, in PEM; SIGHUP reads it anew
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key in PEM, without a password
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Take only clients with a certificate that leads to a root in this file; its subject owns their sessions
    #[arg(long, value_name = "FILE")]
    pub client_ca: Option<PathBuf>,
    /// A user and the password that others see in the list of processes: better a users file; repeatable
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = UserArg::parse)]
    pub user: Vec<UserArg>,
    /// Users with bcrypt hashes of their passwords, as `htpasswd -B` makes it; SIGHUP reads it anew
    #[arg(long, value_name = "FILE")]
    pub users_file: Option<PathBuf>,
    /// Let everybody upload who reaches the server, from other machines too
    #[arg(long)]
    pub allow_anonymous: bool,
    /// Write every request and event down in this file, which SIGHUP opens anew; -: standard output
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,
    /// How lines of the access log are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormatArg,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// What concerns one virtual directory. (Were a part of it flattened, `--config` would no longer exclude that.)
#[derive(Debug, Args)]
pub struct DirectoryArgs {
    /// Directory to receive into: URL /a/b becomes DIR/a/b
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Part of the URL's path that stands for the root
    #[arg(long, value_name = "PATH", default_value = "/", value_parser = url_prefix)]
    pub url_prefix: String,
    /// Whether uploads are taken; false discards all sessions and answers 501
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    pub enabled: bool,
    /// Longest file taken [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub max_upload_size: Option<u64>,
    /// Longest fragment taken [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub max_fragment_size: Option<u64>,
    /// Bytes that stay free on the volume: what would leave fewer is refused as if it were full
    #[arg(long, value_name = "SIZE", default_value = "64m", value_parser = units::size)]
    pub free_space_reserve: u64,
    /// Let an upload replace a file
    #[arg(long)]
    pub allow_overwrites: bool,
    /// A user who may use the directory; repeatable [default: every user]
    #[arg(long, value_name = "NAME")]
    pub allow_user: Vec<String>,
    /// A user who may begin uploads; repeatable [default: every user who may use the directory]
    #[arg(long, value_name = "NAME")]
    pub create_user: Vec<String>,
    /// A user who may replace files even without --allow-overwrites; repeatable
    #[arg(long, value_name = "NAME")]
    pub overwrite_user: Vec<String>,
    /// How long a session lives without a successful packet
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = units::duration)]
    pub session_timeout: Duration,
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
    /// URL by which clients reach the root, the prefix included [default: as the client names the host]
    #[arg(long, value_name = "URL", value_parser = public_url)]
    pub public_url: Option<String>,
    /// Address of this server within a farm, for clients to come back to
    #[arg(long, value_name = "HOST", value_parser = host_id)]
    pub host_id: Option<String>,
    /// After how long without the host id clients go back to where they began; 0: they are not told
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = units::seconds)]
    pub host_id_fallback_timeout: u32,
    /// Take POST with X-HTTP-Method-Override: BITS_POST for BITS_POST
    #[arg(long)]
    pub method_override: bool,
    /// Whether an application is asked about a complete upload, by path or with the file [default: none]
    #[arg(long, value_name = "HOW")]
    pub notify: Option<NotifyArg>,
    /// Where the application is
    #[arg(long, value_name = "URL", value_parser = notify_url)]
    pub notify_url: Option<String>,
    /// Root certificates in PEM form, trusted beside the platform's when the application is at an https URL
    #[arg(long, value_name = "FILE")]
    pub notify_ca: Option<PathBuf>,
    /// How long the application may take to be reached, to answer, and to go on with its answer
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = units::time_limit)]
    pub notify_timeout: Duration,
    /// How many calls of the application may be under way; more wait
    #[arg(long, value_name = "N", default_value_t = 64,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub notify_concurrency: usize,
}

/// An address to listen on.
#[derive(Debug, Clone)]
pub struct Listen {
    pub host: String,
    pub port: u16,
}

impl Default for Listen {
    fn default() -> Self {
        Self { host: "127.0.0.1".into(), port: 8080 }
    }
}

/// A user and a password, as they are typed. Never shown, not even in a message that it is malformed.
#[derive(Clone)]
pub struct UserArg(String);

impl UserArg {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.into()))
    }

    /// Name and password, if both are there.
    pub fn parts(&self) -> Option<(&str, &str)> {
        self.0.split_once(':')
    }
}

impl fmt::Debug for UserArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UserArg").field(&self.parts().map(|(name, _)| name)).finish()
    }
}

/// [`Overlap`] by its name on the command line.
#[derive(Debug, Clone, Copy)]
pub struct OverlapArg(pub Overlap);

/// [`Finalize`] by its name on the command line.
#[derive(Debug, Clone, Copy)]
pub struct FinalizeArg(pub Finalize);

/// [`Durability`] by its name on the command line.
#[derive(Debug, Clone, Copy)]
pub struct DurabilityArg(pub Durability);

/// [`LogFormat`] by its name on the command line.
#[derive(Debug, Clone, Copy)]
pub struct LogFormatArg(pub LogFormat);

/// What an application gets to see, if one is asked, by its name on the command line.
#[derive(Debug, Clone, Copy)]
pub struct NotifyArg(pub Option<NotifyKind>);

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
named_values!(LogFormatArg: LogFormat::Text = "text", LogFormat::Json = "json");
named_values!(OverlapArg: Overlap::Trim = "trim", Overlap::Reject = "reject");
named_values!(FinalizeArg: Finalize::LastFragment = "fragment", Finalize::Close = "close");
named_values!(DurabilityArg: Durability::None = "none", Durability::File = "file", Durability::Fragment = "fragment");

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

impl ValueEnum for NotifyArg {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(None), Self(Some(NotifyKind::ByReference)), Self(Some(NotifyKind::ByValue))]
    }
    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self.0 {
            None => "none",
            Some(NotifyKind::ByReference) => "reference",
            Some(NotifyKind::ByValue) => "value",
        }))
    }
}

fn url_prefix(text: &str) -> Result<String, String> {
    server::url_prefix(text).map_err(|error| error.message().into())
}

fn public_url(text: &str) -> Result<String, String> {
    taken_by_an_engine(|config| config.public_url = Some(text.into())).map(|()| text.into())
}

fn host_id(text: &str) -> Result<String, String> {
    taken_by_an_engine(|config| config.host_id = Some(HostId { host: text.into(), fallback_seconds: 0 }))
        .map(|()| text.into())
}

/// Asks the engine, which knows what it can use, before there is a store.
fn taken_by_an_engine(set: impl FnOnce(&mut EngineConfig)) -> Result<(), String> {
    let mut config = EngineConfig::new(Arc::new(MemoryStore::new(0)));
    set(&mut config);
    Engine::new(config).map(drop).map_err(|error| error.message().into())
}

fn notify_url(text: &str) -> Result<String, String> {
    let notifier = Notifier::new(NotifyConfig::new(NotifyKind::ByValue, text));
    notifier.map(|_| text.into()).map_err(|error| error.message().into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

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
}
