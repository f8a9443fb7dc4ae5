//! HRESULTs: the numbers of `BITS-Error`, with their names and what to do about them (PROTOCOL 10.4).

use std::fmt;

/// A 32-bit HRESULT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct HResult(pub u32);

/// What is known of one HRESULT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HResultInfo {
    /// Its name in the public headers.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

/// `BG_E_HTTP_ERROR_n` is this number plus the HTTP status.
const HTTP_BASE: u32 = 0x8019_0000;

impl HResult {
    /// The request breaks a rule.
    pub const E_INVALIDARG: Self = Self(0x8007_0057);
    /// Not allowed.
    pub const E_ACCESSDENIED: Self = Self(0x8007_0005);
    /// The disk is full.
    pub const DISK_FULL: Self = Self(0x8007_0070);
    /// The server broke the protocol.
    pub const BG_E_INVALID_SERVER_RESPONSE: Self = Self(0x8020_001B);
    /// The source changed during the transfer.
    pub const BG_E_LOCAL_FILE_CHANGED: Self = Self(0x8020_001D);
    /// The server does not know the session.
    pub const BG_E_SESSION_NOT_FOUND: Self = Self(0x8020_001F);
    /// Over a limit of the server.
    pub const BG_E_TOO_LARGE: Self = Self(0x8020_0020);
    /// No upload protocol in common.
    pub const BG_E_CLIENT_SERVER_PROTOCOL_MISMATCH: Self = Self(0x8020_0022);
    /// The job makes no headway.
    pub const BG_E_NO_PROGRESS: Self = Self(0x8020_0024);
    /// The server does not speak HTTP/1.1.
    pub const BG_E_INSUFFICIENT_HTTP_SUPPORT: Self = Self(0x8020_0012);

    /// `BG_E_HTTP_ERROR_n` for an HTTP status.
    pub const fn http(status: u16) -> Self {
        Self(HTTP_BASE | status as u32)
    }

    /// The HTTP status in a `BG_E_HTTP_ERROR_n`.
    pub fn http_status(self) -> Option<u16> {
        let status = u16::try_from(self.0.checked_sub(HTTP_BASE)?).ok()?;
        (100..600).contains(&status).then_some(status)
    }

    /// Reads a header value: hexadecimal, with `0x`, `x` or nothing before it, in any case (PROTOCOL 2.3).
    pub fn from_wire(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits =
            ["0x", "0X", "x", "X"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
        match digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => u32::from_str_radix(digits, 16).ok().map(Self),
            false => None,
        }
    }

    /// The form that goes on the wire: `0x8020001F`.
    pub fn wire(self) -> String {
        format!("0x{:08X}", self.0)
    }

    /// What is known of this number.
    pub fn info(self) -> Option<&'static HResultInfo> {
        TABLE.iter().find(|(value, _)| *value == self.0).map(|(_, info)| info)
    }

    /// All numbers with an entry of their own, ascending.
    pub fn known() -> impl Iterator<Item = (Self, &'static HResultInfo)> {
        TABLE.iter().map(|(value, info)| (Self(*value), info))
    }
}

