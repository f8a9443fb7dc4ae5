//! The number of bytes of a session that are on the disk. The length of the data file is not enough: after a
//! power failure it may include bytes that were never written.

use std::fs::File;
use std::io;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, fsync};
use rustix::io::{pread, pwrite, retry_on_intr};

use super::files::open_file;

/// The file with the length: two slots, written alternately, so that a torn write damages only its own slot.
const FILE: &str = "synced";
/// Length of a slot. It contains the number twice, so that a torn write is detected.
const SLOT: usize = 42;
const NUMBER: usize = 20;

/// Records how many bytes were synced.
#[derive(Debug)]
pub struct DurableLength {
    file: File,
    /// Whether the next write goes to the second slot.
    second: bool,
}

impl DurableLength {
    /// Opens the file in a session's directory. Creates it for a session that was created with another durability.
    pub fn open(session: &OwnedFd) -> io::Result<Self> {
        let file = match open_file(session, FILE, OFlags::RDWR, Mode::empty()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = create(session)?;
                fsync(session)?;
                file
            }
            file => file?,
        };
        let [first, second] = slots(&file)?;
        Ok(Self { file, second: first > second })
    }

    /// Records that the first `length` bytes are on the disk. The caller has synced them.
    pub fn record(&mut self, length: u64) -> io::Result<()> {
        let slot = format!("{length:020} {length:020}\n");
        let offset = if self.second { SLOT } else { 0 };
        let written = retry_on_intr(|| pwrite(&self.file, slot.as_bytes(), offset as u64))?;
        if written < SLOT {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.sync_data()?;
        self.second = !self.second;
        Ok(())
    }
}

/// Creates the file. The caller syncs the directory.
pub fn create(session: &OwnedFd) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE;
    open_file(session, FILE, flags, Mode::RUSR | Mode::WUSR)
}

/// Reads the length that was recorded last; 0 if there is none.
pub fn read(session: &OwnedFd) -> io::Result<u64> {
    match open_file(session, FILE, OFlags::RDONLY, Mode::empty()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        file => Ok(slots(&file?)?.into_iter().flatten().max().unwrap_or(0)),
    }
}

fn slots(file: &File) -> io::Result<[Option<u64>; 2]> {
    let mut bytes = [0; 2 * SLOT];
    let length = retry_on_intr(|| pread(file, &mut bytes, 0))?;
    let text = String::from_utf8_lossy(bytes.split_at(length).0);
    let slot = |at: usize| {
        let slot = text.get(at..at.saturating_add(SLOT))?.strip_suffix('\n')?;
        let (number, again) = slot.split_once(' ')?;
        let whole = number == again && number.len() == NUMBER;
        number.parse().ok().filter(|_| whole)
    };
    Ok([slot(0), slot(SLOT)])
}
