//! `bitsup sessions`: lists and removes the sessions under a root.
//!
//! Listing takes no lock. Removing uses an engine over the shared store, so that it is ordered with the requests of
//! running servers. It fails while a server uses the root without sharing it. A session that a server holds, perhaps one
//! that has stopped, is reported and skipped.

mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bitsup::clock::{Clock, SystemClock};
use bitsup::engine::{Engine, EngineConfig, SessionInfo};
use bitsup::proto::SessionId;
use bitsup::store::{DirOptions, DirStore, DirView, SharedStore, Store, StoreError, UnreadableSession};
use bitsup::{Error, Status};
use clap::{Args, Subcommand};

use crate::{failure, output, units};

/// `bitsup sessions ...`.
#[derive(Subcommand)]
pub enum SessionsCommand {
    /// List all sessions, oldest first
    List(ListArgs),
    /// Show one session in detail
    Show(ShowArgs),
    /// End sessions and discard their data; delivered files stay
    Remove(RemoveArgs),
    /// End expired sessions
    Gc(GcArgs),
}

/// The root with the sessions.
#[derive(Args)]
pub struct RootArgs {
    /// Root directory of the server (its --root)
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
}

/// `bitsup sessions list`.
#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    root: RootArgs,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// `bitsup sessions show`.
#[derive(Args)]
pub struct ShowArgs {
    /// Session id, with or without braces
    #[arg(value_parser = session_id)]
    id: SessionId,
    #[command(flatten)]
    root: RootArgs,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// `bitsup sessions remove`.
#[derive(Args)]
pub struct RemoveArgs {
    /// Session ids, with or without braces
    #[arg(required = true, value_parser = session_id)]
    id: Vec<SessionId>,
    #[command(flatten)]
    root: RootArgs,
}

/// `bitsup sessions gc`.
#[derive(Args)]
pub struct GcArgs {
    #[command(flatten)]
    root: RootArgs,
    /// Lifetime of a session without a successful packet
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = units::duration)]
    session_timeout: Duration,
    /// Only list the expired sessions
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub fn run(command: &SessionsCommand) -> Result<(), Error> {
    match command {
        SessionsCommand::List(args) => list(args),
        SessionsCommand::Show(args) => show(args),
        SessionsCommand::Remove(args) => remove(args),
        SessionsCommand::Gc(args) => gc(args),
    }
}

fn list(args: &ListArgs) -> Result<(), Error> {
    table::print(&read_sessions(&args.root.root)?, args.json)
}

fn show(args: &ShowArgs) -> Result<(), Error> {
    let found = DirView::open(&args.root.root)?;
    let sessions = found.sessions().map_err(unreadable_root)?;
    if let Some(broken) = sessions.unreadable.iter().find(|session| session.id == args.id) {
        return Err(Error::new(
            Status::Io,
            format!("session {} cannot be read: {}", broken.id, broken.reason),
        ));
    }
    let stored = sessions.sessions.iter().find(|stored| stored.record.id == args.id);
    let stored = stored.ok_or_else(|| unknown(args.id, &args.root.root))?;
    let held = found.stored_length(args.id).map_err(unreadable_root)?;
    table::print_one(&SessionInfo::new(&stored.record, held, stored.modified_ms), args.json)
}

fn remove(args: &RemoveArgs) -> Result<(), Error> {
    let (store, engine) = open_shared(&args.root.root, Duration::MAX)?;
    let unreadable = store.sessions().map_err(unreadable_root)?.unreadable;
    let mut failures = Failures::default();
    for id in &args.id {
        let removed = if unreadable.iter().any(|session| session.id == *id) {
            discard(&store, *id)
        } else {
            match engine.end_session(*id) {
                Ok(false) => Err(unknown(*id, &args.root.root)),
                ended => ended.map(|_| ()),
            }
        };
        match removed {
            Ok(()) => output::print(&format!("removed {id}"))?,
            Err(error) => failures.add(error),
        }
    }
    failures.into_result()
}

