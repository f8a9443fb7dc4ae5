//! Shared by all parts of an engine: configuration, clock, log, and the listeners for session events.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use super::callbacks::event::{SessionEvent, SessionEventKind, SessionListener};
use super::config::EngineConfig;
use super::request::RequestHead;
use super::{address, faults};
use crate::log::Level;
use crate::proto::{Fault, Target};
use crate::store::{SessionRecord, SharedStore, StoreError};

/// The target of the engine's log messages.
const LOG_TARGET: &str = "engine";

/// The part of an engine's state that does not depend on its sessions.
pub(super) struct EngineContext {
    pub(super) config: EngineConfig,
    enabled: AtomicBool,
    /// How often waits for sessions were aborted.
    aborts: AtomicU64,
    listeners: RwLock<Vec<Weak<dyn SessionListener>>>,
}

impl EngineContext {
    pub(super) fn new(config: EngineConfig) -> Self {
        Self {
            config,
            enabled: AtomicBool::new(true),
            aborts: AtomicU64::new(0),
            listeners: RwLock::default(),
        }
    }

    /// Whether uploads are enabled.
    pub(super) fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::SeqCst)
    }

    pub(super) fn set_enabled(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::SeqCst);
    }

    /// How often waits for sessions were aborted: a wait ends if this changes.
    pub(super) fn aborts(&self) -> u64 {
        self.aborts.load(Ordering::SeqCst)
    }

    /// Ends the waits that are in progress for sessions, once [`Session::wake`](super::sessions::session::Session)
    /// makes them look.
    pub(super) fn abort_waits(&self) {
        self.aborts.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.config.clock.now_ms()
    }

    pub(super) fn log(&self, level: Level, message: impl FnOnce() -> String) {
        self.config.logger.log(level, LOG_TARGET, message);
    }

    /// The store's interface for several servers; `None` if only this one uses it.
    pub(super) fn shared_store(&self) -> Option<&dyn SharedStore> {
        self.config.store.shared()
    }

    /// Maps an error of the store to a fault, and logs it if the server caused it.
    pub(super) fn store_fault(&self, error: &StoreError) -> Fault {
        if faults::is_server_side(error) {
            self.log(Level::Error, || format!("the store failed: {error}"));
        }
        faults::from_store(error)
    }

    /// Checks that storing `more` bytes leaves [`EngineConfig::free_space_reserve`] on the volume.
    ///
    /// # Errors
    ///
    /// Returns the fault for a full volume if it does not. The client retries later (PROTOCOL 10.3).
    pub(super) fn check_space(&self, more: u64) -> Result<(), Fault> {
        let reserve = self.config.free_space_reserve;
        if reserve == 0 {
            return Ok(());
        }
        let free = self.config.store.free_bytes().map_err(|error| self.store_fault(&error))?;
        match free {
            Some(free) if free.saturating_sub(more) < reserve => {
                self.log(Level::Warn, || {
                    format!(
                        "rejected {more} bytes: the volume has {free} bytes free and {reserve} are reserved"
                    )
                });
                Err(Fault::no_space())
            }
            _ => Ok(()),
        }
    }

    /// Adds a listener. Keeps only a weak reference to it.
    pub(super) fn subscribe(&self, listener: Weak<dyn SessionListener>) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(listener);
    }

    /// Reports an event of a session to all listeners. `head` is the request that caused it.
    pub(super) fn emit(&self, record: &SessionRecord, head: Option<&RequestHead>, kind: SessionEventKind) {
        let listeners: Vec<Arc<dyn SessionListener>> = {
            let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
            listeners.iter().filter_map(Weak::upgrade).collect()
        };
        if listeners.is_empty() {
            return;
        }
        let url = record.url.clone().unwrap_or_else(|| address::record_url(record));
        let event = SessionEvent {
            kind,
            session: record.id,
            owner: record.owner.as_deref(),
            peer: head.and_then(|head| head.peer.as_deref()),
            path: Target::parse(address::path_and_query(&url)).map_or("/", |target| target.path),
            total: record.total,
        };
        listeners.iter().for_each(|listener| listener.on_session(&event));
    }
}
