//! Sources of uploads: files, bytes in memory, and reader functions.

use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Status};
use crate::proto::HResult;

/// The content that a job uploads: a file, bytes in memory, or the bytes that a function returns.
///
/// Parts of a source are read again when a request is retried, and have to be the same each time.
///
/// # Examples
///
/// ```
/// use bitsup::client::Source;
///
/// let bytes = Source::from_bytes("content");
/// assert_eq!(bytes.total(), 7);
///
/// // A generated source: 1 MiB of zeros.
/// let zeros = Source::from_reader(1 << 20, |_offset, buffer| {
///     buffer.fill(0);
///     Ok(buffer.len())
/// });
/// assert_eq!(zeros.total(), 1 << 20);
/// ```
#[derive(Debug)]
pub struct Source(SourceKind);

enum SourceKind {
    /// `links` is the number of names when it was opened.
    File {
        file: File,
        path: PathBuf,
        stamp: FileStamp,
        links: u64,
    },
    Bytes(Vec<u8>),
    Reader {
        total: u64,
        read: Box<ReadFn>,
    },
}

/// Reads bytes at an offset into the beginning of the buffer and returns how many.
type ReadFn = dyn Fn(u64, &mut [u8]) -> Result<usize, Error> + Send + Sync;

/// Identifies the content of a file: if it differs, the file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct FileStamp {
    size: u64,
    modified_s: i64,
    modified_ns: i64,
    /// The time of the last change of content or attributes, which programs cannot set; `None` in older state files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<(i64, i64)>,
}

impl FileStamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified_s: metadata.mtime(),
            modified_ns: metadata.mtime_nsec(),
            changed: Some((metadata.ctime(), metadata.ctime_nsec())),
        }
    }

    /// Whether both stamps are of the same content. A stamp without a time of change matches any.
    fn matches(&self, other: &Self) -> bool {
        let is_same_change =
            self.changed.is_none() || other.changed.is_none() || self.changed == other.changed;
        is_same_change && self.without_change() == other.without_change()
    }

    fn without_change(self) -> Self {
        Self { changed: None, ..self }
    }
}

/// Identifies a source across processes. Part of the format of the state file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SourceId {
    /// A file by path, inode and stamp. The device is left out, because the number of a network file system or of a
    /// container may change when the machine restarts.
    File { path: String, inode: u64, stamp: FileStamp },
    /// Bytes in memory by length and digest.
    Bytes { size: u64, digest: String },
    /// A function by length only: the caller ensures that it reads the same bytes again.
    Reader { size: u64 },
}

impl SourceId {
    /// Whether both identify the same content.
    pub(super) fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::File { path, inode, stamp },
                Self::File { path: other_path, inode: other_inode, stamp: other },
            ) => (path, inode) == (other_path, other_inode) && stamp.matches(other),
            _ => self == other,
        }
    }
}

