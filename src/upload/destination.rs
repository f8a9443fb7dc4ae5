//! Validation of the destination URL.

use crate::error::{Error, Status};
use crate::proto::limits::MAX_REMOTE_NAME;
use crate::proto::url::{Url, is_host_and_port};

/// Checks that `url` is the absolute http or https URL of a file.
///
/// The error messages do not contain the URL, because it may contain a password.
pub(super) fn check(url: &str) -> Result<(), Error> {
    match flaw(url) {
        None => Ok(()),
        Some(flaw) => Err(Error::new(Status::InvalidArgument, format!("invalid destination URL: it {flaw}"))),
    }
}

fn flaw(url: &str) -> Option<&'static str> {
    if url.chars().count() > MAX_REMOTE_NAME {
        return Some("is longer than 2200 characters");
    }
    let Some(Url { scheme, authority, local }) = Url::parse(url) else {
        return Some("is not absolute; use http://host/path or https://host/path");
    };
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Some("is neither http nor https");
    }
    if !url.bytes().all(is_url_byte) {
        return Some(
            "contains a character that is not allowed in a URL, such as a space; percent-encode it (%20)",
        );
    }
    if url.contains('#') {
        return Some("has a #fragment; remove it, or write %23 for a # in the file name");
    }
    let path = local.split_once('?').map_or(local, |(path, _)| path);
    match authority {
        _ if authority.contains('@') => Some("contains credentials; set user and password as options"),
        _ if !is_host_and_port(authority) => Some("has no host, or its port is not a number from 1 to 65535"),
        _ if !path.starts_with('/') || path.ends_with('/') => Some("names a directory; add a file name"),
        _ if !escapes_are_complete(local) => {
            Some("has a % that is not followed by two hexadecimal digits; write %25 for a %")
        }
        _ => None,
    }
}

/// Visible ASCII except the characters that RFC 3986 does not allow.
fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)
}

fn escapes_are_complete(local: &str) -> bool {
    let is_complete = |escape: &str| {
        let digits = escape.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    local.split('%').skip(1).all(is_complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_files_are_accepted() {
        let long = format!("http://h/{}", "x".repeat(MAX_REMOTE_NAME - 9));
        for url in [
            "http://host/file",
            "HTTPS://host:8443/a/b%20c?x=/",
            "http://127.0.0.1:1/f",
            "http://[::1]:8080/f",
            "http://[::1]/f",
            "http://host/a@b:c",
            "http://host/a[1]~(2);v=1,2",
            &long,
        ] {
            assert_eq!(flaw(url), None, "{url}");
        }
    }

    #[test]
    fn other_urls_are_rejected_with_advice() {
        let long = format!("http://h/{}", "x".repeat(MAX_REMOTE_NAME - 8));
        let cases = [
            ("", "absolute"),
            ("/a/b", "absolute"),
            ("host/a", "absolute"),
            ("ftp://host/a", "neither"),
            ("http://host/a b", "percent-encode"),
            ("http://host/a\tb", "percent-encode"),
            ("http://host/a\r\nX: y", "percent-encode"),
            ("http://host/caf\u{e9}", "percent-encode"),
            ("http://host/a\\b", "percent-encode"),
            ("http://host/a#b", "#fragment"),
            ("http://user:secret@host/a", "options"),
            ("http:///a", "no host"),
            ("http://:80/a", "no host"),
            ("http://host:99999/a", "port"),
            ("http://host:0/a", "port"),
            ("http://host:+1/a", "port"),
            ("http://host:/a", "port"),
            ("http://host:80:80/a", "port"),
            ("http://[::1/a", "no host"),
            ("http://[host]/a", "no host"),
            ("http://[]/a", "no host"),
            ("http://host", "directory"),
            ("http://host/", "directory"),
            ("http://host/dir/?name=x", "directory"),
            ("http://host?x", "directory"),
            ("http://host/100%", "%25"),
            ("http://host/%4", "%25"),
            ("http://host/%zz", "%25"),
            (long.as_str(), "2200"),
        ];
        for (url, hint) in cases {
            let error = check(url).expect_err(url);
            assert_eq!(error.status(), Status::InvalidArgument);
            assert!(error.message().contains(hint), "{url}: {error}");
            assert!(!error.message().contains("secret"));
        }
    }
}
