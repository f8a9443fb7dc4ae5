//! The state files of unfinished uploads.

use std::env;
use std::path::{Path, PathBuf};

use bitsup::{Error, Status};
use uuid::Uuid;

use crate::args::StateArgs;

/// Returns the path of the state file for the upload of `source` to `url`. The same pair always gets the same path.
pub fn state_path(args: &StateArgs, source: &Path, url: &str) -> Result<PathBuf, Error> {
    let directory = match &args.state_dir {
        Some(directory) => directory.clone(),
        None => default_directory()?,
    };
    let source = source
        .canonicalize()
        .map_err(|error| Error::io(format_args!("cannot find {}", source.display()), error))?;
    let mut key = source.into_os_string().into_encoded_bytes();
    key.push(b'\n');
    key.extend_from_slice(url.as_bytes());
    Ok(directory.join(Uuid::new_v5(&Uuid::NAMESPACE_URL, &key).to_string()))
}

fn default_directory() -> Result<PathBuf, Error> {
    // According to the XDG base directory specification, a relative path counts as unset.
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else {
        absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
    };
    base.map(|base| base.join("bitsup")).ok_or_else(|| {
        Error::new(
            Status::NotFound,
            "the user has no home directory for the state of uploads; set one with --state-dir",
        )
    })
}
