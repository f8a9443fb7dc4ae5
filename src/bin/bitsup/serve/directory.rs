//! Creating the engine of a virtual directory from its options.

use std::sync::Arc;

use bitsup::engine::{Access, Engine, EngineConfig, Hooks, HostId};
use bitsup::log::Logger;
use bitsup::server::{Notifier, NotifyConfig, NotifyTimeouts};
use bitsup::store::{DirOptions, DirStore};
use bitsup::{Error, Status};

use super::args::{DirectoryArgs, NotifyArg};
use crate::{files, output};

/// A virtual directory.
#[derive(Debug)]
pub struct Directory {
    pub args: DirectoryArgs,
    /// `FILE:LINE` of its table, if it comes from a configuration file.
    pub location: Option<String>,
}

impl Directory {
    /// Returns the URL prefix and the engine.
    pub fn mount(&self, logger: &Logger) -> Result<(String, Engine), Error> {
        let engine = self.engine(logger).map_err(|error| match &self.location {
            Some(location) => {
                Error::new(error.status(), format!("{location}: {}", error.message())).with_source(error)
            }
            None => error,
        })?;
        Ok((self.args.url_prefix.clone(), engine))
    }

    fn engine(&self, logger: &Logger) -> Result<Engine, Error> {
        // The server loads the sessions while it serves.
        let engine = Engine::new_unloaded(engine_config(&self.args, logger)?)?;
        match engine.set_enabled(self.args.enabled) {
            // Another server holds a session, perhaps one that has stopped. The session expires.
            Err(error) if error.status() == Status::Busy => {
                output::warn(error.message());
            }
            result => result?,
        }
        Ok(engine)
    }
}

fn engine_config(args: &DirectoryArgs, logger: &Logger) -> Result<EngineConfig, Error> {
    let no_root =
        || invalid("no root directory: set --root DIR (or root = \"DIR\" in the configuration file)");
    let root = args.root.as_ref().ok_or_else(no_root)?;
    let hooks = application(args, logger)?;
    let store =
        DirStore::open(root, DirOptions::default().durability(args.durability.0).shared(args.shared))?;
    let mut config = EngineConfig::new(Arc::new(store));
    config.logger = logger.clone();
    config.max_upload_size = args.max_upload_size.unwrap_or(config.max_upload_size);
    config.max_fragment_size = args.max_fragment_size.unwrap_or(config.max_fragment_size);
    config.free_space_reserve = args.free_space_reserve;
    config.max_sessions_per_owner = args.max_sessions_per_user;
    config.max_sessions = args.max_sessions;
    config.session_timeout = args.session_timeout;
    config.allow_overwrite = args.allow_overwrites;
    config.access = access(args);
    config.overlap = args.overlap.0;
    config.finalize = args.finalize.0;
    config.hooks = hooks;
    config.public_url = args.public_url.clone();
    config.host_id =
        args.host_id.clone().map(|host| HostId::new(host).fallback_seconds(args.host_id_fallback_timeout));
    config.method_override = args.method_override;
    Ok(config)
}

/// Converts the lists of users. An empty list does not restrict anything.
fn access(args: &DirectoryArgs) -> Access {
    let list = |names: &[String]| names.iter().cloned().collect();
    let limit = |names: &[String]| (!names.is_empty()).then(|| list(names));
    Access::default()
        .users(limit(&args.allow_user))
        .creators(limit(&args.create_user))
        .overwriters(list(&args.overwrite_user))
}

/// Creates the notifier for complete uploads, if one is configured.
fn application(args: &DirectoryArgs, logger: &Logger) -> Result<Option<Arc<dyn Hooks>>, Error> {
    let (kind, url) = match (&args.notify, &args.notify_url) {
        (None, None) | (Some(NotifyArg(None)), _) => return Ok(None),
        (Some(NotifyArg(Some(kind))), Some(url)) => (*kind, url),
        (None, Some(_)) => {
            return Err(invalid("notify-url requires notify: set it to reference, value or none"));
        }
        (Some(_), None) => return Err(invalid("notify requires notify-url, the URL of the application")),
    };
    if !is_absolute(url) && args.public_url.is_none() {
        return Err(invalid(
            "a relative notify-url requires public-url: otherwise clients could choose the host",
        ));
    }
    let mut config = NotifyConfig::new(kind, url);
    let timeout = args.notify_timeout;
    config.timeouts = NotifyTimeouts::default().send(timeout).receive_headers(timeout).receive_body(timeout);
    if let Some(path) = &args.notify_ca {
        config.root_certificates = files::read(path)?;
    }
    config.max_concurrent = args.notify_concurrency;
    config.logger = logger.clone();
    Ok(Some(Arc::new(Notifier::new(config)?)))
}

fn is_absolute(url: &str) -> bool {
    let url = url.to_ascii_lowercase();
    ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme))
}

fn invalid(message: &str) -> Error {
    Error::new(Status::InvalidArgument, message)
}
