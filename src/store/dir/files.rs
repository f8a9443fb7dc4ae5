//! Files and directories relative to an open directory, never through a symbolic link.

use std::fs::File;
use std::io;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;
use rustix::path::Arg;

use crate::store::record::invalid;

/// Opens a subdirectory. Fails if the name is a symbolic link.
pub fn open_directory(parent: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// Opens a regular file in a directory. Fails for symbolic links and everything else: opening a pipe could
/// block, and opening a device could have side effects. A file that is created gets `mode`.
pub fn open_file(parent: &OwnedFd, name: &str, flags: OFlags, mode: Mode) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(openat(parent, name, flags, mode)?);
    if !file.metadata()?.is_file() {
        return Err(invalid(format!("{name} is not a regular file")));
    }
    Ok(file)
}

/// Unlinks a file. Succeeds if it does not exist.
pub fn unlink_if_exists(parent: &OwnedFd, name: impl Arg) -> rustix::io::Result<()> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        result => result,
    }
}
