//! Requests over HTTP/1.1. Only this folder uses ureq.
//!
//! [`HttpClient`] is defined here; `get` and `raw_connection` add methods to it and, as child modules, have
//! access to its private fields. `connect` and `transport` make interruptible TCP connections, `proxy` routes
//! them through a proxy, `tls` holds certificates, `authenticator` responds to challenges, `failure` translates errors.

mod authenticator;
mod body;
mod connect;
mod failure;
mod get;
mod proxy;
mod raw_connection;
mod tls;
mod transport;
mod url;

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

pub(super) use ureq::http::Uri;
use ureq::http::header::{self, HeaderName};
use ureq::http::{self, HeaderValue};
use ureq::unversioned::transport::{Connector, RustlsConnector};
use ureq::{Agent, SendBody};

use self::authenticator::Authenticator;
use self::body::FragmentBody;
use self::connect::{Dialer, NoResolver};
pub(super) use self::get::GetResponse;
use self::proxy::{Proxy, ProxyConnector, ProxyRoute};
pub(super) use self::raw_connection::{RawRequest, RawResponse};
pub(super) use self::tls::ClientTls;
use self::transport::ConnectionContext;
pub(super) use self::url::{authority, parse_url};
use super::config::ClientConfig;
use super::interrupt::Interrupt;
use super::source::Source;
use super::throttle::Throttle;
use crate::error::{Error, Status};
use crate::proto::{Ack, Headers, names};
use crate::upload::{Trust, UploadRequest};

/// Maximum length of a response body that is drained to keep the connection; after a longer one, a new connection is
/// cheaper.
const DRAIN_LIMIT: u64 = 64 * 1024;
/// Maximum time to drain a response body.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an idle connection is kept open.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Header fields that only this client sets.
const RESERVED: [HeaderName; 8] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::TRANSFER_ENCODING,
    header::ACCEPT_ENCODING,
    header::EXPECT,
];

/// Sends the requests of one job, one at a time, and keeps its connections.
#[derive(Debug)]
pub(super) struct HttpClient {
    agent: Agent,
    headers: Vec<(HeaderName, HeaderValue)>,
    server: Authenticator,
    proxy: Option<Arc<Proxy>>,
    context: ConnectionContext,
    response_timeout: Duration,
    method_override: bool,
}

impl HttpClient {
    /// Returns [`Status::InvalidArgument`] if the user agent, a header field, the credentials or the proxy of the
    /// configuration are invalid.
    pub fn new(config: &ClientConfig, tls: &ClientTls, interrupt: Interrupt) -> Result<Self, Error> {
        if HeaderValue::from_str(&config.user_agent).is_err() {
            let message =
                format!("invalid user agent {:?}: use printable ASCII characters", config.user_agent);
            return Err(Error::new(Status::InvalidArgument, message));
        }
        let context = ConnectionContext::new(interrupt);
        let dialer = Dialer {
            context: context.clone(),
            timeout: config.connect_timeout,
            lookup: connect::system_lookup,
        };
        let proxy = Proxy::new(config)?.map(Arc::new);
        let connector = ProxyConnector::new(dialer, proxy.clone()).chain(RustlsConnector::default());
        let agent = Agent::with_parts(agent_config(config, tls), connector, NoResolver);
        Ok(Self {
            agent,
            headers: extra_headers(config)?,
            server: Authenticator::server(config)?,
            proxy,
            context,
            response_timeout: config.response_timeout,
            method_override: config.method_override,
        })
    }

    /// Sends a request with its range of the source, and reads the response. A request that is rejected for lack of
    /// credentials is sent once more with them (PROTOCOL 6.6).
    ///
    /// Returns the errors in the table of `failure`, and those of the source and the credentials source.
    pub fn send(
        &self,
        request: &UploadRequest,
        source: &Source,
        mut throttle: Option<&mut Throttle>,
    ) -> Result<Ack, Error> {
        let (uri, mut attempts) = (parse_url(&request.url)?, AuthAttempts::for_server(request.trust));
        loop {
            let (ack, headers) = self.send_once(request, &uri, source, throttle.as_deref_mut())?;
            if !self.should_repeat_with_credentials(&uri, ack.status, &headers, &mut attempts)? {
                return Ok(ack);
            }
        }
    }

