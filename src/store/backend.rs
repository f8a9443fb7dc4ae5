//! A store over somewhere else: a database, an object store, an encrypted disk.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use super::record::invalid;
use super::{
    Content, Destination, NewReply, SessionRecord, Sink, Store, StoreError, StoredSession, StoredSessions,
    UnreadableSession,
};
use crate::proto::SessionId;

/// How much of a reply in a file is read at a time.
const PIECE: usize = 64 * 1024;

/// Where [`BackendStore`] keeps sessions: a record and two parts each. What it takes to be a store beyond
/// keeping bytes is done above it.
///
/// Calls have no state between them: each names its session, its part and its offset. Calls for one session
/// come one at a time, [`Self::read`] and [`Self::stat`] aside, which come at any time; calls for different
/// sessions come concurrently, on whichever thread an engine is called.
///
/// Errors decide what the client is answered: [`StoreError::NotFound`] 404, [`StoreError::Denied`] 403,
/// [`StoreError::NoSpace`] 500 with the HRESULT of a full disk, [`StoreError::Io`] 500.
pub trait Backend: Send + Sync {
    /// Makes a session with that record, whose data is there and empty. A session that is there already holds
    /// no bytes and is replaced.
    fn create(&self, id: SessionId, record: &[u8]) -> Result<(), StoreError>;

    /// Replaces the record, whole or not at all; `NotFound` when there is no such session.
    fn save(&self, id: SessionId, record: &[u8]) -> Result<(), StoreError>;

    /// Tells `found` of every session that a former process left: its record, and when it was last written to,
    /// in milliseconds since 1970, 0 for never since it was made. Who tells of none forgets sessions at a
    /// restart.
    fn list(&self, found: &mut dyn FnMut(SessionId, &[u8], u64)) -> Result<(), StoreError>;

    /// Length and time of a part; `NotFound` when there is none.
    fn stat(&self, id: SessionId, part: Part) -> Result<PartInfo, StoreError>;

    /// Appends to a part that is `offset` bytes long. A reply is made by the write at offset 0, which may be
    /// one of no bytes. What is kept must outlive a crash of the process when [`Self::flush`] returns, at the
    /// latest. After an error, [`Self::stat`] tells how much was kept.
    fn write(&self, id: SessionId, part: Part, offset: u64, data: &[u8]) -> Result<(), StoreError>;

    /// Ends a run of writes; now what they wrote is acknowledged. A run that a lost connection ends has none.
    fn flush(&self, _id: SessionId, _part: Part) -> Result<(), StoreError> {
        Ok(())
    }

    /// Reads at that offset, at most a buffer full; 0 at the end only.
    fn read(&self, id: SessionId, part: Part, offset: u64, buffer: &mut [u8]) -> Result<usize, StoreError>;

    /// Puts the data at its destination, whole or not at all, replacing a file there only if `overwrite`, then
    /// replaces the record and gives the data up: at once, or in this order. Called again when it failed or
    /// when the process died meanwhile; then it goes on from where it was, and a session whose data it gave up
    /// already is success. `NotFound` when there is no such session.
    fn commit(
        &self,
        id: SessionId,
        destination: &Destination,
        overwrite: bool,
        record: &[u8],
    ) -> Result<(), StoreError>;

    /// Removes a part, or with `None` the session with all it has; a delivered file stays. Nothing to remove
    /// is success.
    fn remove(&self, id: SessionId, part: Option<Part>) -> Result<(), StoreError>;

    /// What is at a destination. Who says that everything is free leaves it to [`Self::commit`] to refuse.
    fn place(&self, _destination: &Destination) -> Result<Place, StoreError> {
        Ok(Place::Free)
    }
}

/// A part of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Part {
    /// The received bytes.
    Data = 1,
    /// The reply to them.
    Reply = 2,
}

/// What is known of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartInfo {
    /// How many bytes it has.
    pub length: u64,
    /// When it was last written, in milliseconds since 1970.
    pub modified_ms: u64,
}

/// What is at a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Place {
    /// Nothing; a file can go there.
    Free = 0,
    /// A file.
    File = 1,
    /// A folder, or what else no file can replace.
    Folder = 2,
    /// Nothing, and no folder that could hold it.
    NoFolder = 3,
}

/// Makes a store of a [`Backend`].
#[derive(Debug)]
pub struct BackendStore<B>(Arc<B>);

impl<B: Backend + 'static> BackendStore<B> {
    /// A store over it.
    pub fn new(backend: B) -> Self {
        Self(Arc::new(backend))
    }

    fn content(&self, id: SessionId, part: Part) -> Result<Box<dyn Content>, StoreError> {
        let info = self.0.stat(id, part)?;
        Ok(Box::new(PartContent { backend: Arc::clone(&self.0), id, part, info }))
    }

    fn write_reply(&self, id: SessionId, mut reply: impl Read) -> Result<(), StoreError> {
        let mut buffer = vec![0; PIECE];
        let mut offset = 0_u64;
        loop {
            let count = reply.read(&mut buffer)?;
            // Also without bytes, if they are the first: an empty reply is one.
            if count > 0 || offset == 0 {
                self.0.write(id, Part::Reply, offset, buffer.get(..count).unwrap_or_default())?;
            }
            if count == 0 {
                return self.0.flush(id, Part::Reply);
            }
            offset = offset.saturating_add(length(count));
        }
    }
}

