//! Recovery after a power failure (docs/operations/durability.md).
//!
//! If the boot id in the [boot file](super::boot_file) is not that of the running system, the system was rebooted while
//! the store was open; then only the synced bytes of a session are valid. A session is recovered before it is used, and
//! all are when the sessions are listed. So opening a store takes the same time however many sessions there are.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fd::OwnedFd;
use rustix::fs::fsync;
use rustix::io::Errno;

use super::boot_file::{BootFile, LastUse, Pending};
use super::delivery::{self, DeliveryTarget};
use super::durable_length;
use super::options::Durability;
use super::session::{self, SessionDir};
use crate::proto::SessionId;
use crate::store::{SessionPhase, SessionRecord};

/// The sessions that an earlier process left, and which of them are recovered.
#[derive(Debug)]
pub struct Recovery {
    /// All bytes of all recovered sessions were on the disk when the store was opened.
    pub is_clean: bool,
    state: Mutex<RecoveryState>,
    /// Signalled when the recovery of a session ends.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct RecoveryState {
    /// `None` if power failures are not detected.
    boot: Option<BootFile>,
    pending: Pending,
    /// The sessions that are being recovered now.
    running: HashSet<SessionId>,
    /// Those for which that failed, with the reason. They are tried again at the next start.
    failed: HashMap<SessionId, String>,
    /// The sessions that this process created. `None` once all sessions of earlier processes are known.
    created: Option<HashSet<SessionId>>,
}

/// What became of a session.
enum Recovered {
    /// It may be used.
    Usable,
    /// There is no such session.
    Absent,
}

impl Recovery {
    /// Recovers nothing, for a root that several processes share.
    pub fn shared() -> Self {
        Self::new(RecoveryState::default(), false)
    }

    /// Finds out whether there was a power failure, and prepares the detection of the next one. Without a boot id, as on
    /// systems other than Linux, power failures are not detected.
    pub fn open(root: &OwnedFd, sessions: &OwnedFd, durability: Durability) -> io::Result<Self> {
        let mut state = RecoveryState { created: Some(HashSet::new()), ..RecoveryState::default() };
        let Ok(boot_id) = fs::read("/proc/sys/kernel/random/boot_id") else {
            return Ok(Self::new(state, false));
        };
        let (boot, LastUse { pending, is_same_boot, is_clean }) = BootFile::open(sessions, &boot_id)?;
        if !is_same_boot {
            sync_directory(sessions, durability)?;
            // The store's own directory may be new.
            sync_directory(root, durability)?;
        }
        state.boot = Some(boot);
        state.pending = pending;
        Ok(Self::new(state, is_clean))
    }

    fn new(state: RecoveryState, is_clean: bool) -> Self {
        Self { is_clean, state: Mutex::new(state), ended: Condvar::new() }
    }

