//! HRESULTs, the error numbers of `BITS-Error`, with their names and advice (PROTOCOL 10.4).

use std::fmt;

/// A 32-bit HRESULT.
///
/// # Examples
///
/// ```
/// use bitsup::proto::HResult;
///
/// let error = HResult::from_wire("0x8020001F");
/// assert_eq!(error, Some(HResult::BG_E_SESSION_NOT_FOUND));
/// assert_eq!(HResult::http(404).to_string(), "0x80190194 BG_E_HTTP_ERROR_404");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct HResult(pub u32);

/// The entry of an HRESULT in the table of known ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HResultInfo {
    /// Its name in the Windows headers.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

/// `BG_E_HTTP_ERROR_n` is this number plus the HTTP status.
const HTTP_BASE: u32 = 0x8019_0000;

impl HResult {
    /// The request is invalid.
    pub const E_INVALIDARG: Self = Self(0x8007_0057);
    /// Access is denied.
    pub const E_ACCESSDENIED: Self = Self(0x8007_0005);
    /// The disk is full.
    pub const DISK_FULL: Self = Self(0x8007_0070);
    /// The server broke the protocol.
    pub const BG_E_INVALID_SERVER_RESPONSE: Self = Self(0x8020_001B);
    /// The source changed during the transfer.
    pub const BG_E_LOCAL_FILE_CHANGED: Self = Self(0x8020_001D);
    /// The server does not know the session.
    pub const BG_E_SESSION_NOT_FOUND: Self = Self(0x8020_001F);
    /// A limit of the server is exceeded.
    pub const BG_E_TOO_LARGE: Self = Self(0x8020_0020);
    /// Client and server have no upload protocol in common.
    pub const BG_E_CLIENT_SERVER_PROTOCOL_MISMATCH: Self = Self(0x8020_0022);
    /// The job makes no progress.
    pub const BG_E_NO_PROGRESS: Self = Self(0x8020_0024);
    /// The server does not support HTTP/1.1.
    pub const BG_E_INSUFFICIENT_HTTP_SUPPORT: Self = Self(0x8020_0012);

    /// Returns `BG_E_HTTP_ERROR_n` for an HTTP status.
    #[must_use]
    pub const fn http(status: u16) -> Self {
        Self(HTTP_BASE | status as u32)
    }

    /// Returns the HTTP status of a `BG_E_HTTP_ERROR_n`; `None` for other HRESULTs.
    #[must_use]
    pub fn http_status(self) -> Option<u16> {
        let status = u16::try_from(self.0.checked_sub(HTTP_BASE)?).ok()?;
        (100..600).contains(&status).then_some(status)
    }

    /// Parses a header value: hexadecimal with the prefix `0x`, `x` or none, in any case (PROTOCOL 2.3).
    #[must_use]
    pub fn from_wire(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits =
            ["0x", "0X", "x", "X"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(digits, 16).ok().map(Self)
    }

    /// Formats the number for a header: `0x8020001F`.
    #[must_use]
    pub fn to_wire(self) -> String {
        format!("0x{:08X}", self.0)
    }

    /// Returns name, meaning and advice; `None` if the number is not in the table.
    #[must_use]
    pub fn info(self) -> Option<&'static HResultInfo> {
        TABLE.iter().find(|(value, _)| *value == self.0).map(|(_, info)| info)
    }

    /// Returns the table of known numbers, ascending.
    pub fn known() -> impl Iterator<Item = (Self, &'static HResultInfo)> {
        TABLE.iter().map(|(value, info)| (Self(*value), info))
    }
}

impl fmt::Display for HResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.info(), self.http_status()) {
            (Some(info), _) => write!(f, "{} {}", self.to_wire(), info.name),
            (None, Some(status)) => write!(f, "{} BG_E_HTTP_ERROR_{status}", self.to_wire()),
            (None, None) => f.write_str(&self.to_wire()),
        }
    }
}

const fn row(
    value: u32,
    name: &'static str,
    meaning: &'static str,
    advice: &'static str,
) -> (u32, HResultInfo) {
    (value, HResultInfo { name, meaning, advice })
}

