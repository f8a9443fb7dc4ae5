//! A store in a directory. Unix only.
//!
//! ```text
//! ROOT/                        delivered files
//! ROOT/.bitsup/lock            locked by the process that uses ROOT, or by all that share it
//! ROOT/.bitsup/boot            unless ROOT is shared: the boot id of the system while ROOT is in use; after a clean
//!                              shutdown, a marker; and which sessions have to be recovered
//! ROOT/.bitsup/probe.{PID}     written and removed to check that writing works
//! ROOT/.bitsup/ended           which sessions were closed or cancelled recently
//! ROOT/.bitsup/ended.old       the same, older
//! ROOT/.bitsup/{ID}/session.json   the record
//! ROOT/.bitsup/{ID}/data       the received bytes: a contiguous prefix of the file
//! ROOT/.bitsup/{ID}/data.new   a copy of `data`, during the recovery from a power failure
//! ROOT/.bitsup/{ID}/synced     with durability `fragment`: how many of the received bytes are on the disk
//! ROOT/.bitsup/{ID}/reply      the reply
//! ROOT/.bitsup/{ID}/reply.new  the reply while it is written
//! ROOT/.bitsup/{ID}/lock       if ROOT is shared: locked for a step of a request; holds the shared state
//! ROOT/.bitsup/{ID}/away       if ROOT is shared: locked while a callback is in progress
//! ```
//!
//! Names are resolved through directory descriptors, one component at a time and never through a symbolic link, so
//! concurrent changes of the tree cannot lead out of the root.

mod boot_file;
mod content;
mod crash_recovery;
mod data_file;
mod delivery;
mod durable_length;
mod ended;
mod file_lock;
mod files;
mod layout;
mod options;
mod reply;
mod root;
mod session;
mod session_lock;
mod sink;
mod view;

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};

use self::content::FileContent;
use self::crash_recovery::Recovery;
use self::data_file::DataFiles;
use self::delivery::DeliveryTarget;
use self::durable_length::DurableLength;
use self::file_lock::FileLock;
use self::files::open_file;
pub use self::options::{DirOptions, Durability};
use self::session::SessionDir;
use self::session_lock::DirSessionLock;
pub use self::view::DirView;
use super::{
    Content, Destination, EndedSession, NewReply, SessionEnd, SessionLock, SessionPhase, SessionRecord,
    SharedStore, Sink, Store, StoreEntry, StoreError, StoredSession, StoredSessions, UnreadableSession,
};
use crate::error::Error;
use crate::proto::SessionId;

/// Minimum age of an orphaned session directory (one without a record) in a shared root before it is removed. Another
/// process may be creating the session right now, which takes milliseconds.
const MIN_ORPHAN_AGE: Duration = Duration::from_secs(3600);

/// A store that delivers files under a root directory and keeps sessions in `ROOT/.bitsup/`. A file is delivered by a
/// hard link, so it appears whole and, unless overwriting is allowed, never replaces another file.
///
/// One process uses a root at a time, unless all of them share it ([`DirOptions::shared`]). The store holds a lock until
/// it is dropped.
///
/// After a power failure, a session is recovered when it is first used. [`Store::sessions`] recovers all sessions, and
/// removes what a crash left of sessions that were being created or removed.
///
/// # Examples
///
/// ```
/// use bitsup::store::{DirOptions, DirStore, Durability};
///
/// let root = tempfile::tempdir()?;
/// let options = DirOptions::default().durability(Durability::Fragment);
/// let store = DirStore::open(root.path(), options)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DirStore {
    /// Absolute. For messages and callbacks; files are opened through the descriptors.
    path: PathBuf,
    root: OwnedFd,
    sessions: OwnedFd,
    _lock: FileLock,
    durability: Durability,
    shared: bool,
    files: DataFiles,
    recovery: Recovery,
}

