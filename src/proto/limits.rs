//! Limits and defaults of the protocol, with their source: \[MC-BUP\], or the documentation of Win32 or IIS.

/// Longest header value that a server accepts, in bytes (\[MC-BUP\] 2.2.1).
pub const MAX_HEADER_VALUE: usize = 4096;
/// Longest session id in characters (Win32, Ack for Create-Session).
pub const MAX_SESSION_ID: usize = 100;
/// Longest `Content-Name` in characters (\[MC-BUP\] 2.2.1.1).
pub const MAX_CONTENT_NAME: usize = 260;
/// Longest remote name in characters (BG_FILE_INFO).
pub const MAX_REMOTE_NAME: usize = 2200;
/// Longest reply URL in characters that a server sends (\[MC-BUP\] 2.2.1.2).
pub const MAX_REPLY_URL: usize = 2200;
/// Longest host id in characters (IIS: BITSHostId).
pub const MAX_HOST_ID: usize = 300;
/// How many of the offered protocol GUIDs a server considers (\[MC-BUP\] product note 6).
pub const MAX_PROTOCOLS: usize = 100;

/// Smallest fragment that a client shrinks to, in bytes (\[MC-BUP\] product note 16).
pub const MIN_FRAGMENT: u64 = 5 * 1024;
/// Largest fragment that a client sends by default, in bytes; also the largest that Windows sends (product note
/// 10).
pub const MAX_FRAGMENT: u64 = 13 * 1024 * 1024;

/// Time within which a client must have sent a request, in milliseconds (\[MC-BUP\] 3.1.2.1).
pub const REQUEST_TIMEOUT_MS: u64 = 120_000;
/// Time that a client waits for a response, in milliseconds (\[MC-BUP\] 3.1.2.2).
pub const RESPONSE_TIMEOUT_MS: u64 = 300_000;
/// Time that a session lives without a successful packet, in milliseconds (\[MC-BUP\] 3.2.2.1): 14 days.
pub const SESSION_TIMEOUT_MS: u64 = 1_209_600_000;
/// Time between two clean-ups, in milliseconds: 12 hours (IIS: BITSCleanupUseDefault).
pub const CLEANUP_INTERVAL_MS: u64 = 43_200_000;
/// Maximum number of sessions per user (IIS: BITSNumberOfSessionsLimit).
pub const SESSIONS_PER_USER: u64 = 50;
/// Time after which a client returns from the host id to the original host, in seconds (IIS:
/// BITSHostIdFallbackTimeout).
pub const HOST_ID_FALLBACK: u32 = 86_400;
