//! Files that are locked by one job at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// Opens the regular file at `path` and locks it. Creates it with `mode` if it does not exist.
///
/// The previous holder of the lock may have renamed or replaced the file. So once locked, the path is checked to still
/// refer to the same file.
///
/// Returns `WouldBlock` if another job has the lock, and errors of the file system.
pub(super) fn open(path: &Path, mode: u32, flags: OFlags) -> io::Result<File> {
    loop {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(mode);
        let file = options.custom_flags(flags.bits() as i32).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(ErrorKind::InvalidInput.into());
        }
        match fs::metadata(path) {
            Ok(named) if (named.dev(), named.ino()) == (metadata.dev(), metadata.ino()) => return Ok(file),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
}