    fn send_once(
        &self,
        request: &UploadRequest,
        uri: &Uri,
        source: &Source,
        throttle: Option<&mut Throttle>,
    ) -> Result<(Ack, Headers), Error> {
        self.context.begin_request();
        let (offset, left) = (request.offset, request.length);
        let mut body = FragmentBody { source, offset, left, throttle, context: &self.context, failure: None };
        let content = SendBody::from_reader(&mut body);
        let mut message = if self.method_override {
            http::Request::post(uri).header(names::METHOD_OVERRIDE, names::METHOD)
        } else {
            http::Request::builder().method(names::METHOD).uri(uri)
        };
        for (name, value) in &request.headers {
            message = message.header(*name, value);
        }
        for (name, value) in &self.headers {
            message = message.header(name, value);
        }
        for (name, value) in self.credentials(uri, request.trust) {
            message = message.header(name, value);
        }
        let message = message.header(header::CONTENT_LENGTH, request.length).body(content);
        let outcome = message.map_err(ureq::Error::from).and_then(|message| self.agent.run(message));
        match (outcome, body.failure) {
            (Ok(response), _) => read_ack(response, uri),
            (Err(error), failure) => {
                self.context.interrupt.check()?;
                Err(failure.unwrap_or_else(|| failure::from_ureq(error, uri)))
            }
        }
    }

    /// Whether a request is worth repeating with credentials that it did not have: once for the server, and once for
    /// the proxy.
    fn should_repeat_with_credentials(
        &self,
        uri: &Uri,
        status: u16,
        headers: &Headers,
        attempts: &mut AuthAttempts,
    ) -> Result<bool, Error> {
        let sides =
            [(Some(&self.server), &mut attempts.server), (self.forward_proxy(uri), &mut attempts.proxy)];
        for (authenticator, is_used_up) in sides {
            if let Some(authenticator) = authenticator
                && !*is_used_up
                && authenticator.handle_challenge(status, headers)?
            {
                *is_used_up = true;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The credentials that the proxy and the server have required so far. Only the origin gets those of the server.
    fn credentials(&self, uri: &Uri, trust: Trust) -> impl Iterator<Item = (&'static str, String)> {
        let server = if trust == Trust::Origin { self.server.header() } else { None };
        let proxy = self.forward_proxy(uri).and_then(Authenticator::header);
        server.into_iter().chain(proxy)
    }

    /// The authenticator for a proxy that reads the requests to `uri`; `None` for a tunnel, whose CONNECT is
    /// authenticated in `proxy`.
    fn forward_proxy(&self, uri: &Uri) -> Option<&Authenticator> {
        let proxy = self.proxy.as_ref().filter(|proxy| proxy.route(uri) == ProxyRoute::Forward)?;
        Some(&proxy.authenticator)
    }
}

/// Whether the one repetition of a request with new credentials is used up.
#[derive(Debug)]
struct AuthAttempts {
    server: bool,
    proxy: bool,
}

impl AuthAttempts {
    /// Only the server that the user chose gets credentials, and no other that it names (PROTOCOL 2.2).
    fn for_server(trust: Trust) -> Self {
        Self { server: trust != Trust::Origin, proxy: false }
    }
}

/// Reads the Ack from a response. Its body has no meaning and is only drained if that is cheaper than a new connection.
fn read_ack(response: http::Response<ureq::Body>, uri: &Uri) -> Result<(Ack, Headers), Error> {
    let (head, body) = response.into_parts();
    if head.version != http::Version::HTTP_11 {
        return Err(failure::old_http(uri));
    }
    let has_end = head.headers.contains_key(header::TRANSFER_ENCODING)
        || body.content_length().is_some_and(|length| length <= DRAIN_LIMIT);
    if has_end {
        // An error here only means that the connection cannot be reused.
        let _ = io::copy(&mut body.into_reader().take(DRAIN_LIMIT), &mut io::sink());
    }
    let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let headers = headers.collect::<Headers>();
    Ok((Ack::from_headers(head.status.as_u16(), &headers), headers))
}

fn agent_config(config: &ClientConfig, tls: &ClientTls) -> ureq::config::Config {
    Agent::config_builder()
        .allow_non_standard_methods(true)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .tls_config(tls.config())
        .user_agent(&config.user_agent)
        .accept("*/*")
        .accept_encoding("")
        .max_response_header_size(transport::MAX_HEAD)
        .max_idle_age(IDLE_TIMEOUT)
        .timeout_connect(Some(config.connect_timeout))
        .timeout_send_request(Some(config.request_timeout))
        .timeout_send_body(Some(config.request_timeout))
        .timeout_recv_response(Some(config.response_timeout))
        .timeout_recv_body(Some(DRAIN_TIMEOUT))
        .build()
}

fn extra_headers(config: &ClientConfig) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    let parse = |(name, value): &(String, String)| {
        let invalid =
            |why| Error::new(Status::InvalidArgument, format!("invalid header field {name:?}: {why}"));
        let parsed = name.parse::<HeaderName>().map_err(|_| invalid("the name is invalid"))?;
        let is_override = parsed.as_str().eq_ignore_ascii_case(names::METHOD_OVERRIDE);
        if RESERVED.contains(&parsed) || is_override || parsed.as_str().starts_with("bits-") {
            return Err(invalid("the field is reserved for the protocol"));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| invalid("the value is invalid"))?;
        value.set_sensitive(true);
        Ok((parsed, value))
    };
    config.headers.iter().map(parse).collect()
}
