//! Sessions that ended lately, so that every server that uses the root can answer their clients' repeated packets.
//!
//! `ROOT/.bitsup/ended/{ID}.closed` and `{ID}.cancelled` are the last records of such sessions, moved there instead of
//! being unlinked.

use std::io::{self, Read};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, mkdirat, renameat, statat};
use rustix::io::Errno;

use super::files::{open_directory, open_file, unlink_if_exists};
use super::session::RECORD;
use crate::proto::SessionId;
use crate::store::{EndedSession, SessionEnd, SessionRecord};

const DIRECTORY: &str = "ended";
/// How long an ended session is remembered. Windows repeats a packet after ten minutes or later.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

const ENDS: [SessionEnd; 2] = [SessionEnd::Closed, SessionEnd::Cancelled];

fn suffix(end: SessionEnd) -> &'static str {
    match end {
        SessionEnd::Closed => "closed",
        SessionEnd::Cancelled => "cancelled",
    }
}

/// Moves the record of a session to the ended ones. Succeeds if the session has no record.
pub fn retire(sessions: &OwnedFd, session: &OwnedFd, id: SessionId, end: SessionEnd) -> io::Result<()> {
    let name = format!("{id}.{}", suffix(end));
    let rename = || renameat(session, RECORD, &open_or_create(sessions)?, &name);
    match rename() {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Finds out how a session ended; `None` if that is not known.
pub fn find(sessions: &OwnedFd, id: SessionId) -> io::Result<Option<EndedSession>> {
    let ended = match open_directory(sessions, DIRECTORY) {
        Err(Errno::NOENT) => return Ok(None),
        directory => directory?,
    };
    for end in ENDS {
        let name = format!("{id}.{}", suffix(end));
        let mut bytes = Vec::new();
        match open_file(&ended, &name, OFlags::RDONLY, Mode::empty()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?.read_to_end(&mut bytes)?,
        };
        // After a power failure the record may be damaged; then nothing is known.
        return Ok(SessionRecord::from_bytes(&bytes).ok().map(|record| EndedSession { record, end }));
    }
    Ok(None)
}

/// Forgets the sessions that ended long ago.
pub fn forget_old(sessions: &OwnedFd) -> io::Result<()> {
    let ended = match open_directory(sessions, DIRECTORY) {
        Err(Errno::NOENT) => return Ok(()),
        directory => directory?,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    for entry in Dir::read_from(&ended)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if !ENDS.iter().any(|end| name.ends_with(suffix(*end))) {
            continue;
        }
        // The time of the rename.
        let changed = match statat(&ended, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            stat => Duration::from_secs(u64::try_from(stat?.st_ctime).unwrap_or(0)),
        };
        if now.saturating_sub(changed) > LIFETIME {
            unlink_if_exists(&ended, name)?;
        }
    }
    Ok(())
}

fn open_or_create(sessions: &OwnedFd) -> rustix::io::Result<OwnedFd> {
    match open_directory(sessions, DIRECTORY) {
        Err(Errno::NOENT) => {}
        result => return result,
    }
    match mkdirat(sessions, DIRECTORY, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => open_directory(sessions, DIRECTORY),
        Err(errno) => Err(errno),
    }
}
