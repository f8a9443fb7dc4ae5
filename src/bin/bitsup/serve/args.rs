//! The options of `bitsup serve`, which are also the keys of its configuration file.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bitsup::engine::{Engine, EngineConfig, Finalize, HostId, Overlap};
use bitsup::server::{self, LogFormat, Notifier, NotifyConfig, NotifyKind};
use bitsup::store::{Durability, MemoryStore};
use clap::builder::{PossibleValue, RangedU64ValueParser};
use clap::{ArgAction, Args, ValueEnum};

use super::limits::{LIMITS, LimitArgs};
use crate::units;
use crate::verbosity::Verbosity;

/// Headings of the long help.
const LISTENING: &str = "Listening";
const DIRECTORIES: &str = "Directories";
const ACCESS: &str = "Access";
const NOTIFICATION: &str = "Notification";
const SERVER_FARM: &str = "Server farm";
const LOGGING: &str = "Logging and administration";

/// Printed at the end of the help.
const EXAMPLES: &str = "\
Examples:
  bitsup serve --root /srv/uploads
  bitsup serve --root /srv/uploads --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --users-file users
  bitsup serve --config /etc/bitsup/bitsup.toml

The short help (-h) lists the most common options, --help lists all.";

/// `bitsup serve`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// Read the options from this TOML file, which can configure several directories
    #[arg(long, help_heading = LISTENING, value_name = "FILE", conflicts_with_all = ["DirectoryArgs", "LimitArgs", "cleanup_interval", "stop_grace",
        "tls_cert", "tls_key", "client_ca", "user", "users_file", "allow_anonymous", "admin", "admin_allow_remote",
        "access_log", "log_format"])]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub directory: DirectoryArgs,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Options of the whole server.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Address to listen on; port 0 selects a free port [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT", value_parser = listen, help_heading = LISTENING)]
    pub listen: Option<Listen>,
    /// Serve TLS with this PEM certificate chain; reloaded on SIGHUP
    #[arg(long, value_name = "FILE", help_heading = LISTENING)]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM without a password
    #[arg(long, value_name = "FILE", help_heading = LISTENING)]
    pub tls_key: Option<PathBuf>,
    /// How long running requests may continue after SIGTERM; interrupted uploads resume later
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration, help_heading = LISTENING, hide_short_help = true)]
    pub stop_grace: Duration,
    /// Users with bcrypt password hashes, as written by `htpasswd -B`; reloaded on SIGHUP
    #[arg(long, value_name = "FILE", help_heading = ACCESS)]
    pub users_file: Option<PathBuf>,
    /// A user with a password, which is visible in the process list; prefer --users-file; repeatable
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = UserArg::parse, help_heading = ACCESS, hide_short_help = true)]
    pub user: Vec<UserArg>,
    /// Require client certificates issued by a CA in this PEM file; the subject owns its sessions
    #[arg(long, value_name = "FILE", help_heading = ACCESS, hide_short_help = true)]
    pub client_ca: Option<PathBuf>,
    /// Accept uploads without authentication from other machines
    #[arg(long, help_heading = ACCESS)]
    pub allow_anonymous: bool,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Interval between searches for expired sessions
    #[arg(long, value_name = "TIME", default_value = "12h", value_parser = units::duration, help_heading = LIMITS, hide_short_help = true)]
    pub cleanup_interval: Duration,
    /// Log every request and session event to this file, reopened on SIGHUP; - for standard output
    #[arg(long, value_name = "FILE", help_heading = LOGGING)]
    pub access_log: Option<PathBuf>,
    /// Format of the access log
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = LOGGING, hide_short_help = true)]
    pub log_format: LogFormatArg,
    /// Serve a status page, /health, /sessions and /metrics at this address; port 0 selects a free port
    #[arg(long, value_name = "ADDR:PORT", value_parser = listen, help_heading = LOGGING)]
    pub admin: Option<Listen>,
    /// Allow an --admin address that other machines can reach; it shows the ids, files and owners of all sessions
    #[arg(long, help_heading = LOGGING, hide_short_help = true)]
    pub admin_allow_remote: bool,
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// Options of one virtual directory. Nothing is flattened into it, because `--config` conflicts with the fields of this
/// group only.
#[derive(Debug, Args)]
pub struct DirectoryArgs {
    /// Directory for received files: URL /a/b becomes DIR/a/b
    #[arg(long, value_name = "DIR", help_heading = DIRECTORIES)]
    pub root: Option<PathBuf>,
    /// URL path that is mapped to the root
    #[arg(long, value_name = "PATH", default_value = "/", value_parser = url_prefix, help_heading = DIRECTORIES, hide_short_help = true)]
    pub url_prefix: String,
    /// Allow uploads to replace existing files
    #[arg(long, help_heading = DIRECTORIES)]
    pub allow_overwrites: bool,
    /// What survives a power failure: nothing, delivered files, or every acknowledged fragment
    #[arg(long, value_name = "WHAT", default_value = "file", help_heading = DIRECTORIES, hide_short_help = true)]
    pub durability: DurabilityArg,
    /// When a complete file becomes visible: with its last fragment or with Close-Session
    #[arg(long, value_name = "WHEN", default_value = "fragment", help_heading = DIRECTORIES, hide_short_help = true)]
    pub finalize: FinalizeArg,
    /// How to treat a fragment that begins before the next expected byte
    #[arg(long, value_name = "HOW", default_value = "trim", help_heading = DIRECTORIES, hide_short_help = true)]
    pub overlap: OverlapArg,
    /// Whether uploads are accepted; false discards all sessions and responds with 501
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set, help_heading = DIRECTORIES, hide_short_help = true)]
    pub enabled: bool,
    /// Public URL of the root, including the prefix [default: derived from the request's Host]
    #[arg(long, value_name = "URL", value_parser = public_url, help_heading = DIRECTORIES, hide_short_help = true)]
    pub public_url: Option<String>,
    /// Accept POST with X-HTTP-Method-Override: BITS_POST instead of BITS_POST
    #[arg(long, help_heading = DIRECTORIES, hide_short_help = true)]
    pub method_override: bool,
    /// User who may use the directory; repeatable [default: all users]
    #[arg(long, value_name = "NAME", help_heading = ACCESS, hide_short_help = true)]
    pub allow_user: Vec<String>,
    /// User who may start uploads; repeatable [default: all users of the directory]
    #[arg(long, value_name = "NAME", help_heading = ACCESS, hide_short_help = true)]
    pub create_user: Vec<String>,
    /// User who may replace files even without --allow-overwrites; repeatable
    #[arg(long, value_name = "NAME", help_heading = ACCESS, hide_short_help = true)]
    pub overwrite_user: Vec<String>,
    /// Maximum length of a file [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = units::size, help_heading = LIMITS)]
    pub max_upload_size: Option<u64>,
    /// Maximum length of a fragment [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = units::size, help_heading = LIMITS, hide_short_help = true)]
    pub max_fragment_size: Option<u64>,
    /// Free space to keep on the volume; uploads that would use it fail as on a full disk
    #[arg(long, value_name = "SIZE", default_value = "64m", value_parser = units::size, help_heading = LIMITS, hide_short_help = true)]
    pub free_space_reserve: u64,
    /// Lifetime of a session without a successful packet
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = units::duration, help_heading = LIMITS, hide_short_help = true)]
    pub session_timeout: Duration,
    /// Maximum sessions in total; 0: no limit
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = LIMITS, hide_short_help = true)]
    pub max_sessions: u64,
    /// Maximum sessions per user; 0: no limit
    #[arg(long, value_name = "N", default_value_t = bitsup::proto::limits::SESSIONS_PER_USER, help_heading = LIMITS, hide_short_help = true)]
    pub max_sessions_per_user: u64,
    /// Notify a web application of complete uploads: by file path (reference) or with the data (value)
    #[arg(long, value_name = "HOW", help_heading = NOTIFICATION, hide_short_help = true)]
    pub notify: Option<NotifyArg>,
    /// URL of the application
    #[arg(long, value_name = "URL", value_parser = notify_url, help_heading = NOTIFICATION, hide_short_help = true)]
    pub notify_url: Option<String>,
    /// Additional root certificates for an https notification URL, PEM
    #[arg(long, value_name = "FILE", help_heading = NOTIFICATION, hide_short_help = true)]
    pub notify_ca: Option<PathBuf>,
    /// Timeout for each step of a notification: connecting, sending, response headers, response body
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = units::time_limit, help_heading = NOTIFICATION, hide_short_help = true)]
    pub notify_timeout: Duration,
    /// Maximum concurrent notifications; further ones wait
    #[arg(long, value_name = "N", default_value_t = 64,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..), help_heading = NOTIFICATION, hide_short_help = true)]
    pub notify_concurrency: usize,
    /// Share the root with other servers, all of which need this option
    #[arg(long, help_heading = SERVER_FARM, hide_short_help = true)]
    pub shared: bool,
    /// Address of this server in a server farm; clients send the rest of an upload to it
    #[arg(long, value_name = "HOST", value_parser = host_id, help_heading = SERVER_FARM, hide_short_help = true)]
    pub host_id: Option<String>,
    /// How long clients try the host id before they use the original URL again; 0: not sent
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = units::seconds, help_heading = SERVER_FARM, hide_short_help = true)]
    pub host_id_fallback_timeout: u32,
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

/// A user and a password as given on the command line. Never printed, not even in the error for a malformed value.
#[derive(Clone)]
pub struct UserArg(String);

impl UserArg {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.into()))
    }

    /// Returns name and password if both are present.
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

/// [`NotifyKind`] by its name on the command line; `None` for no notification.
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
    let expected = "expected an address and a port such as 127.0.0.1:8080 or [::1]:0";
    let (host, port) = text.rsplit_once(':').ok_or(expected)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = bare.unwrap_or(host);
    match port.parse() {
        Ok(port) if !host.is_empty() && (bare.is_some() || !host.contains(':')) => {
            Ok(Listen { host: host.into(), port })
        }
        _ => Err(expected.into()),
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
    validate_with_engine(|config| config.public_url = Some(text.into())).map(|()| text.into())
}

fn host_id(text: &str) -> Result<String, String> {
    validate_with_engine(|config| config.host_id = Some(HostId::new(text))).map(|()| text.into())
}

/// Validates a setting with the engine's own rules, before a store is opened.
fn validate_with_engine(set: impl FnOnce(&mut EngineConfig)) -> Result<(), String> {
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
