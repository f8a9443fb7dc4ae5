//! Recovery after a power failure (docs/operations/durability.md).
//!
//! While a store is open, `ROOT/.bitsup/boot` contains the system's boot id. A different id found at a start means that
//! the system was rebooted while the store was open; then only the synced bytes of a session are valid. A clean shutdown
//! syncs everything and writes a marker instead of the id.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, fsync};
use rustix::io::Errno;

use super::durable_length;
use super::files::open_file;
use super::options::Durability;
use super::session::{self, SessionDir};
use crate::store::{SessionPhase, SessionRecord};

/// The file with the boot id. It is overwritten in place, so that a full volume does not prevent a start.
const BOOT: &str = "boot";
/// The content after a clean shutdown, as long as an id with its line feed.
const CLOSED: &[u8; 37] = b"closed                              \n";

/// Repairs the sessions if there was a power failure, and prepares the detection of the next one. Without a boot id, as on
/// systems other than Linux, power failures are not detected.
pub fn recover(root: &OwnedFd, sessions: &OwnedFd, durability: Durability) -> io::Result<()> {
    let Ok(boot_id) = fs::read("/proc/sys/kernel/random/boot_id") else { return Ok(()) };
    let file = open(sessions, OFlags::CREATE)?;
    let mut previous = Vec::new();
    (&file).read_to_end(&mut previous)?;
    if previous == boot_id {
        return Ok(());
    }
    if !previous.is_empty() && previous != CLOSED {
        truncate_to_durable(sessions)?;
    }
    write(&file, &boot_id)?;
    sync_directory(sessions, durability)?;
    // The store's own directory may be new.
    sync_directory(root, durability)
}

/// Syncs everything and marks the store as cleanly closed.
pub fn mark_clean_shutdown(sessions: &OwnedFd, durability: Durability) -> io::Result<()> {
    for id in session::ids(sessions)? {
        let session = SessionDir::open(sessions, id, durability)?;
        for file in [session.open_data(), session.open_record()] {
            match file {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                file => file?.sync_data()?,
            }
        }
        sync_directory(session.directory(), durability)?;
    }
    sync_directory(sessions, durability)?;
    write(&open(sessions, OFlags::empty())?, CLOSED)
}

fn open(sessions: &OwnedFd, flags: OFlags) -> io::Result<File> {
    open_file(sessions, BOOT, OFlags::RDWR | flags, Mode::RUSR | Mode::WUSR)
}

fn write(mut file: &File, text: &[u8]) -> io::Result<()> {
    file.rewind()?;
    file.write_all(text)?;
    file.sync_data()
}

/// Truncates every session to its synced bytes, and removes sessions whose record did not reach the disk as a whole. Any
/// other unreadable record is left to be reported.
fn truncate_to_durable(sessions: &OwnedFd) -> io::Result<()> {
    for id in session::ids(sessions)? {
        let session = SessionDir::open(sessions, id, Durability::Fragment)?;
        let mut bytes = Vec::new();
        match session.open_record() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            record => record?.read_to_end(&mut bytes)?,
        };
        match SessionRecord::from_bytes(&bytes) {
            Ok(record) if record.phase == SessionPhase::Receiving => truncate(&session)?,
            Err(_) if is_torn(&bytes) => session::remove(sessions, id)?,
            _ => {}
        }
    }
    Ok(())
}

/// Returns whether JSON ends early or contains bytes that were never written.
fn is_torn(json: &[u8]) -> bool {
    let read = serde_json::from_slice::<serde::de::IgnoredAny>(json);
    json.contains(&0) || read.is_err_and(|error| error.is_eof())
}

fn truncate(session: &SessionDir) -> io::Result<()> {
    let data: File = match session.open_data() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        data => data?,
    };
    let durable = durable_length::read(session.directory())?;
    if data.metadata()?.len() > durable {
        data.set_len(durable)?;
        data.sync_all()?;
    }
    Ok(())
}

/// Syncs a directory. With durability `none`, a file system that cannot do it is accepted.
fn sync_directory(directory: &OwnedFd, durability: Durability) -> io::Result<()> {
    match fsync(directory) {
        Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS | Errno::BADF) if durability == Durability::None => {
            Ok(())
        }
        result => Ok(result?),
    }
}
