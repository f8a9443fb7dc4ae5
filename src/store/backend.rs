//! A store over another system, such as a database, an object store or an encrypted disk.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use super::ended::EndedSessions;
use super::record::invalid;
use super::{
    Content, Destination, EndedSession, NewReply, SessionEnd, SessionRecord, Sink, Store, StoreError,
    StoredSession, StoredSessions, UnreadableSession,
};
use crate::proto::SessionId;

/// Read size for a reply in a file, in bytes.
const CHUNK: usize = 64 * 1024;

/// The storage that [`BackendStore`] turns into a [`Store`]: for each session a record and two parts.
///
/// Calls keep no state between them: each one names its session, part and offset. Calls for one session come one at a
/// time, except [`Self::read`] and [`Self::stat`], which may come at any time. Calls for different sessions come
/// concurrently, each on the thread that called the engine.
///
/// Errors determine the response to the client: [`StoreError::NotFound`] gives 404, [`StoreError::Denied`] 403,
/// [`StoreError::NoSpace`] 500 with the HRESULT of a full disk, [`StoreError::Io`] 500. If [`Self::stat`] does not find the
/// data of a session, the session is removed, and a client that sends a Fragment starts again.
pub trait Backend: Send + Sync {
    /// Creates a session with this record and empty data. If the session exists, it holds no bytes and is replaced.
    ///
    /// # Errors
    ///
    /// Returns a [`StoreError`] if the store fails.
    fn create(&self, id: SessionId, record: &[u8]) -> Result<(), StoreError>;

    /// Replaces the record, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no such session.
    fn save(&self, id: SessionId, record: &[u8]) -> Result<(), StoreError>;

    /// Calls `found` for every session that an earlier process left, with its record and the time of its last write
    /// in milliseconds since 1970 (0 if it was not written since it was created). A backend that lists nothing
    /// loses its sessions at a restart.
    ///
    /// # Errors
    ///
    /// Returns a [`StoreError`] if the store fails.
    fn list(&self, found: &mut dyn FnMut(SessionId, &[u8], u64)) -> Result<(), StoreError>;

    /// Returns length and modification time of a part.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no such part.
    fn stat(&self, id: SessionId, part: Part) -> Result<PartInfo, StoreError>;

    /// Appends to a part that is `offset` bytes long. The write at offset 0 creates a reply, even with no bytes.
    /// The bytes must survive a crash of the process at the latest when [`Self::flush`] returns. After an error,
    /// [`Self::stat`] reports how much was kept.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSpace`] if the bytes do not fit.
    fn write(&self, id: SessionId, part: Part, offset: u64, data: &[u8]) -> Result<(), StoreError>;

    /// Ends a series of writes, before they are acknowledged. Not called if the connection is lost.
    ///
    /// # Errors
    ///
    /// Returns a [`StoreError`] if the store fails.
    fn flush(&self, _id: SessionId, _part: Part) -> Result<(), StoreError> {
        Ok(())
    }

    /// Reads from `offset` into `buffer` and returns the number of bytes read; 0 only at the end.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no such part.
    fn read(&self, id: SessionId, part: Part, offset: u64, buffer: &mut [u8]) -> Result<usize, StoreError>;

    /// Delivers the data to `destination`, whole or not at all, replacing a file there only if `overwrite` is set;
    /// then replaces the record and discards the data. Does all of it in one transaction, or in this order. Called
    /// again after a failure or a crash: it then continues where it stopped, and succeeds if the data was already
    /// delivered.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no such session.
    fn commit(
        &self,
        id: SessionId,
        destination: &Destination,
        overwrite: bool,
        record: &[u8],
    ) -> Result<(), StoreError>;

    /// Removes a part or, with `None`, the whole session. A delivered file stays. Succeeds if there is nothing to
    /// remove.
    ///
    /// # Errors
    ///
    /// Returns a [`StoreError`] if the store fails.
    fn remove(&self, id: SessionId, part: Option<Part>) -> Result<(), StoreError>;

    /// Returns what exists at a destination. The default reports every destination as free and leaves the check to
    /// [`Self::commit`].
    ///
    /// # Errors
    ///
    /// Returns a [`StoreError`] if the store fails.
    fn destination_state(&self, _destination: &Destination) -> Result<DestinationState, StoreError> {
        Ok(DestinationState::Free)
    }
}

/// A part of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Part {
    /// The received bytes.
    Data = 1,
    /// The reply.
    Reply = 2,
}

