//! Resolves `BITS-Reply-URL` to a URL that can be fetched (PROTOCOL 7.1).

use super::limits::MAX_REPLY_URL;
use super::url::{Url, is_host_and_port};

/// Why a reply URL cannot be used. The message completes a sentence that begins with "the reply URL".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyUrlError {
    /// It is longer than [`MAX_REPLY_URL`].
    #[error("is longer than {MAX_REPLY_URL} characters")]
    TooLong,
    /// It has another scheme, or is a path on the server's disk.
    #[error("is neither http nor https")]
    Scheme,
    /// The upload used https, and the reply would be transferred unencrypted.
    #[error("leaves https for http")]
    Downgrade,
    /// It lacks a host, has an invalid port, or contains credentials.
    #[error("has no host that can be connected to")]
    Host,
}

/// Resolves a reply URL against `base`, an absolute http or https URL (RFC 3986, 5.2).
///
/// Backslashes become slashes, characters that URLs cannot contain are percent-encoded, and a fragment is
/// removed.
///
/// # Errors
///
/// See [`ReplyUrlError`].
///
/// # Examples
///
/// ```
/// use bitsup::proto::reply_url::resolve;
///
/// let url = resolve(r"BITS-Sessions\Replies\1\responsefile.bin", "http://host/in/report.pdf");
/// assert_eq!(url.as_deref(), Ok("http://host/in/BITS-Sessions/Replies/1/responsefile.bin"));
/// ```
pub fn resolve(reply: &str, base: &str) -> Result<String, ReplyUrlError> {
    if reply.chars().count() > MAX_REPLY_URL {
        return Err(ReplyUrlError::TooLong);
    }
    let base = Url::parse(base).ok_or(ReplyUrlError::Host)?;
    let reference = encode_invalid(reply.trim());
    let reference = reference.split_once('#').map_or(reference.as_str(), |(before, _)| before);
    if let Some((scheme, rest)) = split_scheme(reference) {
        let is_http = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        let rest = rest.strip_prefix("//").ok_or(ReplyUrlError::Host);
        return if is_http { absolute(scheme, rest?, &base) } else { Err(ReplyUrlError::Scheme) };
    }
    if let Some(rest) = reference.strip_prefix("//") {
        return absolute(base.scheme, rest, &base);
    }
    let (base_path, base_query) = split_query(base.local);
    let (path, query) = split_query(reference);
    let (path, query) = match path {
        "" => (base_path.to_owned(), if query.is_empty() { base_query } else { query }),
        _ if path.starts_with('/') => (path.to_owned(), query),
        _ => {
            let folder = base_path.rfind('/').and_then(|slash| base_path.get(..slash)).unwrap_or("");
            (format!("{folder}/{path}"), query)
        }
    };
    Ok(format!("{}://{}{}{query}", base.scheme, base.authority, remove_dot_segments(&path)))
}

/// Resolves a reference with an authority; `rest` is what follows the two slashes.
fn absolute(scheme: &str, rest: &str, base: &Url<'_>) -> Result<String, ReplyUrlError> {
    let (authority, local) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if base.scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("https") {
        return Err(ReplyUrlError::Downgrade);
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte);
    if !authority.bytes().all(is_name) || !is_host_and_port(authority) {
        return Err(ReplyUrlError::Host);
    }
    let (path, query) = split_query(local);
    Ok(format!("{scheme}://{authority}{}{query}", remove_dot_segments(path)))
}

