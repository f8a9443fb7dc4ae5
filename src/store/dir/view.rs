//! Read-only access to a root without its lock, for administrators while a server uses it.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use super::files::{open_directory, open_file, unlink_if_exists};
use super::layout::PROBE_PREFIX;
use super::options::Durability;
use super::root;
use super::session::{self, DATA, SessionDir};
use crate::error::{Error, Status};
use crate::proto::SessionId;
use crate::store::{StoreError, StoredSessions, UnreadableSession};

/// Enough bytes to detect a full volume.
const PROBE: [u8; 4096] = [0; 4096];

/// A read-only view of the sessions under a root, usable even while a server uses it. It takes no locks, so
/// its results may be outdated by the time they are returned.
///
/// # Examples
///
/// ```no_run
/// use bitsup::store::DirView;
///
/// let view = DirView::open("/srv/uploads")?;
/// for stored in view.sessions()?.sessions {
///     println!("{} {:?}", stored.record.id, view.stored_length(stored.record.id)?);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DirView {
    path: PathBuf,
    sessions: OwnedFd,
}

impl DirView {
    /// Opens a root directory for reading.
    ///
    /// # Errors
    ///
    /// `NotFound` if it does not exist or no store has used it, `InvalidArgument` if it is not a directory, `Denied`
    /// or `Io` if it cannot be opened.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, Error> {
        let path = root.as_ref().to_path_buf();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = openat(CWD, &path, flags, Mode::empty()).map_err(|errno| not_opened(&path, errno))?;
        let sessions = open_directory(&opened, root::NAME).map_err(|errno| match errno {
            Errno::NOENT => {
                let message = format!("{} is not a root: no server has used it yet", path.display());
                Error::new(Status::NotFound, message).with_source(errno)
            }
            _ => not_opened(&path.join(root::NAME), errno),
        })?;
        Ok(Self { path, sessions })
    }

    /// Lists the sessions.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory cannot be read. A session that cannot be read is listed as unreadable.
    pub fn sessions(&self) -> Result<StoredSessions, StoreError> {
        Ok(sessions(&self.sessions, &self.path)?)
    }

    /// Returns how many bytes of a session are stored; `None` if its data is gone, as after delivery.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be examined.
    pub fn stored_length(&self, id: SessionId) -> Result<Option<u64>, StoreError> {
        let length = SessionDir::open(&self.sessions, id, Durability::None)
            .and_then(|session| open_file(session.directory(), DATA, OFlags::RDONLY, Mode::empty()))
            .and_then(|data| data.metadata())
            .map(|metadata| metadata.len());
        match length {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            length => Ok(Some(length?)),
        }
    }
}

/// Lists all sessions in the store's own directory, except orphans, which a server removes.
pub fn sessions(sessions: &OwnedFd, root: &Path) -> io::Result<StoredSessions> {
    let mut found = StoredSessions::default();
    let session::Listing { ids, foreign } = session::list(sessions)?;
    found.foreign = foreign.iter().map(|name| foreign_entry(root, name)).collect();
    for id in ids {
        match SessionDir::open(sessions, id, Durability::None).and_then(|session| session.stored(id)) {
            Ok(stored) => found.sessions.push(stored),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => found.unreadable.push(unreadable(root, id, &error)),
        }
    }
    Ok(found)
}

/// Describes a session that cannot be read.
pub fn unreadable(root: &Path, id: SessionId, error: &io::Error) -> UnreadableSession {
    let session = root.join(root::NAME).join(id.to_string());
    UnreadableSession { id, reason: format!("{}: {error}", session.display()) }
}

/// Describes an entry of the store's own directory that the store did not create. Escapes what is not UTF-8 and control
/// characters, so that it stays on one line.
pub fn foreign_entry(root: &Path, name: &OsStr) -> String {
    format!("{:?}", root.join(root::NAME).join(name))
}

/// Checks that the store's own directory is writable by writing and removing a file.
pub fn probe(sessions: &OwnedFd) -> io::Result<()> {
    // Servers that share the root may do this at the same time.
    let name = format!("{PROBE_PREFIX}{}", std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
    let written = open_file(sessions, &name, flags, Mode::RUSR | Mode::WUSR)
        .and_then(|mut file| file.write_all(&PROBE));
    let removed = unlink_if_exists(sessions, &name);
    written.and(removed.map_err(io::Error::from))
}

fn not_opened(path: &Path, errno: Errno) -> Error {
    let shown = path.display();
    match errno {
        Errno::NOENT => {
            Error::new(Status::NotFound, format!("the root {shown} does not exist")).with_source(errno)
        }
        Errno::NOTDIR | Errno::LOOP => {
            let message = format!("{shown} is not a directory");
            Error::new(Status::InvalidArgument, message).with_source(errno)
        }
        _ => Error::io(format!("cannot open {shown}"), errno.into()),
    }
}
