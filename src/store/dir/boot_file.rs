//! `ROOT/.bitsup/boot`: which boot of the system the store was last used in, and which sessions have to be recovered.
//!
//! The first line is the id of that boot, or a marker of the same length after a clean shutdown. Another marker says that
//! the sync of the shutdown failed; the next start treats it as the id of a different boot. The line is followed by the
//! sessions that a power failure left and that are not recovered yet: a line for each, or `all`. While they are recovered,
//! a line `{ID} done` is appended for each, before its bytes are used. So whenever the process is killed, the next one
//! knows which sessions still need recovery: a session without its line must be recovered, and one with its line must not
//! be, because it may hold acknowledged bytes that are not synced. A shutdown appends a line `{ID}` for each session whose
//! data failed. The last line of a session counts.
//!
//! The file is overwritten in place, so that a full volume does not prevent a start. The order of writes makes every
//! intermediate state valid. Incomplete lines are ignored.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::{pwrite, retry_on_intr};

use super::files::open_file;
use super::layout::BOOT;
use crate::proto::SessionId;

/// The first line after a clean shutdown, as long as an id with its line feed.
const CLOSED: &[u8] = b"closed                              \n";
/// The first line after a shutdown that could not write all bytes to the disk. The next start trusts synced bytes only, as
/// after a power failure: the system treats the lost bytes as written.
const FAILED: &[u8] = b"failed                              \n";
/// The line that stands for all sessions.
const ALL: &str = "all";
/// What follows the id of a recovered session.
const DONE: &str = " done";

/// The sessions that a power failure or a failed disk left and that are not recovered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// All but these.
    AllExcept(HashSet<SessionId>),
    /// These.
    Only(HashSet<SessionId>),
}

impl Default for Pending {
    fn default() -> Self {
        Self::Only(HashSet::new())
    }
}

impl Pending {
    /// Whether that session is not recovered yet.
    pub fn contains(&self, id: SessionId) -> bool {
        match self {
            Self::AllExcept(done) => !done.contains(&id),
            Self::Only(pending) => pending.contains(&id),
        }
    }

    fn insert(&mut self, id: SessionId) {
        match self {
            Self::AllExcept(done) => done.remove(&id),
            Self::Only(pending) => pending.insert(id),
        };
    }

    fn remove(&mut self, id: SessionId) {
        match self {
            Self::AllExcept(done) => done.insert(id),
            Self::Only(pending) => pending.remove(&id),
        };
    }

    /// Parses the lines after the first one.
    fn parse(lines: &[u8]) -> Self {
        let text = String::from_utf8_lossy(lines);
        let mut pending = Self::default();
        // The text after the last line feed is an incomplete line.
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            if line == ALL {
                pending = Self::AllExcept(HashSet::new());
            } else if let Some(id) = line.strip_suffix(DONE).and_then(SessionId::parse) {
                pending.remove(id);
            } else if let Some(id) = SessionId::parse(line) {
                pending.insert(id);
            }
        }
        pending
    }
}

/// The open file.
#[derive(Debug)]
pub struct BootFile {
    file: File,
    /// Where the next line goes.
    end: u64,
}

/// What the file said before this start.
#[derive(Debug)]
pub struct LastUse {
    /// The sessions that have to be recovered.
    pub pending: Pending,
    /// The store was used in this boot of the system.
    pub is_same_boot: bool,
    /// The last shutdown was clean: all bytes of all other sessions are on the disk.
    pub is_clean: bool,
}

impl BootFile {
    /// Opens the file and notes that the store is used in the boot with that id. Does not sync the directory.
    pub fn open(sessions: &OwnedFd, boot_id: &[u8]) -> io::Result<(Self, LastUse)> {
        let file = open_file(sessions, BOOT, OFlags::RDWR | OFlags::CREATE, Mode::RUSR | Mode::WUSR)?;
        let mut bytes = Vec::new();
        (&file).read_to_end(&mut bytes)?;
        let (first, lines) = bytes.split_at(bytes.len().min(CLOSED.len()));
        let (is_same_boot, is_clean) = (first == boot_id, first == CLOSED);
        let mut boot = Self { file, end: bytes.len() as u64 };
        let pending = if is_same_boot {
            Pending::parse(lines)
        } else if is_clean {
            boot.write_at(0, boot_id)?;
            boot.file.sync_data()?;
            Pending::parse(lines)
        } else if bytes.is_empty() {
            boot.append(boot_id)?;
            boot.file.sync_data()?;
            Pending::default()
        } else {
            // The lines of an earlier recovery are removed before the new id makes them valid.
            boot.truncate(CLOSED.len() as u64)?;
            boot.write_at(0, &[boot_id, ALL.as_bytes(), b"\n"].concat())?;
            boot.end = boot.file.metadata()?.len();
            boot.file.sync_data()?;
            Pending::AllExcept(HashSet::new())
        };
        // A line that the last process did not complete.
        if !bytes.is_empty() && !bytes.ends_with(b"\n") && (is_same_boot || is_clean) {
            boot.append(b"\n")?;
        }
        Ok((boot, LastUse { pending, is_same_boot, is_clean }))
    }

