//! `bitsup sessions`: what a server keeps below its root, seen and ended from outside.
//!
//! Looking takes no lock. Ending goes through an engine over the shared store, so that it keeps the order which
//! servers of a farm keep among themselves; a server that does not share its root lets nobody do that.

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

use crate::{report, units};

/// `bitsup sessions ...`.
#[derive(Subcommand)]
pub enum SessionsCommand {
    /// List all sessions, the oldest first
    List(ListArgs),
    /// Say all about one session
    Show(ShowArgs),
    /// End sessions and discard what they received; delivered files stay
    Remove(RemoveArgs),
    /// End the sessions that have expired
    Gc(GcArgs),
}

/// Whose sessions.
#[derive(Args)]
pub struct RootArgs {
    /// The root of the server, as its --root names it
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
}

/// `bitsup sessions list`.
#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    root: RootArgs,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

/// `bitsup sessions show`.
#[derive(Args)]
pub struct ShowArgs {
    /// The session, in any case, with or without braces
    #[arg(value_parser = session_id)]
    id: SessionId,
    #[command(flatten)]
    root: RootArgs,
    /// As a JSON object
    #[arg(long)]
    json: bool,
}

/// `bitsup sessions remove`.
#[derive(Args)]
pub struct RemoveArgs {
    /// The sessions, in any case, with or without braces
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
    /// How long a session lives without a successful packet
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = units::duration)]
    session_timeout: Duration,
    /// Only say which sessions have expired
    #[arg(long)]
    dry_run: bool,
    /// One JSON object per line, for each session
    #[arg(long)]
    json: bool,
}

/// Does what the subcommand says.
pub fn run(command: &SessionsCommand) -> Result<(), Error> {
    match command {
        SessionsCommand::List(args) => list(args),
        SessionsCommand::Show(args) => show(args),
        SessionsCommand::Remove(args) => remove(args),
        SessionsCommand::Gc(args) => gc(args),
    }
}

fn list(args: &ListArgs) -> Result<(), Error> {
    table::print(&look(&args.root.root)?, args.json)
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
    let held = found.held(args.id).map_err(unreadable_root)?;
    table::print_one(&SessionInfo::new(&stored.record, held, stored.modified_ms), args.json)
}

fn remove(args: &RemoveArgs) -> Result<(), Error> {
    let (store, engine) = share(&args.root.root, Duration::MAX)?;
    let unreadable = store.sessions().map_err(unreadable_root)?.unreadable;
    for id in &args.id {
        match unreadable.iter().any(|session| session.id == *id) {
            true => discard(&store, *id)?,
            false if engine.end_session(*id)? => {}
            false => return Err(unknown(*id, &args.root.root)),
        }
        report::print(&format!("removed {id}"))?;
    }
    Ok(())
}

/// Removes a session whose record says nothing. Who has it meanwhile is waited for.
fn discard(store: &DirStore, id: SessionId) -> Result<(), Error> {
    let removed = store.lock(id).and_then(|_hold| store.remove(id));
    removed.map_err(|error| {
        Error::new(Status::Io, format!("cannot remove session {id}: {error}")).with_source(error)
    })
}

fn gc(args: &GcArgs) -> Result<(), Error> {
    let now_ms = SystemClock.now_ms();
    let is_expired = |info: &SessionInfo| {
        Duration::from_millis(now_ms.saturating_sub(info.last_active_ms)) >= args.session_timeout
    };
    let mut expired = look(&args.root.root)?;
    expired.retain(is_expired);
    if !args.dry_run {
        let (_, engine) = share(&args.root.root, args.session_timeout)?;
        engine.tick()?;
        // One that came to life meanwhile, or is with an application, stayed.
        let left = engine.sessions()?;
        expired.retain(|info| !left.iter().any(|left| left.id == info.id));
    }
    table::print(&expired, args.json)
}

/// The sessions that can be read; of the others a warning says why not.
fn look(root: &Path) -> Result<Vec<SessionInfo>, Error> {
    let view = DirView::open(root)?;
    let found = view.sessions().map_err(unreadable_root)?;
    for UnreadableSession { id, reason } in &found.unreadable {
        report::warn(&format!("session {id} cannot be read: {reason}"));
    }
    let mut infos = Vec::new();
    for stored in &found.sessions {
        let held = view.held(stored.record.id).map_err(unreadable_root)?;
        infos.push(SessionInfo::new(&stored.record, held, stored.modified_ms));
    }
    infos.sort_by_key(|info| (info.created_ms, info.id));
    Ok(infos)
}

/// Joins the servers that share the root, if there are any.
fn share(root: &Path, session_timeout: Duration) -> Result<(Arc<DirStore>, Engine), Error> {
    // Looked at first: a directory that is no root is not to become one.
    DirView::open(root)?;
    let options = DirOptions { shared: true, ..DirOptions::default() };
    let store = Arc::new(DirStore::open(root, options).map_err(|error| match error.status() {
        Status::Busy => Error::new(Status::Busy, owned_by_one(root)).with_source(error),
        _ => error,
    })?);
    let mut config = EngineConfig::new(Arc::clone(&store) as Arc<dyn Store>);
    config.session_timeout = session_timeout;
    Ok((store, Engine::new(config)?))
}

fn owned_by_one(root: &Path) -> String {
    format!(
        "a server has the root {} for itself, so only it can end sessions there, as it does when they expire: stop \
         it first, or start it with --shared",
        root.display()
    )
}

fn unknown(id: SessionId, root: &Path) -> Error {
    Error::new(Status::NotFound, format!("there is no session {id} below {}", root.display()))
}

fn unreadable_root(error: StoreError) -> Error {
    Error::new(Status::Io, format!("cannot read the sessions: {error}")).with_source(error)
}

fn session_id(text: &str) -> Result<SessionId, String> {
    let wanted = "expected a session id such as A0FF5911-4144-45B3-BF27-27AFC8EC8A67";
    SessionId::parse(text).ok_or_else(|| wanted.into())
}
