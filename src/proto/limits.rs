//! The protocol's numbers, with their source in [MC-BUP] or the Win32 documentation.

/// Longest header value in bytes that a server takes ([MC-BUP] 2.2.1).
pub const MAX_HEADER_VALUE: usize = 4096;
/// Longest session id in characters (Win32, Ack for Create-Session).
pub const MAX_SESSION_ID: usize = 100;
/// Longest `Content-Name` in characters ([MC-BUP] 2.2.1.1).
pub const MAX_CONTENT_NAME: usize = 260;
/// Longest remote name in characters (BG_FILE_INFO).
pub const MAX_REMOTE_NAME: usize = 2200;
/// Longest reply URL in characters that a server passes on ([MC-BUP] 2.2.1.2).
pub const MAX_REPLY_URL: usize = 2200;
/// Longest host id in characters (IIS: BITSHostId).
pub const MAX_HOST_ID: usize = 300;
/// How many protocol GUIDs of an offer are looked at ([MC-BUP] product note 6).
pub const MAX_PROTOCOLS: usize = 100;

/// Smallest fragment in bytes a client shrinks to ([MC-BUP] product note 16).
pub const MIN_FRAGMENT: u64 = 5 * 1024;
/// Largest fragment in bytes a client sends by default: what Windows sends at most (product note 10).
pub const MAX_FRAGMENT: u64 = 13 * 1024 * 1024;

/// Milliseconds a client gives a request to be sent ([MC-BUP] 3.1.2.1).
pub const REQUEST_TIMEOUT_MS: u64 = 120_000;
/// Milliseconds a client waits for an answer ([MC-BUP] 3.1.2.2).
pub const RESPONSE_TIMEOUT_MS: u64 = 300_000;
/// Milliseconds a session lives without a successful packet ([MC-BUP] 3.2.2.1): 14 days.
pub const SESSION_TIMEOUT_MS: u64 = 1_209_600_000;
/// Milliseconds between two clean-ups: 12 hours (IIS: BITSCleanupUseDefault).
pub const CLEANUP_INTERVAL_MS: u64 = 43_200_000;
/// Sessions one user may have at a time (IIS: BITSNumberOfSessionsLimit).
pub const SESSIONS_PER_USER: u64 = 50;
/// Seconds after which a client returns from the host id to the original host (IIS: BITSHostIdFallbackTimeout).
pub const HOST_ID_FALLBACK: u32 = 86_400;
