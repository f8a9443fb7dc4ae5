//! A store in a directory; Unix only.
//!
//! ```text
//! ROOT/                        delivered files
//! ROOT/.bitsup/lock            held by the process that uses ROOT, or by all that share it
//! ROOT/.bitsup/boot            in which boot of the system ROOT is in use, or that it is not
//! ROOT/.bitsup/probe.{PROCESS}     written and removed to see whether that can be done
//! ROOT/.bitsup/{ID}/session.json   the record
//! ROOT/.bitsup/{ID}/data       the received bytes: a contiguous prefix of the file
//! ROOT/.bitsup/{ID}/synced     how many of them are surely on the disk, with durability `fragment`
//! ROOT/.bitsup/{ID}/reply      what the client gets back
//! ROOT/.bitsup/{ID}/reply.new  the same while it is written
//! ROOT/.bitsup/{ID}/lock       when ROOT is shared: held for a step of a request, with a note for the next
//! ROOT/.bitsup/{ID}/away       when ROOT is shared: held while the application is asked
//! ```
//!
//! Names are looked up through directory descriptors, one at a time and never through a symbolic link, so
//! nothing that happens to the tree meanwhile leads out of the root.

mod boot;
mod content;
mod deliver;
mod lock;
mod reply;
mod root;
mod session;
mod shared;
mod sink;
mod synced;
mod view;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, openat};

use self::content::FileContent;
use self::deliver::Place;
use self::lock::Lock;
use self::session::SessionDir;
use self::shared::DirSessionLock;
pub use self::view::DirView;
use super::record::invalid;
use super::{
    Content, Destination, NewReply, SessionLock, SessionPhase, SessionRecord, SharedStore, Sink, Store,
    StoreError, StoredSession, StoredSessions,
};
use crate::error::Error;
use crate::proto::SessionId;

/// What survives a loss of power (a crash of the process alone never loses acknowledged bytes).
///
/// Unless every fragment is synchronised, a session that was under way may be gone after a loss of power, or
/// begin anew. It never goes on behind bytes that the file system never wrote, but when the root is
/// [shared](DirOptions::shared): then nobody can tell a loss of power from a server that died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Whatever the kernel has written by itself.
    None,
    /// A delivered file: it is synchronised before its last Ack.
    #[default]
    File,
    /// Every acknowledged fragment.
    Fragment,
}

/// How a directory store behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct DirOptions {
    /// What survives a loss of power.
    pub durability: Durability,
    /// Whether other processes use the root at the same time, all with this set: the servers of a farm, on one
    /// machine or on a network file system. A lock per session then keeps their order, at the price of some
    /// system calls for every piece of a body.
    pub shared: bool,
}

/// How long a session directory without a record stays when the root is shared: another process may be
/// making it now, which takes milliseconds.
const MAKING: Duration = Duration::from_secs(3600);

/// Files under a root directory; sessions in `ROOT/.bitsup/`. Files are delivered by a hard link, so that
/// they appear whole and never replace what somebody else put there.
///
/// One process uses a root at a time, unless all that do share it ([`DirOptions::shared`]); the store holds a
/// lock until it is dropped.
#[derive(Debug)]
pub struct DirStore {
    /// Absolute. For messages and for applications; files are reached by the descriptors.
    path: PathBuf,
    root: OwnedFd,
    sessions: OwnedFd,
    _lock: Lock,
    durability: Durability,
    shared: bool,
}

impl DirStore {
    /// Opens a root directory, takes its lock and removes what a crash left half-made.
    ///
    /// Errors: `NotFound` when the root is not there, `InvalidArgument` when it is no directory, `Denied` when
    /// it is not writable, `Busy` when another store has it and not both share it, `Unsupported` when its file system has no hard
    /// links or cannot synchronise a directory, `NoSpace`, `Io`.
    pub fn open(root: impl AsRef<Path>, options: DirOptions) -> Result<Self, Error> {
        #[cfg(feature = "planted-panics")]
        crate::fault_injection::maybe_panic("store", &root.as_ref().to_string_lossy());
        let path = std::path::absolute(root.as_ref()).map_err(|error| {
            Error::io(format!("cannot tell where the root {} is", root.as_ref().display()), error)
        })?;
        let DirOptions { durability, shared } = options;
        let root = root::open(&path)?;
        let sessions = root::open_sessions(&root, &path)?;
        let lock = root::lock(&sessions, &path, shared)?;
        root::probe(&sessions, &path, durability)?;
        if !shared {
            boot::begin(&root, &sessions, durability).map_err(|error| {
                let own = path.join(root::NAME);
                Error::io(format!("cannot go on with the sessions in {}", own.display()), error)
            })?;
        }
        let store = Self { path, root, sessions, _lock: lock, durability, shared };
        store.remove_half_made()?;
        Ok(store)
    }

    fn remove_half_made(&self) -> Result<(), Error> {
        let own = self.path.join(root::NAME);
        let for_at_least = if self.shared { MAKING } else { Duration::ZERO };
        let half_made = session::half_made(&self.sessions, for_at_least)
            .map_err(|error| Error::io(format!("cannot read {}", own.display()), error))?;
        for id in half_made {
            session::remove(&self.sessions, id).map_err(|error| {
                let directory = own.join(id.to_string());
                let what = format!("cannot remove the half-made session {}: remove it", directory.display());
                Error::io(what, error)
            })?;
        }
        Ok(())
    }

    fn session(&self, id: SessionId) -> io::Result<SessionDir> {
        SessionDir::open(&self.sessions, id, self.durability)
    }

