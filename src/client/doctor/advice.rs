//! What can be wrong on the way, and how to mend it, by who answered.

use super::hop::Hop;
use crate::proto::{Headers, names};

/// A way not to pass an upload on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// A method that is not allowed.
    Verb,
    /// The server does not take POST for the verb.
    NoOverride,
    /// Success, from somebody who does not know the protocol.
    Stranger,
    /// Fields of the protocol were lost on the way to the server.
    Stripped,
    Redirect,
    Credentials,
    ProxyCredentials,
    NotFound,
    /// The length of the body was lost on the way to the server.
    Unmeasured,
    TooLarge,
    Expectation,
    /// The server got a request in HTTP/1.0.
    OldRequest,
    /// The answer is in HTTP/1.0.
    OldAnswer,
    /// A proxy does not reach the server.
    Gateway,
    /// The connection ends with the answer.
    Closed,
    /// A fragment is collected before it is passed on.
    Buffered,
    /// The server itself, in the terms of the protocol.
    Refused,
    Other,
}

impl Problem {
    /// What is wrong when a packet that should succeed is answered so; `None`: nothing is.
    pub fn of(status: u16, headers: &Headers) -> Option<Self> {
        let is_ack =
            headers.get(names::PACKET_TYPE).is_some_and(|kind| kind.eq_ignore_ascii_case(names::ACK));
        Some(match (status, is_ack) {
            (200..=299, true) => return None,
            (200..=299, false) => Self::Stranger,
            (300..=399, _) => Self::Redirect,
            (400, true) => Self::Stripped,
            (401, _) => Self::Credentials,
            (407, _) => Self::ProxyCredentials,
            (411, _) => Self::Unmeasured,
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

    /// What to do, at the software that answered where that is known.
    pub fn advice(self, hop: Hop) -> String {
        let general = GENERAL.iter().find(|(problem, _)| *problem == self).map_or("", |(_, text)| text);
        match SPECIAL.iter().find(|(problem, of, _)| (*problem, *of) == (self, hop)) {
            Some((_, _, special)) => format!("{general}. In {hop}: {special}"),
            None => general.to_owned(),
        }
    }
}

const GENERAL: [(Problem, &str); 18] = [
    (Problem::Verb, "let whoever answers allow the method BITS_POST, or use --method-override on both sides"),
    (Problem::NoOverride, "start the server with --method-override if the verb is refused on the way"),
    (
        Problem::Stranger,
        "check host and path: what answers is no upload server, or a proxy takes BITS-* fields away",
    ),
    (Problem::Stripped, "let every proxy pass the header fields BITS-* on to the server"),
    (Problem::Redirect, "upload to the URL that it names; clients follow no redirect with a packet"),
    (Problem::Credentials, "give a user who may, by --user, --user-file, --bearer-file or --cert"),
    (Problem::ProxyCredentials, "give a user of the proxy, by --proxy-user"),
    (Problem::NotFound, "check the path: nothing takes uploads there"),
    (
        Problem::Unmeasured,
        "let every proxy pass Content-Length on as it is, 0 too, and make no chunked request of it; Caddy \
     drops the 0 of this method, see docs/operations/proxies.md",
    ),
    (
        Problem::TooLarge,
        "let whoever answers take bodies of any length; Windows' clients fail, bitsup's sends less",
    ),
    (
        Problem::Expectation,
        "let every proxy pass on or answer Expect: 100-continue; bitsup's own client does not send it",
    ),
    (Problem::OldRequest, "let every proxy speak HTTP/1.1 to what is behind it"),
    (Problem::OldAnswer, "look for a proxy that speaks HTTP/1.0, and let it speak HTTP/1.1"),
    (Problem::Gateway, "see that the server behind the proxy runs, and that the proxy knows where"),
    (Problem::Closed, "let every proxy keep connections, or each packet costs a new one"),
    (Problem::Buffered, "let no proxy collect requests: a broken fragment is then sent again as a whole"),
    (Problem::Refused, "see the server's log, and bitsup explain for the code"),
    (Problem::Other, "see the log of whoever answered"),
];

const SPECIAL: [(Problem, Hop, &str); 22] = [
    (Problem::Verb, Hop::Nginx, "look for limit_except, if ($request_method ...) and the like"),
    (Problem::Verb, Hop::HaProxy, "look for http-request deny with an acl on method"),
    (
        Problem::Verb,
        Hop::Apache,
        "RegisterHttpMethod BITS_POST; look for Limit, LimitExcept and mod_allowmethods",
    ),
    (Problem::Verb, Hop::Caddy, "look for matchers with method"),
    (
        Problem::Verb,
        Hop::Iis,
        "allow BITS_POST in request filtering, or let the extension for uploads handle it",
    ),
    (Problem::Stranger, Hop::Nginx, "check server_name and location"),
    (Problem::Stranger, Hop::Apache, "check ServerName and ProxyPass"),
    (
        Problem::Stranger,
        Hop::Caddy,
        "check the site's address: a host without a site is answered 200 with nothing",
    ),
    (
        Problem::Unmeasured,
        Hop::Caddy,
        "make POST of it: method POST and X-HTTP-Method-Override BITS_POST, see docs/operations/proxies.md",
    ),
    (Problem::Unmeasured, Hop::Apache, "SetEnv proxy-sendcl 1"),
    (Problem::TooLarge, Hop::Nginx, "client_max_body_size 0"),
    (
        Problem::TooLarge,
        Hop::HaProxy,
        "look for http-request deny with req.body_size or req.hdr(content-length)",
    ),
    (Problem::TooLarge, Hop::Apache, "look for SecRequestBodyLimit and rules that answer 413"),
    (Problem::TooLarge, Hop::Caddy, "look for request_body with max_size"),
    (Problem::TooLarge, Hop::Iis, "maxAllowedContentLength in request filtering, uploadReadAheadSize"),
    (Problem::OldRequest, Hop::Nginx, "proxy_http_version 1.1"),
    (Problem::OldRequest, Hop::Apache, "look for SetEnv force-proxy-request-1.0"),
    (Problem::Gateway, Hop::HaProxy, "check the server lines of the backend"),
    (Problem::Closed, Hop::Nginx, "keepalive_timeout must not be 0"),
    (Problem::Closed, Hop::Apache, "KeepAlive On"),
    (Problem::Closed, Hop::HaProxy, "look for option httpclose"),
    (Problem::Buffered, Hop::Nginx, "proxy_request_buffering off"),
];