impl<B: Backend + 'static> Store for BackendStore<B> {
    fn check(&self, destination: &Destination, overwrite: bool) -> Result<(), StoreError> {
        match self.0.place(destination)? {
            Place::File if !overwrite => Err(StoreError::Exists),
            Place::Free | Place::File => Ok(()),
            Place::Folder => Err(StoreError::IsDirectory),
            Place::NoFolder => Err(StoreError::ParentMissing),
        }
    }

    fn sessions(&self) -> Result<StoredSessions, StoreError> {
        let mut found = StoredSessions::default();
        self.0.list(&mut |id, bytes, modified_ms| match record_of(id, bytes) {
            Ok(record) => {
                let modified_ms = modified_ms.max(record.created_ms);
                found.sessions.push(StoredSession { record, modified_ms });
            }
            Err(error) => found.unreadable.push(UnreadableSession { id, reason: error.to_string() }),
        })?;
        Ok(found)
    }

    fn create(&self, record: &SessionRecord) -> Result<(), StoreError> {
        match self.0.stat(record.id, Part::Data) {
            Ok(PartInfo { length: 1.., .. }) => {
                let message = "the session exists and holds bytes";
                Err(io::Error::new(io::ErrorKind::AlreadyExists, message).into())
            }
            Ok(_) | Err(StoreError::NotFound) => self.0.create(record.id, &record.to_bytes()?),
            Err(error) => Err(error),
        }
    }

    fn save(&self, record: &SessionRecord) -> Result<(), StoreError> {
        self.0.save(record.id, &record.to_bytes()?)
    }

    fn open(&self, id: SessionId) -> Result<Box<dyn Sink>, StoreError> {
        let received = self.0.stat(id, Part::Data)?.length;
        Ok(Box::new(PartSink { backend: Arc::clone(&self.0), id, received }))
    }

    fn commit(&self, record: &SessionRecord, overwrite: bool) -> Result<(), StoreError> {
        let committed = self.0.commit(record.id, &record.destination, overwrite, &record.to_bytes()?);
        match committed {
            // Which of these it was, the place tells.
            Err(StoreError::Denied(_) | StoreError::NotFound) => {
                self.check(&record.destination, overwrite).and(committed)
            }
            _ => committed,
        }
    }

    fn read(&self, id: SessionId) -> Result<Box<dyn Content>, StoreError> {
        self.content(id, Part::Data)
    }

    fn stage_reply(&self, id: SessionId) -> Result<Option<PathBuf>, StoreError> {
        self.0.remove(id, Some(Part::Reply)).map(|()| None)
    }

    fn put_reply(&self, id: SessionId, reply: NewReply<'_>) -> Result<(), StoreError> {
        self.0.remove(id, Some(Part::Reply))?;
        let written = match reply {
            NewReply::Bytes(bytes) => self.write_reply(id, bytes),
            NewReply::File(path) => self.write_reply(id, File::open(path)?),
        };
        match (written, reply) {
            (Ok(()), NewReply::File(path)) => Ok(fs::remove_file(path)?),
            (Ok(()), NewReply::Bytes(_)) => Ok(()),
            (Err(error), _) => {
                // What is left is not the reply. If this fails, too, the next one begins with it.
                let _ = self.0.remove(id, Some(Part::Reply));
                Err(error)
            }
        }
    }

    fn reply(&self, id: SessionId) -> Result<Box<dyn Content>, StoreError> {
        self.content(id, Part::Reply)
    }

    fn remove(&self, id: SessionId) -> Result<(), StoreError> {
        self.0.remove(id, None)
    }
}

fn record_of(id: SessionId, bytes: &[u8]) -> io::Result<SessionRecord> {
    let record = SessionRecord::from_bytes(bytes)?;
    match record.id == id {
        true => Ok(record),
        false => Err(invalid(format!("it is the record of session {}", record.id))),
    }
}

/// Appends to a session's data.
struct PartSink<B> {
    backend: Arc<B>,
    id: SessionId,
    received: u64,
}

impl<B: Backend> Sink for PartSink<B> {
    fn received(&self) -> u64 {
        self.received
    }

    fn write(&mut self, data: &[u8]) -> Result<(), StoreError> {
        if data.is_empty() {
            return Ok(());
        }
        let end = self.received.saturating_add(length(data.len()));
        let written = self.backend.write(self.id, Part::Data, self.received, data);
        self.received = match written {
            Ok(()) => end,
            // Nothing, if that cannot be told: the next request finds out.
            Err(_) => match self.backend.stat(self.id, Part::Data) {
                Ok(info) if (self.received..=end).contains(&info.length) => info.length,
                _ => self.received,
            },
        };
        written
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.backend.flush(self.id, Part::Data)
    }
}

/// Reads a part.
struct PartContent<B> {
    backend: Arc<B>,
    id: SessionId,
    part: Part,
    info: PartInfo,
}

impl<B: Backend> Content for PartContent<B> {
    fn length(&self) -> u64 {
        self.info.length
    }

    fn modified_ms(&self) -> u64 {
        self.info.modified_ms
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.backend.read(self.id, self.part, offset, buffer).map_err(io::Error::other)?;
        match count <= buffer.len() {
            true => Ok(count),
            false => Err(invalid(format!("{count} bytes were read where {} fit", buffer.len()))),
        }
    }
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
