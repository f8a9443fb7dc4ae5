//! The parts of an absolute URL that the protocol replaces or compares.

/// An absolute URL, taken apart without decoding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Url<'a> {
    pub(crate) scheme: &'a str,
    /// Host and, behind a colon, the port.
    pub(crate) authority: &'a str,
    /// Path and query; may be empty.
    pub(crate) local: &'a str,
}

impl<'a> Url<'a> {
    /// `None` when there is no `://`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, local) = rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len()))?;
        Some(Self { scheme, authority, local })
    }

    /// The port with the colon before it; empty when there is none.
    pub(crate) fn port(&self) -> &'a str {
        split_port(self.authority).map_or("", |(_, port)| port)
    }

    /// Whether both name the same server in the same words; the port of the scheme may be there or not.
    pub(crate) fn is_same_server(&self, other: &Self) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme) && self.host().eq_ignore_ascii_case(other.host())
    }

    /// The host, and the port unless it is the scheme's own.
    fn host(&self) -> &'a str {
        let own = if self.scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
        match self.port() {
            port if port == ":" || port == own => self.authority.strip_suffix(port).unwrap_or(self.authority),
            _ => self.authority,
        }
    }
}

/// Whether a text can stand between `//` and the path: a host, and perhaps a port up to 65535.
pub(crate) fn is_host_and_port(authority: &str) -> bool {
    let Some((host, port)) = split_port(authority) else { return false };
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse() != Ok(0u16);
    let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => is_ipv6(address),
        None => !host.is_empty() && !host.contains(['[', ']']),
    };
    is_host
        && (port.is_empty()
            || port.strip_prefix(':').is_some_and(|port| is_port(port) && port.parse::<u16>().is_ok()))
}

/// Whether a text looks like an IPv6 address without its brackets; which one it is the resolver finds out.
pub(crate) fn is_ipv6(text: &str) -> bool {
    text.contains(':') && text.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte))
}

/// Host, and what follows it; `None` when a bracket stays open.
fn split_port(authority: &str) -> Option<(&str, &str)> {
    let end = match authority.starts_with('[') {
        true => authority.find(']')?.checked_add(1)?,
        false => authority.find(':').unwrap_or(authority.len()),
    };
    authority.split_at_checked(end)
}