impl fmt::Display for HResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.info(), self.http_status()) {
            (Some(info), _) => write!(f, "{} {}", self.wire(), info.name),
            (None, Some(status)) => write!(f, "{} BG_E_HTTP_ERROR_{status}", self.wire()),
            (None, None) => f.write_str(&self.wire()),
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

/// Ascending by value. Meanings and advice are from the point of view of an upload.
const TABLE: &[(u32, HResultInfo)] = &[
    row(
        0x8007_0002,
        "ERROR_FILE_NOT_FOUND",
        "a file is not there",
        "check the name of the source or of the destination",
    ),
    row(
        0x8007_0005,
        "E_ACCESSDENIED",
        "the server does not allow it: no permission, the destination exists, or uploads are switched off (HTTP 501)",
        "use another destination, let the server allow overwrites, or ask for access",
    ),
    row(
        0x8007_0050,
        "ERROR_FILE_EXISTS",
        "the file exists already",
        "use another destination or let the server allow overwrites",
    ),
    row(
        0x8007_0057,
        "E_INVALIDARG",
        "the request breaks a rule of the protocol, or the destination is a directory",
        "check the URL: it names the file, not its folder; a proxy may have removed a header",
    ),
    row(
        0x8007_0070,
        "ERROR_DISK_FULL",
        "the server has no space left",
        "make room on the server and upload again: it resumes",
    ),
    row(
        0x8007_0112,
        "ERROR_DISK_FULL (as the specification prints it)",
        "the server has no space left; with HTTP 408: the server's application did not answer in time",
        "make room on the server, or look at the application; then upload again: it resumes",
    ),
    row(0x8007_2EE2, "ERROR_WINHTTP_TIMEOUT", "no answer in time", "check the network and try again"),
    row(
        0x8007_2EE7,
        "ERROR_WINHTTP_NAME_NOT_RESOLVED",
        "the host's name is not known",
        "check the host in the URL and the name server",
    ),
    row(
        0x8007_2EFD,
        "ERROR_WINHTTP_CANNOT_CONNECT",
        "no connection to the server",
        "check host and port, and that the server runs",
    ),
    row(
        0x8007_2F05,
        "ERROR_WINHTTP_SECURE_CERT_DATE_INVALID",
        "the server's certificate has expired, or is not valid yet",
        "have the server's certificate renewed, or set the clock",
    ),
    row(
        0x8007_2F06,
        "ERROR_WINHTTP_SECURE_CERT_CN_INVALID",
        "the server's certificate is of another name",
        "use the name in the URL that the certificate is made for",
    ),
    row(
        0x8007_2F0C,
        "ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED",
        "the server wants a client certificate",
        "give the client a certificate",
    ),
    row(
        0x8007_2F0D,
        "ERROR_WINHTTP_SECURE_INVALID_CA",
        "nobody who is trusted has signed the server's certificate",
        "give the root certificate of who did, if you trust it",
    ),
    row(
        0x8007_2F78,
        "ERROR_WINHTTP_INVALID_SERVER_RESPONSE",
        "the answer is no HTTP",
        "check that the URL names an HTTP server",
    ),
    row(
        0x8007_2F8F,
        "ERROR_WINHTTP_SECURE_FAILURE",
        "no secure connection",
        "check scheme and port of the URL, and the server's certificate",
    ),
    row(0x8020_0001, "BG_E_NOT_FOUND", "the job is not known", "check the job's identifier"),
    row(
        0x8020_0002,
        "BG_E_INVALID_STATE",
        "the job is in the wrong state for this",
        "look at the job's state first",
    ),
    row(0x8020_0003, "BG_E_EMPTY", "the job has no file", "add a file"),
    row(0x8020_0004, "BG_E_FILE_NOT_AVAILABLE", "there is no file to this error", "nothing to do"),
    row(0x8020_0005, "BG_E_PROTOCOL_NOT_AVAILABLE", "there is no protocol to this error", "nothing to do"),
    row(0x8020_000D, "BG_E_DESTINATION_LOCKED", "the destination's volume is locked", "unlock the volume"),
    row(0x8020_000E, "BG_E_VOLUME_CHANGED", "the destination's volume was exchanged", "put the volume back"),
    row(0x8020_000F, "BG_E_ERROR_INFORMATION_UNAVAILABLE", "no error is recorded", "nothing to do"),
    row(
        0x8020_0010,
        "BG_E_NETWORK_DISCONNECTED",
        "there is no network",
        "connect; the job goes on by itself",
    ),
    row(
        0x8020_0011,
        "BG_E_MISSING_FILE_SIZE",
        "the server does not say the length of the reply",
        "let the server send Content-Length",
    ),
    row(
        0x8020_0012,
        "BG_E_INSUFFICIENT_HTTP_SUPPORT",
        "the server does not speak HTTP/1.1",
        "upload to an HTTP/1.1 server; look for an old proxy in between",
    ),
    row(
        0x8020_0013,
        "BG_E_INSUFFICIENT_RANGE_SUPPORT",
        "the server does not serve ranges of the reply",
        "let the server support Range",
    ),
    row(0x8020_0014, "BG_E_REMOTE_NOT_SUPPORTED", "not possible from another machine", "run it locally"),
    row(0x8020_0015, "BG_E_NEW_OWNER_DIFF_MAPPING", "the new owner sees other drives", "map the same drives"),
    row(
        0x8020_0016,
        "BG_E_NEW_OWNER_NO_FILE_ACCESS",
        "the new owner may not read the files",
        "give the new owner access",
    ),
    row(0x8020_0018, "BG_E_PROXY_LIST_TOO_LARGE", "the proxy list is too long", "shorten it"),
    row(0x8020_0019, "BG_E_PROXY_BYPASS_LIST_TOO_LARGE", "the proxy bypass list is too long", "shorten it"),
    row(
        0x8020_001B,
        "BG_E_INVALID_SERVER_RESPONSE",
        "the server's answer breaks the protocol",
        "check that the URL belongs to a BITS server and that no proxy answers in its place",
    ),
    row(0x8020_001C, "BG_E_TOO_MANY_FILES", "an upload job takes one file only", "make one job per file"),
    row(
        0x8020_001D,
        "BG_E_LOCAL_FILE_CHANGED",
        "the source changed while it was uploaded",
        "upload again when the file is at rest",
    ),
    row(
        0x8020_001F,
        "BG_E_SESSION_NOT_FOUND",
        "the server does not know the session: it expired, was closed, or another server answered",
        "the client starts over by itself; if it does not end, look at the server's session timeout",
    ),
    row(
        0x8020_0020,
        "BG_E_TOO_LARGE",
        "the file or the fragment is over the server's limit",
        "raise the server's limit, or send smaller fragments",
    ),
    row(0x8020_0021, "BG_E_STRING_TOO_LONG", "a text is too long", "shorten it"),
    row(
        0x8020_0022,
        "BG_E_CLIENT_SERVER_PROTOCOL_MISMATCH",
        "client and server share no upload protocol",
        "update the older of the two",
    ),
    row(
        0x8020_0023,
        "BG_E_SERVER_EXECUTE_ENABLE",
        "the server's directory allows scripts to run",
        "take script and execute permission from the upload directory",
    ),
    row(
        0x8020_0024,
        "BG_E_NO_PROGRESS",
        "the server answers, but the upload makes no headway",
        "look at the server's log; try again later",
    ),
    row(0x8020_0025, "BG_E_USERNAME_TOO_LARGE", "the user name is too long", "shorten it"),
    row(0x8020_0026, "BG_E_PASSWORD_TOO_LARGE", "the password is too long", "shorten it"),
    row(
        0x8020_0027,
        "BG_E_INVALID_AUTH_TARGET",
        "credentials for neither server nor proxy",
        "name server or proxy",
    ),
    row(0x8020_0028, "BG_E_INVALID_AUTH_SCHEME", "unknown authentication scheme", "use a known scheme"),
    row(0x8020_0029, "BG_E_FILE_NOT_FOUND", "the file is not in the job", "check the name"),
    row(0x8020_002B, "BG_E_INVALID_RANGE", "a range is not valid", "check offset and length"),
    row(0x8020_002C, "BG_E_OVERLAPPING_RANGES", "ranges overlap", "make them disjoint"),
    row(
        0x8020_002D,
        "BG_E_CONNECT_FAILURE",
        "no connection to the server",
        "check host and port, and that the server runs",
    ),
    row(0x8020_002E, "BG_E_CONNECTION_CLOSED", "the connection was lost", "nothing: the client tries again"),
    row(
        0x8020_003E,
        "BG_E_BLOCKED_BY_POLICY",
        "a policy allows no transfer now",
        "wait, or change the policy",
    ),
    row(0x8020_003F, "BG_E_INVALID_PROXY_INFO", "the proxy settings are not valid", "mend them"),
    row(0x8020_0040, "BG_E_INVALID_CREDENTIALS", "the credentials are not valid", "check user and password"),
    row(0x8020_0049, "BG_E_TOO_MANY_JOBS_PER_USER", "this user has too many jobs", "finish or cancel some"),
    row(
        0x8020_0050,
        "BG_E_TOO_MANY_JOBS_PER_MACHINE",
        "this machine has too many jobs",
        "finish or cancel some",
    ),
    row(0x8020_0051, "BG_E_TOO_MANY_FILES_IN_JOB", "the job has too many files", "split it"),
    row(0x8020_0052, "BG_E_TOO_MANY_RANGES_IN_FILE", "the file has too many ranges", "use fewer"),
    row(0x8020_0053, "BG_E_VALIDATION_FAILED", "the content failed its validation", "fetch it again"),
    row(0x8020_0054, "BG_E_MAXDOWNLOAD_TIMEOUT", "the job took longer than it may", "start it again"),
    row(0x8020_0056, "BG_E_TOKEN_REQUIRED", "a helper token is needed", "set one"),
    row(
        0x8020_0059,
        "BG_E_BLOCKED_BY_COST_TRANSFER_POLICY",
        "the network costs too much by policy",
        "wait for another network",
    ),
    row(0x8020_0067, "BG_E_BLOCKED_BY_BATTERY_POLICY", "not on battery, by policy", "plug in"),
    row(0x8020_0068, "BG_E_BLOCKED_BY_BATTERY_SAVER", "not while saving battery", "plug in"),
    row(0x8020_006F, "BG_E_BLOCKED_BY_GAME_MODE", "not during a game", "wait"),
    row(0x8020_0070, "BG_E_BLOCKED_BY_SYSTEM_POLICY", "the system allows no transfer now", "wait"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_ascends_and_has_no_twin() {
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
    fn spellings_of_one_number() {
        for text in ["0x8020001F", "x8020001f", "8020001F", " 0X8020001F "] {
            assert_eq!(HResult::from_wire(text), Some(HResult::BG_E_SESSION_NOT_FOUND), "{text}");
        }
        for text in ["", "0x", "session", "0x1FFFFFFFF", "-1"] {
            assert_eq!(HResult::from_wire(text), None, "{text}");
        }
        assert_eq!(HResult::from_wire("1"), Some(HResult(1)));
    }

    #[test]
    fn http_errors_know_their_status() {
        assert_eq!(HResult::http(404).wire(), "0x80190194");
        assert_eq!(HResult::http(404).to_string(), "0x80190194 BG_E_HTTP_ERROR_404");
        assert_eq!(HResult(0x8019_0194).http_status(), Some(404));
        assert_eq!(HResult(0x8020_001F).http_status(), None);
    }
}
