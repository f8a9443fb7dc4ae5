//! How an engine behaves.

use std::sync::Arc;
use std::time::Duration;

use super::access::Access;
use super::hooks::Hooks;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Status};
use crate::log::Logger;
use crate::proto::limits;
use crate::store::Store;

/// What a Fragment does that begins before and ends behind the next expected offset (PROTOCOL 11.1 #4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// Only its new bytes are stored, as the Win32 documentation has it.
    #[default]
    Trim,
    /// It is answered 416, as the specification has it.
    Reject,
}

/// When a complete file becomes visible (PROTOCOL 11.1 #5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Finalize {
    /// With the last fragment, before its Ack.
    #[default]
    LastFragment,
    /// With Close-Session, before its Ack.
    Close,
}

/// The address of this server within a farm, for clients to come back to (PROTOCOL 6.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostId {
    /// Host name or address, with a port if it differs from the one clients use: at most 300 characters.
    pub host: String,
    /// After how many seconds without it clients return to the original host; 0 says nothing of that.
    pub fallback_seconds: u32,
}

/// How an engine behaves.
#[derive(Clone)]
pub struct EngineConfig {
    /// Where bytes go.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where the engine says what it does.
    pub logger: Logger,
    /// Longest file taken, in bytes. 0: empty files only.
    pub max_upload_size: u64,
    /// Longest fragment taken, in bytes; 1 or more.
    pub max_fragment_size: u64,
    /// Bytes that stay free on the volume of the store: a Create-Session that finds fewer, and a Fragment that would
    /// leave fewer, are answered as if it were full. Stores that do not know their volume never are that full.
    pub free_space_reserve: u64,
    /// Sessions one owner may have at a time; sessions without an owner are not counted. 0: no limit.
    pub max_sessions_per_owner: u64,
    /// Sessions in all. 0: no limit.
    pub max_sessions: u64,
    /// How long a session lives without a successful packet; more than 0.
    pub session_timeout: Duration,
    /// Whether an upload may replace a file, whoever sends it.
    pub allow_overwrite: bool,
    /// Who may do what.
    pub access: Access,
    /// What overlapping fragments do.
    pub overlap: Overlap,
    /// When files become visible.
    pub finalize: Finalize,
    /// The application behind the engine. Without one every upload is taken, and there are no replies.
    pub hooks: Option<Arc<dyn Hooks>>,
    /// The URL by which clients reach the engine's root, mount point included: `https://host/prefix/`. Without
    /// it reply URLs come from the `Host` of the request, its scheme and the mount point, as a proxy in front
    /// passed them on.
    pub public_url: Option<String>,
    /// The address of this server within a farm. Reply URLs name it, too.
    pub host_id: Option<HostId>,
    /// Whether `POST` with `X-HTTP-Method-Override: BITS_POST` is taken for the verb, as it passes proxies
    /// that refuse it. Create-Session is then answered 201, as the services that speak so do.
    pub method_override: bool,
}

impl EngineConfig {
    /// The defaults, over that store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            clock: Arc::new(SystemClock),
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

    /// Errors: a limit of 0, which would let nothing through.
    pub(super) fn check(&self) -> Result<(), Error> {
        let zeros = [
            (self.max_fragment_size == 0, "the longest fragment"),
            (self.session_timeout.is_zero(), "the session timeout"),
        ];
        match zeros.into_iter().find(|(is_zero, _)| *is_zero) {
            Some((_, what)) => {
                Err(Error::new(Status::InvalidArgument, format!("{what} is 0; it must be more")))
            }
            None => Ok(()),
        }
    }

    /// Whether that owner's upload may replace a file.
    pub(super) fn may_overwrite(&self, owner: Option<&str>) -> bool {
        self.allow_overwrite || self.access.may_overwrite(owner)
    }
}
