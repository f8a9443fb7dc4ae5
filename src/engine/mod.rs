//! The receiving side of the protocol, for one virtual directory. No socket, no thread, no clock of its own:
//! requests come in through an [`Exchange`], time through a [`Clock`](crate::clock::Clock), bytes leave
//! through a [`Store`](crate::store::Store).

mod access;
mod address;
mod ask;
mod body;
mod config;
mod counts;
mod dispatch;
mod event;
mod exchange;
mod farm;
mod finish;
mod fragment;
mod guard;
mod hooks;
mod note;
mod registry;
mod reply;
mod response;
mod session;
mod snapshot;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

pub use access::Access;
pub use config::{EngineConfig, Finalize, HostId, Overlap};
pub use counts::SessionCounts;
pub use event::{SessionEvent, SessionEventKind, SessionListener};
pub use exchange::{Exchange, RequestHead, Want};
pub use hooks::{EndReason, Hooks, Upload, Verdict};
pub use response::Response;
#[cfg(feature = "server")]
pub(crate) use response::reason;
pub use snapshot::{SessionInfo, SessionState};

use crate::error::{Error, Status};
use crate::log::Level;
use crate::proto::{Fault, SessionId, names};
use crate::store::StoreError;
use guard::Guard;
use registry::Registry;
use session::Session;

/// The module's name in log messages.
const LOG: &str = "engine";

/// One virtual directory. A clone is the same engine.
///
/// Threads: all methods may be called concurrently.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

/// What all clones of an engine and their exchanges share.
struct Shared {
    config: EngineConfig,
    registry: Registry,
    enabled: AtomicBool,
    listeners: RwLock<Vec<Weak<dyn SessionListener>>>,
}

/// What a clean-up did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// How many sessions ended for want of activity.
    pub expired: u64,
    /// After how long the next session can expire, if there is one.
    pub next: Option<Duration>,
}

impl Engine {
    /// An engine with the sessions that its store holds.
    ///
    /// Errors: the store cannot list its sessions; [`Status::InvalidArgument`] for a limit of 0 that lets nothing
    /// through, and for a public URL or a host id that is none.
    pub fn new(config: EngineConfig) -> Result<Self, Error> {
        #[cfg(feature = "planted-panics")]
        crate::fault_injection::maybe_panic("engine", config.public_url.as_deref().unwrap_or_default());
        config.check()?;
        address::check(&config)?;
        let registry = Registry::default();
        let found = config.store.sessions().map_err(|error| {
            Error::new(Status::Io, format!("cannot read the sessions of the store: {error}"))
                .with_source(error)
        })?;
        for unreadable in &found.unreadable {
            config.logger.log(Level::Error, LOG, || {
                format!("left a session alone that cannot be read: {}: {}", unreadable.id, unreadable.reason)
            });
        }
        for stored in found.sessions {
            registry.adopt(stored);
        }
        Ok(Self(Arc::new(Shared {
            config,
            registry,
            enabled: AtomicBool::new(true),
            listeners: RwLock::default(),
        })))
    }

    /// Lets `listener` hear of all sessions from now on, as long as somebody else keeps it.
    pub fn subscribe(&self, listener: &Arc<impl SessionListener + 'static>) {
        let listener: Weak<dyn SessionListener> = Arc::downgrade(listener) as _;
        let mut listeners = self.0.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(listener);
    }

    /// Takes a request and decides what to do with its body.
    pub fn begin(&self, head: RequestHead) -> Exchange {
        Exchange::begin(Arc::clone(&self.0), head)
    }

    /// Whether a request is for this engine, for hosts that serve other things beside it: a packet, or a GET or
    /// HEAD of a reply. A POST where the engine takes it for the verb counts as well; that it is a packet only
    /// its field `X-HTTP-Method-Override` says. All else would be answered 404 or 405.
    pub fn accepts(&self, method: &str, target: &str) -> bool {
        match method {
            names::METHOD => true,
            "POST" => self.0.config.method_override,
            "GET" | "HEAD" => address::reply_session(target).is_some(),
            _ => false,
        }
    }

