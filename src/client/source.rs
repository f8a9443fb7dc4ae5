//! What a job sends: a file, bytes, or what a function reads; by position, and checked for change.

use std::fs::{File, Metadata, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Status};
use crate::proto::HResult;

/// What a job sends. Bytes at one offset are the same however often they are read.
#[derive(Debug)]
pub struct Source(Kind);

enum Kind {
    File { file: File, path: PathBuf, taken: Stamp },
    Bytes(Vec<u8>),
    Reader { total: u64, read: Box<Read> },
}

/// Fills some of the buffer with the bytes from that offset on, and says how much.
type Read = dyn Fn(u64, &mut [u8]) -> Result<usize, Error> + Send + Sync;

/// By what a changed file is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Stamp {
    size: u64,
    modified_s: i64,
    modified_ns: i64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified_s: metadata.mtime(), modified_ns: metadata.mtime_nsec() }
    }
}

/// What a source is known by across processes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SourceId {
    /// A file by name, content stamp and inode. Not by its device: the number a network file system or a
    /// container gives it changes when the machine starts anew.
    File { path: String, inode: u64, stamp: Stamp },
    /// Bytes by length and digest.
    Bytes { size: u64, digest: String },
    /// What a function reads, by length: whether it reads the same again is the caller's to know.
    Reader { size: u64 },
}

impl Source {
    /// A regular file. Size and modification time are taken now; a change during the upload ends the job
    /// with [`crate::Status::SourceChanged`]. The file stays open: a rename or a removal of its name does
    /// not disturb the upload.
    ///
    /// Errors: [`Status::NotFound`], [`Status::Denied`], [`Status::InvalidArgument`] when it is no regular
    /// file, [`Status::Io`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let failed = |source| Error::io(format_args!("cannot open the source {}", path.display()), source);
        // Opening a pipe would wait for its writer.
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            let message = format!("the source {} is not a regular file; name a file", path.display());
            return Err(Error::new(Status::InvalidArgument, message));
        }
        let path = std::path::absolute(path).map_err(failed)?;
        Ok(Self(Kind::File { file, path, taken: Stamp::of(&metadata) }))
    }

    /// Bytes in memory.
    pub fn from_bytes(data: impl Into<Vec<u8>>) -> Self {
        Self(Kind::Bytes(data.into()))
    }

    /// `total` bytes that `read` delivers: some of those from the offset on, at least one, and no more than
    /// the buffer takes. It is asked for an offset as often as the bytes are sent, each time for the same
    /// bytes, by the thread that is inside a call on the job, one call at a time. Two such sources are the
    /// same to [`super::Job::import`] and to a state file when their lengths are equal.
    ///
    /// An error of `read` ends the run, and the job can be run again. So does a length that is more than the
    /// buffer takes, with [`Status::Callback`]. No byte before `total` bytes ends the job with
    /// [`Status::SourceChanged`].
    pub fn from_reader(
        total: u64,
        read: impl Fn(u64, &mut [u8]) -> Result<usize, Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Kind::Reader { total, read: Box::new(read) })
    }

    /// Length in bytes.
    pub fn total(&self) -> u64 {
        match &self.0 {
            Kind::File { taken, .. } => taken.size,
            Kind::Bytes(data) => data.len() as u64,
            Kind::Reader { total, .. } => *total,
        }
    }

    /// The file's leaf name, when it has one that is text.
    pub(super) fn leaf_name(&self) -> Option<&str> {
        match &self.0 {
            Kind::File { path, .. } => path.file_name()?.to_str(),
            Kind::Bytes(_) | Kind::Reader { .. } => None,
        }
    }

    pub(super) fn id(&self) -> Result<SourceId, Error> {
        Ok(match &self.0 {
            Kind::File { file, path, taken } => SourceId::File {
                path: path.to_string_lossy().into_owned(),
                inode: self.metadata(file)?.ino(),
                stamp: *taken,
            },
            Kind::Bytes(data) => SourceId::Bytes {
                size: data.len() as u64,
                digest: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, data).to_string(),
            },
            Kind::Reader { total, .. } => SourceId::Reader { size: *total },
        })
    }

    /// Whether this is the file of that device and inode.
    pub(super) fn is(&self, identity: (u64, u64)) -> bool {
        match &self.0 {
            Kind::File { file, .. } => {
                self.metadata(file).is_ok_and(|own| (own.dev(), own.ino()) == identity)
            }
            Kind::Bytes(_) | Kind::Reader { .. } => false,
        }
    }

    /// Whether this is the file of that name.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|named| self.is((named.dev(), named.ino())))
    }

    /// Errors when the file is no longer what it was when it was opened (CLI-36).
    pub(super) fn check(&self) -> Result<(), Error> {
        match &self.0 {
            Kind::File { file, taken, .. } if Stamp::of(&self.metadata(file)?) != *taken => {
                Err(self.changed())
            }
            _ => Ok(()),
        }
    }

    /// Fills as much of `buffer` as one read gives, at least one byte; errors when the source ends before.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        let read = match &self.0 {
            Kind::File { file, .. } => file
                .read_at(buffer, offset)
                .map_err(|error| Error::io(format_args!("cannot read the source {self}"), error))?,
            Kind::Bytes(data) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let rest = data.get(start..).unwrap_or_default();
                (&mut &*rest).read(buffer).unwrap_or(0)
            }
            Kind::Reader { read, .. } => match read(offset, buffer)? {
                read if read > buffer.len() => return Err(too_much(read, buffer.len())),
                read => read,
            },
        };
        match read {
            0 => Err(self.changed()),
            read => Ok(read),
        }
    }

    fn metadata(&self, file: &File) -> Result<Metadata, Error> {
        file.metadata().map_err(|e| Error::io(format_args!("cannot look at the source {self}"), e))
    }

    fn changed(&self) -> Error {
        let message = format!("the source {self} changed during the upload; upload it when it is at rest");
        Error::new(Status::SourceChanged, message).with_hresult(HResult::BG_E_LOCAL_FILE_CHANGED)
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::File { path, .. } => path.display().fmt(f),
            Kind::Bytes(data) => write!(f, "of {} bytes in memory", data.len()),
            Kind::Reader { total, .. } => write!(f, "of {total} bytes from a reader"),
        }
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, taken, .. } => {
                f.debug_struct("File").field("path", path).field("taken", taken).finish()
            }
            Self::Bytes(data) => f.debug_struct("Bytes").field("length", &data.len()).finish(),
            Self::Reader { total, .. } => f.debug_struct("Reader").field("total", total).finish(),
        }
    }
}

fn too_much(read: usize, room: usize) -> Error {
    let message =
        format!("the source's reader says it read {read} bytes into a buffer of {room}; correct it");
    Error::new(Status::Callback, message)
}
