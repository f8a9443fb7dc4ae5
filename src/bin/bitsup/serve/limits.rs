//! Server-wide limits.

use std::time::Duration;

use bitsup::server::ServerConfig;
use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::units;

/// The heading of limits in the long help.
pub const LIMITS: &str = "Limits";

/// Limits of the whole server. docs/operations/limits.md gives the reason for each default.
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// Maximum open connections; further ones wait until one closes
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = RangedU64ValueParser::<usize>::new().range(1..), help_heading = LIMITS, hide_short_help = true)]
    pub max_connections: usize,
    /// Maximum connections per client address; further ones get 503; 0: no limit
    #[arg(long, value_name = "N", default_value_t = 4096, help_heading = LIMITS, hide_short_help = true)]
    pub max_connections_per_address: usize,
    /// Maximum worker threads
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = RangedU64ValueParser::<usize>::new().range(1..), help_heading = LIMITS, hide_short_help = true)]
    pub max_workers: usize,
    /// Maximum length of a request head; longer ones get 431
    #[arg(long, value_name = "SIZE", default_value = "64k", value_parser = head_size, help_heading = LIMITS, hide_short_help = true)]
    pub max_head_size: usize,
    /// Maximum header fields of a request; more get 431
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = RangedU64ValueParser::<usize>::new().range(1..), help_heading = LIMITS, hide_short_help = true)]
    pub max_head_fields: usize,
    /// Timeout for receiving a request head and for a TLS handshake
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::time_limit, help_heading = LIMITS, hide_short_help = true)]
    pub head_timeout: Duration,
    /// Timeout for a request body or a response that makes no progress
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = units::time_limit, help_heading = LIMITS, hide_short_help = true)]
    pub read_timeout: Duration,
    /// Timeout for an idle connection, before the first request and between requests
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = units::time_limit, help_heading = LIMITS, hide_short_help = true)]
    pub idle_timeout: Duration,
    /// Minimum average rate of a request or response body, in bytes per second; 0: no minimum
    #[arg(long, value_name = "SIZE", default_value = "240", value_parser = units::size, help_heading = LIMITS, hide_short_help = true)]
    pub min_body_rate: u64,
    /// How long a body may be slower than the minimum rate
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = units::duration, help_heading = LIMITS, hide_short_help = true)]
    pub body_grace: Duration,
}

impl LimitArgs {
    pub fn apply(&self, config: &mut ServerConfig) {
        config.max_connections = self.max_connections;
        config.max_connections_per_address = self.max_connections_per_address;
        config.max_workers = self.max_workers;
        config.max_head_bytes = self.max_head_size;
        config.max_head_fields = self.max_head_fields;
        config.head_timeout = self.head_timeout;
        config.read_timeout = self.read_timeout;
        config.idle_timeout = self.idle_timeout;
        config.min_body_rate = self.min_body_rate;
        config.body_grace = self.body_grace;
    }
}