impl DirStore {
    /// Opens a root directory and locks it. This takes the same time however many sessions there are.
    ///
    /// # Errors
    ///
    /// - `NotFound` if the root does not exist,
    /// - `InvalidArgument` if it is not a directory,
    /// - `Denied` if it is not writable,
    /// - `Busy` if another store uses it and not both share it,
    /// - `Unsupported` if its file system has no hard links or cannot sync a directory,
    /// - `NoSpace` or `Io` if the operating system fails.
    pub fn open(root: impl AsRef<Path>, options: DirOptions) -> Result<Self, Error> {
        #[cfg(feature = "fault-injection")]
        crate::fault_injection::maybe_panic("store", &root.as_ref().to_string_lossy());
        let path = std::path::absolute(root.as_ref()).map_err(|error| {
            Error::io(format!("cannot make the root path {} absolute", root.as_ref().display()), error)
        })?;
        let DirOptions { durability, shared } = options;
        let root = root::open(&path)?;
        let sessions = root::open_sessions(&root, &path)?;
        let lock = root::lock(&sessions, &path, shared)?;
        root::probe(&sessions, &path, durability)?;
        let recovery = if shared {
            Recovery::shared()
        } else {
            Recovery::open(&root, &sessions, durability).map_err(|error| {
                let own = path.join(root::NAME);
                Error::io(
                    format!("cannot prepare the detection of power failures in {}", own.display()),
                    error,
                )
            })?
        };
        let files = DataFiles::new(durability, shared, recovery.is_clean);
        Ok(Self { path, root, sessions, _lock: lock, durability, shared, files, recovery })
    }

    /// Removes what a crash left of a session that was being created or removed. Returns it if that fails.
    fn remove_orphan(&self, id: SessionId) -> Option<UnreadableSession> {
        let is_orphan = if self.shared {
            session::is_orphan(&self.sessions, id, MIN_ORPHAN_AGE)
        } else {
            !self.recovery.may_be_in_use(id) && session::is_orphan(&self.sessions, id, Duration::ZERO)
        };
        let error = is_orphan.then(|| session::remove(&self.sessions, id).err())??;
        let directory = self.path.join(root::NAME).join(id.to_string());
        let reason = format!(
            "cannot remove the orphaned session {}: {error}: remove it manually",
            directory.display()
        );
        Some(UnreadableSession { id, reason })
    }

    /// Recovers a session if necessary, and opens its directory.
    fn session(&self, id: SessionId) -> io::Result<SessionDir> {
        self.recovery.recover(&self.root, &self.sessions, id)?;
        SessionDir::open(&self.sessions, id, self.durability).map_err(|error| self.explain(error))
    }

    /// Distinguishes a missing session from a missing `.bitsup`, which somebody removed while it was in use: the latter is
    /// a failure of the server and not an answer about the session.
    fn explain(&self, error: io::Error) -> io::Error {
        let is_removed = || rustix::fs::fstat(&self.sessions).is_ok_and(|stat| stat.st_nlink == 0);
        if error.kind() == io::ErrorKind::NotFound && is_removed() {
            let own = self.path.join(root::NAME);
            return io::Error::other(format!("{} was removed: restart the server", own.display()));
        }
        error
    }

