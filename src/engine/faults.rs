//! Maps errors of a store and of paths to faults of the protocol (PROTOCOL 10.1).

use crate::proto::Fault;
use crate::store::{PathError, StoreError};

/// The `Retry-After` sent to a client whose session is in use, in seconds.
const BUSY_RETRY_AFTER: u32 = 5;

/// The fault that a client gets for an error of the store.
pub(super) fn from_store(error: &StoreError) -> Fault {
    match error {
        StoreError::Exists => Fault::denied("the destination exists"),
        StoreError::IsDirectory => Fault::invalid("the destination is a directory"),
        StoreError::ParentMissing => Fault::not_found("the destination's folder does not exist"),
        StoreError::NotFound => Fault::not_found("the session's data is gone"),
        StoreError::Busy => session_busy(),
        StoreError::NoSpace(_) => Fault::no_space(),
        StoreError::Denied(_) => Fault::denied("the operating system denied access"),
        StoreError::Io(_) => Fault::internal("the store failed"),
    }
}

/// The fault for a session that another request or server holds for too long. The client tries again later.
pub(super) fn session_busy() -> Fault {
    Fault::unavailable("another request or server is using the session", BUSY_RETRY_AFTER)
}

/// Whether the server caused an error, which then belongs in its log.
pub(super) fn is_server_side(error: &StoreError) -> bool {
    matches!(error, StoreError::NoSpace(_) | StoreError::Denied(_) | StoreError::Io(_))
}

/// The fault that a client gets for the path of its URL.
pub(super) fn from_path(error: PathError) -> Fault {
    match error {
        PathError::Directory => Fault::invalid("the URL names a directory"),
        PathError::Unsafe(reason) => Fault::invalid(reason),
        PathError::Reserved => Fault::denied("the URL's path is reserved"),
    }
}
