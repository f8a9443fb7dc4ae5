//! The receiving side of the protocol, for one virtual directory.
//!
//! An [`Engine`] does no I/O of its own: requests arrive through an [`Exchange`], the time comes from a
//! [`Clock`](crate::clock::Clock), and bytes go to a [`Store`](crate::store::Store). The listener in
//! `bitsup::server` drives it over HTTP/1.1; any other HTTP server can do the same.
//!
//! # Examples
//!
//! An upload of three bytes into memory:
//!
//! ```
//! use std::sync::Arc;
//!
//! use bitsup::engine::{Engine, EngineConfig, RequestHead, Want};
//! use bitsup::proto::names;
//! use bitsup::store::MemoryStore;
//!
//! # fn main() -> Result<(), bitsup::Error> {
//! let engine = Engine::new(EngineConfig::new(Arc::new(MemoryStore::default())))?;
//! let head = |fields: &[(&str, &str)]| {
//!     RequestHead::new("BITS_POST", "/report.txt").headers(fields.iter().copied().collect())
//! };
//!
//! let create = [
//!     (names::PACKET_TYPE, "Create-Session"),
//!     (names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID),
//!     (names::CONTENT_LENGTH, "0"),
//! ];
//! let created = engine.begin(head(&create)).finish();
//! assert_eq!(created.status, 200);
//! let session = created.header(names::SESSION_ID).unwrap_or_default();
//!
//! let mut fragment = engine.begin(head(&[
//!     (names::PACKET_TYPE, "Fragment"),
//!     (names::SESSION_ID, session),
//!     (names::CONTENT_RANGE, "bytes 0-2/3"),
//!     (names::CONTENT_LENGTH, "3"),
//! ]));
//! assert_eq!(fragment.want(), Want::Body(3));
//! fragment.body(b"abc");
//! assert_eq!(fragment.finish().header(names::RECEIVED_CONTENT_RANGE), Some("3"));
//! # Ok(())
//! # }
//! ```

mod access;
mod address;
mod callbacks;
mod config;
mod context;
mod exchange;
mod faults;
mod packets;
mod reply;
mod request;
mod response;
mod sessions;
mod state;

use std::sync::{Arc, Weak};

pub use access::Access;
pub use callbacks::event::{SessionEvent, SessionEventKind, SessionListener};
pub use callbacks::hooks::{EndReason, Hooks, Upload, Verdict};
pub use config::{EngineConfig, Finalize, HostId, Overlap};
pub use exchange::{Exchange, Want};
pub use request::RequestHead;
pub use response::Response;
#[cfg(feature = "server")]
pub(crate) use response::reason;
pub use sessions::counts::SessionCounts;
pub use sessions::snapshot::{SessionInfo, SessionState};
pub use state::Tick;

use crate::error::{Error, Status};
use crate::proto::{SessionId, names};
use crate::store::StoreError;
use state::EngineState;

/// A virtual directory that accepts uploads. Clones are handles to the same engine.
///
/// See the [module documentation](self) for an example.
///
/// Threads: all methods may be called concurrently.
#[derive(Clone)]
pub struct Engine(Arc<EngineState>);

impl Engine {
    /// Creates an engine that continues the sessions of its store.
    ///
    /// # Errors
    ///
    /// - [`Status::InvalidArgument`] if a limit is 0, or the public URL or the host id is invalid.
    /// - [`Status::Io`] if the store cannot list its sessions. A single unreadable session is only logged.
    pub fn new(config: EngineConfig) -> Result<Self, Error> {
        let engine = Self::new_unloaded(config)?;
        engine.load(|| true)?;
        Ok(engine)
    }

    /// Creates an engine like [`Self::new`], but does not list the sessions of its store, which takes longer the more
    /// there are. Until [`Self::load`] has loaded them, each is looked up when a packet for it arrives; limits, counts
    /// and lists cover the sessions that are known so far.
    ///
    /// A server of `bitsup::server` loads the sessions in the background. Without one, call [`Self::load`] on a
    /// thread; otherwise the first [`Self::tick`] does it.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if a limit is 0, or the public URL or the host id is invalid.
    pub fn new_unloaded(config: EngineConfig) -> Result<Self, Error> {
        #[cfg(feature = "fault-injection")]
        crate::fault_injection::maybe_panic("engine", config.public_url.as_deref().unwrap_or_default());
        config.validate()?;
        address::validate(&config)?;
        Ok(Self(Arc::new(EngineState::new(config))))
    }

    /// Loads the sessions of the store, while requests are served. Stops if `proceed`, which is called for each session,
    /// returns `false`. Returns whether all sessions are loaded. Blocks while another thread loads them.
    ///
    /// # Errors
    ///
    /// [`Status::Io`] if the store cannot list its sessions. A single unreadable session is only logged.
    pub fn load(&self, mut proceed: impl FnMut() -> bool) -> Result<bool, Error> {
        self.0.load(&mut proceed)
    }