impl Source {
    /// Opens a regular file.
    ///
    /// If the file changes before its last byte is sent, the job fails with [`Status::SourceChanged`], and no file appears
    /// on the server. Size, modification time and change time are compared. The file stays open, so renaming or deleting
    /// it does not affect the upload.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if it is not a regular file, or has content although its size is 0;
    /// [`Status::NotFound`], [`Status::Denied`] or [`Status::Io`] if it cannot be opened.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let failed = |source| Error::io(format_args!("cannot open the source {}", path.display()), source);
        // Without this flag, opening a pipe would wait for its writer.
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            let message = format!("invalid source {}: it is not a regular file", path.display());
            return Err(Error::new(Status::InvalidArgument, message));
        }
        if metadata.len() == 0 && file.read_at(&mut [0], 0).map_err(failed)? > 0 {
            let message = format!(
                "invalid source {}: its size is 0 but it has content, as files of /proc do: copy it to a regular file",
                path.display()
            );
            return Err(Error::new(Status::InvalidArgument, message));
        }
        let path = std::path::absolute(path).map_err(failed)?;
        let (stamp, links) = (FileStamp::of(&metadata), metadata.nlink());
        Ok(Self(SourceKind::File { file, path, stamp, links }))
    }

    /// Wraps bytes in memory.
    pub fn from_bytes(data: impl Into<Vec<u8>>) -> Self {
        Self(SourceKind::Bytes(data.into()))
    }

    /// Wraps a function that reads a source of `total` bytes.
    ///
    /// `read(offset, buffer)` copies bytes from `offset` to the beginning of `buffer` and returns how many: at least
    /// one, unless `offset` is at the end. It is called on the thread that runs the job, one call at a time, and may
    /// be called several times for the same offset; it must return the same bytes each time.
    ///
    /// An error of `read` ends the run; the job can be run again. Returning more than the length of `buffer` ends the
    /// run with [`Status::Callback`], returning 0 before the end fails the job with [`Status::SourceChanged`].
    ///
    /// [`Job::import`](super::Job::import) and state files only compare the length of such a source.
    pub fn from_reader(
        total: u64,
        read: impl Fn(u64, &mut [u8]) -> Result<usize, Error> + Send + Sync + 'static,
    ) -> Self {
        Self(SourceKind::Reader { total, read: Box::new(read) })
    }

    /// Returns the length in bytes.
    pub fn total(&self) -> u64 {
        match &self.0 {
            SourceKind::File { stamp, .. } => stamp.size,
            SourceKind::Bytes(data) => data.len() as u64,
            SourceKind::Reader { total, .. } => *total,
        }
    }

    /// The file name, if the source is a file and its name is UTF-8.
    pub(super) fn leaf_name(&self) -> Option<&str> {
        match &self.0 {
            SourceKind::File { path, .. } => path.file_name()?.to_str(),
            SourceKind::Bytes(_) | SourceKind::Reader { .. } => None,
        }
    }

    pub(super) fn id(&self) -> Result<SourceId, Error> {
        Ok(match &self.0 {
            SourceKind::File { file, path, stamp, .. } => SourceId::File {
                path: path.to_string_lossy().into_owned(),
                inode: self.metadata(file)?.ino(),
                stamp: *stamp,
            },
            SourceKind::Bytes(data) => SourceId::Bytes {
                size: data.len() as u64,
                digest: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, data).to_string(),
            },
            SourceKind::Reader { total, .. } => SourceId::Reader { size: *total },
        })
    }

    /// Whether the source is the file with this device and inode.
    pub(super) fn is_file_with(&self, identity: (u64, u64)) -> bool {
        match &self.0 {
            SourceKind::File { file, .. } => {
                self.metadata(file).is_ok_and(|own| (own.dev(), own.ino()) == identity)
            }
            SourceKind::Bytes(_) | SourceKind::Reader { .. } => false,
        }
    }

    /// Whether the source is the file at this path.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|named| self.is_file_with((named.dev(), named.ino())))
    }

    /// Returns an error if the file has changed since it was opened (CLI-36).
    pub(super) fn check_unchanged(&self) -> Result<(), Error> {
        match &self.0 {
            SourceKind::File { file, path, stamp, links } => {
                let metadata = self.metadata(file)?;
                let now = FileStamp::of(&metadata);
                let is_unchanged = now.matches(stamp)
                    || now.without_change() == stamp.without_change()
                        && Self::is_renamed(path, *links, &metadata);
                if is_unchanged { Ok(()) } else { Err(self.changed()) }
            }
            SourceKind::Bytes(_) | SourceKind::Reader { .. } => Ok(()),
        }
    }

    /// Whether the names of the file changed, which also sets its change time.
    fn is_renamed(path: &Path, links: u64, metadata: &Metadata) -> bool {
        let is_at_path = |named: Metadata| (named.dev(), named.ino()) == (metadata.dev(), metadata.ino());
        metadata.nlink() != links || !std::fs::metadata(path).is_ok_and(is_at_path)
    }

    /// Reads at least one byte at `offset` into `buffer` and returns how many. Returns an error if the source ends there.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        let read = match &self.0 {
            SourceKind::File { file, .. } => file
                .read_at(buffer, offset)
                .map_err(|error| Error::io(format_args!("cannot read the source {self}"), error))?,
            SourceKind::Bytes(data) => {
                // Beyond the end there is nothing to read, which is reported below.
                let rest =
                    usize::try_from(offset).ok().and_then(|start| data.get(start..)).unwrap_or_default();
                std::io::Read::read(&mut &*rest, buffer)
                    .map_err(|error| Error::io(format_args!("cannot read the source {self}"), error))?
            }
            SourceKind::Reader { read, .. } => match read(offset, buffer)? {
                read if read > buffer.len() => return Err(invalid_read(read, buffer.len())),
                read => read,
            },
        };
        match read {
            0 => Err(self.changed()),
            read => Ok(read),
        }
    }

    fn metadata(&self, file: &File) -> Result<Metadata, Error> {
        file.metadata().map_err(|e| Error::io(format_args!("cannot inspect the source {self}"), e))
    }

    fn changed(&self) -> Error {
        let message =
            format!("the source {self} changed during the upload: upload it when nothing writes to it");
        Error::new(Status::SourceChanged, message).with_hresult(HResult::BG_E_LOCAL_FILE_CHANGED)
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            SourceKind::File { path, .. } => path.display().fmt(f),
            SourceKind::Bytes(data) => write!(f, "({} bytes in memory)", data.len()),
            SourceKind::Reader { total, .. } => write!(f, "({total} bytes from a reader)"),
        }
    }
}

impl std::fmt::Debug for SourceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, stamp, .. } => {
                f.debug_struct("File").field("path", path).field("stamp", stamp).finish()
            }
            Self::Bytes(data) => f.debug_struct("Bytes").field("length", &data.len()).finish(),
            Self::Reader { total, .. } => f.debug_struct("Reader").field("total", total).finish(),
        }
    }
}

fn invalid_read(read: usize, room: usize) -> Error {
    let message =
        format!("the source's reader returned {read} for a buffer of {room} bytes: correct the reader");
    Error::new(Status::Callback, message)
}
