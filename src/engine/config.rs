//! The configuration of an engine.

use std::sync::Arc;
use std::time::Duration;

use super::access::Access;
use super::callbacks::hooks::Hooks;
use crate::clock::{Clock, SteadyClock, SystemClock};
use crate::error::{Error, Status};
use crate::log::Logger;
use crate::proto::limits;
use crate::store::Store;

/// What to do with a Fragment that starts before the next expected offset and ends after it (PROTOCOL 11.1 #4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// Store only the new bytes, as in the Win32 documentation.
    #[default]
    Trim,
    /// Respond with 416, as in the specification.
    Reject,
}

/// When a complete file is delivered to its destination (PROTOCOL 11.1 #5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Finalize {
    /// With the last Fragment, before its Ack.
    #[default]
    LastFragment,
    /// With Close-Session, before its Ack.
    Close,
}

/// The address of this server within a server farm, to which clients send the packets after Create-Session
/// (PROTOCOL 6.7).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostId {
    /// Host name or IP address, of at most 300 characters. Without a port, clients keep the port they use.
    pub host: String,
    /// Seconds after which clients that cannot reach this address return to the original one. 0: not sent.
    pub fallback_seconds: u32,
}

setters! {
    HostId {
        fallback_seconds: u32,
    }
}

impl HostId {
    /// Creates a host id without a fallback timeout.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self { host: host.into(), fallback_seconds: 0 }
    }
}

/// The configuration of an [`Engine`](super::Engine).
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use bitsup::engine::EngineConfig;
/// use bitsup::store::MemoryStore;
///
/// let config = EngineConfig::new(Arc::new(MemoryStore::default()))
///     .max_upload_size(10 * 1024 * 1024)
///     .allow_overwrite(true);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Where sessions and files are stored.
    pub store: Arc<dyn Store>,
    /// The source of time. Default: [`SteadyClock`], so that setting the clock of the system expires no session; with
    /// a shared store [`SystemClock`], because servers compare their times.
    pub clock: Arc<dyn Clock>,
    /// Where log messages go. Default: nowhere.
    pub logger: Logger,
    /// Longest file accepted, in bytes. Default: no limit. 0 accepts empty files only.
    pub max_upload_size: u64,
    /// Longest Fragment accepted, in bytes; at least 1. Default: no limit.
    pub max_fragment_size: u64,
    /// Bytes to keep free on the store's volume. Packets that would leave fewer are rejected as if the volume
    /// were full. Default: 64 MiB. 0: no check. Has no effect if the store does not report its free space.
    pub free_space_reserve: u64,
    /// Maximum sessions per owner; sessions without an owner do not count. Default: 50. 0: no limit.
    pub max_sessions_per_owner: u64,
    /// Maximum sessions in total. Default: 0, no limit.
    pub max_sessions: u64,
    /// How long a session lives without a successful packet; more than 0. Default: 14 days.
    pub session_timeout: Duration,
    /// Whether all users may replace existing files. Default: `false`.
    pub allow_overwrite: bool,
    /// Access rules by user. Default: all users may upload.
    pub access: Access,
    /// What to do with overlapping Fragments. Default: [`Overlap::Trim`].
    pub overlap: Overlap,
    /// When complete files are delivered. Default: [`Finalize::LastFragment`].
    pub finalize: Finalize,
    /// Callbacks of the host application. Default: none; every upload is accepted, and there are no replies.
    pub hooks: Option<Arc<dyn Hooks>>,
    /// The URL of the engine's root as clients see it, including the mount point: `https://host/prefix/`.
    /// Default: none; URLs of replies are built from the request's `Host`, scheme and mount point.
    pub public_url: Option<String>,
    /// The address of this server within a server farm; also used in URLs of replies. Default: none.
    pub host_id: Option<HostId>,
    /// Whether `POST` with `X-HTTP-Method-Override: BITS_POST` is accepted as `BITS_POST`, for clients behind
    /// proxies that reject unknown methods. Their Create-Session gets 201 instead of 200, because those
    /// clients accept nothing else. Default: `false`.
    pub method_override: bool,
}

setters! {
    EngineConfig {
        clock: Arc<dyn Clock>,
        logger: Logger,
        max_upload_size: u64,
        max_fragment_size: u64,
        free_space_reserve: u64,
        max_sessions_per_owner: u64,
        max_sessions: u64,
        session_timeout: Duration,
        allow_overwrite: bool,
        access: Access,
        overlap: Overlap,
        finalize: Finalize,
        host_id: impl Into<Option<HostId>>,
        method_override: bool,
    }
    Some {
        hooks: Arc<dyn Hooks>,
        public_url: impl Into<String>,
    }
}

impl EngineConfig {
    /// Creates a configuration with the default values.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        // Another server's steady clock may have stopped while its system was suspended.
        let clock: Arc<dyn Clock> = match store.shared() {
            Some(_) => Arc::new(SystemClock),
            None => Arc::new(SteadyClock::default()),
        };
        Self {
            store,
            clock,
            logger: Logger::default(),
            max_upload_size: u64::MAX,
            max_fragment_size: u64::MAX,
            free_space_reserve: 64 * 1024 * 1024,
            max_sessions_per_owner: limits::SESSIONS_PER_USER,
            max_sessions: 0,
            session_timeout: Duration::from_millis(limits::SESSION_TIMEOUT_MS),
            allow_overwrite: false,
            access: Access::default(),
            overlap: Overlap::default(),
            finalize: Finalize::default(),
            hooks: None,
            public_url: None,
            host_id: None,
            method_override: false,
        }
    }

    /// Checks that the limits which must be positive are not 0.
    pub(super) fn validate(&self) -> Result<(), Error> {
        let zeros = [
            (self.max_fragment_size == 0, "max_fragment_size"),
            (self.session_timeout.is_zero(), "session_timeout"),
        ];
        match zeros.into_iter().find(|(is_zero, _)| *is_zero) {
            Some((_, name)) => {
                let message = format!("invalid {name} 0: it must be greater than 0");
                Err(Error::new(Status::InvalidArgument, message))
            }
            None => Ok(()),
        }
    }

    /// Whether an upload of that owner may replace a file.
    pub(super) fn may_overwrite(&self, owner: Option<&str>) -> bool {
        self.allow_overwrite || self.access.may_overwrite(owner)
    }
}