/// Length and modification time of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartInfo {
    /// Length in bytes.
    pub length: u64,
    /// Time of the last write, in milliseconds since 1970.
    pub modified_ms: u64,
}

/// What exists at a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum DestinationState {
    /// Nothing; a file can be delivered there.
    Free = 0,
    /// A file.
    File = 1,
    /// A directory, or something else that a file cannot replace.
    Directory = 2,
    /// Nothing, and its parent directory does not exist.
    ParentMissing = 3,
}

/// Makes a store of a [`Backend`].
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use bitsup::proto::SessionId;
/// use bitsup::store::{Backend, BackendStore, Destination, Part, PartInfo, StoreError};
///
/// /// Keeps parts in a map; sessions end with the process.
/// #[derive(Default)]
/// struct MapBackend(Mutex<HashMap<(SessionId, Part), Vec<u8>>>);
///
/// impl Backend for MapBackend {
///     fn create(&self, id: SessionId, _record: &[u8]) -> Result<(), StoreError> {
///         self.0.lock().unwrap().insert((id, Part::Data), Vec::new());
///         Ok(())
///     }
///
///     fn save(&self, _: SessionId, _: &[u8]) -> Result<(), StoreError> {
///         Ok(()) // records are not read again, because `list` finds no sessions
///     }
///
///     fn list(&self, _: &mut dyn FnMut(SessionId, &[u8], u64)) -> Result<(), StoreError> {
///         Ok(())
///     }
///
///     fn stat(&self, id: SessionId, part: Part) -> Result<PartInfo, StoreError> {
///         let parts = self.0.lock().unwrap();
///         let bytes = parts.get(&(id, part)).ok_or(StoreError::NotFound)?;
///         Ok(PartInfo { length: bytes.len() as u64, modified_ms: 0 })
///     }
///
///     fn write(&self, id: SessionId, part: Part, _offset: u64, data: &[u8]) -> Result<(), StoreError> {
///         self.0.lock().unwrap().entry((id, part)).or_default().extend_from_slice(data);
///         Ok(())
///     }
///
///     fn read(&self, id: SessionId, part: Part, offset: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
///         let parts = self.0.lock().unwrap();
///         let bytes = parts.get(&(id, part)).ok_or(StoreError::NotFound)?;
///         let rest = &bytes[bytes.len().min(offset as usize)..];
///         let count = rest.len().min(buffer.len());
///         buffer[..count].copy_from_slice(&rest[..count]);
///         Ok(count)
///     }
///
///     fn commit(&self, id: SessionId, to: &Destination, _: bool, _: &[u8]) -> Result<(), StoreError> {
///         let data = self.0.lock().unwrap().remove(&(id, Part::Data)).ok_or(StoreError::NotFound)?;
///         println!("received {} with {} bytes", String::from(to.clone()), data.len());
///         Ok(())
///     }
///
///     fn remove(&self, id: SessionId, part: Option<Part>) -> Result<(), StoreError> {
///         self.0.lock().unwrap().retain(|(of, kind), _| *of != id || part.is_some_and(|part| part != *kind));
///         Ok(())
///     }
/// }
///
/// let store = BackendStore::new(MapBackend::default());
/// # let _ = store;
/// ```
///
/// The store remembers in memory how sessions ended; see [`Store::retire`].
#[derive(Debug)]
pub struct BackendStore<B> {
    backend: Arc<B>,
    ended: EndedSessions,
}

impl<B: Backend + 'static> BackendStore<B> {
    /// Creates a store over `backend`.
    pub fn new(backend: B) -> Self {
        Self { backend: Arc::new(backend), ended: EndedSessions::default() }
    }

    fn content(&self, id: SessionId, part: Part) -> Result<Box<dyn Content>, StoreError> {
        let info = self.backend.stat(id, part)?;
        Ok(Box::new(PartContent { backend: Arc::clone(&self.backend), id, part, info }))
    }

    fn write_reply(&self, id: SessionId, mut reply: impl Read) -> Result<(), StoreError> {
        let mut buffer = vec![0; CHUNK];
        let mut offset = 0_u64;
        loop {
            let count = reply.read(&mut buffer)?;
            // An empty reply is written as well, so that it exists.
            if count > 0 || offset == 0 {
                self.backend.write(
                    id,
                    Part::Reply,
                    offset,
                    buffer.get(..count).ok_or_else(|| oversized(count, CHUNK))?,
                )?;
            }
            if count == 0 {
                return self.backend.flush(id, Part::Reply);
            }
            offset = offset.saturating_add(count as u64);
        }
    }
}

