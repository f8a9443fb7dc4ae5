//! The state of a job on disk, from which another process can continue.
//!
//! The file is locked as long as its job exists, and replaced as a whole. Since a replaced file loses its lock, the
//! new one is locked before it is renamed; [`lock_file::open`] handles a job that opens it in between. So no separate
//! lock file is needed.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::download::PartialDownload;
use super::lock_file;
use super::source::SourceId;
use crate::error::{Error, Status};
use crate::upload::ResumeState;

/// Format version; raised when an older reader would misunderstand the content.
const VERSION: u32 = 1;
/// Maximum length of a state in bytes.
const MAX_LENGTH: u64 = 1024 * 1024;
/// Private, because anyone who knows the session id in it could interfere with the upload.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// The content of the file. The field names are part of its format.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct SavedJob {
    version: u32,
    pub url: String,
    pub source: SourceId,
    pub upload: ResumeState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<SavedReply>,
}

/// The progress of the reply, and where it is stored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct SavedReply {
    /// The reply path.
    pub path: String,
    pub partial: PartialDownload,
}

impl SavedJob {
    pub fn new(url: String, source: SourceId, upload: ResumeState, reply: Option<SavedReply>) -> Self {
        Self { version: VERSION, url, source, upload, reply }
    }

    /// Serializes the state for a file or an export.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }

    /// Parses a state, or returns why that is impossible.
    pub fn decode(state: &[u8]) -> Result<Self, String> {
        /// The part that all versions have in common.
        #[derive(serde::Deserialize)]
        struct VersionOnly {
            version: u32,
        }
        if state.len() as u64 > MAX_LENGTH {
            return Err(format!("it is longer than {MAX_LENGTH} bytes"));
        }
        let VersionOnly { version } = serde_json::from_slice(state).map_err(|error| damaged(&error))?;
        match version {
            VERSION => serde_json::from_slice(state).map_err(|error| damaged(&error)),
            other => Err(format!("it has format version {other}, and only version {VERSION} is supported")),
        }
    }
}

fn damaged(error: &serde_json::Error) -> String {
    format!("it is damaged: {error}")
}

/// The open and locked file.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    file: File,
    /// Whether the file is empty. If so, it is removed when dropped.
    is_blank: bool,
}

impl StateFile {
    /// Opens and locks the file. Creates it, and the directories above it, if they do not exist.
    ///
    /// Returns [`Status::Busy`] if another job uses it, and errors of the file system.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |error| Error::io(format_args!("cannot open the state file {}", path.display()), error);
        let path = &std::path::absolute(path).map_err(failed)?;
        if let Some(directory) = path.parent() {
            DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory).map_err(failed)?;
        }
        let file = lock_file::open(path, FILE_MODE, OFlags::empty()).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => busy(path),
            _ => failed(error),
        })?;
        let is_blank = file.metadata().map_err(failed)?.len() == 0;
        Ok(Self { path: path.into(), file, is_blank })
    }

    /// Device and inode of the file.
    pub fn identity(&self) -> io::Result<(u64, u64)> {
        self.file.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
    }

    /// Reads the file. `Ok(None)` if it is empty; the error describes why the content cannot be parsed.
    pub fn load(&mut self) -> Result<Option<SavedJob>, String> {
        if self.is_blank {
            return Ok(None);
        }
        let mut state = Vec::new();
        let longest = MAX_LENGTH.saturating_add(1);
        (&self.file).take(longest).read_to_end(&mut state).map_err(|error| error.to_string())?;
        SavedJob::decode(&state).map(Some)
    }

    /// Replaces the content of the file. With `sync`, it survives a crash of the machine, otherwise one of the process.
    pub fn save(&mut self, saved: &SavedJob, sync: bool) -> io::Result<()> {
        let mut name = OsString::from(&self.path);
        name.push(".tmp");
        let temporary = PathBuf::from(name);
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(&temporary)?;
        file.try_lock()?;
        file.write_all(&saved.encode()?)?;
        if sync {
            file.sync_data()?;
        }
        fs::rename(&temporary, &self.path)?;
        self.file = file;
        self.is_blank = false;
        Ok(())
    }

    /// Removes the file, because its job has ended.
    pub fn remove(mut self) {
        self.is_blank = true;
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        if self.is_blank {
            // If this fails, an empty file is left, which is harmless.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn busy(path: &Path) -> Error {
    let message =
        format!("the state file {} is used by another job: wait for it, or stop it", path.display());
    Error::new(Status::Busy, message)
}
