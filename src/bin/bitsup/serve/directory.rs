//! From the options of a virtual directory to its engine.

use std::sync::Arc;

use bitsup::engine::{Access, Engine, EngineConfig, Hooks, HostId};
use bitsup::log::Logger;
use bitsup::server::{Notifier, NotifyConfig, NotifyTimeouts};
use bitsup::store::{DirOptions, DirStore};
use bitsup::{Error, Status};

use super::args::{DirectoryArgs, NotifyArg};
use crate::files;

/// A virtual directory.
#[derive(Debug)]
pub struct Directory {
    pub args: DirectoryArgs,
    /// Where in the configuration file it stands, `FILE:LINE`, if it stands there.
    pub place: Option<String>,
}

impl Directory {
    /// Its URL prefix and its engine.
    pub fn mount(&self, logger: &Logger) -> Result<(String, Engine), Error> {
        let engine = self.engine(logger).map_err(|error| match &self.place {
            Some(place) => {
                Error::new(error.status(), format!("{place}: {}", error.message())).with_source(error)
            }
            None => error,
        })?;
        Ok((self.args.url_prefix.clone(), engine))
    }

    fn engine(&self, logger: &Logger) -> Result<Engine, Error> {
        let engine = Engine::new(engine_config(&self.args, logger)?)?;
        engine.set_enabled(self.args.enabled)?;
        Ok(engine)
    }
}

fn engine_config(args: &DirectoryArgs, logger: &Logger) -> Result<EngineConfig, Error> {
    let no_root = || invalid("no root: say with --root DIR, or root = \"DIR\", where files go");
    let root = args.root.as_ref().ok_or_else(no_root)?;
    let hooks = application(args, logger)?;
    let store = DirStore::open(root, DirOptions { durability: args.durability.0, shared: args.shared })?;
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
        args.host_id.clone().map(|host| HostId { host, fallback_seconds: args.host_id_fallback_timeout });
    config.method_override = args.method_override;
    Ok(config)
}

/// Lists that name nobody limit nothing.
fn access(args: &DirectoryArgs) -> Access {
    let list = |names: &[String]| names.iter().cloned().collect();
    let limit = |names: &[String]| Some(list(names)).filter(|_| !names.is_empty());
    Access {
        users: limit(&args.allow_user),
        creators: limit(&args.create_user),
        overwriters: list(&args.overwrite_user),
    }
}

/// The application that is asked about complete uploads, if there is one.
fn application(args: &DirectoryArgs, logger: &Logger) -> Result<Option<Arc<dyn Hooks>>, Error> {
    let (kind, url) = match (&args.notify, &args.notify_url) {
        (None, None) | (Some(NotifyArg(None)), _) => return Ok(None),
        (Some(NotifyArg(Some(kind))), Some(url)) => (*kind, url),
        (None, Some(_)) => {
            return Err(invalid("notify-url alone does nothing: set notify, to none if need be"));
        }
        (Some(_), None) => return Err(invalid("notify needs notify-url, the URL of the application")),
    };
    if !is_absolute(url) && args.public_url.is_none() {
        return Err(invalid("a relative notify-url needs public-url, or clients could choose its host"));
    }
    let mut config = NotifyConfig::new(kind, url);
    let timeout = args.notify_timeout;
    config.timeouts = NotifyTimeouts { send: timeout, receive_headers: timeout, receive_body: timeout };
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
