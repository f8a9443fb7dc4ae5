//! The version of a reply, and the conditional requests that refer to it (RFC 9110, 13).

use std::time::{Duration, UNIX_EPOCH};

use crate::proto::{Headers, names};
use crate::store::Content;

/// The last second of the year 9999. HTTP has no later dates, but a file or a store may claim one.
const LAST_DATE: u64 = 253_402_300_799;

/// What identifies the version of a reply, so that clients notice a change.
pub(super) struct Version {
    /// The `ETag`.
    pub(super) tag: String,
    /// Seconds since 1970-01-01 UTC, the resolution of dates in headers.
    modified: u64,
}

impl Version {
    pub(super) fn of(content: &dyn Content) -> Self {
        let (modified_ms, length) = (content.modified_ms(), content.length());
        let modified = (modified_ms / 1000).min(LAST_DATE);
        Self { tag: format!("\"{modified_ms:x}-{length:x}\""), modified }
    }

    /// The `Last-Modified` date.
    pub(super) fn date(&self) -> String {
        let date = UNIX_EPOCH.checked_add(Duration::from_secs(self.modified));
        debug_assert!(date.is_some(), "a date up to the year 9999 can be represented");
        httpdate::fmt_http_date(date.unwrap_or(UNIX_EPOCH))
    }

    /// 412 or 304 if the conditions of the request require it, in the order of RFC 9110, 13.2.2. Invalid dates
    /// are ignored.
    pub(super) fn precondition_status(&self, headers: &Headers) -> Option<u16> {
        let date = |name| headers.get(name).and_then(seconds);
        let matches = match headers.get(names::IF_MATCH) {
            Some(list) => self.is_in(list, false),
            None => date(names::IF_UNMODIFIED_SINCE).is_none_or(|since| self.modified <= since),
        };
        let is_new = match headers.get(names::IF_NONE_MATCH) {
            Some(list) => !self.is_in(list, true),
            None => date(names::IF_MODIFIED_SINCE).is_none_or(|since| self.modified > since),
        };
        match (matches, is_new) {
            (false, _) => Some(412),
            (true, false) => Some(304),
            (true, true) => None,
        }
    }

    /// Whether `If-Range` allows a partial response: it is missing or names this version.
    pub(super) fn allows_ranges(&self, headers: &Headers) -> bool {
        headers.get(names::IF_RANGE).is_none_or(|value| {
            if value.contains('"') { value == self.tag } else { seconds(value) == Some(self.modified) }
        })
    }

    /// Whether a list of entity tags contains this version. With `weak`, `W/"x"` matches `"x"`.
    fn is_in(&self, list: &str, weak: bool) -> bool {
        list.split(',').map(str::trim).any(|tag| {
            let tag = tag.strip_prefix("W/").filter(|_| weak).unwrap_or(tag);
            tag == "*" || tag == self.tag
        })
    }
}

/// Parses an HTTP date into seconds since 1970-01-01 UTC.
fn seconds(date: &str) -> Option<u64> {
    let date = httpdate::parse_http_date(date).ok()?;
    date.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_http_cannot_express_become_the_last_date() {
        for (modified, date) in
            [(1, "Thu, 01 Jan 1970 00:00:01 GMT"), (LAST_DATE, "Fri, 31 Dec 9999 23:59:59 GMT")]
        {
            assert_eq!(Version { tag: String::new(), modified }.date(), date);
        }
        struct Future;
        impl Content for Future {
            fn length(&self) -> u64 {
                0
            }
            fn modified_ms(&self) -> u64 {
                u64::MAX
            }
            fn read_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<usize> {
                Ok(0)
            }
        }
        assert_eq!(Version::of(&Future).modified, LAST_DATE);
    }
}
