//! Request targets.

/// Path and query of a request target, still percent-encoded.
///
/// # Examples
///
/// ```
/// use bitsup::proto::Target;
///
/// let target = Target { path: "/a%20b", query: Some("x=1") };
/// assert_eq!(Target::parse("/a%20b?x=1"), Some(target));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The path, which starts with `/`.
    pub path: &'a str,
    /// What follows the first `?`; part of the remote name (PROTOCOL 4.7).
    pub query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Parses a target; `None` if it is neither a path nor an http(s) URI.
    ///
    /// The host of a URI is ignored: the client may know this server by another name (PROTOCOL 4.7).
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let local = if text.starts_with('/') { text } else { Self::after_authority(text)? };
        let local = local.split_once('#').map_or(local, |(before, _)| before);
        Some(match local.split_once('?') {
            Some((path, query)) => Self { path, query: Some(query) },
            None => Self { path: local, query: None },
        })
    }

    fn after_authority(text: &'a str) -> Option<&'a str> {
        let (scheme, rest) = text.split_once("://")?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return None;
        }
        let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, local) = rest.split_at_checked(authority)?;
        match (host.is_empty(), local.starts_with('/')) {
            (true, _) => None,
            (false, true) => Some(local),
            (false, false) => Some("/"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_a_uri_are_the_same_target() {
        let expected = Some(Target { path: "/a%20b", query: Some("x=1?y") });
        assert_eq!(Target::parse("/a%20b?x=1?y"), expected);
        assert_eq!(Target::parse("http://host:80/a%20b?x=1?y"), expected);
        assert_eq!(Target::parse("HTTPS://host/a%20b?x=1?y#frag"), expected);
        assert_eq!(Target::parse("http://host"), Some(Target { path: "/", query: None }));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "*", "host:80", "ftp://host/x", "http:///x", "a/b"] {
            assert_eq!(Target::parse(text), None, "{text}");
        }
    }
}