/// Removes a session with an unreadable record.
fn discard(store: &DirStore, id: SessionId) -> Result<(), Error> {
    let removed = store.try_lock(id).and_then(|_lock| store.remove(id));
    removed.map_err(|error| {
        let is_busy = matches!(error, StoreError::Busy);
        let (status, advice) = if is_busy { (Status::Busy, ": try again later") } else { (Status::Io, "") };
        Error::new(status, format!("cannot remove session {id}: {error}{advice}")).with_source(error)
    })
}

/// The errors of a command that continues after an error.
#[derive(Default)]
struct Failures(Option<Error>);

impl Failures {
    /// Reports all but the last, which ends the command.
    fn add(&mut self, error: Error) {
        if let Some(earlier) = self.0.replace(error) {
            failure::report(&earlier);
        }
    }

    fn into_result(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), Err)
    }
}

fn gc(args: &GcArgs) -> Result<(), Error> {
    let now_ms = SystemClock.now_ms();
    let is_expired = |info: &SessionInfo| {
        Duration::from_millis(now_ms.saturating_sub(info.last_active_ms)) >= args.session_timeout
    };
    let mut expired = read_sessions(&args.root.root)?;
    expired.retain(is_expired);
    let mut failures = Failures::default();
    if !args.dry_run {
        let (_, engine) = open_shared(&args.root.root, args.session_timeout)?;
        let skipped = engine.tick()?.skipped;
        // A session that was used in the meantime, or has a callback in progress, was kept.
        let left = engine.sessions()?;
        expired.retain(|info| !left.iter().any(|left| left.id == info.id));
        if skipped > 0 {
            for SessionInfo { id, .. } in left.iter().filter(|info| is_expired(info)) {
                let message =
                    format!("cannot end session {id}: a server is using it or has stopped: try again later");
                failures.add(Error::new(Status::Busy, message));
            }
        }
    }
    table::print(&expired, args.json)?;
    failures.into_result()
}

/// Reads all sessions, oldest first. Warns about unreadable ones.
fn read_sessions(root: &Path) -> Result<Vec<SessionInfo>, Error> {
    let view = DirView::open(root)?;
    let found = view.sessions().map_err(unreadable_root)?;
    for UnreadableSession { id, reason } in &found.unreadable {
        output::warn(&format!("session {id} cannot be read: {reason}"));
    }
    let mut infos = Vec::new();
    for stored in &found.sessions {
        let held = view.stored_length(stored.record.id).map_err(unreadable_root)?;
        infos.push(SessionInfo::new(&stored.record, held, stored.modified_ms));
    }
    infos.sort_by_key(|info| (info.created_ms, info.id));
    Ok(infos)
}

/// Opens the root in shared mode, together with running servers if there are any.
fn open_shared(root: &Path, session_timeout: Duration) -> Result<(Arc<DirStore>, Engine), Error> {
    // Checked first, so that an unrelated directory does not become a root.
    DirView::open(root)?;
    let options = DirOptions::default().shared(true);
    let store = Arc::new(DirStore::open(root, options).map_err(|error| match error.status() {
        Status::Busy => Error::new(Status::Busy, in_exclusive_use(root)).with_source(error),
        _ => error,
    })?);
    let mut config = EngineConfig::new(Arc::clone(&store) as Arc<dyn Store>);
    config.session_timeout = session_timeout;
    Ok((store, Engine::new(config)?))
}

fn in_exclusive_use(root: &Path) -> String {
    format!(
        "a server uses the root {} without sharing it, so only that server can end its sessions: stop it first, or \
         start it with --shared",
        root.display()
    )
}

fn unknown(id: SessionId, root: &Path) -> Error {
    Error::new(Status::NotFound, format!("there is no session {id} in {}", root.display()))
}

fn unreadable_root(error: StoreError) -> Error {
    Error::new(Status::Io, format!("cannot read the sessions: {error}")).with_source(error)
}

fn session_id(text: &str) -> Result<SessionId, String> {
    let expected = "expected a session id such as A0FF5911-4144-45B3-BF27-27AFC8EC8A67";
    SessionId::parse(text).ok_or_else(|| expected.into())
}
