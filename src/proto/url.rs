//! Splits absolute URLs.

/// The parts of an absolute URL, still percent-encoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Url<'a> {
    pub(crate) scheme: &'a str,
    /// The host, optionally with a colon and a port.
    pub(crate) authority: &'a str,
    /// Path, query and fragment; may be empty.
    pub(crate) local: &'a str,
}

impl<'a> Url<'a> {
    /// Splits a URL into its parts; `None` if it contains no `://`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, local) = rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len()))?;
        Some(Self { scheme, authority, local })
    }

    /// The port with its colon; empty if there is none.
    pub(crate) fn port(&self) -> &'a str {
        split_port(self.authority).map_or("", |(_, port)| port)
    }

    /// Whether both have the same scheme, host and port; the default port can be omitted.
    pub(crate) fn is_same_server(&self, other: &Self) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme) && self.host().eq_ignore_ascii_case(other.host())
    }

    /// The host, with the port unless it is the scheme's default.
    fn host(&self) -> &'a str {
        let default = if self.scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
        match self.port() {
            port if port == ":" || port == default => {
                self.authority.strip_suffix(port).unwrap_or(self.authority)
            }
            _ => self.authority,
        }
    }
}

/// Whether a text is a valid authority: a host, optionally with a port from 1 to 65535.
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

/// Whether a text looks like an IPv6 address without brackets; the resolver parses it.
pub(crate) fn is_ipv6(text: &str) -> bool {
    text.contains(':') && text.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte))
}

/// Splits off what follows the host; `None` if a bracket is not closed.
fn split_port(authority: &str) -> Option<(&str, &str)> {
    let end = if authority.starts_with('[') {
        authority.find(']')?.checked_add(1)?
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    authority.split_at_checked(end)
}
