//! `bitsup serve`: receives uploads until a signal arrives.

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
use manager::ServiceManager;
use sd_notify::NotifyState;
use signal_hook::consts::SIGHUP;

use crate::{open_files, output, signals};

/// Serves until SIGINT or SIGTERM.
pub fn run(args: ServeArgs) -> Result<(), Error> {
    // Before any thread is started, because it changes the environment.
    let mut manager = ServiceManager::from_env()?;
    let mut signals = signals::catch()?;
    signals::survive_file_size_limit()?;
    let (args, directories) = options(args)?;
    security::require_authentication(&args, manager.listener())?;
    security::require_local_admin(&args)?;
    security::require_users_for_lists(&args, &directories)?;
    // A service manager may send SIGHUP for a reload even if there is nothing to reload.
    if security::can_be_reloaded(&args) || manager.expects_notifications() {
        signals::add(&signals, SIGHUP)?;
    }
    let logger = args.verbosity.logger();
    let mounts = directories.iter().map(|directory| directory.mount(&logger)).collect::<Result<_, _>>()?;
    let access_log = access_log::open(&args)?;
    let mut config = server_config(&args, mounts, logger)?.access_log(access_log.log.clone());
    config.listener = manager.take_listener();
    warn_if_few_files(config.max_connections);

    let mut server = Server::start(config)?;
    security::warn_if_exposed(&args, &server);
    let admin = server.admin_url().map_or(String::new(), |url| format!("\nadmin on {url}"));
    access_log.print_first_line(&format!("listening on {}{admin}", server.url()))?;
    manager.notify(NotifyState::Ready);
    for signal in signals.forever() {
        match signal {
            SIGHUP => {
                manager.notify(NotifyState::Reloading);
                security::reload(&args, &server);
                manager.notify(NotifyState::Ready);
            }
            _ => break,
        }
    }
    manager.notify(NotifyState::Stopping);
    server.stop(args.stop_grace)
}

/// Returns the options of the server and of each directory, from the command line or its configuration file.
fn options(args: ServeArgs) -> Result<(ServerArgs, Vec<Directory>), Error> {
    let Some(path) = args.config else {
        return Ok((args.server, vec![Directory { args: args.directory, location: None }]));
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
    let mut config = ServerConfig::default()
        .host(listen.host)
        .port(listen.port)
        .admin(args.admin.clone().map(|listen| AdminConfig::new(listen.host, listen.port)))
        .mounts(mounts)
        .tls(security::tls(args)?)
        .users(security::users(args)?)
        .cleanup_interval(args.cleanup_interval)
        .logger(logger);
    args.limits.apply(&mut config);
    Ok(config)
}

fn warn_if_few_files(max_connections: usize) {
    if let Some(limit) = open_files::raise_limit()
        && usize::try_from(limit).is_ok_and(|limit| limit < max_connections)
    {
        output::warn(&format!(
            "the limit on open files is {limit}, below the {max_connections} connections that the server accepts; \
             raise the hard limit (ulimit -Hn, or LimitNOFILE= of systemd)"
        ));
    }
}
