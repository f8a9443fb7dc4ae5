//! Looking at a root without taking its lock: for operators, beside whoever uses it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use super::session::{self, DATA, SessionDir};
use super::{Durability, open_directory, open_file, root, unlink_if_there};
use crate::error::{Error, Status};
use crate::proto::SessionId;
use crate::store::{StoreError, StoredSessions, UnreadableSession};

/// As much as makes a volume that is full say so.
const PROBE: [u8; 4096] = [0; 4096];

/// The sessions under a root, whoever serves it meanwhile. It changes nothing and holds up nobody; what it says
/// was true a moment ago.
#[derive(Debug)]
pub struct DirView {
    path: PathBuf,
    sessions: OwnedFd,
}

impl DirView {
    /// Opens a root directory for looking at it.
    ///
    /// Errors: `NotFound` when it is not there or no store ever used it, `InvalidArgument` when it is no
    /// directory, `Denied`, `Io`.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, Error> {
        let path = root.as_ref().to_path_buf();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = openat(CWD, &path, flags, Mode::empty()).map_err(|errno| not_opened(&path, errno))?;
        let sessions = open_directory(&opened, root::NAME).map_err(|errno| match errno {
            Errno::NOENT => {
                let message = format!("{} is no root: no server has used it yet", path.display());
                Error::new(Status::NotFound, message).with_source(errno)
            }
            _ => not_opened(&path.join(root::NAME), errno),
        })?;
        Ok(Self { path, sessions })
    }

    /// The sessions there are.
    ///
    /// Errors: the directory cannot be read. A session that cannot is among the unreadable ones.
    pub fn sessions(&self) -> Result<StoredSessions, StoreError> {
        Ok(sessions(&self.sessions, &self.path)?)
    }

    /// How many bytes of a session are held; `None` when there are none any more, as after a delivery.
    ///
    /// Errors: the file cannot be looked at.
    pub fn held(&self, id: SessionId) -> Result<Option<u64>, StoreError> {
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

/// All sessions below the store's own directory. Half-made ones are none: the next opening of the root removes
/// them.
pub fn sessions(sessions: &OwnedFd, root: &Path) -> io::Result<StoredSessions> {
    let mut found = StoredSessions::default();
    for id in session::ids(sessions)? {
        match SessionDir::open(sessions, id, Durability::None).and_then(|session| session.stored(id)) {
            Ok(stored) => found.sessions.push(stored),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let file = root.join(root::NAME).join(id.to_string()).join(session::RECORD);
                let reason = format!("{}: {error}", file.display());
                found.unreadable.push(UnreadableSession { id, reason });
            }
        }
    }
    Ok(found)
}

/// Writes a little where sessions lie, and removes it.
pub fn probe(sessions: &OwnedFd) -> io::Result<()> {
    // Servers that share the root do so at the same time.
    let name = format!("probe.{}", std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
    let written = open_file(sessions, &name, flags, Mode::RUSR | Mode::WUSR)
        .and_then(|mut file| file.write_all(&PROBE));
    let removed = unlink_if_there(sessions, &name);
    written.and(removed.map_err(io::Error::from))
}

fn not_opened(path: &Path, errno: Errno) -> Error {
    let shown = path.display();
    match errno {
        Errno::NOENT => {
            Error::new(Status::NotFound, format!("the root {shown} does not exist: name another"))
                .with_source(errno)
        }
        Errno::NOTDIR | Errno::LOOP => {
            let message = format!("{shown} is not a directory: name the root of a server");
            Error::new(Status::InvalidArgument, message).with_source(errno)
        }
        _ => Error::io(format!("cannot open {shown}"), errno.into()),
    }
}
