//! A download that is not whole yet: `NAME.part` beside the file that it becomes.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::locked;
use crate::error::{Error, Status};

/// Like any other new file: the user's mask says who may read it.
const MODE: u32 = 0o666;

/// What is known of a download besides its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Partial {
    pub url: String,
    /// Only a strong one: equal weak ones stand for bytes that are as good, not for the same.
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// Length of the whole.
    pub total: Option<u64>,
    /// Bytes that are safe on disk, from the beginning on.
    pub received: u64,
}

/// The file, locked.
#[derive(Debug)]
pub(super) struct Part {
    target: PathBuf,
    path: PathBuf,
    file: File,
    partial: Partial,
    /// Bytes in the file, safe or not.
    written: u64,
    /// Most bytes there ever were.
    best: u64,
    is_delivered: bool,
}

impl Part {
    /// Opens the file that becomes `target`; makes it when it is not there. Its content counts only after
    /// [`Part::resume`].
    ///
    /// Errors: [`Status::InvalidArgument`] when `target` is a directory, [`Status::Busy`] when another job
    /// has the file, those of the file system.
    pub fn open(target: &Path) -> Result<Self, Error> {
        let failed = |error| Error::io(format_args!("cannot put the reply in {}", target.display()), error);
        let target = std::path::absolute(target).map_err(failed)?;
        if target.is_dir() || target.file_name().is_none() {
            let message = format!("the reply path {} is a directory; name a file", target.display());
            return Err(Error::new(Status::InvalidArgument, message));
        }
        let path = path_of(&target);
        let file = locked::open(&path, MODE, OFlags::NOFOLLOW).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => busy(&path),
            _ => failed(error),
        })?;
        let partial = Partial::default();
        Ok(Self { target, path, file, partial, written: 0, best: 0, is_delivered: false })
    }

    /// Goes on from what was `kept`; what came behind it is not known to be safe, and is dropped.
    pub fn resume(&mut self, kept: Option<Partial>) -> Result<(), Error> {
        let length = self.file.metadata().map_err(|error| self.failed(error))?.len();
        let kept = kept.filter(|kept| kept.received <= length);
        self.cut(kept.unwrap_or_default())
    }

    /// Begins another download, or the same one anew.
    pub fn restart(&mut self, partial: Partial) -> Result<(), Error> {
        self.cut(Partial { received: 0, ..partial })
    }

    /// The path of the file that this becomes, absolute.
    pub fn target(&self) -> &Path {
        &self.target
    }

    pub fn partial(&self) -> &Partial {
        &self.partial
    }

    /// Bytes in the file, safe or not.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// What is kept of this URL that can be gone on from.
    pub fn resumable(&self, url: &str) -> Option<&Partial> {
        Some(&self.partial)
            .filter(|partial| partial.url == url && partial.received > 0 && partial.is_resumable())
    }

    /// Appends bytes; `true` when there were never so many.
    pub fn append(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        self.file.write_all(bytes).map_err(|error| self.failed(error))?;
        self.written = self.written.saturating_add(bytes.len() as u64);
        let is_record = self.written > self.best;
        self.best = self.best.max(self.written);
        Ok(is_record)
    }

    /// Puts in safety what is written.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.file.sync_data().map_err(|error| self.failed(error))?;
        self.partial.received = self.written;
        Ok(())
    }

    /// The download is whole: now it gets its name, and replaces what had it before.
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

    /// Lets go of what there is.
    pub fn discard(self) {
        // What is left behind would be of no use, and no harm.
        let _ = self.file.set_len(0);
    }

    fn cut(&mut self, partial: Partial) -> Result<(), Error> {
        let cut = || {
            self.file.set_len(partial.received)?;
            (&self.file).seek(SeekFrom::Start(partial.received))
        };
        self.written = cut().map_err(|error| self.failed(error))?;
        self.partial = partial;
        Ok(())
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::io(format_args!("cannot put the reply in {}", self.target.display()), error)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let is_empty = || self.file.metadata().is_ok_and(|metadata| metadata.len() == 0);
        if !self.is_delivered && is_empty() {
            // What is left behind would be an empty file, and no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Partial {
    fn is_resumable(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }
}

/// Where a download is until it becomes `target`.
fn path_of(target: &Path) -> PathBuf {
    let mut name = OsString::from(target);
    name.push(".part");
    name.into()
}

fn busy(path: &Path) -> Error {
    let message = format!("{} is in use by another job; wait for it, or stop it", path.display());
    Error::new(Status::Busy, message)
}
