//! What a job keeps on disk, so that another process can go on with it.
//!
//! The file is locked as long as its job lives, and replaced as a whole. A replaced file takes the lock of the
//! old one with it into nowhere, so the new one is locked before it gets the name; [`locked::open`] does the
//! rest. No second file is needed for the lock.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::locked;
use super::part::Partial;
use super::source::SourceId;
use crate::error::{Error, Status};
use crate::upload::ResumeState;

/// Raised when an older reader would misunderstand what is written.
const VERSION: u32 = 1;
/// No state is longer; what is, is something else.
const MAX_LENGTH: u64 = 1024 * 1024;
/// The session id within is all it takes to disturb the upload: nobody else reads it.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// The content of the file.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Saved {
    version: u32,
    pub url: String,
    pub source: SourceId,
    pub upload: ResumeState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<SavedReply>,
}

/// How far the reply has come, and where to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct SavedReply {
    /// The reply path.
    pub path: String,
    pub partial: Partial,
}

impl Saved {
    pub fn new(url: String, source: SourceId, upload: ResumeState, reply: Option<SavedReply>) -> Self {
        Self { version: VERSION, url, source, upload, reply }
    }

    /// As it is kept in a file, or carried elsewhere.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }

    /// Errors when `state` cannot be understood, and says why.
    pub fn decode(state: &[u8]) -> Result<Self, String> {
        /// What every version has.
        #[derive(serde::Deserialize)]
        struct Any {
            version: u32,
        }
        if state.len() as u64 > MAX_LENGTH {
            return Err(format!("it is longer than the {MAX_LENGTH} bytes of any state"));
        }
        let Any { version } = serde_json::from_slice(state).map_err(|error| damaged(&error))?;
        match version {
            VERSION => serde_json::from_slice(state).map_err(|error| damaged(&error)),
            other => Err(format!("it is of version {other}, and this program knows version {VERSION}")),
        }
    }
}

fn damaged(error: &serde_json::Error) -> String {
    format!("it is damaged: {error}")
}

/// The file, locked.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    file: File,
    /// Nothing is in it; then it is removed in the end.
    is_blank: bool,
}

impl StateFile {
    /// Opens and locks the file; makes it, and the directories above it, when it is not there.
    ///
    /// Errors: [`Status::Busy`] when another job holds it; those of the file system.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |error| Error::io(format_args!("cannot open the state file {}", path.display()), error);
        let path = &std::path::absolute(path).map_err(failed)?;
        if let Some(directory) = path.parent() {
            DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory).map_err(failed)?;
        }
        let file = locked::open(path, FILE_MODE, OFlags::empty()).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => busy(path),
            _ => failed(error),
        })?;
        let is_blank = file.metadata().map_err(failed)?.len() == 0;
        Ok(Self { path: path.into(), file, is_blank })
    }

    /// Device and inode.
    pub fn identity(&self) -> io::Result<(u64, u64)> {
        self.file.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
    }

    /// What is in the file; `Ok(None)` when nothing is, an error when it cannot be understood.
    pub fn load(&mut self) -> Result<Option<Saved>, String> {
        if self.is_blank {
            return Ok(None);
        }
        let mut state = Vec::new();
        let longest = MAX_LENGTH.saturating_add(1);
        (&self.file).take(longest).read_to_end(&mut state).map_err(|error| error.to_string())?;
        Saved::decode(&state).map(Some)
    }

    /// Puts `saved` in the place of what was there. With `sync`, it outlives the machine's fall as well as
    /// the process's.
    pub fn save(&mut self, saved: &Saved, sync: bool) -> io::Result<()> {
        let mut name = OsString::from(&self.path);
        name.push(".tmp");
        let fresh = PathBuf::from(name);
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(&fresh)?;
        file.try_lock()?;
        file.write_all(&saved.encode()?)?;
        if sync {
            file.sync_data()?;
        }
        fs::rename(&fresh, &self.path)?;
        self.file = file;
        self.is_blank = false;
        Ok(())
    }

    /// Removes the file: its job is done.
    pub fn remove(mut self) {
        self.is_blank = true;
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        if self.is_blank {
            // What is left behind would be an empty file, and no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn busy(path: &Path) -> Error {
    let message =
        format!("the state file {} is in use by another job; wait for it, or stop it", path.display());
    Error::new(Status::Busy, message)
}