/// Replaces backslashes by slashes, and percent-encodes characters that URLs cannot contain.
fn encode_invalid(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_escape = |at: usize| {
        let digits = at.checked_add(1).and_then(|from| bytes.get(from..from.checked_add(2)?));
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let mut encoded = String::with_capacity(text.len());
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\\' => encoded.push('/'),
            b'%' if !is_escape(at) => encoded.push_str("%25"),
            _ if byte.is_ascii_graphic() && !b"\"<>^`{|}".contains(&byte) => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn split_scheme(reference: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = reference.split_once(':')?;
    let is_scheme_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let starts_with_letter = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    (starts_with_letter && scheme.bytes().all(is_scheme_byte)).then_some((scheme, rest))
}

/// Splits off the query, including its question mark.
fn split_query(local: &str) -> (&str, &str) {
    local.split_at(local.find('?').unwrap_or(local.len()))
}

/// Removes `.` and `..` (RFC 3986, 5.2.4). The result starts with a slash.
fn remove_dot_segments(path: &str) -> String {
    let segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let mut kept: Vec<&str> = Vec::new();
    let mut is_folder = false;
    for segment in segments {
        is_folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    if is_folder {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://origin:81/vdir/sub/file.bin?x=1";

    #[track_caller]
    fn assert_resolves(cases: &[(&str, &str)]) {
        for (reply, expected) in cases {
            assert_eq!(resolve(reply, BASE).as_deref(), Ok(*expected), "{reply}");
        }
    }

    #[test]
    fn cli_30_the_captured_url() {
        let reply = r"BITS-Sessions\Replies\{C85B4E0A-9EB9-4114-BFA4-8A43B4710091}\responsefile.bin";
        let destination = "http://frankcao8/upload-ref-isapi-WebFarm/2100mb-rfc2119.txt";
        let expected = "http://frankcao8/upload-ref-isapi-WebFarm/BITS-Sessions/Replies/\
                        %7BC85B4E0A-9EB9-4114-BFA4-8A43B4710091%7D/responsefile.bin";
        assert_eq!(resolve(reply, destination).as_deref(), Ok(expected));
    }

    #[test]
    fn references_resolve_as_in_rfc_3986() {
        assert_resolves(&[
            ("r", "http://origin:81/vdir/sub/r"),
            ("./r", "http://origin:81/vdir/sub/r"),
            ("../r", "http://origin:81/vdir/r"),
            ("../../../../r", "http://origin:81/r"),
            ("a/./b/../c/", "http://origin:81/vdir/sub/a/c/"),
            ("..", "http://origin:81/vdir/"),
            (".", "http://origin:81/vdir/sub/"),
            ("/r?a=/../b", "http://origin:81/r?a=/../b"),
            ("?y=2", "http://origin:81/vdir/sub/file.bin?y=2"),
            ("", BASE),
            ("//other/r", "http://other/r"),
            ("http://other:8080/a/../r", "http://other:8080/r"),
            ("HTTPS://[::1]:8443", "HTTPS://[::1]:8443/"),
            ("http://other?x", "http://other/?x"),
            ("r#part", "http://origin:81/vdir/sub/r"),
            ("a/b:c", "http://origin:81/vdir/sub/a/b:c"),
        ]);
        assert_eq!(resolve("r", "http://h").as_deref(), Ok("http://h/r"));
        assert_eq!(resolve("r", "http://h?q=a/b").as_deref(), Ok("http://h/r"));
    }

    #[test]
    fn invalid_characters_are_encoded_once() {
        assert_resolves(&[
            (r"\a b\<c>", "http://origin:81/a%20b/%3Cc%3E"),
            ("/%7Bx%7d", "http://origin:81/%7Bx%7d"),
            ("/100%", "http://origin:81/100%25"),
            ("/caf\u{e9}", "http://origin:81/caf%C3%A9"),
            ("/a\r\nX: y", "http://origin:81/a%0D%0AX:%20y"),
            ("  /r ", "http://origin:81/r"),
            (r"\\other\r", "http://other/r"),
        ]);
    }

    #[test]
    fn unusable_urls_are_refused() {
        let long = "x".repeat(MAX_REPLY_URL + 1);
        let cases = [
            ("ftp://h/r", ReplyUrlError::Scheme),
            ("file:///etc/passwd", ReplyUrlError::Scheme),
            (r"C:\Replies\r.bin", ReplyUrlError::Scheme),
            ("http:r", ReplyUrlError::Host),
            ("http:///r", ReplyUrlError::Host),
            ("http://user:secret@h/r", ReplyUrlError::Host),
            ("http://h:99999/r", ReplyUrlError::Host),
            ("http://h\u{e9}/r", ReplyUrlError::Host),
            ("//", ReplyUrlError::Host),
            (&long, ReplyUrlError::TooLong),
        ];
        for (reply, error) in cases {
            assert_eq!(resolve(reply, BASE), Err(error), "{reply}");
        }
        assert!(resolve(&long[1..], BASE).is_ok());
    }

    #[test]
    fn https_cannot_be_downgraded() {
        assert_eq!(resolve("http://origin/r", "https://origin/f"), Err(ReplyUrlError::Downgrade));
        assert_eq!(resolve("https://origin/r", "http://origin/f").as_deref(), Ok("https://origin/r"));
        assert_eq!(resolve("//cdn/r", "https://origin/f").as_deref(), Ok("https://cdn/r"));
    }
}
