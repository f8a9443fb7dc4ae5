//! Sessions that were closed or cancelled recently, so that every server that uses the root can acknowledge a repeated
//! Close-Session or Cancel-Session.
//!
//! `ROOT/.bitsup/ended` has a line of equal length for each. When it is full it becomes `ended.old`, so at least as many
//! sessions as fit into one file are remembered.

use std::io::{self, Read, Write};

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, renameat};
use rustix::io::Errno;

use super::files::open_file;
use crate::proto::SessionId;
use crate::store::{EndedSession, SessionEnd, SessionRecord};

const FILE: &str = "ended";
const OLD: &str = "ended.old";
/// Maximum length of the file: about 13,000 sessions.
const MAX_LENGTH: u64 = 1024 * 1024;

const ENDS: [(SessionEnd, &str); 2] = [(SessionEnd::Closed, "closed"), (SessionEnd::Cancelled, "cancel")];

/// Remembers how a session ended.
pub fn record(sessions: &OwnedFd, record: &SessionRecord, end: SessionEnd) -> io::Result<()> {
    let Some((_, name)) = ENDS.iter().find(|(candidate, _)| *candidate == end) else { return Ok(()) };
    let line = format!("{} {name} {:032x}\n", record.id, record.identity());
    let open = || {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND;
        open_file(sessions, FILE, flags, Mode::RUSR | Mode::WUSR)
    };
    let mut file = open()?;
    if file.metadata()?.len() >= MAX_LENGTH {
        match renameat(sessions, FILE, sessions, OLD) {
            // Another process that shares the root was faster.
            Ok(()) | Err(Errno::NOENT) => file = open()?,
            Err(errno) => return Err(errno.into()),
        }
    }
    // In one write, which does not mix with those of other processes.
    file.write_all(line.as_bytes())
}

/// Finds out how a session ended; `None` if that is not known.
pub fn find(sessions: &OwnedFd, id: SessionId) -> io::Result<Option<EndedSession>> {
    let id = id.to_string();
    for name in [FILE, OLD] {
        let mut bytes = Vec::new();
        match open_file(sessions, name, OFlags::RDONLY, Mode::empty()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?.read_to_end(&mut bytes)?,
        };
        // After a power failure there may be damaged lines.
        let text = String::from_utf8_lossy(&bytes);
        if let Some(ended) = text.lines().rev().find_map(|line| parse(line.strip_prefix(&id)?)) {
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
            let file = directory.path().join(FILE);
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

    #[test]
    fn damaged_lines_are_ignored() {
        let (directory, sessions) = directory();
        record(&sessions, &record_of(1), SessionEnd::Closed).unwrap();
        let line = std::fs::read(directory.path().join(FILE)).unwrap();
        for length in 0..line.len() - 1 {
            std::fs::write(directory.path().join(FILE), &line[..length]).unwrap();
            assert_eq!(find(&sessions, SessionId::from_u128(1)).unwrap(), None, "{length}");
        }
    }
}