/// Ascending by value. Meanings and advice are written for uploads.
const TABLE: &[(u32, HResultInfo)] = &[
    row(
        0x8007_0002,
        "ERROR_FILE_NOT_FOUND",
        "a file does not exist",
        "check the name of the source or of the destination",
    ),
    row(
        0x8007_0005,
        "E_ACCESSDENIED",
        "the server denies access: no permission, the destination exists, or uploads are disabled (HTTP 501)",
        "use another destination, allow overwriting on the server, or request access",
    ),
    row(
        0x8007_0050,
        "ERROR_FILE_EXISTS",
        "the file already exists",
        "use another destination or allow overwriting on the server",
    ),
    row(
        0x8007_0057,
        "E_INVALIDARG",
        "the request violates the protocol, or the destination is a directory",
        "check the URL, which must name a file and not its folder; a proxy may have removed a header",
    ),
    row(
        0x8007_0070,
        "ERROR_DISK_FULL",
        "the server has no space left",
        "free space on the server and upload again: the upload resumes",
    ),
    row(
        0x8007_0112,
        "ERROR_DISK_FULL (as the specification prints it)",
        "the server has no space left; with HTTP 408: the server's application did not respond in time",
        "free space on the server or check the application, then upload again: the upload resumes",
    ),
    row(0x8007_2EE2, "ERROR_WINHTTP_TIMEOUT", "no response in time", "check the network and try again"),
    row(
        0x8007_2EE7,
        "ERROR_WINHTTP_NAME_NOT_RESOLVED",
        "the host name cannot be resolved",
        "check the host in the URL and the DNS configuration",
    ),
    row(
        0x8007_2EFD,
        "ERROR_WINHTTP_CANNOT_CONNECT",
        "cannot connect to the server",
        "check host and port, and that the server is running",
    ),
    row(
        0x8007_2F05,
        "ERROR_WINHTTP_SECURE_CERT_DATE_INVALID",
        "the server's certificate has expired or is not valid yet",
        "renew the server's certificate, or set the clock",
    ),
    row(
        0x8007_2F06,
        "ERROR_WINHTTP_SECURE_CERT_CN_INVALID",
        "the server's certificate is for another name",
        "use the name of the certificate in the URL",
    ),
    row(
        0x8007_2F0C,
        "ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED",
        "the server requires a client certificate",
        "configure a client certificate",
    ),
    row(
        0x8007_2F0D,
        "ERROR_WINHTTP_SECURE_INVALID_CA",
        "the server's certificate is not signed by a trusted authority",
        "configure the root certificate of the authority, if you trust it",
    ),
    row(
        0x8007_2F78,
        "ERROR_WINHTTP_INVALID_SERVER_RESPONSE",
        "the response is not HTTP",
        "check that the URL is that of an HTTP server",
    ),
    row(
        0x8007_2F8F,
        "ERROR_WINHTTP_SECURE_FAILURE",
        "cannot establish a secure connection",
        "check scheme and port of the URL, and the server's certificate",
    ),
    row(0x8020_0001, "BG_E_NOT_FOUND", "the job does not exist", "check the job's identifier"),
    row(
        0x8020_0002,
        "BG_E_INVALID_STATE",
        "the job is in the wrong state for this",
        "check the job's state first",
    ),
    row(0x8020_0003, "BG_E_EMPTY", "the job has no file", "add a file"),
    row(0x8020_0004, "BG_E_FILE_NOT_AVAILABLE", "the error does not concern a file", "nothing to do"),
    row(0x8020_0005, "BG_E_PROTOCOL_NOT_AVAILABLE", "the error does not concern a protocol", "nothing to do"),
    row(0x8020_000D, "BG_E_DESTINATION_LOCKED", "the destination's volume is locked", "unlock the volume"),
    row(
        0x8020_000E,
        "BG_E_VOLUME_CHANGED",
        "the destination's volume was replaced",
        "insert the original volume",
    ),
    row(0x8020_000F, "BG_E_ERROR_INFORMATION_UNAVAILABLE", "no error is recorded", "nothing to do"),
    row(
        0x8020_0010,
        "BG_E_NETWORK_DISCONNECTED",
        "there is no network",
        "connect to a network; the job continues by itself",
    ),
    row(
        0x8020_0011,
        "BG_E_MISSING_FILE_SIZE",
        "the server does not send the length of the reply",
        "configure the server to send Content-Length",
    ),
    row(
        0x8020_0012,
        "BG_E_INSUFFICIENT_HTTP_SUPPORT",
        "the server does not support HTTP/1.1",
        "upload to an HTTP/1.1 server; look for an old proxy in between",
    ),
    row(
        0x8020_0013,
        "BG_E_INSUFFICIENT_RANGE_SUPPORT",
        "the server does not support ranges of the reply",
        "configure the server to support Range",
    ),
    row(0x8020_0014, "BG_E_REMOTE_NOT_SUPPORTED", "not supported from another machine", "run it locally"),
    row(
        0x8020_0015,
        "BG_E_NEW_OWNER_DIFF_MAPPING",
        "the new owner has other drive mappings",
        "map the same drives",
    ),
    row(
        0x8020_0016,
        "BG_E_NEW_OWNER_NO_FILE_ACCESS",
        "the new owner cannot access the files",
        "grant access to the new owner",
    ),
    row(0x8020_0018, "BG_E_PROXY_LIST_TOO_LARGE", "the proxy list is too long", "shorten it"),
    row(0x8020_0019, "BG_E_PROXY_BYPASS_LIST_TOO_LARGE", "the proxy bypass list is too long", "shorten it"),
    row(
        0x8020_001B,
        "BG_E_INVALID_SERVER_RESPONSE",
        "the server's response violates the protocol",
        "check that the URL is that of a BITS server and that no proxy responds in its place",
    ),
    row(
        0x8020_001C,
        "BG_E_TOO_MANY_FILES",
        "an upload job can have one file only",
        "create one job per file",
    ),
    row(
        0x8020_001D,
        "BG_E_LOCAL_FILE_CHANGED",
        "the source changed while it was uploaded",
        "upload again when the file no longer changes",
    ),
    row(
        0x8020_001F,
        "BG_E_SESSION_NOT_FOUND",
        "the server does not know the session: it expired, was closed, or another server responded",
        "the client starts again by itself; if that repeats, check the server's session timeout",
    ),
    row(
        0x8020_0020,
        "BG_E_TOO_LARGE",
        "the file or the fragment exceeds the server's limit",
        "raise the server's limit, or send smaller fragments",
    ),
    row(0x8020_0021, "BG_E_STRING_TOO_LONG", "a text is too long", "shorten it"),
    row(
        0x8020_0022,
        "BG_E_CLIENT_SERVER_PROTOCOL_MISMATCH",
        "client and server have no upload protocol in common",
        "update the older of the two",
    ),
    row(
        0x8020_0023,
        "BG_E_SERVER_EXECUTE_ENABLE",
        "the server's directory allows script execution",
        "remove script and execute permission from the upload directory",
    ),
    row(
        0x8020_0024,
        "BG_E_NO_PROGRESS",
        "the server responds, but the upload makes no progress",
        "check the server's log; try again later",
    ),
    row(0x8020_0025, "BG_E_USERNAME_TOO_LARGE", "the user name is too long", "shorten it"),
    row(0x8020_0026, "BG_E_PASSWORD_TOO_LARGE", "the password is too long", "shorten it"),
    row(
        0x8020_0027,
        "BG_E_INVALID_AUTH_TARGET",
        "the credentials are for neither server nor proxy",
        "choose server or proxy",
    ),
    row(
        0x8020_0028,
        "BG_E_INVALID_AUTH_SCHEME",
        "the authentication scheme is unknown",
        "use a supported scheme",
    ),
    row(0x8020_0029, "BG_E_FILE_NOT_FOUND", "the file is not in the job", "check the name"),
    row(0x8020_002B, "BG_E_INVALID_RANGE", "a range is invalid", "check offset and length"),
    row(0x8020_002C, "BG_E_OVERLAPPING_RANGES", "ranges overlap", "make them disjoint"),
    row(
        0x8020_002D,
        "BG_E_CONNECT_FAILURE",
        "cannot connect to the server",
        "check host and port, and that the server is running",
    ),
    row(
        0x8020_002E,
        "BG_E_CONNECTION_CLOSED",
        "the connection was lost",
        "nothing to do; the client tries again",
    ),
    row(
        0x8020_003E,
        "BG_E_BLOCKED_BY_POLICY",
        "a policy does not allow transfers now",
        "wait, or change the policy",
    ),
    row(0x8020_003F, "BG_E_INVALID_PROXY_INFO", "the proxy settings are invalid", "correct them"),
    row(0x8020_0040, "BG_E_INVALID_CREDENTIALS", "the credentials are invalid", "check user and password"),
    row(0x8020_0049, "BG_E_TOO_MANY_JOBS_PER_USER", "this user has too many jobs", "finish or cancel some"),
    row(
        0x8020_0050,
        "BG_E_TOO_MANY_JOBS_PER_MACHINE",
        "this machine has too many jobs",
        "finish or cancel some",
    ),
    row(0x8020_0051, "BG_E_TOO_MANY_FILES_IN_JOB", "the job has too many files", "split it"),
    row(0x8020_0052, "BG_E_TOO_MANY_RANGES_IN_FILE", "the file has too many ranges", "use fewer"),
    row(0x8020_0053, "BG_E_VALIDATION_FAILED", "the validation of the content failed", "download it again"),
    row(0x8020_0054, "BG_E_MAXDOWNLOAD_TIMEOUT", "the job exceeded its time limit", "start it again"),
    row(0x8020_0056, "BG_E_TOKEN_REQUIRED", "a helper token is needed", "set one"),
    row(
        0x8020_0059,
        "BG_E_BLOCKED_BY_COST_TRANSFER_POLICY",
        "a policy does not allow transfers at the network's cost",
        "wait for another network",
    ),
    row(
        0x8020_0067,
        "BG_E_BLOCKED_BY_BATTERY_POLICY",
        "a policy does not allow transfers on battery",
        "plug in",
    ),
    row(0x8020_0068, "BG_E_BLOCKED_BY_BATTERY_SAVER", "battery saver does not allow transfers", "plug in"),
    row(0x8020_006F, "BG_E_BLOCKED_BY_GAME_MODE", "game mode does not allow transfers", "wait"),
    row(0x8020_0070, "BG_E_BLOCKED_BY_SYSTEM_POLICY", "a system policy does not allow transfers now", "wait"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_without_duplicates() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn every_constant_has_an_entry() {
        for value in [
            HResult::E_INVALIDARG,
            HResult::E_ACCESSDENIED,
            HResult::DISK_FULL,
            HResult::BG_E_INVALID_SERVER_RESPONSE,
            HResult::BG_E_LOCAL_FILE_CHANGED,
            HResult::BG_E_SESSION_NOT_FOUND,
            HResult::BG_E_TOO_LARGE,
            HResult::BG_E_CLIENT_SERVER_PROTOCOL_MISMATCH,
            HResult::BG_E_NO_PROGRESS,
            HResult::BG_E_INSUFFICIENT_HTTP_SUPPORT,
        ] {
            assert!(value.info().is_some(), "{value}");
        }
    }

    #[test]
    fn all_spellings_are_parsed() {
        for text in ["0x8020001F", "x8020001f", "8020001F", " 0X8020001F "] {
            assert_eq!(HResult::from_wire(text), Some(HResult::BG_E_SESSION_NOT_FOUND), "{text}");
        }
        for text in ["", "0x", "session", "0x1FFFFFFFF", "-1"] {
            assert_eq!(HResult::from_wire(text), None, "{text}");
        }
        assert_eq!(HResult::from_wire("1"), Some(HResult(1)));
    }

    #[test]
    fn http_errors_contain_their_status() {
        assert_eq!(HResult::http(404).to_wire(), "0x80190194");
        assert_eq!(HResult::http(404).to_string(), "0x80190194 BG_E_HTTP_ERROR_404");
        assert_eq!(HResult(0x8019_0194).http_status(), Some(404));
        assert_eq!(HResult(0x8020_001F).http_status(), None);
    }
}
