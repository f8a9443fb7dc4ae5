//! What is not surely on the disk, and finding out that the power was lost meanwhile (docs/operations/durability.md).
//!
//! While a store is open, `ROOT/.bitsup/boot` holds the id of the system's boot. Who finds another one there
//! follows a store that was never closed on a system that was: then of a session's bytes only those count that
//! were synchronised. A store that is closed in good order synchronises everything and says so there.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, fsync};
use rustix::io::Errno;

use super::session::{self, SessionDir};
use super::synced;
use super::{Durability, open_file};
use crate::store::{SessionPhase, SessionRecord};

/// Where the boot's id lies. It is written over in place, so that a full volume stops no server.
const BOOT: &str = "boot";
/// What is there when the store is closed, as long as an id with its line feed.
const CLOSED: &[u8; 37] = b"closed                              \n";

/// Takes back what a loss of power may have damaged, if there was one, and makes sure that the next one is
/// found out. Without a boot's id, as on systems other than Linux, none is.
pub fn begin(root: &OwnedFd, sessions: &OwnedFd, durability: Durability) -> io::Result<()> {
    let Ok(now) = fs::read("/proc/sys/kernel/random/boot_id") else { return Ok(()) };
    let file = open(sessions, OFlags::CREATE)?;
    let mut then = Vec::new();
    (&file).read_to_end(&mut then)?;
    if then == now {
        return Ok(());
    }
    if !then.is_empty() && then != CLOSED {
        take_back(sessions)?;
    }
    write(&file, &now)?;
    sync_folder(sessions, durability)?;
    // The store's own directory may be new.
    sync_folder(root, durability)
}

/// Says that everything is on the disk, after it was put there.
pub fn end(sessions: &OwnedFd, durability: Durability) -> io::Result<()> {
    for id in session::ids(sessions)? {
        let session = SessionDir::open(sessions, id, durability)?;
        for file in [session.open_data(), session.open_record()] {
            match file {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                file => file?.sync_data()?,
            }
        }
        sync_folder(session.directory(), durability)?;
    }
    sync_folder(sessions, durability)?;
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

/// Shortens the bytes of every session to those that were synchronised, and removes those whose record never
/// got to the disk as a whole. Any other record that cannot be read is left to whoever reports it.
fn take_back(sessions: &OwnedFd) -> io::Result<()> {
    for id in session::ids(sessions)? {
        let session = SessionDir::open(sessions, id, Durability::Fragment)?;
        let mut bytes = Vec::new();
        match session.open_record() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            record => record?.read_to_end(&mut bytes)?,
        };
        match SessionRecord::from_bytes(&bytes) {
            Ok(record) if record.phase == SessionPhase::Receiving => shorten(&session)?,
            Err(_) if is_cut_off(&bytes) => session::remove(sessions, id)?,
            _ => {}
        }
    }
    Ok(())
}

/// Whether JSON ends early, or holds bytes that were never written.
fn is_cut_off(json: &[u8]) -> bool {
    let read = serde_json::from_slice::<serde::de::IgnoredAny>(json);
    json.contains(&0) || read.is_err_and(|error| error.is_eof())
}

fn shorten(session: &SessionDir) -> io::Result<()> {
    let data: File = match session.open_data() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        data => data?,
    };
    let sure = synced::read(session)?;
    if data.metadata()?.len() > sure {
        data.set_len(sure)?;
        data.sync_all()?;
    }
    Ok(())
}

/// A file system that cannot do that is for durability `none`.
fn sync_folder(folder: &OwnedFd, durability: Durability) -> io::Result<()> {
    match fsync(folder) {
        Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS | Errno::BADF) if durability == Durability::None => {
            Ok(())
        }
        result => Ok(result?),
    }
}