impl<B: Backend + 'static> Store for BackendStore<B> {
    fn check(&self, destination: &Destination, overwrite: bool) -> Result<(), StoreError> {
        match self.backend.destination_state(destination)? {
            DestinationState::File if !overwrite => Err(StoreError::Exists),
            DestinationState::Free | DestinationState::File => Ok(()),
            DestinationState::Directory => Err(StoreError::IsDirectory),
            DestinationState::ParentMissing => Err(StoreError::ParentMissing),
        }
    }

    fn sessions(&self) -> Result<StoredSessions, StoreError> {
        let mut found = StoredSessions::default();
        self.backend.list(&mut |id, bytes, modified_ms| match record_of(id, bytes) {
            Ok(record) => {
                let modified_ms = modified_ms.max(record.created_ms);
                found.sessions.push(StoredSession { record, modified_ms });
            }
            Err(error) => found.unreadable.push(UnreadableSession { id, reason: error.to_string() }),
        })?;
        Ok(found)
    }

    fn create(&self, record: &SessionRecord) -> Result<(), StoreError> {
        match self.backend.stat(record.id, Part::Data) {
            Ok(PartInfo { length: 1.., .. }) => {
                let message = "the session exists and holds bytes";
                Err(io::Error::new(io::ErrorKind::AlreadyExists, message).into())
            }
            Ok(_) | Err(StoreError::NotFound) => self.backend.create(record.id, &record.to_bytes()?),
            Err(error) => Err(error),
        }
    }

    fn save(&self, record: &SessionRecord) -> Result<(), StoreError> {
        self.backend.save(record.id, &record.to_bytes()?)
    }

    fn open(&self, id: SessionId) -> Result<Box<dyn Sink>, StoreError> {
        let received = self.backend.stat(id, Part::Data)?.length;
        Ok(Box::new(PartSink { backend: Arc::clone(&self.backend), id, received }))
    }

    fn commit(&self, record: &SessionRecord, overwrite: bool) -> Result<(), StoreError> {
        let committed = self.backend.commit(record.id, &record.destination, overwrite, &record.to_bytes()?);
        match committed {
            // The state of the destination gives the more precise error.
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
        self.backend.remove(id, Some(Part::Reply)).map(|()| None)
    }

    fn put_reply(&self, id: SessionId, reply: NewReply<'_>) -> Result<(), StoreError> {
        self.backend.remove(id, Some(Part::Reply))?;
        let written = match reply {
            NewReply::Bytes(bytes) => self.write_reply(id, bytes),
            NewReply::File(path) => self.write_reply(id, File::open(path)?),
        };
        match (written, reply) {
            (Ok(()), NewReply::File(path)) => Ok(fs::remove_file(path)?),
            (Ok(()), NewReply::Bytes(_)) => Ok(()),
            (Err(error), _) => {
                // Do not leave an incomplete reply. If this removal fails too, the next attempt repeats it
                // first.
                let _ = self.backend.remove(id, Some(Part::Reply));
                Err(error)
            }
        }
    }

    fn reply(&self, id: SessionId) -> Result<Box<dyn Content>, StoreError> {
        self.content(id, Part::Reply)
    }

    fn remove(&self, id: SessionId) -> Result<(), StoreError> {
        self.backend.remove(id, None)
    }

    fn retire(&self, record: &SessionRecord, end: SessionEnd) -> Result<(), StoreError> {
        self.remove(record.id)?;
        self.ended.insert(record.id, EndedSession { end, identity: record.identity() });
        Ok(())
    }

    fn ended(&self, id: SessionId) -> Result<Option<EndedSession>, StoreError> {
        Ok(self.ended.get(id))
    }
}

fn record_of(id: SessionId, bytes: &[u8]) -> io::Result<SessionRecord> {
    let record = SessionRecord::from_bytes(bytes)?;
    if record.id != id {
        return Err(invalid(format!("the record belongs to session {}", record.id)));
    }
    Ok(record)
}

fn oversized(count: usize, room: usize) -> io::Error {
    invalid(format!("a read returned {count} bytes for a buffer of {room}"))
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
        let end = self.received.checked_add(data.len() as u64);
        let end =
            end.ok_or_else(|| invalid(format!("the data would end after 2^64 bytes at {}", self.received)))?;
        let written = self.backend.write(self.id, Part::Data, self.received, data);
        self.received = match written {
            Ok(()) => end,
            // If the length is unknown, none of the bytes count; the next request corrects that.
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
        if count > buffer.len() {
            return Err(oversized(count, buffer.len()));
        }
        Ok(count)
    }
}
