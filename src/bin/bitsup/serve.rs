//! `bitsup serve`: receive uploads until a signal comes.

use std::sync::Arc;
use std::time::Duration;

use bitsup::Error;
use bitsup::engine::{Engine, EngineConfig};
use bitsup::log::Logger;
use bitsup::server::{Server, ServerConfig};
use bitsup::store::{DirOptions, DirStore};

use crate::args::ServeArgs;
use crate::{open_files, report, signals};

/// How long running requests may go on after the signal; what they leave open resumes.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until SIGINT or SIGTERM.
pub fn run(args: &ServeArgs) -> Result<(), Error> {
    let mut signals = signals::catch()?;
    let logger = args.verbosity.logger();
    let engine = Engine::new(engine_config(args, logger.clone())?)?;
    let config = server_config(args, engine, logger);
    warn_of_few_files(config.max_connections);

    let mut server = Server::start(config)?;
    warn_of_strangers(&server);
    report::print(&format!("listening on {}", server.url()))?;
    signals.forever().next();
    server.stop(GRACE)
}

fn engine_config(args: &ServeArgs, logger: Logger) -> Result<EngineConfig, Error> {
    let options = DirOptions { durability: args.durability.0, shared: args.shared };
    let store = DirStore::open(&args.root, options)?;
    let mut config = EngineConfig::new(Arc::new(store));
    config.logger = logger;
    config.max_upload_size = args.max_upload_size.unwrap_or(config.max_upload_size);
    config.max_fragment_size = args.max_fragment_size.unwrap_or(config.max_fragment_size);
    config.max_sessions_per_owner = args.max_sessions_per_user;
    config.max_sessions = args.max_sessions;
    config.session_timeout = args.session_timeout;
    config.allow_overwrite = args.allow_overwrites;
    config.overlap = args.overlap.0;
    config.finalize = args.finalize.0;
    Ok(config)
}

fn server_config(args: &ServeArgs, engine: Engine, logger: Logger) -> ServerConfig {
    ServerConfig {
        host: args.listen.host.clone(),
        port: args.listen.port,
        mounts: vec![(args.url_prefix.clone(), engine)],
        cleanup_interval: args.cleanup_interval,
        logger,
        ..ServerConfig::default()
    }
}

fn warn_of_few_files(max_connections: usize) {
    if let Some(limit) = open_files::raise_limit()
        && usize::try_from(limit).is_ok_and(|limit| limit < max_connections)
    {
        report::warn(&format!(
            "only {limit} files may be open at once, fewer than the {max_connections} connections the server \
             would take; raise the hard limit (ulimit -Hn, or LimitNOFILE= of systemd)"
        ));
    }
}

fn warn_of_strangers(server: &Server) {
    let address = server.local_addr();
    if !address.ip().is_loopback() {
        report::warn(&format!(
            "{address} can be reached from other machines, and this version has no authentication and no TLS: \
             whoever reaches it may upload"
        ));
    }
}
