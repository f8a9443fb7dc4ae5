//! `bitsup serve`: receive uploads until a signal comes.

mod access_log;
mod args;
mod config_file;
mod directory;
mod limits;
mod manager;
mod option;
mod security;

use bitsup::Error;
use bitsup::engine::Engine;
use bitsup::log::Logger;
use bitsup::server::{AdminConfig, Server, ServerConfig};

pub use args::ServeArgs;
use args::ServerArgs;
use directory::Directory;
use manager::Manager;
use sd_notify::NotifyState;
use signal_hook::consts::SIGHUP;

use crate::{open_files, report, signals};

/// Serves until SIGINT or SIGTERM.
pub fn run(args: ServeArgs) -> Result<(), Error> {
    // Before there is a thread: it changes the environment.
    let mut manager = Manager::from_env()?;
    let mut signals = signals::catch()?;
    signals::survive_the_file_size_limit()?;
    let (args, directories) = options(args)?;
    security::refuse_strangers(&args, manager.listener())?;
    security::refuse_remote_operators(&args)?;
    security::refuse_lists_without_users(&args, &directories)?;
    // A service manager may send it for a reload even when there is nothing to read anew.
    if security::can_be_reloaded(&args) || manager.is_there() {
        signals::add(&signals, SIGHUP)?;
    }
    let logger = args.verbosity.logger();
    let mounts = directories.iter().map(|directory| directory.mount(&logger)).collect::<Result<_, _>>()?;
    let access_log = access_log::open(&args)?;
    let mut config =
        ServerConfig { access_log: access_log.log.clone(), ..server_config(&args, mounts, logger)? };
    config.listener = manager.take_listener();
    warn_of_few_files(config.max_connections);

    let mut server = Server::start(config)?;
    security::warn(&args, &server);
    let admin = server.admin_url().map_or(String::new(), |url| format!("\nadmin on {url}"));
    access_log.greet(&format!("listening on {}{admin}", server.url()))?;
    manager.tell(NotifyState::Ready);
    for signal in signals.forever() {
        match signal {
            SIGHUP => {
                manager.tell(NotifyState::Reloading);
                security::reload(&args, &server);
                manager.tell(NotifyState::Ready);
            }
            _ => break,
        }
    }
    manager.tell(NotifyState::Stopping);
    server.stop(args.stop_grace)
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

fn server_config(
    args: &ServerArgs,
    mounts: Vec<(String, Engine)>,
    logger: Logger,
) -> Result<ServerConfig, Error> {
    let listen = args.listen.clone().unwrap_or_default();
    let mut config = ServerConfig {
        host: listen.host,
        port: listen.port,
        admin: args.admin.clone().map(|listen| AdminConfig { host: listen.host, port: listen.port }),
        mounts,
        tls: security::tls(args)?,
        users: security::users(args)?,
        cleanup_interval: args.cleanup_interval,
        logger,
        ..ServerConfig::default()
    };
    args.limits.apply(&mut config);
    Ok(config)
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
