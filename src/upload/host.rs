//! The host id: the one server of a farm that has the session, and the way back when it is gone
//! (PROTOCOL 6.7).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::proto::limits::MAX_HOST_ID;
use crate::proto::url::{Url, is_host_and_port, is_ipv6};

/// The header's value for "never", which is what no value means, too.
const NEVER: u32 = u32::MAX;

/// Where all packets go once the Ack of Create-Session has named it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HostId {
    /// Host, perhaps with a port, as a URL has them.
    name: String,
    /// Seconds without reaching it after which to go back to the original host; `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fallback_s: Option<u32>,
    /// Since when it has not been reached; kept, so that the time of several runs counts together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missed_since_ms: Option<u64>,
}

impl HostId {
    /// `None` when `name` is no host.
    pub(super) fn new(name: &str, fallback_s: Option<u32>) -> Option<Self> {
        let name =
            if is_ipv6(name) && name.matches(':').count() > 1 { format!("[{name}]") } else { name.into() };
        let fallback_s = fallback_s.filter(|seconds| *seconds != NEVER);
        let host = Self { name, fallback_s, missed_since_ms: None };
        host.is_sound().then_some(host)
    }

    pub(super) fn is_sound(&self) -> bool {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
        self.name.len() <= MAX_HOST_ID && self.name.bytes().all(is_legal) && is_host_and_port(&self.name)
    }

    /// `url` at this host; scheme, path and query stay, and so does the port unless the host id has one.
    pub(super) fn url(&self, url: &str) -> String {
        let Some(parts) = Url::parse(url) else { return url.to_owned() };
        let has_port = Url { authority: &self.name, ..parts }.port().starts_with(':');
        let port = if has_port { "" } else { parts.port() };
        format!("{}://{}{port}{}", parts.scheme, self.name, parts.local)
    }

    /// It could not be reached. The time counts from the first failure; if that lies ahead, the clock was set
    /// back meanwhile, and from now.
    pub(super) fn missed(&mut self, now_ms: u64) {
        self.missed_since_ms = Some(self.missed_since_ms.map_or(now_ms, |since| since.min(now_ms)));
    }

    /// It was reached and did what it was asked.
    pub(super) fn reached(&mut self) {
        self.missed_since_ms = None;
    }

    /// How long until it is given up; `None`: it is reached, or never given up.
    pub(super) fn left(&self, now_ms: u64) -> Option<Duration> {
        let limit = Duration::from_secs(self.fallback_s?.into());
        let passed = Duration::from_millis(now_ms.saturating_sub(self.missed_since_ms?));
        Some(limit.saturating_sub(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switched(name: &str) -> String {
        HostId::new(name, None).unwrap().url("http://origin:81/dir/f?x=http://y/")
    }

    #[test]
    fn cli_21_only_the_host_is_switched_and_the_port_where_one_is_given() {
        assert_eq!(switched("node3"), "http://node3:81/dir/f?x=http://y/");
        assert_eq!(switched("node3:8080"), "http://node3:8080/dir/f?x=http://y/");
        assert_eq!(switched("[fe80::1]"), "http://[fe80::1]:81/dir/f?x=http://y/");
        assert_eq!(switched("[fe80::1]:8080"), "http://[fe80::1]:8080/dir/f?x=http://y/");
        assert_eq!(switched("fe80::1"), "http://[fe80::1]:81/dir/f?x=http://y/");
        assert_eq!(HostId::new("n", None).unwrap().url("https://origin/f"), "https://n/f");
        assert_eq!(HostId::new("n", None).unwrap().url("http://[::1]:81/f"), "http://n:81/f");
    }

    #[test]
    fn what_is_no_host_is_no_host_id() {
        let long = "x".repeat(MAX_HOST_ID + 1);
        let names = [
            "",
            "a/b",
            "a b",
            "user@h",
            "h:99999",
            "h:",
            "[::1",
            "[h]",
            "http://h",
            "h?x",
            "caf\u{e9}",
            &long,
        ];
        for name in names {
            assert_eq!(HostId::new(name, None), None, "{name}");
        }
        assert!(HostId::new(&long[1..], None).is_some());
    }

    fn left(host: &HostId, now_ms: u64) -> Option<u128> {
        host.left(now_ms).map(|left| left.as_millis())
    }

    #[test]
    fn the_time_is_counted_from_the_first_failure_since_it_was_reached() {
        let mut host = HostId::new("h", Some(10)).unwrap();
        assert_eq!(left(&host, 5_000), None);
        host.missed(5_000);
        host.missed(9_000);
        assert_eq!((left(&host, 9_000), left(&host, 60_000)), (Some(6_000), Some(0)));
        host.reached();
        assert_eq!(left(&host, 60_000), None);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_the_time_begin_anew_at_worst() {
        let mut host = HostId::new("h", Some(10)).unwrap();
        host.missed(1_000_000);
        host.missed(5_000);
        assert_eq!(left(&host, 6_000), Some(9_000));
    }

    #[test]
    fn cli_23_no_value_and_the_largest_value_mean_never() {
        for value in [None, Some(u32::MAX)] {
            let mut host = HostId::new("h", value).unwrap();
            host.missed(0);
            assert_eq!(left(&host, u64::MAX), None);
        }
        let mut host = HostId::new("h", Some(0)).unwrap();
        host.missed(0);
        assert_eq!(left(&host, 0), Some(0));
    }
}
