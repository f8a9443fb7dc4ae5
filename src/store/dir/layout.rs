//! The names of the store's own files in its own directory.

/// Locked by the process that uses the root, or by all that share it.
pub const LOCK: &str = "lock";
/// A second link to the lock file, created and removed to check that hard links work.
pub const LINK_PROBE: &str = "lock.link";
/// See [`super::boot_file`].
pub const BOOT: &str = "boot";
/// The sessions that clients ended lately.
pub const ENDED: &str = "ended";
/// The same, older.
pub const ENDED_OLD: &str = "ended.old";
/// The beginning of the name of a file that is written and removed; the process id follows.
pub const PROBE_PREFIX: &str = "probe.";

/// Returns whether the store itself uses that name, and not for a session.
pub fn is_own(name: &str) -> bool {
    [LOCK, LINK_PROBE, BOOT, ENDED, ENDED_OLD].contains(&name) || name.starts_with(PROBE_PREFIX)
}