    /// Reads a session. `None` if there is no such session.
    fn stored(&self, id: SessionId) -> io::Result<Option<StoredSession>> {
        match self.session(id).and_then(|session| session.stored(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            result => result.map(Some),
        }
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
        DeliveryTarget::find(&self.root, destination)?.check(overwrite)
    }

    fn sessions(&self) -> Result<StoredSessions, StoreError> {
        let mut found = StoredSessions::default();
        self.visit_sessions(&mut |entry| {
            found.push(entry);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    fn visit_sessions(&self, visit: &mut dyn FnMut(StoreEntry) -> ControlFlow<()>) -> Result<(), StoreError> {
        let session::Listing { ids, foreign } = session::list(&self.sessions)?;
        let foreign =
            foreign.iter().map(|name| Some(StoreEntry::Foreign(view::foreign_entry(&self.path, name))));
        let sessions = ids.into_iter().map(|id| match self.stored(id) {
            Ok(Some(stored)) => Some(StoreEntry::Session(stored)),
            Ok(None) => self.remove_orphan(id).map(StoreEntry::Unreadable),
            Err(error) => Some(StoreEntry::Unreadable(view::unreadable(&self.path, id, &error))),
        });
        if foreign.chain(sessions).flatten().try_for_each(visit).is_continue() {
            self.recovery.mark_complete()?;
        }
        Ok(())
    }

    fn find(&self, id: SessionId) -> Result<Option<StoredSession>, StoreError> {
        Ok(self.stored(id)?)
    }

    fn create(&self, record: &SessionRecord) -> Result<(), StoreError> {
        self.recovery.register_new(&self.root, &self.sessions, record.id)?;
        let created = SessionDir::create(&self.sessions, record, self.durability);
        Ok(created.map_err(|error| self.explain(error))?)
    }

    fn save(&self, record: &SessionRecord) -> Result<(), StoreError> {
        Ok(self.session(record.id)?.save(record)?)
    }

    fn open(&self, id: SessionId) -> Result<Box<dyn Sink>, StoreError> {
        self.recovery.recover(&self.root, &self.sessions, id)?;
        let data = self.files.open(&self.sessions, id).map_err(|error| self.explain(error))?;
        let durable_length = match self.durability {
            Durability::Fragment => Some(DurableLength::open(self.session(id)?.directory())?),
            _ => None,
        };
        Ok(Box::new(sink::FileSink::new(data, durable_length)?))
    }

    /// After a crash, the same call continues from the step that was reached:
    /// 1. linked but not recorded: the destination is `data` itself, which counts as delivered;
    /// 2. recorded but `data` not unlinked: only the unlink remains, whatever happened to the delivered file;
    /// 3. everything done: success.
    fn commit(&self, record: &SessionRecord, overwrite: bool) -> Result<(), StoreError> {
        let session = self.session(record.id)?;
        if session.record()?.phase == SessionPhase::Delivered {
            self.files.close(record.id);
            return Ok(session.remove_data()?);
        }
        let data = self.files.open(&self.sessions, record.id)?;
        let target = DeliveryTarget::find(&self.root, &record.destination)?;
        let length = data.length()?;
        // A failed sync since the last request may have taken bytes back.
        if record.total.is_some_and(|total| total != length) {
            return Err(io::Error::other(format!("the data has been truncated to {length} bytes")).into());
        }
        if self.durability != Durability::None {
            data.sync(length)?;
        }
        // Staged before the file appears, so that a full volume fails while there is nothing to undo.
        session.stage(record)?;
        if overwrite {
            target.replace(&session)?;
        } else {
            target.link(&session)?;
        }
        if self.durability != Durability::None
            && let Err(error) = target.sync()
        {
            // A rename over another file cannot be undone. If the unlink fails too, the first error says why.
            if !overwrite {
                let _ = target.unlink(&session);
            }
            return Err(error);
        }
        session.publish_staged()?;
        self.files.close(record.id);
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
        self.files.close(id);
        match session::remove(&self.sessions, id) {
            // The record has been removed, and with it the session. A network file system keeps the name of a
            // file that is still open here, such as the lock. The directory is removed later as an orphan.
            Err(error) if self.shared && error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            result => Ok(result?),
        }
    }

    fn retire(&self, record: &SessionRecord, end: SessionEnd) -> Result<(), StoreError> {
        // If it cannot be remembered, because the volume is full for example, it is only removed.
        let _ = ended::record(&self.sessions, record, end);
        self.remove(record.id)
    }

    fn ended(&self, id: SessionId) -> Result<Option<EndedSession>, StoreError> {
        Ok(ended::find(&self.sessions, id)?)
    }

    /// The bytes available to this process's user on the volume of the sessions. A quota shows only when writing.
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
    /// Marks the shutdown as clean or failed. If that fails and the system is rebooted, the next start treats it as a power
    /// failure and clients send again what was not synced.
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        if !self.shared {
            let untrusted = self.files.untrusted();
            let _ = self.recovery.mark_shutdown(&self.sessions, self.durability, &untrusted);
        }
    }
}

impl SharedStore for DirStore {
    fn try_lock(&self, id: SessionId) -> Result<Box<dyn SessionLock>, StoreError> {
        Ok(Box::new(DirSessionLock::try_acquire(&self.sessions, id, self.durability)?))
    }

    fn touch(&self, id: SessionId, now_ms: u64) -> Result<(), StoreError> {
        Ok(self.session(id)?.touch(now_ms)?)
    }

    fn collect_orphans(&self) -> Result<(), Error> {
        self.files.close_ended(&self.sessions);
        let listing = session::list(&self.sessions).map_err(|error| {
            Error::io(format!("cannot read {}", self.path.join(root::NAME).display()), error)
        })?;
        // One that cannot be removed is reported when the sessions are listed.
        listing.ids.into_iter().for_each(|id| drop(self.remove_orphan(id)));
        Ok(())
    }
}
