//! Where clients reach an engine: the URLs of its root, of a remote name, of a reply.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::config::EngineConfig;
use super::exchange::RequestHead;
use crate::error::{Error, Status};
use crate::proto::{SessionId, Target, limits, names};
use crate::store::{Destination, SessionRecord};

/// What must be encoded in a segment of a path.
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

/// Folder and file name of replies, as IIS has them (PROTOCOL 5.7).
const REPLIES: [&str; 2] = ["BITS-Sessions", "Replies"];
const REPLY_FILE: &str = "responsefile.bin";

/// The URL of an engine's root, as far as it is known.
struct Root<'a> {
    scheme: &'a str,
    authority: Option<&'a str>,
    /// Begins and ends with a slash.
    path: String,
}

/// The URL of the remote name of a request; its path only when the host is not known.
pub(super) fn remote(config: &EngineConfig, head: &RequestHead) -> String {
    let local = local(&head.target);
    Root::of(config, head).url(local.strip_prefix('/').unwrap_or(local))
}

/// The URL of the remote name of a session that was made before URLs were kept.
pub(super) fn of_record(record: &SessionRecord) -> String {
    let segments = record.remote().segments().iter();
    let path: String =
        segments.map(|segment| format!("/{}", utf8_percent_encode(segment, SEGMENT))).collect();
    match &record.query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

/// Path and query of a URL or a request target.
pub(super) fn local(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://").filter(|_| !url.starts_with('/')) else { return url };
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
}

/// The URL of a session's reply. It names the host-id host when there is one: only that host may have the
/// reply (PROTOCOL 5.7).
pub(super) fn reply(config: &EngineConfig, head: &RequestHead, id: SessionId) -> String {
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
    let fits = expected.iter().all(|(segment, name)| segment.eq_ignore_ascii_case(name));
    SessionId::parse(id).filter(|_| fits)
}

/// Whether a static reply URL may go out (PROTOCOL 2.3): absolute, of limited length, safe in a header.
pub(super) fn is_static_url(url: &str) -> bool {
    Target::parse(url).is_some()
        && !url.starts_with('/')
        && url.len() <= limits::MAX_REPLY_URL
        && url.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Errors: a public URL or a host id that is none, or a public URL that leaves no room for the reply's.
pub(super) fn check(config: &EngineConfig) -> Result<(), Error> {
    let invalid = |message| Err(Error::new(Status::InvalidArgument, message));
    if let Some(url) = &config.public_url
        && split(url).is_none()
    {
        return invalid(format!(
            "`{url}` is no public URL: write `https://host/prefix/`, without query or fragment"
        ));
    }
    match config.host_id.as_ref().map(|host_id| &host_id.host) {
        Some(host) if !is_authority(host) || !is_short(host) => {
            return invalid(format!(
                "`{host}` is no host id: write a host name or an address, with a port if need be"
            ));
        }
        _ => {}
    }
    // All session ids are equally long.
    let reply = reply(config, &RequestHead::default(), SessionId::from_u128(0)).len();
    match reply.checked_sub(limits::MAX_REPLY_URL) {
        Some(excess @ 1..) => {
            let most = limits::MAX_REPLY_URL;
            invalid(format!(
                "the public URL is too long: URLs of replies below it would have {reply} characters, and the \
                 protocol has {most} at most; make it {excess} shorter"
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

    fn url(&self, below: &str) -> String {
        match self.authority {
            Some(authority) => format!("{}://{authority}{}{below}", self.scheme, self.path),
            None => format!("{}{below}", self.path),
        }
    }
}

/// Scheme, authority, and path without its first slash.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let path_fits = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\".contains(&byte));
    (is_http && is_authority(authority) && path_fits).then_some((scheme, authority, path))
}

/// An empty path needs no slash: it stands behind one.
fn with_slash(path: &str) -> String {
    match path.is_empty() || path.ends_with('/') {
        true => path.to_owned(),
        false => format!("{path}/"),
    }
}

/// No host has a longer name; and what a client makes up is to leave room for the rest of the URL.
fn is_short(authority: &str) -> bool {
    authority.len() <= limits::MAX_HOST_ID
}

fn is_authority(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@\\\"<>".contains(&byte))
}

/// A host id as an authority. Without a port of its own it keeps the original one (PROTOCOL 2.3).
fn with_port(host: &str, original: Option<&str>) -> String {
    let is_bare_v6 = !host.starts_with('[') && host.matches(':').count() > 1;
    let host = if is_bare_v6 { format!("[{host}]") } else { host.to_owned() };
    match (port(&host), original.and_then(port)) {
        (None, Some(port)) => format!("{host}:{port}"),
        _ => host,
    }
}

fn port(authority: &str) -> Option<&str> {
    let behind_v6 = authority.rsplit_once(']').map_or(authority, |(_, rest)| rest);
    behind_v6.rsplit_once(':').map(|(_, port)| port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::engine::HostId;
    use crate::store::MemoryStore;

    fn config(public_url: Option<&str>, host_id: Option<&str>) -> EngineConfig {
        EngineConfig {
            public_url: public_url.map(str::to_owned),
            host_id: host_id.map(|host| HostId { host: host.to_owned(), fallback_seconds: 0 }),
            ..EngineConfig::new(Arc::new(MemoryStore::default()))
        }
    }

    fn head(mount: &str, host: Option<&str>) -> RequestHead {
        RequestHead {
            target: "/a%20b?x=1".into(),
            mount: mount.into(),
            headers: host.map(|host| ("Host", host)).into_iter().collect(),
            ..RequestHead::default()
        }
    }

    #[test]
    fn the_url_of_a_remote_name() {
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
            assert_eq!(remote(&config(public_url, None), &head(mount, host)), expected);
        }
    }

    #[test]
    fn the_url_of_a_reply_names_the_host_id() {
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
            let url = reply(&config(None, host_id), &head("/up/", Some("h:8")), id);
            assert_eq!(url, format!("{expected}{file}"));
            assert_eq!(reply_session(&format!("/{file}")), Some(id));
        }
    }

    #[test]
    fn the_url_of_a_reply_fits_the_protocol_or_the_public_url_is_refused() {
        let public = |length: usize| format!("https://h/{}", "x".repeat(length));
        let reply_length =
            |url: &str| reply(&config(Some(url), None), &head("", None), SessionId::from_u128(1)).len();
        let room = limits::MAX_REPLY_URL - reply_length(&public(1)) + 1;
        assert_eq!(reply_length(&public(room)), limits::MAX_REPLY_URL);
        check(&config(Some(&public(room)), None)).unwrap();
        for (length, host_id) in [(room + 3, None), (room, Some("node"))] {
            let error = check(&config(Some(&public(length)), host_id)).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
            assert!(error.message().contains("make it 3 shorter"), "{error}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for url in ["", "files.example", "ftp://x/", "http://", "http://a b/", "http://x/?q", "http://u@x/"] {
            assert_eq!(
                check(&config(Some(url), None)).unwrap_err().status(),
                Status::InvalidArgument,
                "{url}"
            );
        }
        for host in ["", "a/b", "a b", &"x".repeat(301)] {
            assert!(check(&config(None, Some(host))).is_err(), "{host}");
        }
    }
}
