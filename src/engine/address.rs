//! Builds the URLs of an engine's root, uploads and replies.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::config::EngineConfig;
use super::request::RequestHead;
use crate::error::{Error, Status};
use crate::proto::{SessionId, Target, limits, names};
use crate::store::{Destination, SessionRecord};

/// The bytes that are percent-encoded in a segment of a path.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Folder and file name of replies, as IIS names them (PROTOCOL 5.7).
const REPLIES: [&str; 2] = ["BITS-Sessions", "Replies"];
const REPLY_FILE: &str = "responsefile.bin";

/// The URL of an engine's root.
struct Root<'a> {
    scheme: &'a str,
    /// `None` if the host is unknown.
    authority: Option<&'a str>,
    /// Starts and ends with a slash.
    path: String,
}

/// The URL of the upload that a request belongs to; only path and query if the host is unknown.
pub(super) fn upload_url(config: &EngineConfig, head: &RequestHead) -> String {
    let local = path_and_query(&head.target);
    Root::of(config, head).url(local.strip_prefix('/').unwrap_or(local))
}

/// Path and query of an upload whose record was written before records contained the URL.
pub(super) fn record_url(record: &SessionRecord) -> String {
    let segments = record.remote().segments().iter();
    let path: String =
        segments.map(|segment| format!("/{}", utf8_percent_encode(segment, SEGMENT))).collect();
    match &record.query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

/// Path and query of a URL or a request target.
pub(super) fn path_and_query(url: &str) -> &str {
    if url.starts_with('/') {
        return url;
    }
    let Some((_, rest)) = url.split_once("://") else { return url };
    rest.find('/').map_or("/", |at| rest.split_at(at).1)
}

/// The URL of a session's reply. Its host is the host id if one is configured, because other servers may not
/// have the reply (PROTOCOL 5.7).
pub(super) fn reply_url(config: &EngineConfig, head: &RequestHead, id: SessionId) -> String {
    let root = Root::of(config, head);
    let host = config.host_id.as_ref().map(|host_id| with_port(&host_id.host, root.authority));
    let id = id.to_string();
    let [folder, replies] = REPLIES;
    let path = format!("{folder}/{replies}/{}/{REPLY_FILE}", utf8_percent_encode(&id, SEGMENT));
    Root { authority: host.as_deref().or(root.authority), ..root }.url(&path)
}

/// The session whose reply a request target names.
pub(super) fn reply_session(target: &str) -> Option<SessionId> {
    let path = Destination::from_url_path(Target::parse(target)?.path).ok()?;
    let [folder, replies, id, file] = path.segments() else { return None };
    let expected = [(folder, REPLIES[0]), (replies, REPLIES[1]), (file, REPLY_FILE)];
    let is_reply = expected.iter().all(|(segment, name)| segment.eq_ignore_ascii_case(name));
    if is_reply { SessionId::parse(id) } else { None }
}

/// Whether a URL can be sent as `BITS-Reply-URL` (PROTOCOL 2.3): absolute, short enough, and printable ASCII.
pub(super) fn is_valid_reply_url(url: &str) -> bool {
    Target::parse(url).is_some()
        && !url.starts_with('/')
        && url.len() <= limits::MAX_REPLY_URL
        && url.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Checks the public URL and the host id, and that URLs of replies are not too long.
pub(super) fn validate(config: &EngineConfig) -> Result<(), Error> {
    let invalid = |message| Err(Error::new(Status::InvalidArgument, message));
    if let Some(url) = &config.public_url
        && split(url).is_none()
    {
        return invalid(format!(
            "invalid public URL `{url}`: it must look like `https://host/prefix/`, without query or fragment"
        ));
    }
    match config.host_id.as_ref().map(|host_id| &host_id.host) {
        Some(host) if !is_authority(host) || !is_short(host) => {
            return invalid(format!(
                "invalid host id `{host}`: it must be a host name or an IP address, optionally with a port"
            ));
        }
        _ => {}
    }
    // All session ids have the same length.
    let reply = reply_url(config, &RequestHead::default(), SessionId::from_u128(0)).len();
    match reply.checked_sub(limits::MAX_REPLY_URL) {
        Some(excess @ 1..) => {
            let most = limits::MAX_REPLY_URL;
            invalid(format!(
                "the public URL is too long: URLs of replies would have {reply} characters, and the protocol \
                 allows {most}; make it {excess} shorter"
            ))
        }
        _ => Ok(()),
    }
}

impl<'a> Root<'a> {
    fn of(config: &'a EngineConfig, head: &'a RequestHead) -> Self {
        if let Some((scheme, authority, path)) = config.public_url.as_deref().and_then(split) {
            return Self { scheme, authority: Some(authority), path: format!("/{}", with_slash(path)) };
        }
        Self {
            scheme: if head.secure { "https" } else { "http" },
            authority: head.headers.get(names::HOST).filter(|host| is_authority(host) && is_short(host)),
            path: format!("/{}", with_slash(head.mount.trim_start_matches('/'))),
        }
    }

    /// The URL of a path relative to the root.
    fn url(&self, relative: &str) -> String {
        match self.authority {
            Some(authority) => format!("{}://{authority}{}{relative}", self.scheme, self.path),
            None => format!("{}{relative}", self.path),
        }
    }
}

/// Splits a public URL into scheme, authority, and path without its leading slash. `None` if it is invalid.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let path_fits = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\".contains(&byte));
    (is_http && is_authority(authority) && path_fits).then_some((scheme, authority, path))
}

/// Appends a slash unless the path is empty or has one. The caller adds the leading slash.
fn with_slash(path: &str) -> String {
    if path.is_empty() || path.ends_with('/') { path.to_owned() } else { format!("{path}/") }
}

/// Whether an authority is at most as long as a host id may be. `Host` comes from the client and can have any
/// length.
fn is_short(authority: &str) -> bool {
    authority.len() <= limits::MAX_HOST_ID
}

fn is_authority(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@\\\"<>".contains(&byte))
}

