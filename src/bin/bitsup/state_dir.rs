//! The state files of unfinished uploads.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bitsup::{Error, Status};
use uuid::Uuid;

use crate::args::StateArgs;

/// Unfinished uploads are forgotten this long after their last run. No server keeps a session for that long by default.
const MAX_AGE: Duration = Duration::from_secs(90 * 24 * 3600);

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

/// Removes the state files next to `path` that were not used for [`MAX_AGE`]. Nobody would ever remove those of uploads
/// that failed and are not tried again. Files that cannot be examined or removed stay for the next run.
pub fn remove_old(path: &Path) {
    let entries = path.parent().and_then(|directory| fs::read_dir(directory).ok());
    for entry in entries.into_iter().flatten().flatten() {
        let is_state = entry.file_name().to_str().is_some_and(|name| Uuid::try_parse(name).is_ok());
        if is_state && is_old(&entry.path()).unwrap_or(false) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a state file was not written for [`MAX_AGE`] and no job uses it.
fn is_old(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let age = SystemTime::now().duration_since(metadata.modified()?).unwrap_or_default();
    Ok(metadata.is_file() && age > MAX_AGE && file.try_lock().is_ok())
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
