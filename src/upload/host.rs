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
}

impl HostId {
    /// `None` when `name` is no host.
    pub(super) fn new(name: &str, fallback_s: Option<u32>) -> Option<Self> {
        let name =
            if is_ipv6(name) && name.matches(':').count() > 1 { format!("[{name}]") } else { name.into() };
        let host = Self { name, fallback_s: fallback_s.filter(|seconds| *seconds != NEVER) };
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
}

/// Since when the host of the host id has not been reached.
#[derive(Debug, Default)]
pub(super) struct Outage {
    since_ms: Option<u64>,
}

impl Outage {
    /// It could not be reached.
    pub(super) fn failed(&mut self, now_ms: u64) {
        self.since_ms.get_or_insert(now_ms);
    }

    /// It was reached and did what it was asked.
    pub(super) fn ended(&mut self) {
        self.since_ms = None;
    }

    /// How long until `host` is given up; `None`: it is reached, or never given up.
    pub(super) fn left(&self, now_ms: u64, host: Option<&HostId>) -> Option<Duration> {
        let limit = Duration::from_secs(host?.fallback_s?.into());
        let passed = Duration::from_millis(now_ms.saturating_sub(self.since_ms?));
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

    #[test]
    fn the_time_is_counted_from_the_first_failure_since_it_was_reached() {
        let host = HostId::new("h", Some(10));
        let mut outage = Outage::default();
        let left = |outage: &Outage, now_ms| outage.left(now_ms, host.as_ref()).map(|left| left.as_millis());
        assert_eq!(left(&outage, 5_000), None);
        outage.failed(5_000);
        outage.failed(9_000);
        assert_eq!((left(&outage, 9_000), left(&outage, 60_000)), (Some(6_000), Some(0)));
        outage.ended();
        assert_eq!(left(&outage, 60_000), None);
    }

    #[test]
    fn cli_23_no_value_and_the_largest_value_mean_never() {
        let mut outage = Outage::default();
        outage.failed(0);
        for value in [None, Some(u32::MAX)] {
            assert_eq!(outage.left(u64::MAX, HostId::new("h", value).as_ref()), None);
        }
        assert_eq!(outage.left(0, HostId::new("h", Some(0)).as_ref()), Some(Duration::ZERO));
    }
}
