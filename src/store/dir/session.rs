//! One session's directory. It is a session from the moment its record is there until the record is gone:
//! making it ends with the record, removing it begins with it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fd::OwnedFd;
use rustix::fs::{
    AtFlags, Dir, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, fstat, fsync, mkdirat, renameat, statat,
    unlinkat, utimensat,
};
use rustix::io::Errno;

use super::{Durability, open_directory, open_file, synced, unlink_if_there};
use crate::proto::SessionId;
use crate::store::record::invalid;
use crate::store::{SessionRecord, StoredSession};

/// The file that holds the record.
pub const RECORD: &str = "session.json";
/// The next record, until it is renamed.
const STAGED: &str = "session.json.new";
/// The file that holds the bytes.
pub const DATA: &str = "data";

/// An open session directory.
#[derive(Debug)]
pub struct SessionDir {
    directory: OwnedFd,
    durability: Durability,
}

impl SessionDir {
    /// Makes a session without bytes. What a former attempt left of it is used; bytes are never discarded.
    pub fn create(sessions: &OwnedFd, record: &SessionRecord, durability: Durability) -> io::Result<()> {
        match mkdirat(sessions, record.id.to_string(), Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        let session = Self::open(sessions, record.id, durability)?;
        if let Err(error) = session.fill(record) {
            if error.kind() != io::ErrorKind::AlreadyExists {
                // A full volume would gather half-made sessions. If this fails, the next start removes it.
                let _ = remove(sessions, record.id);
            }
            return Err(error);
        }
        match durability {
            Durability::Fragment => Ok(fsync(sessions)?),
            _ => Ok(()),
        }
    }

    /// Opens a session's directory; `NotFound` when there is none.
    pub fn open(sessions: &OwnedFd, id: SessionId, durability: Durability) -> io::Result<Self> {
        Ok(Self { directory: open_directory(sessions, &id.to_string())?, durability })
    }

    /// The directory's descriptor.
    pub fn directory(&self) -> &OwnedFd {
        &self.directory
    }

    /// What survives a loss of power.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// Opens the bytes for reading and writing; `NotFound` when they are gone.
    pub fn open_data(&self) -> io::Result<File> {
        open_file(&self.directory, DATA, OFlags::RDWR, Mode::empty())
    }

    /// Gives up the bytes; that they are gone is success.
    pub fn remove_data(&self) -> io::Result<()> {
        Ok(unlink_if_there(&self.directory, DATA)?)
    }

    /// Reads the record.
    pub fn record(&self) -> io::Result<SessionRecord> {
        parse(&mut self.open_record()?)
    }

    /// Reads the record, which must be that of session `id`, and when the session was last written.
    pub fn stored(&self, id: SessionId) -> io::Result<StoredSession> {
        let mut file = self.open_record()?;
        let record = parse(&mut file)?;
        if record.id != id {
            return Err(invalid(format!("it is the record of session {}", record.id)));
        }
        let recorded = modified_ms(&file)?;
        let modified_ms = match open_file(&self.directory, DATA, OFlags::RDONLY, Mode::empty()) {
            Ok(data) => modified_ms(&data)?.max(recorded),
            Err(error) if error.kind() == io::ErrorKind::NotFound => recorded,
            Err(error) => return Err(error),
        };
        Ok(StoredSession { record, modified_ms })
    }

    /// Replaces the record, at once for every reader.
    pub fn save(&self, record: &SessionRecord) -> io::Result<()> {
        self.stage(record)?;
        self.adopt()
    }

    /// Writes the next record beside the present one.
    pub fn stage(&self, record: &SessionRecord) -> io::Result<()> {
        // Never written over: a loss of power may have left it as a second name of the present record.
        unlink_if_there(&self.directory, STAGED)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let mut file = open_file(&self.directory, STAGED, flags, Mode::RUSR | Mode::WUSR)?;
        file.write_all(&record.to_bytes()?)?;
        match self.durability {
            Durability::Fragment => file.sync_data(),
            _ => Ok(()),
        }
    }

    /// Makes the staged record the present one.
    pub fn adopt(&self) -> io::Result<()> {
        renameat(&self.directory, STAGED, &self.directory, RECORD)?;
        match self.durability {
            Durability::Fragment => Ok(fsync(&self.directory)?),
            _ => Ok(()),
        }
    }

    /// Whether the session is there; `NotFound` when it was removed.
    pub fn check(&self) -> io::Result<()> {
        statat(&self.directory, RECORD, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }

    /// Sets the time by which [`Self::stored`] says that the session was in use.
    pub fn touch(&self, now_ms: u64) -> io::Result<()> {
        let now = Duration::from_millis(now_ms);
        let modified = Timespec::try_from(now).map_err(invalid)?;
        let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let times = Timestamps { last_access, last_modification: modified };
        Ok(utimensat(&self.directory, RECORD, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn fill(&self, record: &SessionRecord) -> io::Result<()> {
        // The mode of the delivered file, less the process's umask.
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
        let data = open_file(&self.directory, DATA, OFlags::RDWR | OFlags::CREATE, mode)?;
        if data.metadata()?.len() > 0 {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the session exists and holds bytes"));
        }
        if self.durability == Durability::Fragment {
            // Its name gets to the disk with the record's.
            synced::make(self)?;
        }
        self.save(record)
    }

    /// How long ago something was made or removed in the directory.
    fn age(&self) -> io::Result<Duration> {
        let changed = Duration::from_secs(u64::try_from(fstat(&self.directory)?.st_mtime).unwrap_or(0));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(now.saturating_sub(changed))
    }

    /// Opens the record for reading; `NotFound` when there is none.
    pub fn open_record(&self) -> io::Result<File> {
        open_file(&self.directory, RECORD, OFlags::RDONLY, Mode::empty())
    }
}

/// The ids of all session directories, half-made ones included. Other names are not the store's.
pub fn ids(sessions: &OwnedFd) -> io::Result<Vec<SessionId>> {
    Ok(names(sessions)?.iter().filter_map(|name| canonical_id(name)).collect())
}

/// Removes a session with everything in it, the record first; that it is gone is success.
pub fn remove(sessions: &OwnedFd, id: SessionId) -> io::Result<()> {
    let directory = match open_directory(sessions, &id.to_string()) {
        Err(Errno::NOENT) => return Ok(()),
        result => result?,
    };
    unlink_if_there(&directory, RECORD)?;
    for name in names(&directory)? {
        unlink_if_there(&directory, &name)?;
    }
    Ok(unlinkat(sessions, id.to_string(), AtFlags::REMOVEDIR)?)
}

/// What a crash left of making or removing a session: directories without a record, in which nothing was
/// made or removed for that long.
pub fn half_made(sessions: &OwnedFd, for_at_least: Duration) -> io::Result<Vec<SessionId>> {
    let mut ids = ids(sessions)?;
    ids.retain(|id| {
        SessionDir::open(sessions, *id, Durability::None).is_ok_and(|session| {
            let gone = session.check().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
            gone && session.age().is_ok_and(|age| age >= for_at_least)
        })
    });
    Ok(ids)
}

fn parse(file: &mut File) -> io::Result<SessionRecord> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    SessionRecord::from_bytes(&bytes)
}

/// When the file was last written, in milliseconds since 1970.
pub fn modified_ms(file: &File) -> io::Result<u64> {
    let since = file.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn canonical_id(name: &str) -> Option<SessionId> {
    SessionId::parse(name).filter(|id| id.to_string() == name)
}

/// The names in a directory that are text; the store makes no others.
fn names(directory: &OwnedFd) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        match entry?.file_name().to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(name) => names.push(name.to_owned()),
        }
    }
    Ok(names)
}