    /// Recovers a session that is not recovered yet. Succeeds if there is no such session.
    pub fn recover(&self, root: &OwnedFd, sessions: &OwnedFd, id: SessionId) -> io::Result<()> {
        let mut state = self.state();
        while state.running.contains(&id) {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(reason) = state.failed.get(&id) {
            return Err(io::Error::other(reason.clone()));
        }
        if !state.pending.contains(id) {
            return Ok(());
        }
        state.running.insert(id);
        // Only this session waits.
        drop(state);
        let recovered = recover_session(root, sessions, id);
        let mut state = self.state();
        state.running.remove(&id);
        self.ended.notify_all();
        match recovered {
            // Nothing is noted, so that packets with invented ids do not fill the boot file.
            Ok(Recovered::Absent) => Ok(()),
            Ok(Recovered::Usable) => state.mark_done(id),
            Err(error) => {
                let reason = format!("it cannot be recovered after a power failure: {error}");
                state.failed.insert(id, reason.clone());
                Err(io::Error::new(error.kind(), reason))
            }
        }
    }

    /// Notes that this process is about to create a session. If it exists, it is recovered.
    pub fn register_new(&self, root: &OwnedFd, sessions: &OwnedFd, id: SessionId) -> io::Result<()> {
        self.recover(root, sessions, id)?;
        let mut state = self.state();
        if let Some(created) = &mut state.created {
            created.insert(id);
        }
        if state.pending.contains(id) { state.mark_done(id) } else { Ok(()) }
    }

    /// Whether a session without a record may be one that this process is creating or removing.
    pub fn may_be_in_use(&self, id: SessionId) -> bool {
        self.state().created.as_ref().is_none_or(|created| created.contains(&id))
    }

    /// Notes that all sessions of earlier processes were listed, and thus recovered unless that failed.
    pub fn mark_complete(&self) -> io::Result<()> {
        let mut state = self.state();
        state.created = None;
        let RecoveryState { boot: Some(boot), pending, failed, .. } = &mut *state else { return Ok(()) };
        let left: HashSet<SessionId> = failed.keys().copied().collect();
        match pending {
            Pending::Only(pending) if *pending == left => Ok(()),
            pending => boot.set_pending(left, pending),
        }
    }

    /// Syncs everything and marks the store as cleanly closed, or as failed if that fails. The next start recovers the
    /// sessions that are not recovered yet and those in `untrusted` in any case. With durability `none` nothing is synced,
    /// and the next boot starts as after a power failure.
    #[cfg(target_os = "linux")]
    pub fn mark_shutdown(
        &self,
        sessions: &OwnedFd,
        durability: Durability,
        untrusted: &[SessionId],
    ) -> io::Result<()> {
        let mut state = self.state();
        let RecoveryState { boot: Some(boot), pending, .. } = &mut *state else { return Ok(()) };
        // Before the marker, so that there is no moment at which their bytes are trusted.
        let are_noted = boot.mark_pending(untrusted, pending).is_ok();
        if durability == Durability::None && are_noted {
            return Ok(());
        }
        // One call, whatever the number of sessions.
        let is_synced = are_noted && rustix::fs::syncfs(sessions).is_ok();
        if is_synced { boot.mark_closed() } else { boot.mark_failed() }
    }

    fn state(&self) -> MutexGuard<'_, RecoveryState> {
        // Every change is complete in one call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecoveryState {
    fn mark_done(&mut self, id: SessionId) -> io::Result<()> {
        match &mut self.boot {
            Some(boot) => boot.mark_done(id, &mut self.pending),
            None => Ok(()),
        }
    }
}

/// Finishes a delivery that the power failure interrupted, or else truncates the session to its synced bytes. Removes a
/// session whose record did not reach the disk as a whole; any other unreadable record is left to be reported.
fn recover_session(root: &OwnedFd, sessions: &OwnedFd, id: SessionId) -> io::Result<Recovered> {
    let session = match SessionDir::open(sessions, id, Durability::Fragment) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Recovered::Absent),
        session => session?,
    };
    let mut bytes = Vec::new();
    match session.open_record() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Recovered::Absent),
        record => record?.read_to_end(&mut bytes)?,
    };
    let record = match SessionRecord::from_bytes(&bytes) {
        Ok(record) if record.phase == SessionPhase::Receiving => record,
        Err(_) if is_torn(&bytes) => return session::remove(sessions, id).map(|()| Recovered::Absent),
        _ => return Ok(Recovered::Usable),
    };
    delivery::discard_second_link(session.directory())?;
    let data = match session.open_data() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Recovered::Usable),
        data => data?,
    };
    // The staged record may name another destination, which the host application chose.
    let staged = session.staged().filter(|staged| staged.id == id);
    for record in staged.into_iter().chain([record]) {
        if is_delivered(root, &record, &session) {
            session.save(&SessionRecord { phase: SessionPhase::Delivered, ..record })?;
            return session.remove_data().map(|()| Recovered::Usable);
        }
    }
    truncate(&session, &data).map(|()| Recovered::Usable)
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