    /// Returns whether all sessions of the store are loaded; see [`Self::new_unloaded`].
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.0.is_loaded()
    }

    /// Reports events of all sessions to `listener` from now on. The engine keeps no reference to it: dropping
    /// the last [`Arc`] ends the subscription.
    pub fn subscribe(&self, listener: &Arc<impl SessionListener + 'static>) {
        let listener: Weak<dyn SessionListener> = Arc::downgrade(listener) as _;
        self.0.subscribe(listener);
    }

    /// Begins a request. The returned exchange reports how much of the body it needs.
    #[must_use = "an exchange does nothing until it is finished"]
    pub fn begin(&self, head: RequestHead) -> Exchange {
        Exchange::begin(Arc::clone(&self.0), head)
    }

    /// Returns whether a request is meant for this engine, for host applications that also serve other
    /// requests: a packet, or a GET or HEAD of a reply. The engine responds to all others with 404 or 405.
    ///
    /// With [`EngineConfig::method_override`], returns `true` for every POST, because only the header field
    /// `X-HTTP-Method-Override` shows whether it is a packet.
    ///
    /// # Examples
    ///
    /// ```
    /// # use bitsup::engine::{Engine, EngineConfig};
    /// # use bitsup::store::MemoryStore;
    /// # let config = EngineConfig::new(std::sync::Arc::new(MemoryStore::default()));
    /// # let engine = Engine::new(config)?;
    /// assert!(engine.accepts("BITS_POST", "/report.pdf"));
    /// assert!(!engine.accepts("GET", "/report.pdf"));
    /// # Ok::<(), bitsup::Error>(())
    /// ```
    #[must_use]
    pub fn accepts(&self, method: &str, target: &str) -> bool {
        match method {
            names::METHOD => true,
            "POST" => self.0.config.method_override,
            "GET" | "HEAD" => address::reply_session(target).is_some(),
            _ => false,
        }
    }

    /// Removes expired sessions. Call it periodically, for instance after [`Tick::next`].
    ///
    /// A session also expires when a packet for it arrives too late, so this only frees space. If the store is
    /// shared, it also finds sessions that other servers created or ended. If the sessions are not
    /// [loaded](Self::new_unloaded), it loads them. Never waits for a session.
    ///
    /// # Errors
    ///
    /// [`Status::Io`] if the store cannot list its sessions or a session cannot be removed; all others are still
    /// handled.
    pub fn tick(&self) -> Result<Tick, Error> {
        self.0.clean_up()
    }

    /// Returns the number of sessions. If the store is shared, counts only the sessions in this server's
    /// table.
    #[must_use]
    pub fn session_count(&self) -> u64 {
        self.0.session_count()
    }

    /// Returns the number of sessions by state. If the store is shared, counts only the sessions in this
    /// server's table.
    ///
    /// Never blocks: a session that is storing bytes counts as receiving.
    #[must_use]
    pub fn session_counts(&self) -> SessionCounts {
        SessionCounts::of(&self.0.sessions())
    }

    /// Returns all sessions, oldest first; those of all servers if the store is shared. Otherwise, until all sessions are
    /// [loaded](Self::new_unloaded), those that are known so far.
    ///
    /// Locks each session for a moment, so it is meant for administration, not for every packet. A session that another
    /// server holds is shown as that server recorded it last.
    ///
    /// # Errors
    ///
    /// [`Status::Io`] if the store cannot list its sessions or read one of them, or if a request holds one for too
    /// long.
    pub fn sessions(&self) -> Result<Vec<SessionInfo>, Error> {
        self.0.refresh()?;
        let mut infos = Vec::new();
        for session in self.0.sessions() {
            let info = SessionInfo::of(&session).map_err(|error| state::session_error(session.id, error))?;
            infos.extend(info);
        }
        infos.sort_by_key(|info| (info.created_ms, info.id));
        Ok(infos)
    }

    /// Ends a session and discards its bytes; a file that was delivered stays. Returns `false` if the session
    /// does not exist. If a callback of [`Hooks`] is running for the session, it ends when the callback
    /// returns.
    ///
    /// # Errors
    ///
    /// [`Status::Io`] if the session cannot be looked up or its data cannot be removed, [`Status::Busy`] if another
    /// request or server holds the session for too long.
    pub fn end_session(&self, id: SessionId) -> Result<bool, Error> {
        let found = self.0.session(id).map_err(|error| state::session_error(id, error))?;
        let Some(session) = found else { return Ok(false) };
        self.0.end(&session, EndReason::Cancelled).map(|()| true)
    }

    /// Enables or disables uploads; they are enabled initially. Disabling ends all sessions like
    /// [`Self::end_session`], and packets get 501 (PROTOCOL 4.5). Other servers that share the store are not
    /// affected.
    ///
    /// # Errors
    ///
    /// - [`Status::Io`] if the store cannot list its sessions; uploads are disabled, but no session is ended.
    /// - The last error of [`Self::end_session`]; uploads are disabled and the other sessions ended nevertheless.
    pub fn set_enabled(&self, enabled: bool) -> Result<(), Error> {
        self.0.set_enabled(enabled);
        if enabled {
            return Ok(());
        }
        self.load(|| true)?;
        self.0.refresh()?;
        let mut ended = Ok(());
        for session in self.0.sessions() {
            ended = self.0.end(&session, EndReason::Cancelled).and(ended);
        }
        ended
    }

    /// Ends the waits of requests for a session that another request or server holds, so that a server can stop: these
    /// requests get 503. Does not end waits for a callback of this engine, or waits that begin later.
    pub fn abort_waits(&self) {
        self.0.abort_waits();
    }

    /// Returns the number of free bytes in the store; `None` if unknown.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        self.0.config.store.free_bytes().ok().flatten()
    }

    /// Checks that the store can be written, for health checks.
    ///
    /// # Errors
    ///
    /// [`Status::NoSpace`], [`Status::Denied`] or [`Status::Io`], depending on the error of the store.
    pub fn check_store(&self) -> Result<(), Error> {
        let checked = self.0.config.store.probe();
        checked.map_err(|error| {
            let status = match error {
                StoreError::NoSpace(_) => Status::NoSpace,
                StoreError::Denied(_) => Status::Denied,
                _ => Status::Io,
            };
            Error::new(status, format!("cannot write to the store: {error}")).with_source(error)
        })
    }
}
