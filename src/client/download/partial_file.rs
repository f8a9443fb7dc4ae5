//! An incomplete download: `NAME.part` next to the file that it becomes.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::client::lock_file;
use crate::error::{Error, Status};

/// The umask applies, as for any new file.
const MODE: u32 = 0o666;

/// What is known about an incomplete download. The field names are part of the format of the state file.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::client) struct PartialDownload {
    pub url: String,
    /// A strong ETag. Equal weak ones stand for equivalent content, not for identical bytes.
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// Length of the complete file in bytes.
    pub total: Option<u64>,
    /// Number of bytes, from the beginning, that are flushed to disk.
    pub received: u64,
}

/// The open and locked file of an incomplete download.
#[derive(Debug)]
pub(in crate::client) struct PartialFile {
    target: PathBuf,
    path: PathBuf,
    file: File,
    partial: PartialDownload,
    /// Number of bytes in the file, flushed or not.
    written: u64,
    /// Largest value that `written` ever had.
    max_written: u64,
    is_delivered: bool,
}

impl PartialFile {
    /// Opens or creates the file that becomes `target`. Its content is ignored until [`PartialFile::resume`].
    ///
    /// Returns [`Status::InvalidArgument`] if `target` is a directory, [`Status::Busy`] if another job uses the file,
    /// and errors of the file system.
    pub fn open(target: &Path) -> Result<Self, Error> {
        let failed =
            |error| Error::io(format_args!("cannot write the download to {}", target.display()), error);
        let target = std::path::absolute(target).map_err(failed)?;
        if target.is_dir() || target.file_name().is_none() {
            let message = format!("invalid reply path {}: it is a directory, use a file", target.display());
            return Err(Error::new(Status::InvalidArgument, message));
        }
        let path = path_of(&target);
        let file = lock_file::open(&path, MODE, OFlags::NOFOLLOW).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => busy(&path),
            _ => failed(error),
        })?;
        let partial = PartialDownload::default();
        Ok(Self { target, path, file, partial, written: 0, max_written: 0, is_delivered: false })
    }

    /// Continues from `saved`. Bytes beyond it may not have been flushed and are dropped; so is everything if
    /// the file is shorter than `saved.received`.
    pub fn resume(&mut self, saved: Option<PartialDownload>) -> Result<(), Error> {
        let length = self.file.metadata().map_err(|error| self.failed(error))?.len();
        let saved = saved.filter(|saved| saved.received <= length);
        self.truncate(saved.unwrap_or_default())
    }

    /// Starts another download, or the same one from the beginning.
    pub fn restart(&mut self, partial: PartialDownload) -> Result<(), Error> {
        self.truncate(PartialDownload { received: 0, ..partial })
    }

    /// Absolute path of the file that this becomes.
    pub fn target(&self) -> &Path {
        &self.target
    }

    pub fn partial(&self) -> &PartialDownload {
        &self.partial
    }

    /// Number of bytes in the file, flushed or not.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// What a download of `url` can continue from, if anything.
    pub fn resumable(&self, url: &str) -> Option<&PartialDownload> {
        let partial = &self.partial;
        let is_resumable = partial.url == url && partial.received > 0 && partial.has_validator();
        is_resumable.then_some(partial)
    }

    /// Appends bytes. Returns whether the file is now longer than ever before.
    pub fn append(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        self.file.write_all(bytes).map_err(|error| self.failed(error))?;
        let written = self.written.checked_add(bytes.len() as u64);
        self.written = written.ok_or_else(|| self.failed(ErrorKind::FileTooLarge.into()))?;
        let is_new_maximum = self.written > self.max_written;
        self.max_written = self.max_written.max(self.written);
        Ok(is_new_maximum)
    }

    /// Flushes the written bytes to disk.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.file.sync_data().map_err(|error| self.failed(error))?;
        self.partial.received = self.written;
        Ok(())
    }

    /// Renames the complete file to its target, replacing what was there.
    pub fn deliver(&mut self) -> Result<(), Error> {
        let deliver = || {
            self.file.sync_all()?;
            fs::rename(&self.path, &self.target)?;
            File::open(self.target.parent().unwrap_or(Path::new("/")))?.sync_all()
        };
        deliver().map_err(|error| self.failed(error))?;
        self.is_delivered = true;
        Ok(())
    }

    /// Deletes the file.
    pub fn discard(self) {
        // `drop` removes an empty file. If this fails, the leftover is harmless.
        let _ = self.file.set_len(0);
    }

    fn truncate(&mut self, partial: PartialDownload) -> Result<(), Error> {
        let truncate = || {
            self.file.set_len(partial.received)?;
            (&self.file).seek(SeekFrom::Start(partial.received))
        };
        self.written = truncate().map_err(|error| self.failed(error))?;
        self.partial = partial;
        Ok(())
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::io(format_args!("cannot write the download to {}", self.target.display()), error)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        let is_empty = || self.file.metadata().is_ok_and(|metadata| metadata.len() == 0);
        if !self.is_delivered && is_empty() {
            // If this fails, an empty file is left, which is harmless.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl PartialDownload {
    /// Whether there is a validator by which the server can check that the file is unchanged.
    fn has_validator(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }
}

/// The path of a download before it becomes `target`.
fn path_of(target: &Path) -> PathBuf {
    let mut name = OsString::from(target);
    name.push(".part");
    name.into()
}

fn busy(path: &Path) -> Error {
    let message = format!("{} is used by another job: wait for it, or stop it", path.display());
    Error::new(Status::Busy, message)
}