fn head_size(text: &str) -> Result<usize, String> {
    let size = usize::try_from(units::size(text)?).map_err(|error| error.to_string())?;
    if size == 0 { Err("expected more than 0".into()) } else { Ok(size) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use bitsup::engine::EngineConfig;
    use bitsup::store::MemoryStore;
    use clap::FromArgMatches;

    use super::*;
    use crate::serve::args::DirectoryArgs;
    use crate::serve::option;

    const MANUAL: &str = include_str!("../../../../docs/operations/limits.md");

    /// The library's default of every limit.
    fn library() -> Vec<(&'static str, String)> {
        let server = ServerConfig::default();
        let engine = EngineConfig::new(Arc::new(MemoryStore::new(0)));
        let time = |time: Duration| humantime::format_duration(time).to_string();
        let unless = |value: u64, none: u64| if value == none { "none".into() } else { value.to_string() };
        vec![
            ("max-head-size", server.max_head_bytes.to_string()),
            ("max-head-fields", server.max_head_fields.to_string()),
            ("head-timeout", time(server.head_timeout)),
            ("min-body-rate", server.min_body_rate.to_string()),
            ("body-grace", time(server.body_grace)),
            ("read-timeout", time(server.read_timeout)),
            ("idle-timeout", time(server.idle_timeout)),
            ("max-connections", server.max_connections.to_string()),
            ("max-connections-per-address", server.max_connections_per_address.to_string()),
            ("max-workers", server.max_workers.to_string()),
            ("max-sessions", unless(engine.max_sessions, 0)),
            ("max-sessions-per-user", engine.max_sessions_per_owner.to_string()),
            ("session-timeout", time(engine.session_timeout)),
            ("max-upload-size", unless(engine.max_upload_size, u64::MAX)),
            ("max-fragment-size", unless(engine.max_fragment_size, u64::MAX)),
            ("free-space-reserve", engine.free_space_reserve.to_string()),
        ]
    }

    /// The columns of the manual's table with the option and the default.
    fn manual() -> Vec<(String, String)> {
        let rows = MANUAL.lines().filter(|line| line.starts_with("| `--"));
        let cells =
            rows.map(|row| row.split('|').map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>());
        cells.map(|row| (row.get(1).unwrap()[2..].to_owned(), row.get(3).unwrap().clone())).collect()
    }

    /// Normalises a documented default to a plain number or duration.
    fn plain(text: &str) -> String {
        match text.strip_suffix(" KiB").or_else(|| text.strip_suffix(" MiB")) {
            Some(number) => {
                let unit = if text.ends_with("KiB") { 'k' } else { 'm' };
                units::size(&format!("{number}{unit}")).unwrap().to_string()
            }
            None => match humantime::parse_duration(text) {
                Ok(time) => humantime::format_duration(time).to_string(),
                Err(_) => text.replace([',', ' '], "").split(['b', 'B']).next().unwrap().to_owned(),
            },
        }
    }

    #[test]
    fn the_manual_states_the_defaults_of_the_library() {
        let manual = manual();
        for (option, default) in library() {
            let (_, documented) = manual.iter().find(|(name, _)| name == option).unwrap();
            assert_eq!(plain(documented), default, "--{option}");
        }
        let known = |name: &String| library().iter().any(|(option, _)| option == name);
        let others: Vec<_> = manual.iter().map(|(name, _)| name).filter(|name| !known(name)).collect();
        assert_eq!(
            others,
            ["notify-concurrency"],
            "a limit of the notifier, for which the library has no default"
        );
    }

    #[test]
    fn the_command_line_has_the_defaults_of_the_library() {
        let matches = option::command().try_get_matches_from(["serve"]).unwrap();
        let args = LimitArgs::from_arg_matches(&matches).unwrap();
        let defaults = ServerConfig::default();
        let mut config = ServerConfig::default()
            .max_connections(1)
            .max_connections_per_address(1)
            .max_workers(1)
            .max_head_bytes(1)
            .max_head_fields(1)
            .head_timeout(Duration::ZERO)
            .read_timeout(Duration::ZERO)
            .idle_timeout(Duration::ZERO)
            .min_body_rate(1)
            .body_grace(Duration::ZERO);
        args.apply(&mut config);
        let numbers = |config: &ServerConfig| {
            let counts = [
                config.max_connections,
                config.max_connections_per_address,
                config.max_workers,
                config.max_head_bytes,
                config.max_head_fields,
            ];
            let times = [config.head_timeout, config.read_timeout, config.idle_timeout, config.body_grace];
            (counts, times, config.min_body_rate)
        };
        assert_eq!(numbers(&config), numbers(&defaults));

        let args = DirectoryArgs::from_arg_matches(&matches).unwrap();
        let engine = EngineConfig::new(Arc::new(MemoryStore::new(0)));
        assert_eq!(args.free_space_reserve, engine.free_space_reserve);
        assert_eq!(args.session_timeout, engine.session_timeout);
        assert_eq!(args.max_sessions, engine.max_sessions);
        assert_eq!(args.max_sessions_per_user, engine.max_sessions_per_owner);
        assert_eq!(args.host_id_fallback_timeout, bitsup::proto::limits::HOST_ID_FALLBACK);
    }
}