    /// Notes that a session is recovered, or that it was created and needs no recovery. Not synced: after a power failure
    /// all sessions are recovered again.
    pub fn mark_done(&mut self, id: SessionId, pending: &mut Pending) -> io::Result<()> {
        self.append(format!("{id}{DONE}\n").as_bytes())?;
        pending.remove(id);
        Ok(())
    }

    /// Notes that only the sessions `failed` are not recovered.
    pub fn set_pending(&mut self, failed: HashSet<SessionId>, pending: &mut Pending) -> io::Result<()> {
        let lines = failed.iter().map(|id| format!("{id}\n")).collect::<String>();
        // What remains of longer content until it is cut off are lines that say the same.
        self.write_at(CLOSED.len() as u64, lines.as_bytes())?;
        self.truncate((CLOSED.len() as u64).saturating_add(lines.len() as u64))?;
        *pending = Pending::Only(failed);
        Ok(())
    }

    /// Notes that sessions have to be recovered at the next start, because their data failed.
    pub fn mark_pending(&mut self, ids: &[SessionId], pending: &mut Pending) -> io::Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.append(ids.iter().map(|id| format!("{id}\n")).collect::<String>().as_bytes())?;
        ids.iter().for_each(|id| pending.insert(*id));
        Ok(())
    }

    /// Notes that all bytes of all sessions are on the disk, except those of sessions that are not recovered.
    pub fn mark_closed(&self) -> io::Result<()> {
        self.write_at(0, CLOSED)?;
        self.file.sync_data()
    }

    /// Notes that bytes of any session may be lost.
    pub fn mark_failed(&self) -> io::Result<()> {
        self.write_at(0, FAILED)?;
        self.file.sync_data()
    }

    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        // After an error, the next line overwrites this one.
        self.write_at(self.end, text)?;
        self.end = self.end.saturating_add(text.len() as u64);
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.end = length;
        Ok(())
    }

    fn write_at(&self, offset: u64, text: &[u8]) -> io::Result<()> {
        let written = retry_on_intr(|| pwrite(&self.file, text, offset))?;
        if written < text.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOTS: [&[u8; 37]; 2] =
        [b"11111111-1111-1111-1111-111111111111\n", b"22222222-2222-2222-2222-222222222222\n"];

    fn directory() -> (tempfile::TempDir, OwnedFd) {
        let directory = tempfile::tempdir().unwrap();
        let opened = rustix::fs::open(directory.path(), OFlags::DIRECTORY, Mode::empty()).unwrap();
        (directory, opened)
    }

    fn id(number: u128) -> SessionId {
        SessionId::from_u128(number)
    }

    fn ids(numbers: &[u128]) -> HashSet<SessionId> {
        numbers.iter().copied().map(id).collect()
    }

    fn pending(sessions: &OwnedFd, boot: usize) -> Pending {
        BootFile::open(sessions, BOOTS[boot]).unwrap().1.pending
    }

    #[test]
    fn what_was_recovered_is_known_until_the_next_boot() {
        let (_directory, sessions) = directory();
        assert_eq!(pending(&sessions, 0), Pending::default());
        assert_eq!(pending(&sessions, 0), Pending::default());
        let (mut boot, LastUse { pending: mut left, is_same_boot, is_clean }) =
            BootFile::open(&sessions, BOOTS[1]).unwrap();
        assert!(!is_same_boot && !is_clean);
        assert_eq!(left, Pending::AllExcept(HashSet::new()));
        for number in 1..4 {
            boot.mark_done(id(number), &mut left).unwrap();
        }
        drop(boot);
        assert_eq!(pending(&sessions, 1), Pending::AllExcept(ids(&[1, 2, 3])));
        assert_eq!(pending(&sessions, 0), Pending::AllExcept(HashSet::new()));
    }

    #[test]
    fn a_clean_shutdown_keeps_what_is_pending() {
        let (_directory, sessions) = directory();
        pending(&sessions, 0);
        let (mut boot, LastUse { pending: mut left, .. }) = BootFile::open(&sessions, BOOTS[1]).unwrap();
        boot.mark_done(id(1), &mut left).unwrap();
        boot.mark_closed().unwrap();
        assert_eq!(pending(&sessions, 0), Pending::AllExcept(ids(&[1])));
        let (mut boot, LastUse { pending: mut left, is_same_boot, is_clean }) =
            BootFile::open(&sessions, BOOTS[0]).unwrap();
        assert!(is_same_boot && !is_clean);
        boot.set_pending(ids(&[2, 3]), &mut left).unwrap();
        boot.mark_done(id(3), &mut left).unwrap();
        boot.mark_closed().unwrap();
        assert_eq!(pending(&sessions, 1), Pending::Only(ids(&[2])));
        assert_eq!(pending(&sessions, 1), Pending::Only(ids(&[2])));
    }

    /// Also in the same boot, because the system treats the lost bytes as written.
    #[test]
    fn after_a_failed_shutdown_all_sessions_are_pending() {
        for next in [0, 1] {
            let (_directory, sessions) = directory();
            let (mut boot, LastUse { pending: mut left, .. }) = BootFile::open(&sessions, BOOTS[0]).unwrap();
            boot.mark_done(id(1), &mut left).unwrap();
            boot.mark_pending(&[id(2)], &mut left).unwrap();
            boot.mark_failed().unwrap();
            let (_, LastUse { pending: left, is_same_boot, is_clean }) =
                BootFile::open(&sessions, BOOTS[next]).unwrap();
            assert!(!is_same_boot && !is_clean);
            assert_eq!(left, Pending::AllExcept(HashSet::new()));
            assert_eq!(pending(&sessions, next), Pending::AllExcept(HashSet::new()));
        }
    }

    /// Whether all sessions were pending before, or none.
    #[test]
    fn sessions_whose_data_failed_are_pending_until_they_are_recovered() {
        for boots in [[0, 0], [0, 1]] {
            let (_directory, sessions) = directory();
            boots.iter().for_each(|boot| drop(pending(&sessions, *boot)));
            let boot_id = BOOTS[boots[1]];
            let (mut boot, LastUse { pending: mut left, .. }) = BootFile::open(&sessions, boot_id).unwrap();
            boot.mark_done(id(1), &mut left).unwrap();
            boot.mark_done(id(2), &mut left).unwrap();
            boot.mark_pending(&[id(2)], &mut left).unwrap();
            boot.mark_closed().unwrap();
            let (mut boot, LastUse { pending: mut left, is_clean, .. }) =
                BootFile::open(&sessions, boot_id).unwrap();
            assert!(is_clean);
            assert_eq!([1, 2].map(|number| left.contains(id(number))), [false, true]);
            boot.mark_done(id(2), &mut left).unwrap();
            assert_eq!(
                [1, 2].map(|number| pending(&sessions, boots[1]).contains(id(number))),
                [false, false]
            );
        }
    }

    /// The process may be killed between any two writes: the file then has the new beginning and the old end.
    #[test]
    fn an_interrupted_change_forgets_no_session() {
        let old =
            format!("all\n{}", (1..9).map(|number| format!("{} done\n", id(number))).collect::<String>());
        let new = format!("{}\n", id(9));
        let changed = [new.as_bytes(), &old.as_bytes()[new.len()..]].concat();
        assert_eq!(Pending::parse(&changed), Pending::Only(ids(&[9])));
        for length in 0..old.len() {
            let Pending::AllExcept(done) = Pending::parse(&old.as_bytes()[..length]) else {
                assert!(length < "all\n".len());
                continue;
            };
            assert_eq!(
                done.len(),
                (length - "all\n".len()) / "{00000000-0000-0000-0000-000000000001} done\n".len()
            );
        }
    }

    /// The last process was killed in the middle of a line.
    #[test]
    fn a_line_follows_an_incomplete_one() {
        let (directory, sessions) = directory();
        let path = directory.path().join(BOOT);
        std::fs::write(&path, [&BOOTS[0][..], b"all\n{00000000-0000"].concat()).unwrap();
        let (mut boot, LastUse { pending: mut left, .. }) = BootFile::open(&sessions, BOOTS[0]).unwrap();
        boot.mark_done(id(1), &mut left).unwrap();
        assert_eq!(pending(&sessions, 0), Pending::AllExcept(ids(&[1])));
    }
}