/// A host id as an authority. Without a port of its own it gets that of the original host (PROTOCOL 2.3).
fn with_port(host: &str, original: Option<&str>) -> String {
    let is_bare_v6 = !host.starts_with('[') && host.matches(':').count() > 1;
    let host = if is_bare_v6 { format!("[{host}]") } else { host.to_owned() };
    match (port(&host), original.and_then(port)) {
        (None, Some(port)) => format!("{host}:{port}"),
        _ => host,
    }
}

fn port(authority: &str) -> Option<&str> {
    let after_v6 = authority.rsplit_once(']').map_or(authority, |(_, rest)| rest);
    after_v6.rsplit_once(':').map(|(_, port)| port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::engine::HostId;
    use crate::store::MemoryStore;

    fn config(public_url: Option<&str>, host_id: Option<&str>) -> EngineConfig {
        let mut config =
            EngineConfig::new(Arc::new(MemoryStore::default())).host_id(host_id.map(HostId::new));
        config.public_url = public_url.map(str::to_owned);
        config
    }

    fn head(mount: &str, host: Option<&str>) -> RequestHead {
        RequestHead::new("", "/a%20b?x=1")
            .mount(mount)
            .headers(host.map(|host| ("Host", host)).into_iter().collect())
    }

    #[test]
    fn upload_urls_use_the_public_url_or_the_host() {
        let long = "h".repeat(limits::MAX_HOST_ID + 1);
        let table = [
            (None, "/up/", Some("h:8"), "http://h:8/up/a%20b?x=1"),
            (None, "", Some("h"), "http://h/a%20b?x=1"),
            (None, "/up/", None, "/up/a%20b?x=1"),
            (None, "/up/", Some("h/../x"), "/up/a%20b?x=1"),
            (None, "/up/", Some(&long), "/up/a%20b?x=1"),
            (Some("https://files.example/in"), "/up/", Some("h:8"), "https://files.example/in/a%20b?x=1"),
            (Some("https://files.example"), "/up/", None, "https://files.example/a%20b?x=1"),
        ];
        for (public_url, mount, host, expected) in table {
            assert_eq!(upload_url(&config(public_url, None), &head(mount, host)), expected);
        }
    }

    #[test]
    fn reply_urls_name_the_host_id() {
        let id = SessionId::from_u128(0xA0);
        let file = "BITS-Sessions/Replies/%7B00000000-0000-0000-0000-0000000000A0%7D/responsefile.bin";
        let table = [
            (None, "http://h:8/up/"),
            (Some("node3"), "http://node3:8/up/"),
            (Some("node3:99"), "http://node3:99/up/"),
            (Some("fe80::1"), "http://[fe80::1]:8/up/"),
            (Some("[fe80::1]:99"), "http://[fe80::1]:99/up/"),
        ];
        for (host_id, expected) in table {
            let url = reply_url(&config(None, host_id), &head("/up/", Some("h:8")), id);
            assert_eq!(url, format!("{expected}{file}"));
            assert_eq!(reply_session(&format!("/{file}")), Some(id));
        }
    }

    #[test]
    fn a_public_url_that_makes_reply_urls_too_long_is_refused() {
        let public = |length: usize| format!("https://h/{}", "x".repeat(length));
        let reply_length =
            |url: &str| reply_url(&config(Some(url), None), &head("", None), SessionId::from_u128(1)).len();
        let room = limits::MAX_REPLY_URL - reply_length(&public(1)) + 1;
        assert_eq!(reply_length(&public(room)), limits::MAX_REPLY_URL);
        validate(&config(Some(&public(room)), None)).unwrap();
        for (length, host_id) in [(room + 3, None), (room, Some("node"))] {
            let error = validate(&config(Some(&public(length)), host_id)).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
            assert!(error.message().contains("make it 3 shorter"), "{error}");
        }
    }

    #[test]
    fn invalid_public_urls_and_host_ids_are_refused() {
        for url in ["", "files.example", "ftp://x/", "http://", "http://a b/", "http://x/?q", "http://u@x/"] {
            assert_eq!(
                validate(&config(Some(url), None)).unwrap_err().status(),
                Status::InvalidArgument,
                "{url}"
            );
        }
        for host in ["", "a/b", "a b", &"x".repeat(301)] {
            assert!(validate(&config(None, Some(host))).is_err(), "{host}");
        }
    }
}