    fn session_path(&self, id: SessionId, name: &str) -> PathBuf {
        self.path.join(root::NAME).join(id.to_string()).join(name)
    }

    fn content(&self, id: SessionId, name: &str) -> Result<Box<dyn Content>, StoreError> {
        let session = self.session(id)?;
        let file = open_file(session.directory(), name, OFlags::RDONLY, Mode::empty())?;
        Ok(Box::new(FileContent::new(file, self.session_path(id, name))?))
    }
}

impl Store for DirStore {
    fn check(&self, destination: &Destination, overwrite: bool) -> Result<(), StoreError> {
        Place::find(&self.root, destination)?.check(overwrite)
    }

    fn sessions(&self) -> Result<StoredSessions, StoreError> {
        Ok(view::sessions(&self.sessions, &self.path)?)
    }

    fn create(&self, record: &SessionRecord) -> Result<(), StoreError> {
        Ok(SessionDir::create(&self.sessions, record, self.durability)?)
    }

    fn save(&self, record: &SessionRecord) -> Result<(), StoreError> {
        Ok(self.session(record.id)?.save(record)?)
    }

    fn open(&self, id: SessionId) -> Result<Box<dyn Sink>, StoreError> {
        Ok(Box::new(sink::FileSink::new(&self.session(id)?)?))
    }

    /// A crash after any of these steps, and the same call goes on from there:
    /// 1. linked, not recorded: the destination is `data` itself, which counts as delivered;
    /// 2. recorded, `data` not unlinked: only that is left to do, whatever became of the delivered file;
    /// 3. all done: success.
    fn commit(&self, record: &SessionRecord, overwrite: bool) -> Result<(), StoreError> {
        let session = self.session(record.id)?;
        if session.record()?.phase == SessionPhase::Delivered {
            return Ok(session.remove_data()?);
        }
        let data = session.open_data()?;
        let place = Place::find(&self.root, &record.destination)?;
        if self.durability != Durability::None {
            data.sync_data()?;
        }
        // Written before the file appears, so that a full volume refuses while there is nothing to take back.
        session.stage(record)?;
        match overwrite {
            true => place.replace(&session)?,
            false => place.link(&session)?,
        }
        if self.durability != Durability::None {
            place.sync()?;
        }
        session.adopt()?;
        Ok(session.remove_data()?)
    }

    fn read(&self, id: SessionId) -> Result<Box<dyn Content>, StoreError> {
        self.content(id, session::DATA)
    }

    fn stage_reply(&self, id: SessionId) -> Result<Option<PathBuf>, StoreError> {
        reply::discard(&self.session(id)?)?;
        Ok(Some(self.session_path(id, reply::STAGED)))
    }

    fn put_reply(&self, id: SessionId, reply: NewReply<'_>) -> Result<(), StoreError> {
        Ok(reply::put(&self.session(id)?, reply)?)
    }

    fn reply(&self, id: SessionId) -> Result<Box<dyn Content>, StoreError> {
        self.content(id, reply::REPLY)
    }

    fn remove(&self, id: SessionId) -> Result<(), StoreError> {
        match session::remove(&self.sessions, id) {
            // The record is gone and so is the session, but a network file system keeps the name of a file that
            // is open here, as its lock is. The directory goes as what a crash leaves does.
            Err(error) if self.shared && error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            result => Ok(result?),
        }
    }

    /// Those that this process's user may have, of the volume where sessions lie; a quota is found out by writing.
    fn free_bytes(&self) -> Result<Option<u64>, StoreError> {
        let volume = rustix::fs::fstatvfs(&self.sessions).map_err(io::Error::from)?;
        Ok(Some(volume.f_bavail.saturating_mul(volume.f_frsize)))
    }

    fn probe(&self) -> Result<(), StoreError> {
        Ok(view::probe(&self.sessions)?)
    }

    fn shared(&self) -> Option<&dyn SharedStore> {
        self.shared.then_some(self)
    }
}

impl Drop for DirStore {
    /// Closes the store in good order. After an error the next one takes it for a loss of power, if the system
    /// was started anew meanwhile; then clients send again what was not surely stored.
    fn drop(&mut self) {
        if !self.shared {
            let _ = boot::end(&self.sessions, self.durability);
        }
    }
}

impl SharedStore for DirStore {
    fn find(&self, id: SessionId) -> Result<Option<StoredSession>, StoreError> {
        match self.session(id).and_then(|session| session.stored(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            result => Ok(Some(result?)),
        }
    }

    fn lock(&self, id: SessionId) -> Result<Box<dyn SessionLock>, StoreError> {
        Ok(Box::new(DirSessionLock::take(&self.sessions, id, self.durability)?))
    }

    fn touch(&self, id: SessionId, now_ms: u64) -> Result<(), StoreError> {
        Ok(self.session(id)?.touch(now_ms)?)
    }

    fn collect_orphans(&self) -> Result<(), Error> {
        self.remove_half_made()
    }
}

/// Opens a directory below another one, but not behind a symbolic link.
fn open_directory(parent: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// Opens a file below a directory, but not behind a symbolic link, and nothing else than a file: a pipe would
/// make the caller wait, a device might be anything. A file that is made gets `mode`.
fn open_file(parent: &OwnedFd, name: &str, flags: OFlags, mode: Mode) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(openat(parent, name, flags, mode)?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(invalid(format!("{name} is not a file"))),
    }
}

/// Unlinks a file; that there is none is success.
fn unlink_if_there(parent: &OwnedFd, name: &str) -> rustix::io::Result<()> {
    use rustix::io::Errno;
    match rustix::fs::unlinkat(parent, name, rustix::fs::AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        result => result,
    }
}
