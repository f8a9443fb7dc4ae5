//! The directory of one session. The session exists exactly as long as the directory contains a record:
//! creating a session ends with writing the record, removing it begins with unlinking the record.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fd::OwnedFd;
use rustix::fs::{
    AtFlags, Dir, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, fstat, fsync, mkdirat, renameat, statat,
    unlinkat, utimensat,
};
use rustix::io::Errno;

use super::durable_length;
use super::files::{open_directory, open_file, unlink_if_exists};
use super::layout;
use super::options::Durability;
use crate::clock::millis;
use crate::proto::SessionId;
use crate::store::record::invalid;
use crate::store::{SessionRecord, StoredSession};

/// The file with the record.
pub const RECORD: &str = "session.json";
/// The next record until it is renamed.
const STAGED: &str = "session.json.new";
/// The file with the received bytes.
pub const DATA: &str = "data";

/// A copy of the data until it is renamed.
const DATA_COPY: &str = "data.new";

/// An open session directory.
#[derive(Debug)]
pub struct SessionDir {
    directory: OwnedFd,
    durability: Durability,
}

impl SessionDir {
    /// Creates a session without bytes. Reuses what an earlier attempt left, but never discards bytes.
    pub fn create(sessions: &OwnedFd, record: &SessionRecord, durability: Durability) -> io::Result<()> {
        match mkdirat(sessions, record.id.to_string(), Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        let session = Self::open(sessions, record.id, durability)?;
        if let Err(error) = session.populate(record) {
            if error.kind() != io::ErrorKind::AlreadyExists {
                // Otherwise orphans would accumulate on a full volume. If this fails, the next start removes
                // it.
                let _ = remove(sessions, record.id);
            }
            return Err(error);
        }
        match durability {
            Durability::Fragment => Ok(fsync(sessions)?),
            _ => Ok(()),
        }
    }

    /// Opens a session's directory; `NotFound` if there is none.
    pub fn open(sessions: &OwnedFd, id: SessionId, durability: Durability) -> io::Result<Self> {
        Ok(Self { directory: open_directory(sessions, &id.to_string())?, durability })
    }

    /// Returns the directory's descriptor.
    pub fn directory(&self) -> &OwnedFd {
        &self.directory
    }

    /// Returns what survives a power failure.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// Opens the data for reading and writing; `NotFound` if it is gone.
    pub fn open_data(&self) -> io::Result<File> {
        open_file(&self.directory, DATA, OFlags::RDWR, Mode::empty())
    }

    /// Unlinks the data. Succeeds if it is gone.
    pub fn remove_data(&self) -> io::Result<()> {
        Ok(unlink_if_exists(&self.directory, DATA)?)
    }

    /// Reads the record.
    pub fn record(&self) -> io::Result<SessionRecord> {
        parse(&mut self.open_record()?)
    }

    /// Reads the staged record, if there is a whole one.
    pub fn staged(&self) -> Option<SessionRecord> {
        let file = open_file(&self.directory, STAGED, OFlags::RDONLY, Mode::empty());
        file.and_then(|mut file| parse(&mut file)).ok()
    }

    /// Replaces the data by a copy of its first `length` bytes, which is on the disk afterwards.
    pub fn replace_data(&self, data: &File, length: u64) -> io::Result<()> {
        unlink_if_exists(&self.directory, DATA_COPY)?;
        let mode = Mode::from_raw_mode(data.metadata()?.mode());
        let mut copy =
            open_file(&self.directory, DATA_COPY, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode)?;
        io::copy(&mut data.take(length), &mut copy)?;
        copy.sync_all()?;
        renameat(&self.directory, DATA_COPY, &self.directory, DATA)?;
        Ok(fsync(&self.directory)?)
    }

    /// Reads the record, which must belong to session `id`, and the time of the session's last write.
    pub fn stored(&self, id: SessionId) -> io::Result<StoredSession> {
        let mut file = self.open_record().map_err(|error| in_file(RECORD, &error))?;
        let record = parse(&mut file).map_err(|error| in_file(RECORD, &error))?;
        if record.id != id {
            let error = invalid(format!("the record belongs to session {}", record.id));
            return Err(in_file(RECORD, &error));
        }
        let recorded = modified_ms(&file)?;
        let modified_ms = match open_file(&self.directory, DATA, OFlags::RDONLY, Mode::empty()) {
            Ok(data) => modified_ms(&data)?.max(recorded),
            Err(error) if error.kind() == io::ErrorKind::NotFound => recorded,
            Err(error) => return Err(in_file(DATA, &error)),
        };
        Ok(StoredSession { record, modified_ms })
    }

    /// Replaces the record atomically.
    pub fn save(&self, record: &SessionRecord) -> io::Result<()> {
        self.stage(record)?;
        self.publish_staged()
    }

    /// Writes the next record under a temporary name.
    pub fn stage(&self, record: &SessionRecord) -> io::Result<()> {
        // Never overwritten in place: after a power failure this may be a second name of the current record.
        unlink_if_exists(&self.directory, STAGED)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let mut file = open_file(&self.directory, STAGED, flags, Mode::RUSR | Mode::WUSR)?;
        file.write_all(&record.to_bytes()?)?;
        match self.durability {
            Durability::Fragment => file.sync_data(),
            _ => Ok(()),
        }
    }

    /// Renames the staged record over the current one.
    pub fn publish_staged(&self) -> io::Result<()> {
        renameat(&self.directory, STAGED, &self.directory, RECORD)?;
        match self.durability {
            Durability::Fragment => Ok(fsync(&self.directory)?),
            _ => Ok(()),
        }
    }

    /// Checks that the session exists; `NotFound` if it was removed.
    pub fn check(&self) -> io::Result<()> {
        statat(&self.directory, RECORD, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }

    /// Sets the time that [`Self::stored`] reports, unless the data was written later.
    pub fn touch(&self, now_ms: u64) -> io::Result<()> {
        let now = Duration::from_millis(now_ms);
        let modified = Timespec::try_from(now).map_err(invalid)?;
        let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let times = Timestamps { last_access, last_modification: modified };
        Ok(utimensat(&self.directory, RECORD, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn populate(&self, record: &SessionRecord) -> io::Result<()> {
        // The mode of the delivered file, less the process's umask.
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
        let data = open_file(&self.directory, DATA, OFlags::RDWR | OFlags::CREATE, mode)?;
        if data.metadata()?.len() > 0 {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the session exists and holds bytes"));
        }
        if self.durability == Durability::Fragment {
            // The directory entry is synced together with the record's.
            durable_length::create(&self.directory)?;
        }
        self.save(record)
    }

    /// Returns how long ago an entry of the directory was created or removed.
    fn age(&self) -> io::Result<Duration> {
        // Times before 1970 count as 1970, and a time in the future as now.
        let changed = Duration::from_secs(u64::try_from(fstat(&self.directory)?.st_mtime).unwrap_or(0));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(now.saturating_sub(changed))
    }

    /// Opens the record for reading; `NotFound` if there is none.
    pub fn open_record(&self) -> io::Result<File> {
        open_file(&self.directory, RECORD, OFlags::RDONLY, Mode::empty())
    }
}

/// What the store's own directory contains besides the store's own files.
#[derive(Debug, Default)]
pub struct Listing {
    /// The ids of all sessions, including orphans. An entry with such a name need not be a directory.
    pub ids: Vec<SessionId>,
    /// Names that the store does not use.
    pub foreign: Vec<OsString>,
}

/// Lists the store's own directory.
pub fn list(sessions: &OwnedFd) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for name in names(sessions)? {
        match name.to_str() {
            Some(name) if layout::is_own(name) => {}
            text => match text.and_then(canonical_id) {
                Some(id) => listing.ids.push(id),
                None => listing.foreign.push(name),
            },
        }
    }
    Ok(listing)
}

/// Removes a session with its contents, the record first. Succeeds if it is gone.
pub fn remove(sessions: &OwnedFd, id: SessionId) -> io::Result<()> {
    let directory = match open_directory(sessions, &id.to_string()) {
        Err(Errno::NOENT) => return Ok(()),
        result => result?,
    };
    unlink_if_exists(&directory, RECORD)?;
    for name in names(&directory)? {
        unlink_if_exists(&directory, &name)?;
    }
    match unlinkat(sessions, id.to_string(), AtFlags::REMOVEDIR) {
        Err(Errno::NOENT) => Ok(()),
        result => Ok(result?),
    }
}

/// Returns whether a directory is an orphan that a crash left while a session was created or removed: it has no record
/// and has not changed for `min_age`.
pub fn is_orphan(sessions: &OwnedFd, id: SessionId, min_age: Duration) -> bool {
    SessionDir::open(sessions, id, Durability::None).is_ok_and(|session| {
        let gone = session.check().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        gone && session.age().is_ok_and(|age| age >= min_age)
    })
}

/// Adds the name of the file to an error.
fn in_file(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{name}: {error}"))
}

fn parse(file: &mut File) -> io::Result<SessionRecord> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    SessionRecord::from_bytes(&bytes)
}

/// Returns the time of the file's last write, in milliseconds since 1970.
pub fn modified_ms(file: &File) -> io::Result<u64> {
    // A time before 1970 counts as 1970.
    let since = file.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(millis(since))
}

fn canonical_id(name: &str) -> Option<SessionId> {
    SessionId::parse(name).filter(|id| id.to_string() == name)
}

/// Returns the names in a directory.
fn names(directory: &OwnedFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(names)
}
