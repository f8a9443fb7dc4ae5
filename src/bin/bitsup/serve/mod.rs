//! `bitsup serve`: receive uploads until a signal comes.

mod args;
mod config_file;
mod directory;
mod option;

use std::time::Duration;

use bitsup::Error;
use bitsup::engine::Engine;
use bitsup::log::Logger;
use bitsup::server::{Server, ServerConfig};

pub use args::ServeArgs;
use args::ServerArgs;
use directory::Directory;

use crate::{open_files, report, signals};

/// How long running requests may go on after the signal; what they leave open resumes.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until SIGINT or SIGTERM.
pub fn run(args: ServeArgs) -> Result<(), Error> {
    let mut signals = signals::catch()?;
    signals::survive_the_file_size_limit()?;
    let (server, directories) = options(args)?;
    let logger = server.verbosity.logger();
    let mounts = directories.iter().map(|directory| directory.mount(&logger)).collect::<Result<_, _>>()?;
    let config = server_config(server, mounts, logger);
    warn_of_few_files(config.max_connections);

    let mut server = Server::start(config)?;
    warn_of_strangers(&server);
    report::print(&format!("listening on {}", server.url()))?;
    signals.forever().next();
    server.stop(GRACE)
}

/// What holds for the server and for each of its directories, of the command line or of the file it names.
fn options(args: ServeArgs) -> Result<(ServerArgs, Vec<Directory>), Error> {
    let Some(path) = args.config else {
        return Ok((args.server, vec![Directory { args: args.directory, place: None }]));
    };
    let (mut server, directories) = config_file::read(&path)?;
    server.listen = args.server.listen.or(server.listen);
    if args.server.verbosity.verbose > 0 {
        server.verbosity = args.server.verbosity;
    }
    Ok((server, directories))
}

fn server_config(args: ServerArgs, mounts: Vec<(String, Engine)>, logger: Logger) -> ServerConfig {
    let listen = args.listen.unwrap_or_default();
    ServerConfig {
        host: listen.host,
        port: listen.port,
        mounts,
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
