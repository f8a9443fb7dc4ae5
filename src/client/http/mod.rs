//! One request over HTTP/1.1. Nothing outside this folder knows ureq.

mod body;
mod connect;
mod failure;
mod get;
mod line;
mod proxy;
mod tls;
mod wire;

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use ureq::http::header::{self, HeaderName};
use ureq::http::{self, HeaderValue, Uri};
use ureq::unversioned::transport::{Connector, RustlsConnector};
use ureq::{Agent, SendBody};

use self::body::Body;
use self::connect::{Dialer, NoResolver};
pub(super) use self::get::Answer;
use self::line::Line;
use self::proxy::{Proxy, Route, Way};
pub(super) use self::tls::Tls;
pub(super) use self::wire::{Heard, Question};
/// What `parse_url` makes.
pub(super) type Url = Uri;
use super::ClientConfig;
use super::credentials::Answerer;
use super::interrupt::Interrupt;
use super::source::Source;
use super::throttle::Throttle;
use crate::error::{Error, Status};
use crate::proto::{Ack, Headers, names};
use crate::upload::{Request, Trust};

/// Longest body of an answer that is read to keep the connection; what is longer costs a new connection.
const DRAIN_LIMIT: u64 = 64 * 1024;
/// How long such a body may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Header fields that belong to the protocol or to its transport.
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

/// The connections of one job, one request at a time.
#[derive(Debug)]
pub(super) struct Http {
    agent: Agent,
    headers: Vec<(HeaderName, HeaderValue)>,
    server: Answerer,
    proxy: Option<Arc<Proxy>>,
    line: Line,
    response_timeout: Duration,
    method_override: bool,
}

impl Http {
    /// Errors when the user agent, a header field or the credentials of the configuration cannot be sent, or
    /// its proxy is none.
    pub fn new(config: &ClientConfig, tls: &Tls, interrupt: Interrupt) -> Result<Self, Error> {
        if HeaderValue::from_str(&config.user_agent).is_err() {
            let message = format!("{:?} cannot be a User-Agent; use printable characters", config.user_agent);
            return Err(Error::new(Status::InvalidArgument, message));
        }
        let line = Line::new(interrupt);
        let dialer =
            Dialer { line: line.clone(), timeout: config.connect_timeout, lookup: connect::system_lookup };
        let proxy = Proxy::new(config)?.map(Arc::new);
        let connector = Way::new(dialer, proxy.clone()).chain(RustlsConnector::default());
        let agent = Agent::with_parts(agent_config(config, tls), connector, NoResolver);
        Ok(Self {
            agent,
            headers: own_headers(config)?,
            server: Answerer::server(config)?,
            proxy,
            line,
            response_timeout: config.response_timeout,
            method_override: config.method_override,
        })
    }

    /// Sends a request with its range of the source and reads the answer. A request that is refused for want
    /// of credentials is sent once more with them (PROTOCOL 6.6).
    ///
    /// Errors: as the table in `failure` says, and those of the source and of who knows credentials.
    pub fn send(
        &self,
        request: &Request,
        source: &Source,
        mut throttle: Option<&mut Throttle>,
    ) -> Result<Ack, Error> {
        let (uri, mut answered) = (parse_url(&request.url)?, Answered::of(request.trust));
        loop {
            let (ack, headers) = self.send_once(request, &uri, source, throttle.as_deref_mut())?;
            if !self.is_worth_repeating(&uri, ack.status, &headers, &mut answered)? {
                return Ok(ack);
            }
        }
    }

    fn send_once(
        &self,
        request: &Request,
        uri: &Uri,
        source: &Source,
        throttle: Option<&mut Throttle>,
    ) -> Result<(Ack, Headers), Error> {
        self.line.begin();
        let (offset, left) = (request.offset, request.length);
        let mut body = Body { source, offset, left, throttle, line: &self.line, failure: None };
        let content = SendBody::from_reader(&mut body);
        let mut message = match self.method_override {
            false => http::Request::builder().method(names::METHOD).uri(uri),
            true => http::Request::post(uri).header(names::METHOD_OVERRIDE, names::METHOD),
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
            (Ok(answer), _) => read_answer(answer, uri),
            (Err(error), failure) => {
                self.line.interrupt.check()?;
                Err(failure.unwrap_or_else(|| failure::of(error, uri)))
            }
        }
    }
}

