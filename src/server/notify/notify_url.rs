//! The URL at which the application is notified.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use ureq::http::Uri;

use crate::proto::limits::MAX_REMOTE_NAME;

/// Characters that a client may use in a URL, but that have to be percent-encoded in a request target.
const NOT_IN_HTTP: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// Returns the notification URL of an upload: the configured URL, resolved against the URL of the upload if it is
/// relative, with the query string of the upload appended (PROTOCOL 5.2).
///
/// # Errors
///
/// Describes why the result is not a valid URL.
pub(super) fn for_upload(setting: &str, upload_url: &str) -> Result<Uri, String> {
    let (path, own_query) = split_query(setting);
    let target = resolve(path, upload_url).ok_or("the upload has no absolute URL to resolve it against")?;
    let queries = [own_query, split_query(upload_url).1];
    let query = queries.into_iter().flatten().collect::<Vec<_>>().join("&");
    let target = match queries {
        [None, None] => target,
        _ => format!("{target}?{query}"),
    };
    let uri: Uri = utf8_percent_encode(&target, NOT_IN_HTTP)
        .to_string()
        .parse()
        .map_err(|error: ureq::http::uri::InvalidUri| error.to_string())?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(authority)) => {
            let (text, host) = (authority.as_str(), authority.host());
            if host.is_empty() {
                Err("it has no host".into())
            } else if text.contains('@') {
                Err("it contains credentials".into())
            } else if text != host && authority.port_u16().is_none() {
                Err("its port is invalid".into())
            } else {
                Ok(uri)
            }
        }
        (Some("http" | "https"), None) => Err("it has no host".into()),
        _ => Err("it is neither http nor https".into()),
    }
}

/// Checks a configured URL.
///
/// # Errors
///
/// Describes why it cannot be a notification URL.
pub(super) fn check(setting: &str) -> Result<(), String> {
    match setting.chars().count() {
        0 => Err("it is empty".into()),
        length if length > MAX_REMOTE_NAME => Err(format!("it is longer than {MAX_REMOTE_NAME} characters")),
        _ if setting.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            Err("it contains white space".into())
        }
        _ => for_upload(setting, "http://host/path").map(drop),
    }
}

/// Splits off the query string, and drops the fragment.
fn split_query(url: &str) -> (&str, Option<&str>) {
    let url = url.split_once('#').map_or(url, |(before, _)| before);
    url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)))
}

/// Resolves a reference without a query against a base URL (RFC 3986, 5.2); `None` if the base is not absolute.
fn resolve(reference: &str, base: &str) -> Option<String> {
    if has_scheme(reference) {
        return Some(reference.to_owned());
    }
    let (scheme, rest) = split_query(base).0.split_once("://")?;
    let (authority, path) = split_path(rest);
    let (authority, path) = match reference.strip_prefix("//") {
        Some(other) => (split_path(other).0, split_path(other).1.to_owned()),
        None if reference.starts_with('/') => (authority, reference.to_owned()),
        None if reference.is_empty() => (authority, path.to_owned()),
        None => {
            (authority, format!("{}/{reference}", path.rsplit_once('/').map_or("", |(folder, _)| folder)))
        }
    };
    Some(format!("{scheme}://{authority}{}", without_dots(&path)))
}

/// Whether a reference has a scheme: a colon in its first segment.
fn has_scheme(reference: &str) -> bool {
    let segment = reference.split_once(['/', '?', '#']).map_or(reference, |(segment, _)| segment);
    segment.contains(':')
}

fn split_path(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

/// Removes dot segments (RFC 3986, 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_dots = matches!(segment, "." | "..");
        if segment == ".." {
            kept.pop();
        }
        match (is_dots, segments.peek().is_none()) {
            (true, true) => kept.push(""),
            (true, false) => {}
            (false, _) => kept.push(segment),
        }
    }
    kept.iter().map(|segment| format!("/{segment}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPLOAD: &str = "http://up.test:81/v/dir/f.txt";

    fn resolved(setting: &str) -> String {
        for_upload(setting, UPLOAD).unwrap().to_string()
    }

    /// NTF-17, and the rest of RFC 3986, 5.4.
    #[test]
    fn a_relative_url_is_resolved_against_the_upload() {
        assert_eq!(for_upload("app.asp", "http://h/v/f.txt").unwrap(), "http://h/v/app.asp");
        for (setting, expected) in [
            ("app.asp", "http://up.test:81/v/dir/app.asp"),
            ("./app.asp", "http://up.test:81/v/dir/app.asp"),
            ("../app.asp", "http://up.test:81/v/app.asp"),
            ("../../../app.asp", "http://up.test:81/app.asp"),
            ("a/./b/../c/", "http://up.test:81/v/dir/a/c/"),
            ("..", "http://up.test:81/v/"),
            ("/app.asp", "http://up.test:81/app.asp"),
            ("//app.test/x", "http://app.test/x"),
            ("?a=1", "http://up.test:81/v/dir/f.txt?a=1"),
            ("https://app.test/x#part", "https://app.test/x"),
            ("HTTP://app.test", "http://app.test/"),
        ] {
            assert_eq!(resolved(setting), expected, "{setting}");
        }
    }

    /// NTF-16.
    #[test]
    fn the_query_of_the_upload_is_appended() {
        let called = |setting, upload| for_upload(setting, upload).unwrap().to_string();
        assert_eq!(called("http://app/x", "http://h/f?ACCOUNT=1"), "http://app/x?ACCOUNT=1");
        assert_eq!(called("http://app/x?a=2", "http://h/f?ACCOUNT=1"), "http://app/x?a=2&ACCOUNT=1");
        assert_eq!(called("x", "http://h/v/f?a=/../b?c"), "http://h/v/x?a=/../b?c");
        assert_eq!(called("http://app/x", "http://h/f?"), "http://app/x?");
        assert_eq!(called("http://app/x", "http://h/f?a=<\"é\">"), "http://app/x?a=%3C%22%C3%A9%22%3E");
    }

    /// NTF-18, except that https is supported.
    #[test]
    fn unusable_urls_are_rejected() {
        let long = |length: usize| format!("http://h/{}", "x".repeat(length.saturating_sub(9)));
        assert_eq!(check(&long(2200)), Ok(()));
        assert!(check(&long(2201)).is_err());
        assert_eq!(check("https://app.test:8443/x?y"), Ok(()));
        assert_eq!(check("app.asp"), Ok(()));
        for setting in [
            "",
            "ftp://h/x",
            "app.test:8080/x",
            "http://",
            "http:///x",
            "http:x",
            "http://u:p@h/x",
            "http://h:port/x",
            "http://h:99999/x",
            "http://h/a b",
            "http://h/\n",
            "http://bücher.test/",
        ] {
            assert!(check(setting).is_err(), "{setting:?}");
        }
    }

    #[test]
    fn a_relative_url_requires_an_absolute_upload_url() {
        assert!(for_upload("app.asp", "/v/f.txt").is_err());
        assert!(for_upload("http://app/x", "/v/f.txt?a=1").is_ok());
    }
}
