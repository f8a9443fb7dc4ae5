//! Delivery of a session's file: resolving the destination's directory and linking the file there.

use std::io;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Stat, fstat, fsync, linkat, renameat, statat};
use rustix::io::Errno;

use super::files::{open_directory, unlink_if_exists};
use super::session::{DATA, SessionDir};
use crate::store::{Destination, StoreError};

/// A second link to the data, which is renamed over the file that it replaces.
const DELIVERY: &str = "delivery";

/// A file name in a directory below the root.
#[derive(Debug)]
pub struct DeliveryTarget<'a> {
    parent: OwnedFd,
    name: &'a str,
}

impl<'a> DeliveryTarget<'a> {
    /// Opens the destination's parent directory, one component at a time.
    pub fn find(root: &OwnedFd, destination: &'a Destination) -> Result<Self, StoreError> {
        let (name, directories) = destination.segments().split_last().ok_or(StoreError::IsDirectory)?;
        let step = |parent: &OwnedFd, name: &str| {
            open_directory(parent, name).map_err(|errno| match errno {
                Errno::NOENT | Errno::NOTDIR | Errno::LOOP => StoreError::ParentMissing,
                _ => io::Error::from(errno).into(),
            })
        };
        let parent = directories.iter().try_fold(step(root, ".")?, |parent, name| step(&parent, name))?;
        if stat(fstat(root))?.st_dev != stat(fstat(&parent))?.st_dev {
            let message = "the destination is on a different file system than the root";
            return Err(io::Error::new(io::ErrorKind::CrossesDevices, message).into());
        }
        Ok(Self { parent, name })
    }

    /// Checks that a file can be delivered: the name is free, or belongs to a file that may be replaced.
    pub fn check(&self, overwrite: bool) -> Result<(), StoreError> {
        match self.existing()?.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            None => Ok(()),
            Some(FileType::Directory) => Err(StoreError::IsDirectory),
            Some(FileType::RegularFile) if overwrite => Ok(()),
            Some(_) => Err(StoreError::Exists),
        }
    }

    /// Links the session's data to the name, unless the name exists. Succeeds if the name is already a link
    /// to the data.
    pub fn link(&self, session: &SessionDir) -> Result<(), StoreError> {
        let from = session.directory();
        match linkat(from, DATA, &self.parent, self.name, AtFlags::empty()) {
            Err(Errno::EXIST) => {}
            result => return result.map_err(link_error),
        }
        if self.is_data_of(session)? {
            return Ok(());
        }
        match self.existing()? {
            // The file existed when the link was attempted, and has been removed since.
            None => Err(StoreError::Exists),
            Some(_) => self.check(false),
        }
    }

    /// Whether the name and the session's data are the same file.
    pub fn is_data_of(&self, session: &SessionDir) -> Result<bool, StoreError> {
        let data = stat(statat(session.directory(), DATA, AtFlags::SYMLINK_NOFOLLOW))?;
        let existing = self.existing()?;
        Ok(existing.is_some_and(|file| (file.st_dev, file.st_ino) == (data.st_dev, data.st_ino)))
    }

    /// Removes the name that [`Self::link`] made, after its directory could not be synced: a retry has to make it again,
    /// because a second sync would succeed whatever became of the first.
    pub fn unlink(&self, session: &SessionDir) -> Result<(), StoreError> {
        if self.is_data_of(session)? {
            unlink_if_exists(&self.parent, self.name).map_err(io::Error::from)?;
        }
        Ok(())
    }

    /// Links the session's data to the name, atomically replacing a file of that name.
    pub fn replace(&self, session: &SessionDir) -> Result<(), StoreError> {
        self.check(true)?;
        let from = session.directory();
        discard_second_link(from)?;
        linkat(from, DATA, from, DELIVERY, AtFlags::empty()).map_err(io::Error::from)?;
        let renamed = renameat(from, DELIVERY, &self.parent, self.name);
        // The link remains after an error, and also if the destination is already a link to the data: rename
        // does nothing then.
        discard_second_link(from)?;
        renamed.map_err(link_error)
    }

    /// Syncs the directory, so that the name survives a power failure.
    pub fn sync(&self) -> Result<(), StoreError> {
        Ok(fsync(&self.parent).map_err(io::Error::from)?)
    }

    fn existing(&self) -> Result<Option<Stat>, StoreError> {
        match statat(&self.parent, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            result => stat(result).map(Some),
        }
    }
}

/// Removes what an interrupted [`DeliveryTarget::replace`] left.
pub fn discard_second_link(session: &OwnedFd) -> io::Result<()> {
    Ok(unlink_if_exists(session, DELIVERY)?)
}

/// Maps the failure to make a link. The data exists, so `NOENT` means that the directory does not.
fn link_error(errno: Errno) -> StoreError {
    match errno {
        Errno::NOENT => StoreError::ParentMissing,
        Errno::ISDIR => StoreError::IsDirectory,
        _ => io::Error::from(errno).into(),
    }
}

fn stat(result: rustix::io::Result<Stat>) -> Result<Stat, StoreError> {
    Ok(result.map_err(io::Error::from)?)
}
