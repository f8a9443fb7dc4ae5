//! The reply of a session: written under a temporary name, then renamed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, fsync, renameat};
use rustix::io::Errno;

use super::files::{open_file, unlink_if_exists};
use super::options::Durability;
use super::session::SessionDir;
use crate::store::NewReply;

/// The file that holds the reply.
pub const REPLY: &str = "reply";
/// The reply until it is renamed. The host application may write it.
pub const STAGED: &str = "reply.new";

/// Removes the reply, complete or not.
pub fn discard(session: &SessionDir) -> io::Result<()> {
    [STAGED, REPLY].into_iter().try_for_each(|name| Ok(unlink_if_exists(session.directory(), name)?))
}

/// Stores a reply. After an error or a crash there is either no reply or the whole one.
pub fn put(session: &SessionDir, reply: NewReply<'_>) -> io::Result<()> {
    let staged = match reply {
        NewReply::Bytes(bytes) => {
            let mut file = create(session)?;
            file.write_all(bytes)?;
            file
        }
        NewReply::File(path) => move_or_copy(session, path)?,
    };
    let directory = session.directory();
    if session.durability() != Durability::None {
        staged.sync_all()?;
    }
    renameat(directory, STAGED, directory, REPLY)?;
    match session.durability() {
        Durability::None => Ok(()),
        _ => Ok(fsync(directory)?),
    }
}

/// Moves the file to the staged reply. Copies it if it is on another file system or behind a symbolic link.
fn move_or_copy(session: &SessionDir, path: &Path) -> io::Result<File> {
    let directory = session.directory();
    let named = fs::symlink_metadata(path)?;
    if named.is_file() {
        match renameat(CWD, path, directory, STAGED) {
            Ok(()) => return open_file(directory, STAGED, OFlags::RDONLY, Mode::empty()),
            Err(Errno::XDEV) => {}
            Err(errno) => return Err(errno.into()),
        }
    } else if !fs::metadata(path)?.is_file() {
        let message = format!("the reply {} is not a regular file", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut staged = create(session)?;
    io::copy(&mut File::open(path)?, &mut staged)?;
    fs::remove_file(path)?;
    Ok(staged)
}

fn create(session: &SessionDir) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC;
    open_file(session.directory(), STAGED, flags, Mode::RUSR | Mode::WUSR)
}
