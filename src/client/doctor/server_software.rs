//! Recognizes the software that sent a response.

use std::fmt;

use crate::proto::Headers;

/// Software that sends responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerSoftware {
    Bitsup,
    Nginx,
    HaProxy,
    Apache,
    Caddy,
    Iis,
    Unknown,
}

/// Prefixes of the field `Server`.
const SERVERS: [(&str, ServerSoftware); 6] = [
    ("bitsup", ServerSoftware::Bitsup),
    ("nginx", ServerSoftware::Nginx),
    ("Apache", ServerSoftware::Apache),
    ("Caddy", ServerSoftware::Caddy),
    ("Microsoft-IIS", ServerSoftware::Iis),
    ("Microsoft-HTTPAPI", ServerSoftware::Iis),
];

impl ServerSoftware {
    /// Recognizes the sender of a response. A proxy such as nginx may replace the name of the server behind it.
    pub fn of(headers: &Headers) -> Self {
        let Some(server) = headers.get("Server") else {
            // HAProxy's own responses have neither Server nor Date, and forbid caching.
            let is_haproxy =
                headers.get("Date").is_none() && headers.get("Cache-Control") == Some("no-cache");
            return if is_haproxy { Self::HaProxy } else { Self::Unknown };
        };
        let known = SERVERS.iter().find(|(name, _)| server.starts_with(name));
        known.map_or(Self::Unknown, |(_, server_software)| *server_software)
    }
}

impl fmt::Display for ServerSoftware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bitsup => "bitsup",
            Self::Nginx => "nginx",
            Self::HaProxy => "HAProxy",
            Self::Apache => "Apache httpd",
            Self::Caddy => "Caddy",
            Self::Iis => "IIS",
            Self::Unknown => "an unknown server",
        })
    }
}

/// Describes the server and the proxies that a response names.
pub(super) fn describe_path(headers: &Headers) -> String {
    let server = match headers.get("Server") {
        Some(server) => server.to_owned(),
        None => ServerSoftware::of(headers).to_string(),
    };
    let via: Vec<_> = headers.all("Via").map(String::from_utf8_lossy).collect();
    if via.is_empty() { server } else { format!("{server}, via {}", via.join(", ")) }
}
