//! The server that holds the session in a server farm, as named by `BITS-Host-Id`, and the fallback to the
//! origin when it is unreachable (PROTOCOL 6.7).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::proto::limits::MAX_HOST_ID;
use crate::proto::url::{Url, is_host_and_port, is_ipv6};

/// Value of `BITS-Host-Id-Fallback-Timeout` that means never, as does a missing header.
const NEVER: u32 = u32::MAX;

/// The server that all packets are sent to once the Ack of Create-Session has named it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionHost {
    /// Host with an optional port, in URL syntax.
    name: String,
    /// Seconds of being unreachable after which packets go to the origin again; `None` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fallback_s: Option<u32>,
    /// Time of the first failed request since the last success. Stored, so that the timeout covers several runs.
    #[serde(default, rename = "missed_since_ms", skip_serializing_if = "Option::is_none")]
    unreachable_since_ms: Option<u64>,
}

impl SessionHost {
    /// Parses a `BITS-Host-Id`; `None` if it is not a host with an optional port.
    pub(super) fn new(name: &str, fallback_s: Option<u32>) -> Option<Self> {
        let name =
            if is_ipv6(name) && name.matches(':').count() > 1 { format!("[{name}]") } else { name.into() };
        let fallback_s = fallback_s.filter(|seconds| *seconds != NEVER);
        let host = Self { name, fallback_s, unreachable_since_ms: None };
        host.is_valid().then_some(host)
    }

    pub(super) fn is_valid(&self) -> bool {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
        self.name.len() <= MAX_HOST_ID && self.name.bytes().all(is_legal) && is_host_and_port(&self.name)
    }

    /// Replaces the host of `url`, and its port if the host id has one. Scheme, path and query stay.
    pub(super) fn apply_to(&self, url: &str) -> String {
        let Some(parts) = Url::parse(url) else { return url.to_owned() };
        let has_port = Url { authority: &self.name, ..parts }.port().starts_with(':');
        let port = if has_port { "" } else { parts.port() };
        format!("{}://{}{port}{}", parts.scheme, self.name, parts.local)
    }

    /// Records a failed request. The time counts from the first one; if that is in the future because the clock was
    /// set back, it counts from now.
    pub(super) fn mark_unreachable(&mut self, now_ms: u64) {
        self.unreachable_since_ms = Some(self.unreachable_since_ms.map_or(now_ms, |since| since.min(now_ms)));
    }

    /// Records a successful request.
    pub(super) fn mark_reached(&mut self) {
        self.unreachable_since_ms = None;
    }

    /// Time until packets go to the origin again; `None` if the server is reachable, or if that never happens.
    pub(super) fn fallback_in(&self, now_ms: u64) -> Option<Duration> {
        let limit = Duration::from_secs(self.fallback_s?.into());
        let passed = Duration::from_millis(now_ms.saturating_sub(self.unreachable_since_ms?));
        Some(limit.saturating_sub(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_host(name: &str) -> String {
        SessionHost::new(name, None).unwrap().apply_to("http://origin:81/dir/f?x=http://y/")
    }

    #[test]
    fn cli_21_the_host_is_replaced_and_the_port_if_one_is_given() {
        assert_eq!(at_host("node3"), "http://node3:81/dir/f?x=http://y/");
        assert_eq!(at_host("node3:8080"), "http://node3:8080/dir/f?x=http://y/");
        assert_eq!(at_host("[fe80::1]"), "http://[fe80::1]:81/dir/f?x=http://y/");
        assert_eq!(at_host("[fe80::1]:8080"), "http://[fe80::1]:8080/dir/f?x=http://y/");
        assert_eq!(at_host("fe80::1"), "http://[fe80::1]:81/dir/f?x=http://y/");
        assert_eq!(SessionHost::new("n", None).unwrap().apply_to("https://origin/f"), "https://n/f");
        assert_eq!(SessionHost::new("n", None).unwrap().apply_to("http://[::1]:81/f"), "http://n:81/f");
    }

    #[test]
    fn a_host_id_is_a_host_with_an_optional_port() {
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
            assert_eq!(SessionHost::new(name, None), None, "{name}");
        }
        assert!(SessionHost::new(&long[1..], None).is_some());
    }

    fn left(host: &SessionHost, now_ms: u64) -> Option<u128> {
        host.fallback_in(now_ms).map(|left| left.as_millis())
    }

    #[test]
    fn the_fallback_timeout_counts_from_the_first_failure_since_the_last_success() {
        let mut host = SessionHost::new("h", Some(10)).unwrap();
        assert_eq!(left(&host, 5_000), None);
        host.mark_unreachable(5_000);
        host.mark_unreachable(9_000);
        assert_eq!((left(&host, 9_000), left(&host, 60_000)), (Some(6_000), Some(0)));
        host.mark_reached();
        assert_eq!(left(&host, 60_000), None);
    }

    #[test]
    fn a_clock_that_was_set_back_restarts_the_timeout() {
        let mut host = SessionHost::new("h", Some(10)).unwrap();
        host.mark_unreachable(1_000_000);
        host.mark_unreachable(5_000);
        assert_eq!(left(&host, 6_000), Some(9_000));
    }

    #[test]
    fn cli_23_no_value_and_the_largest_value_mean_never() {
        for value in [None, Some(u32::MAX)] {
            let mut host = SessionHost::new("h", value).unwrap();
            host.mark_unreachable(0);
            assert_eq!(left(&host, u64::MAX), None);
        }
        let mut host = SessionHost::new("h", Some(0)).unwrap();
        host.mark_unreachable(0);
        assert_eq!(left(&host, 0), Some(0));
    }
}
