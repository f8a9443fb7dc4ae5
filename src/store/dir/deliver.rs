//! The destination of a session: finding its directory, and putting the file there.

use std::io;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Stat, fstat, fsync, linkat, renameat, statat};
use rustix::io::Errno;

use super::session::{DATA, SessionDir};
use super::{open_directory, unlink_if_there};
use crate::store::{Destination, StoreError};

/// A second link to the data, renamed over a file that it replaces.
const DELIVERY: &str = "delivery";

/// A name in a directory below the root.
#[derive(Debug)]
pub struct Place<'a> {
    parent: OwnedFd,
    name: &'a str,
}

impl<'a> Place<'a> {
    /// Goes to the directory that is to hold the destination, name by name.
    pub fn find(root: &OwnedFd, destination: &'a Destination) -> Result<Self, StoreError> {
        let (name, folders) = destination.segments().split_last().ok_or(StoreError::IsDirectory)?;
        let step = |parent: &OwnedFd, name: &str| {
            open_directory(parent, name).map_err(|errno| match errno {
                Errno::NOENT | Errno::NOTDIR | Errno::LOOP => StoreError::ParentMissing,
                _ => io::Error::from(errno).into(),
            })
        };
        let parent = folders.iter().try_fold(step(root, ".")?, |parent, folder| step(&parent, folder))?;
        if stat(fstat(root))?.st_dev != stat(fstat(&parent))?.st_dev {
            let message = "the destination is on another file system than the root";
            return Err(io::Error::new(io::ErrorKind::CrossesDevices, message).into());
        }
        Ok(Self { parent, name })
    }

    /// Whether a file could be put there: the name is free, or a file that may be replaced.
    pub fn check(&self, overwrite: bool) -> Result<(), StoreError> {
        match self.occupant()?.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            None => Ok(()),
            Some(FileType::Directory) => Err(StoreError::IsDirectory),
            Some(FileType::RegularFile) if overwrite => Ok(()),
            Some(_) => Err(StoreError::Exists),
        }
    }

    /// Puts the session's data there unless the name is taken. That it is there already is success.
    pub fn link(&self, session: &SessionDir) -> Result<(), StoreError> {
        let from = session.directory();
        match linkat(from, DATA, &self.parent, self.name, AtFlags::empty()) {
            Err(Errno::EXIST) => {}
            result => return result.map_err(refusal),
        }
        let data = stat(statat(from, DATA, AtFlags::SYMLINK_NOFOLLOW))?;
        match self.occupant()? {
            Some(other) if (other.st_dev, other.st_ino) == (data.st_dev, data.st_ino) => Ok(()),
            // Freed in this instant: it was taken when it mattered.
            None => Err(StoreError::Exists),
            Some(_) => self.check(false),
        }
    }

    /// Puts the session's data there, in the place of a file of that name. A reader sees the old file or the
    /// new one.
    pub fn replace(&self, session: &SessionDir) -> Result<(), StoreError> {
        self.check(true)?;
        let from = session.directory();
        unlink_if_there(from, DELIVERY).map_err(io::Error::from)?;
        linkat(from, DATA, from, DELIVERY, AtFlags::empty()).map_err(io::Error::from)?;
        let renamed = renameat(from, DELIVERY, &self.parent, self.name);
        // Still there after an error, and when the destination is the data already: then nothing is renamed.
        unlink_if_there(from, DELIVERY).map_err(io::Error::from)?;
        renamed.map_err(refusal)
    }

    /// Makes the name as durable as the file.
    pub fn sync(&self) -> Result<(), StoreError> {
        Ok(fsync(&self.parent).map_err(io::Error::from)?)
    }

    fn occupant(&self) -> Result<Option<Stat>, StoreError> {
        match statat(&self.parent, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            result => stat(result).map(Some),
        }
    }
}

/// Why the name could not be made. The data was just opened; what is not there is the directory.
fn refusal(errno: Errno) -> StoreError {
    match errno {
        Errno::NOENT => StoreError::ParentMissing,
        Errno::ISDIR => StoreError::IsDirectory,
        _ => io::Error::from(errno).into(),
    }
}

fn stat(result: rustix::io::Result<Stat>) -> Result<Stat, StoreError> {
    Ok(result.map_err(io::Error::from)?)
}
