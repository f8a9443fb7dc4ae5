//! Where received bytes are kept: the traits that an engine writes through ([`Store`], [`Sink`], [`Content`]), the
//! two stores that come with bitsup ([`DirStore`], [`MemoryStore`]), and [`BackendStore`], which makes a store of a
//! simple [`Backend`] such as a database.

pub mod backend;
mod contract;
#[cfg(unix)]
pub mod dir;
mod ended;
pub mod memory;
pub mod path;
pub mod record;
#[cfg(unix)]
pub mod splice_buffer;

pub use backend::{Backend, BackendStore, DestinationState, Part, PartInfo};
pub use contract::{Content, MAX_SHARED_STATE, NewReply, SessionLock, SharedStore, Sink, Store, StoreError};
#[cfg(unix)]
pub use dir::{DirOptions, DirStore, DirView, Durability};
pub use memory::MemoryStore;
pub use path::{Destination, PathError};
pub use record::{
    EndedSession, Outcome, ReplyKind, SessionEnd, SessionPhase, SessionRecord, StoreEntry, StoredSession,
    StoredSessions, UnreadableSession,
};
#[cfg(unix)]
pub use splice_buffer::SpliceBuffer;
