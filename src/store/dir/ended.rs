//! Sessions that were closed or cancelled recently, so that every server that uses the root can acknowledge a repeated
//! Close-Session or Cancel-Session.
//!
//! `ROOT/.bitsup/ended` has a line of equal length for each. When it is full it becomes `ended.old`, so at least as many
//! sessions as fit into one file are remembered.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, renameat, statat};
use rustix::io::Errno;

use super::file_lock::FileLock;
use super::files::open_file;
use super::layout::{ENDED, ENDED_OLD};
use crate::proto::SessionId;
use crate::store::{EndedSession, SessionEnd, SessionRecord};

/// Maximum length of the file: about 13,000 sessions.
const MAX_LENGTH: u64 = 1024 * 1024;

const ENDS: [(SessionEnd, &str); 2] = [(SessionEnd::Closed, "closed"), (SessionEnd::Cancelled, "cancel")];

/// Remembers how a session ended.
pub fn record(sessions: &OwnedFd, record: &SessionRecord, end: SessionEnd) -> io::Result<()> {
    let Some((_, name)) = ENDS.iter().find(|(candidate, _)| *candidate == end) else { return Ok(()) };
    let line = format!("{} {name} {:032x}\n", record.id, record.identity());
    let open = || {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND;
        open_file(sessions, ENDED, flags, Mode::RUSR | Mode::WUSR)
    };
    let mut file = open()?;
    if file.metadata()?.len() >= MAX_LENGTH && rotate(sessions, &file)? {
        file = open()?;
    }
    // In one write, which does not mix with those of other processes.
    file.write_all(line.as_bytes())
}

/// Renames the full file. Returns `false` if another request or process is doing that now.
fn rotate(sessions: &OwnedFd, full: &File) -> io::Result<bool> {
    let lock = FileLock::acquire(full.try_clone()?, FlockOperation::NonBlockingLockExclusive);
    let _lock = match lock {
        Err(Errno::WOULDBLOCK) => return Ok(false),
        lock => lock?,
    };
    // Otherwise the next file, which is nearly empty, would replace the full one.
    let (current, full) = (statat(sessions, ENDED, AtFlags::SYMLINK_NOFOLLOW), full.metadata()?);
    match current {
        Ok(current) if (current.st_dev, current.st_ino) == (full.dev(), full.ino()) => {
            renameat(sessions, ENDED, sessions, ENDED_OLD)?;
        }
        Ok(_) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    Ok(true)
}

/// Finds out how a session ended; `None` if that is not known.
pub fn find(sessions: &OwnedFd, id: SessionId) -> io::Result<Option<EndedSession>> {
    let id = id.to_string();
    for name in [ENDED, ENDED_OLD] {
        let mut bytes = Vec::new();
        match open_file(sessions, name, OFlags::RDONLY, Mode::empty()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?.read_to_end(&mut bytes)?,
        };
        // After a power failure or on a full disk there may be damaged lines, with an intact one after them.
        let text = String::from_utf8_lossy(&bytes);
        let parse_at = |(at, _)| parse(text.get(at..)?.lines().next()?.strip_prefix(&id)?);
        if let Some(ended) = text.rmatch_indices(&id).find_map(parse_at) {
            return Ok(Some(ended));
        }
    }
    Ok(None)
}

fn parse(rest: &str) -> Option<EndedSession> {
    let (name, identity) = rest.strip_prefix(' ')?.split_once(' ')?;
    let (end, _) = ENDS.iter().find(|(_, candidate)| *candidate == name)?;
    let identity = u128::from_str_radix(identity, 16).ok().filter(|_| identity.len() == 32)?;
    Some(EndedSession { end: *end, identity })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ended::tests::record as record_of;

    fn directory() -> (tempfile::TempDir, OwnedFd) {
        let directory = tempfile::tempdir().unwrap();
        let opened = rustix::fs::open(directory.path(), OFlags::DIRECTORY, Mode::empty()).unwrap();
        (directory, opened)
    }

    #[test]
    fn the_last_end_of_a_session_is_found() {
        let (_directory, sessions) = directory();
        assert_eq!(find(&sessions, SessionId::from_u128(1)).unwrap(), None);
        for (number, end) in [(1, SessionEnd::Closed), (2, SessionEnd::Cancelled), (1, SessionEnd::Cancelled)]
        {
            record(&sessions, &record_of(number), end).unwrap();
        }
        let identity = record_of(1).identity();
        for number in [1, 2] {
            let found = find(&sessions, SessionId::from_u128(number)).unwrap();
            assert_eq!(found, Some(EndedSession { end: SessionEnd::Cancelled, identity }));
        }
        assert_eq!(find(&sessions, SessionId::from_u128(3)).unwrap(), None);
    }

    #[test]
    fn a_full_file_is_kept_until_the_next_one_is_full() {
        let (directory, sessions) = directory();
        record(&sessions, &record_of(1), SessionEnd::Closed).unwrap();
        let fill = || {
            let file = directory.path().join(ENDED);
            let mut bytes = std::fs::read(&file).unwrap();
            bytes.resize(usize::try_from(MAX_LENGTH).unwrap(), b'\n');
            std::fs::write(&file, bytes).unwrap();
        };
        fill();
        record(&sessions, &record_of(2), SessionEnd::Closed).unwrap();
        assert!(find(&sessions, SessionId::from_u128(1)).unwrap().is_some());
        fill();
        record(&sessions, &record_of(3), SessionEnd::Closed).unwrap();
        let known = |number| find(&sessions, SessionId::from_u128(number)).unwrap().is_some();
        assert_eq!([1, 2, 3].map(known), [false, true, true]);
    }

    /// Two requests find the file full; the second one renames it after the first one has done so.
    #[test]
    fn a_full_file_is_renamed_once() {
        let (directory, sessions) = directory();
        record(&sessions, &record_of(1), SessionEnd::Closed).unwrap();
        let full = File::open(directory.path().join(ENDED)).unwrap();
        let other = File::open(directory.path().join(ENDED)).unwrap();
        let lock = FileLock::acquire(other, FlockOperation::LockExclusive).unwrap();
        assert!(!rotate(&sessions, &full).unwrap(), "another process is renaming it");
        drop(lock);
        assert!(rotate(&sessions, &full).unwrap());
        record(&sessions, &record_of(2), SessionEnd::Closed).unwrap();
        assert!(rotate(&sessions, &full).unwrap());
        let known = |number| find(&sessions, SessionId::from_u128(number)).unwrap().is_some();
        assert_eq!([1, 2].map(known), [true, true]);
        assert!(directory.path().join(ENDED).exists());
    }

    #[test]
    fn damaged_lines_are_ignored() {
        let (directory, sessions) = directory();
        record(&sessions, &record_of(1), SessionEnd::Closed).unwrap();
        let line = std::fs::read(directory.path().join(ENDED)).unwrap();
        for length in 0..line.len() - 1 {
            std::fs::write(directory.path().join(ENDED), &line[..length]).unwrap();
            assert_eq!(find(&sessions, SessionId::from_u128(1)).unwrap(), None, "{length}");
            // The next line follows without a line feed.
            record(&sessions, &record_of(2), SessionEnd::Closed).unwrap();
            assert!(find(&sessions, SessionId::from_u128(2)).unwrap().is_some(), "{length}");
        }
    }
}
