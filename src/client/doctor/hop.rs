//! Who gave an answer.

use std::fmt;

use crate::proto::Headers;

/// Software that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hop {
    Bitsup,
    Nginx,
    HaProxy,
    Apache,
    Caddy,
    Iis,
    Unknown,
}

/// What the field `Server` begins with.
const SERVERS: [(&str, Hop); 6] = [
    ("bitsup", Hop::Bitsup),
    ("nginx", Hop::Nginx),
    ("Apache", Hop::Apache),
    ("Caddy", Hop::Caddy),
    ("Microsoft-IIS", Hop::Iis),
    ("Microsoft-HTTPAPI", Hop::Iis),
];

impl Hop {
    /// A proxy may put its own name on an answer that it only passes on, as nginx does.
    pub fn of(headers: &Headers) -> Self {
        let Some(server) = headers.get("Server") else {
            // HAProxy's own answers say neither who nor when, and are not to be cached.
            let is_haproxy =
                headers.get("Date").is_none() && headers.get("Cache-Control") == Some("no-cache");
            return if is_haproxy { Self::HaProxy } else { Self::Unknown };
        };
        let known = SERVERS.iter().find(|(name, _)| server.starts_with(name));
        known.map_or(Self::Unknown, |(_, hop)| *hop)
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bitsup => "bitsup",
            Self::Nginx => "nginx",
            Self::HaProxy => "HAProxy",
            Self::Apache => "Apache httpd",
            Self::Caddy => "Caddy",
            Self::Iis => "IIS",
            Self::Unknown => "somebody who does not say",
        })
    }
}

/// How an answer names those that it came through.
pub(super) fn introduction(headers: &Headers) -> String {
    let server = match headers.get("Server") {
        Some(server) => server.to_owned(),
        None => Hop::of(headers).to_string(),
    };
    let via: Vec<_> = headers.all("Via").map(String::from_utf8_lossy).collect();
    match via.is_empty() {
        true => server,
        false => format!("{server}, via {}", via.join(", ")),
    }
}
