//! The problems that checks find, and how to fix them in the software that sent the response.

use super::server_software::ServerSoftware;
use crate::proto::{Headers, names};

/// Why a server or proxy does not accept an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// The method BITS_POST is not allowed.
    Verb,
    /// The server does not accept POST in place of BITS_POST.
    NoOverride,
    /// A success response that is not an Ack.
    NotBits,
    /// A proxy removed header fields of the protocol.
    Stripped,
    Redirect,
    Credentials,
    ProxyCredentials,
    NotFound,
    /// A proxy removed the length of the body.
    LengthRemoved,
    TooLarge,
    Expectation,
    /// The server received the request as HTTP/1.0.
    OldRequest,
    /// The response is HTTP/1.0.
    OldResponse,
    /// A proxy cannot reach the server.
    Gateway,
    /// The connection is closed after the response.
    Closed,
    /// A proxy buffers requests before it forwards them.
    Buffered,
    /// The server itself rejected the packet with a BITS error.
    Refused,
    Other,
}

impl Problem {
    /// Classifies the response to a packet that should succeed; `None` if it did.
    pub fn of(status: u16, headers: &Headers) -> Option<Self> {
        let is_ack =
            headers.get(names::PACKET_TYPE).is_some_and(|kind| kind.eq_ignore_ascii_case(names::ACK));
        Some(match (status, is_ack) {
            (200..=299, true) => return None,
            (200..=299, false) => Self::NotBits,
            (300..=399, _) => Self::Redirect,
            (400, true) => Self::Stripped,
            (401, _) => Self::Credentials,
            (407, _) => Self::ProxyCredentials,
            (411, _) => Self::LengthRemoved,
            (413, _) => Self::TooLarge,
            (417, _) => Self::Expectation,
            (505, _) => Self::OldRequest,
            (502..=504, false) => Self::Gateway,
            (_, true) => Self::Refused,
            (404, false) => Self::NotFound,
            (400 | 403 | 405 | 501, false) => Self::Verb,
            (_, false) => Self::Other,
        })
    }

    /// Describes how to fix the problem, with specifics for the software that sent the response.
    pub fn advice(self, server_software: ServerSoftware) -> String {
        let general = GENERAL.iter().find(|(problem, _)| *problem == self).map_or("", |(_, text)| text);
        match SPECIAL.iter().find(|(problem, of, _)| (*problem, *of) == (self, server_software)) {
            Some((_, _, special)) => format!("{general}. In {server_software}: {special}"),
            None => general.to_owned(),
        }
    }
}

const GENERAL: [(Problem, &str); 18] = [
    (Problem::Verb, "allow the method BITS_POST there, or use --method-override on both client and server"),
    (Problem::NoOverride, "start the server with --method-override if a proxy rejects BITS_POST"),
    (
        Problem::NotBits,
        "check host and path: the response is not from an upload server, or a proxy removes BITS-* header fields",
    ),
    (Problem::Stripped, "let every proxy forward BITS-* header fields to the server"),
    (Problem::Redirect, "upload to the URL of the redirect; clients do not follow redirects"),
    (Problem::Credentials, "set credentials by --user, --user-file, --bearer-file or --cert"),
    (Problem::ProxyCredentials, "set credentials for the proxy by --proxy-user"),
    (Problem::NotFound, "check the path: it does not accept uploads"),
    (
        Problem::LengthRemoved,
        "let every proxy forward Content-Length unchanged, including 0, and not use chunked requests; Caddy removes a \
     Content-Length of 0 from BITS_POST, see docs/operations/proxies.md",
    ),
    (
        Problem::TooLarge,
        "raise the limit on request bodies there; Windows clients fail, bitsup sends shorter fragments",
    ),
    (
        Problem::Expectation,
        "let every proxy forward Expect: 100-continue or respond to it; bitsup itself does not send it",
    ),
    (Problem::OldRequest, "let every proxy use HTTP/1.1 to the next server"),
    (Problem::OldResponse, "find the proxy that uses HTTP/1.0, and let it use HTTP/1.1"),
    (
        Problem::Gateway,
        "check that the server behind the proxy is running, and that the proxy has the right address",
    ),
    (Problem::Closed, "let every proxy keep connections open; otherwise each packet needs a new one"),
    (
        Problem::Buffered,
        "turn off request buffering in every proxy; otherwise an interrupted fragment has to be sent again as a whole",
    ),
    (Problem::Refused, "check the server's log; bitsup explain describes the code"),
    (Problem::Other, "check the log of the server that responded"),
];

const SPECIAL: [(Problem, ServerSoftware, &str); 22] = [
    (Problem::Verb, ServerSoftware::Nginx, "look for limit_except, if ($request_method ...) and the like"),
    (Problem::Verb, ServerSoftware::HaProxy, "look for http-request deny with an acl on method"),
    (
        Problem::Verb,
        ServerSoftware::Apache,
        "RegisterHttpMethod BITS_POST; look for Limit, LimitExcept and mod_allowmethods",
    ),
    (Problem::Verb, ServerSoftware::Caddy, "look for matchers with method"),
    (
        Problem::Verb,
        ServerSoftware::Iis,
        "allow BITS_POST in request filtering, or let the extension for uploads handle it",
    ),
    (Problem::NotBits, ServerSoftware::Nginx, "check server_name and location"),
    (Problem::NotBits, ServerSoftware::Apache, "check ServerName and ProxyPass"),
    (
        Problem::NotBits,
        ServerSoftware::Caddy,
        "check the site's address: a host without a site gets an empty 200 response",
    ),
    (
        Problem::LengthRemoved,
        ServerSoftware::Caddy,
        "rewrite it to method POST with X-HTTP-Method-Override BITS_POST, see docs/operations/proxies.md",
    ),
    (Problem::LengthRemoved, ServerSoftware::Apache, "SetEnv proxy-sendcl 1"),
    (Problem::TooLarge, ServerSoftware::Nginx, "client_max_body_size 0"),
    (
        Problem::TooLarge,
        ServerSoftware::HaProxy,
        "look for http-request deny with req.body_size or req.hdr(content-length)",
    ),
    (Problem::TooLarge, ServerSoftware::Apache, "look for SecRequestBodyLimit and rules that return 413"),
    (Problem::TooLarge, ServerSoftware::Caddy, "look for request_body with max_size"),
    (
        Problem::TooLarge,
        ServerSoftware::Iis,
        "maxAllowedContentLength in request filtering, uploadReadAheadSize",
    ),
    (Problem::OldRequest, ServerSoftware::Nginx, "proxy_http_version 1.1"),
    (Problem::OldRequest, ServerSoftware::Apache, "look for SetEnv force-proxy-request-1.0"),
    (Problem::Gateway, ServerSoftware::HaProxy, "check the server lines of the backend"),
    (Problem::Closed, ServerSoftware::Nginx, "keepalive_timeout must not be 0"),
    (Problem::Closed, ServerSoftware::Apache, "KeepAlive On"),
    (Problem::Closed, ServerSoftware::HaProxy, "look for option httpclose"),
    (Problem::Buffered, ServerSoftware::Nginx, "proxy_request_buffering off"),
];