impl Http {
    /// Whether the request is worth repeating with credentials that it did not have: once for the server, and
    /// once for the proxy.
    fn is_worth_repeating(
        &self,
        uri: &Uri,
        status: u16,
        headers: &Headers,
        answered: &mut Answered,
    ) -> Result<bool, Error> {
        let sides =
            [(Some(&self.server), &mut answered.server), (self.asking_proxy(uri), &mut answered.proxy)];
        for (answerer, answered) in sides {
            if let Some(answerer) = answerer.filter(|_| !*answered)
                && answerer.is_answered(status, headers)?
            {
                *answered = true;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The credentials that were asked for so far, by the proxy and, if that is to know them, by the server.
    fn credentials(&self, uri: &Uri, trust: Trust) -> impl Iterator<Item = (&'static str, String)> {
        let server = (trust == Trust::Own).then(|| self.server.field()).flatten();
        let proxy = self.asking_proxy(uri).and_then(Answerer::field);
        server.into_iter().chain(proxy)
    }

    /// Who answers the proxy that reads a request; nobody does when it only makes a tunnel.
    fn asking_proxy(&self, uri: &Uri) -> Option<&Answerer> {
        let proxy = self.proxy.as_ref().filter(|proxy| proxy.route(uri) == Route::Forward)?;
        Some(&proxy.answerer)
    }
}

/// Who is not to be told credentials because of one request, for instance because that was done.
#[derive(Debug)]
struct Answered {
    server: bool,
    proxy: bool,
}

impl Answered {
    /// Credentials are for the server that the user chose, and for no other that this one names (PROTOCOL 2.2).
    fn of(trust: Trust) -> Self {
        Self { server: trust != Trust::Own, proxy: false }
    }
}

/// Reads an absolute http or https URL.
pub(super) fn parse_url(url: &str) -> Result<Uri, Error> {
    let invalid = |why: &str| {
        let message = format!("{url:?} is no URL of a file: {why}; use http://host/path/file");
        Error::new(Status::InvalidArgument, message)
    };
    let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| invalid(&error.to_string()))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(invalid("it is neither http nor https"));
    }
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => Err(invalid("it contains credentials")),
        Some(authority) if authority.host().is_empty() => Err(invalid("it has no host")),
        Some(authority) if authority.as_str() != authority.host() && authority.port_u16().is_none() => {
            Err(invalid("its port is no port"))
        }
        Some(_) => Ok(uri),
        None => Err(invalid("it has no host")),
    }
}

/// Takes what the protocol knows from an answer. Its body means nothing; it is read only where that is
/// cheaper than a new connection.
fn read_answer(answer: http::Response<ureq::Body>, uri: &Uri) -> Result<(Ack, Headers), Error> {
    let (head, body) = answer.into_parts();
    if head.version != http::Version::HTTP_11 {
        return Err(failure::old_http(uri));
    }
    let has_end = head.headers.contains_key(header::TRANSFER_ENCODING)
        || body.content_length().is_some_and(|length| length <= DRAIN_LIMIT);
    if has_end {
        // The answer is there. When its body does not come, the connection is closed, and that is all.
        let _ = io::copy(&mut body.into_reader().take(DRAIN_LIMIT), &mut io::sink());
    }
    let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let headers = headers.collect::<Headers>();
    Ok((Ack::from_headers(head.status.as_u16(), &headers), headers))
}

fn agent_config(config: &ClientConfig, tls: &Tls) -> ureq::config::Config {
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
        .max_response_header_size(line::MAX_HEAD)
        .max_idle_age(IDLE_TIMEOUT)
        .timeout_connect(Some(config.connect_timeout))
        .timeout_send_request(Some(config.request_timeout))
        .timeout_send_body(Some(config.request_timeout))
        .timeout_recv_response(Some(config.response_timeout))
        .timeout_recv_body(Some(DRAIN_TIMEOUT))
        .build()
}

fn own_headers(config: &ClientConfig) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    let read = |(name, value): &(String, String)| {
        let invalid = |why| Error::new(Status::InvalidArgument, format!("the header field {name:?} {why}"));
        let parsed = name.parse::<HeaderName>().map_err(|_| invalid("has no valid name"))?;
        let is_ours = parsed.as_str().eq_ignore_ascii_case(names::METHOD_OVERRIDE);
        if RESERVED.contains(&parsed) || is_ours || parsed.as_str().starts_with("bits-") {
            return Err(invalid("belongs to the protocol and cannot be set"));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| invalid("has no valid value"))?;
        value.set_sensitive(true);
        Ok((parsed, value))
    };
    config.headers.iter().map(read).collect()
}
