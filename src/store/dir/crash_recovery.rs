//! Recovery after a power failure (docs/operations/durability.md).
//!
//! While a store that is not shared is open, `ROOT/.bitsup/boot` contains the system's boot id. A different id found at a
//! start means that the system was rebooted while the store was open; then only the synced bytes of a session are valid.
//! A clean shutdown syncs everything and writes a marker instead of the id. If the sync fails, it writes another marker,
//! which the next start treats as a different id. After the id or the marker, the file lists the ids of sessions that
//! could not be recovered or whose data failed, one per line; the next start recovers these.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, fsync};
use rustix::io::Errno;

use super::delivery::{self, DeliveryTarget};
use super::durable_length;
use super::files::open_file;
use super::options::Durability;
use super::session::{self, SessionDir};
use crate::proto::SessionId;
use crate::store::{SessionPhase, SessionRecord, UnreadableSession};

/// The file with the boot id. It is overwritten in place, so that a full volume does not prevent a start.
const BOOT: &str = "boot";
/// The content after a clean shutdown, as long as an id with its line feed.
const CLOSED: &[u8] = b"closed                              \n";
/// The content after a shutdown that could not write all bytes to the disk. The next start trusts synced bytes only, as
/// after a power failure: the system treats the lost bytes as written.
const FAILED: &[u8] = b"failed                              \n";

/// What the recovery found.
#[derive(Debug, Default)]
pub struct Recovered {
    /// All bytes of all sessions are on the disk.
    pub is_clean: bool,
    /// Sessions that could not be recovered. Their bytes must not be used.
    pub failed: Vec<UnreadableSession>,
}

/// Repairs the sessions if there was a power failure, and prepares the detection of the next one. Without a boot id, as on
/// systems other than Linux, power failures are not detected.
pub fn recover(root: &OwnedFd, sessions: &OwnedFd, durability: Durability) -> io::Result<Recovered> {
    let mut recovered = Recovered::default();
    let Ok(boot_id) = fs::read("/proc/sys/kernel/random/boot_id") else { return Ok(recovered) };
    let file = open(sessions, OFlags::CREATE)?;
    let mut previous = Vec::new();
    (&file).read_to_end(&mut previous)?;
    let (previous, pending) = previous.split_at(previous.len().min(CLOSED.len()));
    let same_boot = previous == boot_id;
    let pending = match previous {
        _ if same_boot => parse_ids(pending),
        [] => Vec::new(),
        CLOSED => parse_ids(pending),
        _ => session::ids(sessions)?,
    };
    if same_boot && pending.is_empty() {
        return Ok(recovered);
    }
    recovered.failed = recover_sessions(root, sessions, &pending);
    let failed: Vec<_> = recovered.failed.iter().map(|session| session.id).collect();
    write(&file, &boot_id, &failed)?;
    sync_directory(sessions, durability)?;
    // The store's own directory may be new.
    sync_directory(root, durability)?;
    recovered.is_clean = previous == CLOSED;
    Ok(recovered)
}

/// Reads the ids of sessions that could not be recovered, one per line.
fn parse_ids(lines: &[u8]) -> Vec<SessionId> {
    String::from_utf8_lossy(lines).lines().filter_map(SessionId::parse).collect()
}

/// Syncs everything and marks the store as cleanly closed, or as failed if that fails. The next start recovers the
/// sessions in `pending` in any case. With durability `none` nothing is synced, and the next boot starts as after a power
/// failure.
#[cfg(target_os = "linux")]
pub fn mark_clean_shutdown(
    sessions: &OwnedFd,
    durability: Durability,
    pending: &[SessionId],
) -> io::Result<()> {
    if durability == Durability::None && pending.is_empty() {
        return Ok(());
    }
    // One call, whatever the number of sessions.
    let is_synced = durability != Durability::None && rustix::fs::syncfs(sessions).is_ok();
    let state = if is_synced { CLOSED } else { FAILED };
    write(&open(sessions, OFlags::empty())?, state, pending)
}

fn open(sessions: &OwnedFd, flags: OFlags) -> io::Result<File> {
    open_file(sessions, BOOT, OFlags::RDWR | flags, Mode::RUSR | Mode::WUSR)
}

fn write(mut file: &File, state: &[u8], pending: &[SessionId]) -> io::Result<()> {
    let ids = pending.iter().map(|id| format!("{id}\n")).collect::<String>();
    let text = [state, ids.as_bytes()].concat();
    file.rewind()?;
    file.write_all(&text)?;
    file.set_len(text.len() as u64)?;
    file.sync_data()
}

/// Recovers sessions, and returns those for which that failed.
fn recover_sessions(root: &OwnedFd, sessions: &OwnedFd, ids: &[SessionId]) -> Vec<UnreadableSession> {
    let failed = |id: &SessionId| match recover_session(root, sessions, *id) {
        Ok(()) => None,
        Err(error) => {
            let reason = format!("it cannot be recovered after a power failure: {error}");
            Some(UnreadableSession { id: *id, reason })
        }
    };
    ids.iter().filter_map(failed).collect()
}

/// Finishes a delivery that the power failure interrupted, or else truncates the session to its synced bytes. Removes a
/// session whose record did not reach the disk as a whole; any other unreadable record is left to be reported.
fn recover_session(root: &OwnedFd, sessions: &OwnedFd, id: SessionId) -> io::Result<()> {
    let session = match SessionDir::open(sessions, id, Durability::Fragment) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        session => session?,
    };
    let mut bytes = Vec::new();
    match session.open_record() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        record => record?.read_to_end(&mut bytes)?,
    };
    let record = match SessionRecord::from_bytes(&bytes) {
        Ok(record) if record.phase == SessionPhase::Receiving => record,
        Err(_) if is_torn(&bytes) => return session::remove(sessions, id),
        _ => return Ok(()),
    };
    delivery::discard_second_link(session.directory())?;
    let data = match session.open_data() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        data => data?,
    };
    // The staged record may name another destination, which the host application chose.
    let staged = session.staged().filter(|staged| staged.id == id);
    for record in staged.into_iter().chain([record]) {
        if is_delivered(root, &record, &session) {
            session.save(&SessionRecord { phase: SessionPhase::Delivered, ..record })?;
            return session.remove_data();
        }
    }
    truncate(&session, &data)
}

/// Whether the session's data has the name of its destination. Unless the durability is `none`, the data was synced before
/// it got that name.
fn is_delivered(root: &OwnedFd, record: &SessionRecord, session: &SessionDir) -> bool {
    DeliveryTarget::find(root, &record.destination)
        .and_then(|target| target.is_data_of(session))
        .unwrap_or(false)
}

/// Returns whether JSON ends early or contains bytes that were never written.
fn is_torn(json: &[u8]) -> bool {
    let read = serde_json::from_slice::<serde::de::IgnoredAny>(json);
    json.contains(&0) || read.is_err_and(|error| error.is_eof())
}

fn truncate(session: &SessionDir, data: &File) -> io::Result<()> {
    let metadata = data.metadata()?;
    let durable = durable_length::read(session.directory())?;
    if metadata.len() <= durable {
        return Ok(());
    }
    if metadata.nlink() > 1 {
        // The file has another name, for example because a delivered file was moved: its bytes must not change.
        return session.replace_data(data, durable);
    }
    data.set_len(durable)?;
    data.sync_all()
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
