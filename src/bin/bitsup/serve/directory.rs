//! From the options of a virtual directory to its engine.

use std::sync::Arc;

use bitsup::engine::{Engine, EngineConfig};
use bitsup::log::Logger;
use bitsup::store::{DirOptions, DirStore};
use bitsup::{Error, Status};

use super::args::DirectoryArgs;

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
    let root = args.root.as_ref().ok_or_else(|| {
        Error::new(Status::InvalidArgument, "no root: say with --root DIR, or root = \"DIR\", where files go")
    })?;
    let store = DirStore::open(root, DirOptions { durability: args.durability.0 })?;
    let mut config = EngineConfig::new(Arc::new(store));
    config.logger = logger.clone();
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
