//! How many bytes of a session are surely on the disk. The length of its data file does not say that: after a loss
//! of power it may count bytes that were never written.

use std::fs::File;
use std::io;

use rustix::fs::{Mode, OFlags, fsync};
use rustix::io::{pread, pwrite, retry_on_intr};

use super::open_file;
use super::session::SessionDir;

/// The file that says so: two slots, written in turn, so that a write that is cut off spoils none but its own.
pub const SYNCED: &str = "synced";
/// A slot is the number twice, so that one which is half-written is seen.
const SLOT: usize = 42;
const NUMBER: usize = 20;

/// Writes down how many bytes were synchronised.
#[derive(Debug)]
pub struct Synced {
    file: File,
    second: bool,
}

impl Synced {
    /// Opens the file. A session that was made with another durability gets one.
    pub fn open(session: &SessionDir) -> io::Result<Self> {
        let file = match open_file(session.directory(), SYNCED, OFlags::RDWR, Mode::empty()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = make(session)?;
                fsync(session.directory())?;
                file
            }
            file => file?,
        };
        let [first, second] = slots(&file)?;
        Ok(Self { file, second: first > second })
    }

    /// Says that so many bytes are on the disk, which they must be.
    pub fn note(&mut self, length: u64) -> io::Result<()> {
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

/// Makes the file; the caller synchronises its directory.
pub fn make(session: &SessionDir) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE;
    open_file(session.directory(), SYNCED, flags, Mode::RUSR | Mode::WUSR)
}

/// What was noted last; 0 when nothing was.
pub fn read(session: &SessionDir) -> io::Result<u64> {
    match open_file(session.directory(), SYNCED, OFlags::RDONLY, Mode::empty()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        file => Ok(slots(&file?)?.into_iter().flatten().max().unwrap_or(0)),
    }
}

fn slots(file: &File) -> io::Result<[Option<u64>; 2]> {
    let mut bytes = [0; 2 * SLOT];
    let length = retry_on_intr(|| pread(file, &mut bytes, 0))?;
    let text = String::from_utf8_lossy(bytes.get(..length).unwrap_or_default());
    let slot = |at: usize| {
        let slot = text.get(at..at.saturating_add(SLOT))?.strip_suffix('\n')?;
        let (number, again) = slot.split_once(' ')?;
        let whole = number == again && number.len() == NUMBER;
        number.parse().ok().filter(|_| whole)
    };
    Ok([slot(0), slot(SLOT)])
}
