//! Protection of the administration page against DNS rebinding.

use std::net::{IpAddr, SocketAddr};

use crate::server::http1::head::HttpHead;

/// The accepted `Host` values.
///
/// A malicious website can point its own name to a loopback address and so make a browser on this machine read the
/// administration page; the browser then sends that website's name as `Host`. A listener on a loopback address
/// therefore accepts only addresses, `localhost` and its configured name. Other listeners accept any name.
pub(super) enum HostCheck {
    Any,
    Local(String),
}

impl HostCheck {
    pub(super) fn new(host: &str, address: IpAddr) -> Self {
        if address.to_canonical().is_loopback() { Self::Local(host.to_ascii_lowercase()) } else { Self::Any }
    }

    pub(super) fn allow(&self, head: &HttpHead) -> bool {
        let Self::Local(own) = self else { return true };
        let host = head.headers.get("Host").unwrap_or_default().to_ascii_lowercase();
        if host.parse::<SocketAddr>().is_ok() || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            return true;
        }
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
        name == "localhost" || name == own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::admin::connection::HEAD_LIMITS;
    use crate::server::http1::head::{HeadParse, parse};

    #[test]
    fn a_loopback_listener_rejects_foreign_host_names() {
        let allows = |check: &HostCheck, host: &str| {
            let text = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let HeadParse::Complete(head, _) = parse(text.as_bytes(), &mut 0, HEAD_LIMITS) else {
                panic!("{host}")
            };
            check.allow(&head)
        };
        let local = HostCheck::new("ops.test", IpAddr::from([127, 0, 0, 1]));
        for host in
            ["127.0.0.1", "127.0.0.1:80", "[::1]:80", "[::1]", "localhost:1", "LocalHost", "ops.test:9"]
        {
            assert!(allows(&local, host), "{host}");
        }
        for host in ["evil.test", "evil.test:80", "127.0.0.1.evil.test", "localhost.evil.test:80", ""] {
            assert!(!allows(&local, host), "{host}");
        }
        assert!(allows(&HostCheck::new("0.0.0.0", IpAddr::from([0, 0, 0, 0])), "ops.example:80"));
    }
}
