//! The limit on open files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit on open files to the hard limit. Returns the resulting limit; `None` means no limit.
///
/// The usual soft limit of 1024 exists for programs that use `select`, which bitsup does not.
pub fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        Ok(()) => limit.maximum,
        // The system's maximum is below the hard limit; the soft limit is unchanged.
        Err(_) => limit.current,
    }
}
