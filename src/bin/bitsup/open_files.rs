//! The limit of open files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises this process's limit of open files to what it may set by itself; what holds then, `None`: no limit.
///
/// The usual soft limit of 1024 exists for programs that use `select`, which this one does not.
pub fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        Ok(()) => limit.maximum,
        // The system's own ceiling is below the hard limit; the soft limit stays as it was.
        Err(_) => limit.current,
    }
}