    /// Ends sessions that were idle for too long. They are also looked at when they are used, so this only
    /// frees space. When the store is shared, it also learns of sessions that other servers made or ended.
    ///
    /// Errors: a session could not be removed; the others were.
    pub fn tick(&self) -> Result<Tick, Error> {
        let mut failure = self.0.catch_up().and_then(|()| self.0.collect_orphans()).err();
        let mut tick = Tick { expired: 0, next: self.0.next_look() };
        for session in self.0.registry.all() {
            match self.0.expire(&session) {
                Ok(true) => tick.expired = tick.expired.saturating_add(1),
                Ok(false) => {
                    let left = Some(self.0.time_left(&session)).filter(|left| !left.is_zero());
                    tick.next = [tick.next, left].into_iter().flatten().min();
                }
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(tick), Err)
    }

    /// How many sessions there are; when the store is shared, those that this server knows of.
    pub fn session_count(&self) -> u64 {
        self.0.registry.count()
    }

    /// Ends a session and discards it; a file that was delivered stays. `false` when there is none. While a
    /// hook is called for the session it ends as soon as that returns.
    ///
    /// Errors: its data could not be removed.
    pub fn end_session(&self, id: SessionId) -> Result<bool, Error> {
        let found = self.0.session(id).map_err(|error| store_error(id, error))?;
        let Some(session) = found else { return Ok(false) };
        self.0.end(&session, EndReason::Cancelled).map(|()| true)
    }

    /// Switches uploads on or off. Off discards all sessions, as [`Self::end_session`] does, and packets are
    /// answered 501 (PROTOCOL 4.5). Other servers that share the store go on.
    ///
    /// Errors: a session's data could not be removed; uploads are off all the same.
    pub fn set_enabled(&self, enabled: bool) -> Result<(), Error> {
        self.0.enabled.store(enabled, Ordering::SeqCst);
        if enabled {
            return Ok(());
        }
        self.0.catch_up()?;
        self.0.registry.all().iter().try_for_each(|session| self.0.end(session, EndReason::Cancelled))
    }
}

impl Shared {
    /// Who wants to hear of sessions, and is still there.
    fn listeners(&self) -> Vec<Arc<dyn SessionListener>> {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().filter_map(Weak::upgrade).collect()
    }

    fn now_ms(&self) -> u64 {
        self.config.clock.now_ms()
    }

    /// Whether so many bytes more leave the volume its reserve.
    ///
    /// Errors: they do not, in the terms of a full volume; the client tries again later (PROTOCOL 10.3).
    fn check_space(&self, more: u64) -> Result<(), Fault> {
        let reserve = self.config.free_space_reserve;
        if reserve == 0 {
            return Ok(());
        }
        let free = self.config.store.free_bytes().map_err(|error| dispatch::store_fault(self, &error))?;
        match free {
            Some(free) if free.saturating_sub(more) < reserve => {
                self.config.logger.log(Level::Warn, LOG, || {
                    format!(
                        "refused {more} bytes: {free} are free on the volume, and {reserve} are to stay so"
                    )
                });
                Err(Fault::no_space())
            }
            _ => Ok(()),
        }
    }

    /// How long a session has to live without a further packet.
    fn time_left(&self, session: &Session) -> Duration {
        let idle = self.now_ms().saturating_sub(session.last_active_ms());
        self.config.session_timeout.saturating_sub(Duration::from_millis(idle))
    }

    /// The session of that id, unless it was idle for too long.
    fn live_session(&self, id: SessionId) -> Result<Option<Arc<Session>>, Fault> {
        let found = self.session(id).map_err(|error| dispatch::store_fault(self, &error))?;
        let Some(session) = found else { return Ok(None) };
        let expired = self.expire(&session).unwrap_or_else(|error| {
            self.config.logger.log(Level::Error, LOG, || error.to_string());
            true
        });
        Ok(Some(session).filter(|_| !expired))
    }

    /// Ends a session that is idle for too long or should have ended, and says whether it was. One whose
    /// request is with the application is not idle, however long that takes.
    fn expire(&self, session: &Session) -> Result<bool, Error> {
        let is_due = match self.is_idle(session) {
            Ok(true) => session.callback_in_progress(self).map(|is_away| !is_away),
            Ok(false) => session.is_overdue(self),
            Err(error) => Err(error),
        };
        match is_due.map_err(|error| store_error(session.id, error))? {
            true => self.end(session, EndReason::Expired).map(|()| true),
            false => Ok(false),
        }
    }

    /// Ends a session at once, whatever it is doing; only a call of the application is waited for, by the
    /// request that makes it.
    fn end(&self, session: &Session, reason: EndReason) -> Result<(), Error> {
        let ended = match session.seize(self, reason) {
            Ok(Some(state)) => self.remove(session, state, None, reason),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        ended.map_err(|error| {
            Error::new(Status::Io, format!("cannot remove session {}: {error}", session.id))
                .with_source(error)
        })
    }

    /// Removes a session's data first and its row second, so that a failure leaves it to be removed again.
    /// Then tells the application.
    fn remove(
        &self,
        session: &Session,
        mut state: Guard<'_>,
        head: Option<&RequestHead>,
        reason: EndReason,
    ) -> Result<(), StoreError> {
        let record = state.record.clone();
        let store = &self.config.store;
        let held = match record.is_done() || self.config.hooks.is_none() {
            true => record.total.unwrap_or_default(),
            false => store.open(session.id).map_or(0, |sink| sink.received()),
        };
        store.remove(session.id)?;
        state.ended = true;
        self.registry.remove(session);
        drop(state);
        self.config.logger.log(Level::Info, LOG, || format!("{} {}", session.id, reason.name()));
        self.tell(&record, head, SessionEventKind::Ended(reason));
        ask::ended(self, &record, head, held, reason);
        Ok(())
    }
}

fn store_error(id: SessionId, error: StoreError) -> Error {
    Error::new(Status::Io, format!("cannot look at session {id}: {error}")).with_source(error)
}
