//! Opening the root of a directory store: the checks before the first session.

use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{
    Access, AtFlags, CWD, FlockOperation, Mode, OFlags, accessat, fsync, linkat, mkdirat, openat,
};
use rustix::io::Errno;

use super::file_lock::FileLock;
use super::files::{open_directory, open_file, unlink_if_exists};
use super::layout::{LINK_PROBE, LOCK};
use super::options::Durability;
use crate::error::{Error, Status};

/// The store's own directory below the root.
pub const NAME: &str = ".bitsup";

/// Opens the root itself, which may be a symbolic link.
pub fn open(path: &Path) -> Result<OwnedFd, Error> {
    let shown = path.display();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT => {
            failed(Status::NotFound, format!("the root {shown} does not exist: create it first"), errno)
        }
        Errno::NOTDIR => {
            failed(Status::InvalidArgument, format!("the root {shown} is not a directory"), errno)
        }
        _ => Error::io(format!("cannot open the root {shown}"), errno.into()),
    })?;
    accessat(&root, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
        .map_err(|errno| not_writable(path, errno))?;
    Ok(root)
}

/// Opens the store's own directory, creating it if necessary.
pub fn open_sessions(root: &OwnedFd, path: &Path) -> Result<OwnedFd, Error> {
    match mkdirat(root, NAME, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(not_writable(path, errno)),
    }
    let own = path.join(NAME);
    open_directory(root, NAME).map_err(|errno| match errno {
        Errno::NOTDIR | Errno::LOOP => failed(
            Status::InvalidArgument,
            format!("{} is not a directory: remove it or use another root", own.display()),
            errno,
        ),
        _ => Error::io(format!("cannot open {}", own.display()), errno.into()),
    })
}

/// Locks the root, for this process alone or `shared` with other processes. Only the kernel's lock counts, not the
/// existence of the file.
pub fn lock(sessions: &OwnedFd, path: &Path, shared: bool) -> Result<FileLock, Error> {
    let shown = path.display();
    let mode = Mode::RUSR | Mode::WUSR;
    let open = || open_file(sessions, LOCK, OFlags::RDWR | OFlags::CREATE, mode);
    let failure = |what, error| Error::io(format!("cannot {what} {shown}/{NAME}/{LOCK}"), error);
    let operation =
        if shared { FlockOperation::NonBlockingLockShared } else { FlockOperation::NonBlockingLockExclusive };
    let file = open().map_err(|error| failure("open", error))?;
    FileLock::acquire(file, operation).map_err(|errno| match errno {
        Errno::WOULDBLOCK => {
            let probe = open().map(|file| FileLock::acquire(file, FlockOperation::NonBlockingLockShared));
            failed(Status::Busy, busy(path, shared, matches!(probe, Ok(Ok(_)))), errno)
        }
        _ => failure("lock", errno.into()),
    })
}

/// Describes who uses the root, and what to do.
fn busy(path: &Path, shared: bool, others_share: bool) -> String {
    let shown = path.display();
    match (shared, others_share) {
        (true, _) => format!(
            "the root {shown} is in use by a server that does not share it: start that server in shared mode or use \
             another root"
        ),
        (false, true) => format!(
            "the root {shown} is shared by other servers: start this one in shared mode too, stop the others, or use \
             another root"
        ),
        (false, false) => {
            format!("the root {shown} is in use by another server: stop it or use another root")
        }
    }
}

/// Checks what the delivery of a file needs, so that it does not fail after the last byte.
pub fn probe(sessions: &OwnedFd, path: &Path, durability: Durability) -> Result<(), Error> {
    let link = || {
        unlink_if_exists(sessions, LINK_PROBE)?;
        match linkat(sessions, LOCK, sessions, LINK_PROBE, AtFlags::empty()) {
            // Another process that shares the root is doing the same check.
            Ok(()) | Err(Errno::EXIST) => unlink_if_exists(sessions, LINK_PROBE),
            result => result,
        }
    };
    let shown = path.display();
    link().map_err(|errno| match errno {
        Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::MLINK => failed(
            Status::Unsupported,
            format!(
                "the file system of {shown} has no hard links, which delivering files needs: use another root"
            ),
            errno,
        ),
        _ => Error::io(format!("cannot make a hard link in {shown}/{NAME}"), errno.into()),
    })?;
    if durability == Durability::None {
        return Ok(());
    }
    fsync(sessions).map_err(|errno| match errno {
        Errno::INVAL | Errno::NOTSUP | Errno::NOSYS | Errno::BADF => failed(
            Status::Unsupported,
            format!("the file system of {shown} cannot sync a directory: use durability none"),
            errno,
        ),
        _ => Error::io(format!("cannot sync {shown}/{NAME}"), errno.into()),
    })
}

fn not_writable(path: &Path, errno: Errno) -> Error {
    let shown = path.display();
    match errno {
        Errno::ACCESS | Errno::PERM | Errno::ROFS => failed(
            Status::Denied,
            format!("the root {shown} is not writable: change its permissions or use another root"),
            errno,
        ),
        _ => Error::io(format!("cannot write to the root {shown}"), errno.into()),
    }
}

fn failed(status: Status, message: String, errno: Errno) -> Error {
    Error::new(status, format!("{message} ({errno})")).with_source(errno)
}
