//! The way to a server, through a proxy where there is one (RFC 9112, 3.2.2; RFC 9110, 9.3.6).

use std::fmt;
use std::sync::Arc;

use ureq::http::Uri;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, NextTimeout, RustlsConnector, Transport,
};

use super::connect::Dialer;
use super::line::{Line, MAX_HEAD};
use super::{ClientConfig, failure, parse_url};
use crate::client::credentials::Answerer;
use crate::error::{Error, Status};
use crate::proto::{HResult, Headers};

/// How requests to a server travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// Without a proxy.
    Direct,
    /// The proxy reads them and passes them on.
    Forward,
    /// The proxy passes on bytes that it cannot read.
    Tunnel,
}

/// A proxy, and who answers it.
#[derive(Debug)]
pub(super) struct Proxy {
    uri: Uri,
    exempt: Vec<String>,
    user_agent: String,
    pub answerer: Answerer,
}

impl Proxy {
    /// The proxy of a configuration, if it has one.
    pub fn new(config: &ClientConfig) -> Result<Option<Self>, Error> {
        let answerer = Answerer::proxy(config)?;
        let Some(url) = &config.proxy else { return Ok(None) };
        let uri = parse_url(url).map_err(|_| {
            // Without the URL: it may contain credentials.
            let message = "the proxy is no http or https URL, or has credentials in it; use http://host:port, \
                           and give credentials apart";
            Error::new(Status::InvalidArgument, message)
        })?;
        let exempt = config.no_proxy.iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok(Some(Self { uri, exempt, user_agent: config.user_agent.clone(), answerer }))
    }

    pub fn route(&self, uri: &Uri) -> Route {
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match self.exempt.iter().any(|exempt| is_exempt(exempt, host)) {
            true => Route::Direct,
            false if uri.scheme_str() == Some("https") => Route::Tunnel,
            false => Route::Forward,
        }
    }
}

fn is_exempt(exempt: &str, host: &str) -> bool {
    let exempt = exempt.trim_start_matches("*.").trim_start_matches('.');
    let exempt = exempt.trim_start_matches('[').trim_end_matches(']');
    let before = host.strip_suffix(exempt).filter(|_| !exempt.is_empty());
    exempt == "*" || before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Makes the connections of one job.
#[derive(Debug)]
pub(super) struct Way {
    dialer: Dialer,
    proxy: Option<Arc<Proxy>>,
    /// To a proxy that is reached by https.
    tls: RustlsConnector,
}

type Connection = Box<dyn Transport>;

impl Connector<()> for Way {
    type Out = Connection;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Connection>, ureq::Error> {
        let route = self.proxy.as_ref().map(|proxy| (proxy, proxy.route(details.uri)));
        Ok(Some(match route {
            None | Some((_, Route::Direct)) => self.dialer.connect(details.uri)?.boxed(),
            Some((proxy, Route::Forward)) => {
                let inner = self.reach(proxy, details)?;
                Forwarded { inner, origin: origin(details.uri), line: self.dialer.line.clone() }.boxed()
            }
            Some((proxy, Route::Tunnel)) => self.tunnel(proxy, details)?.boxed(),
        }))
    }
}

impl Way {
    pub fn new(dialer: Dialer, proxy: Option<Arc<Proxy>>) -> Self {
        Self { dialer, proxy, tls: RustlsConnector::default() }
    }

    /// A connection to the proxy.
    fn reach(&self, proxy: &Proxy, details: &ConnectionDetails) -> Result<Connection, ureq::Error> {
        let socket = self.dialer.connect(&proxy.uri)?;
        let details = ConnectionDetails {
            uri: &proxy.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        match self.tls.connect(&details, Some(socket)) {
            Ok(Some(Either::A(plain))) => Ok(plain.boxed()),
            Ok(Some(Either::B(secured))) => Ok(secured.boxed()),
            Ok(None) => Err(ureq::Error::ConnectionFailed),
            Err(error) => Err(ureq::Error::Other(Box::new(failure::of(error, &proxy.uri)))),
        }
    }

    /// Has the proxy connect to the server. When it asks for credentials it is told them, once.
    fn tunnel(&self, proxy: &Proxy, details: &ConnectionDetails) -> Result<Tunnel, ureq::Error> {
        let ours = |error| ureq::Error::Other(Box::new(error));
        let mut connection = self.reach(proxy, details)?;
        let (mut status, headers) = ask_for_tunnel(&mut connection, proxy, details)?;
        if proxy.answerer.is_answered(status, &headers).map_err(ours)? {
            connection = self.reach(proxy, details)?;
            status = ask_for_tunnel(&mut connection, proxy, details)?.0;
        }
        match status {
            200..=299 => Ok(Tunnel(connection)),
            _ => Err(ours(refused(status, &proxy.uri, details.uri))),
        }
    }
}

/// Sends CONNECT; the answer's status and fields.
fn ask_for_tunnel(
    connection: &mut Connection,
    proxy: &Proxy,
    details: &ConnectionDetails,
) -> Result<(u16, Headers), ureq::Error> {
    let (host, port) = (details.uri.host().unwrap_or_default(), details.uri.port_u16().unwrap_or(443));
    let told = proxy.answerer.field().map(|(name, value)| format!("{name}: {value}\r\n"));
    let request = format!(
        "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {}\r\n{}\r\n",
        proxy.user_agent,
        told.unwrap_or_default()
    );
    let request = request.as_bytes();
    let room = connection.buffers().output().get_mut(..request.len());
    room.ok_or(ureq::Error::ConnectionFailed)?.copy_from_slice(request);
    connection.transmit_output(request.len(), details.timeout)?;
    loop {
        let input = connection.buffers().input();
        if let Some(end) = input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let answer = read_head(input.get(..end).unwrap_or_default());
            connection.buffers().input_consume(end.saturating_add(4));
            return answer.ok_or_else(|| no_http(&proxy.uri));
        }
        if input.len() > MAX_HEAD || !connection.await_input(details.timeout)? {
            return Err(no_http(&proxy.uri));
        }
    }
}

/// Status and fields of an answer's head; `None` when that is no HTTP.
pub(super) fn read_head(head: &[u8]) -> Option<(u16, Headers)> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let mut status_line = lines.next()?.strip_prefix("HTTP/1.")?.split(' ');
    let status = status_line.nth(1)?.parse().ok()?;
    let fields = lines.filter_map(|line| line.split_once(':'));
    Some((status, fields.map(|(name, value)| (name.trim(), value)).collect()))
}

fn no_http(proxy: &Uri) -> ureq::Error {
    let message =
        format!("{} does not answer like a proxy; check the proxy's host and port", failure::host(proxy));
    let error = Error::new(Status::Protocol, message).with_hresult(HResult(0x8007_2F78)).transient();
    ureq::Error::Other(Box::new(error))
}

fn refused(status: u16, proxy: &Uri, server: &Uri) -> Error {
    let advice = match status {
        407 => "it wants credentials: give a user and a password for it, and check them",
        408 | 429 | 500..=599 => "it may pass: try again later, and check that it can reach the server",
        _ => "let it allow CONNECT to that host and port, or go without it",
    };
    let (proxy, server) = (failure::host(proxy), failure::host(server));
    let message = format!("the proxy {proxy} makes no tunnel to {server}: HTTP {status}; {advice}");
    let error =
        Error::new(Status::HttpStatus, message).with_http_status(status).with_hresult(HResult::http(status));
    match status {
        408 | 429 | 500..=599 => error.transient(),
        _ => error,
    }
}

/// A connection that the proxy passes on, unread. What goes through it has no TLS yet, even if it has on the way
/// to the proxy.
#[derive(Debug)]
struct Tunnel(Connection);

impl Transport for Tunnel {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }
}

/// A connection to a proxy that passes requests on. Such a proxy wants to read the whole URL in the request line,
/// and ureq writes what comes after the host only: the rest is put in as the head goes out.
struct Forwarded {
    inner: Connection,
    /// Scheme and authority of the server.
    origin: String,
    line: Line,
}

fn origin(uri: &Uri) -> String {
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    format!("{}://{authority}", uri.scheme_str().unwrap_or("http"))
}

impl Forwarded {
    /// Puts the origin behind the method; how long the output is then. `None` when that does not fit.
    fn complete_head(&mut self, amount: usize) -> Option<usize> {
        let output = self.inner.buffers().output();
        let at = output.get(..amount)?.iter().position(|byte| *byte == b' ')?.checked_add(1)?;
        let (to, longer) = (at.checked_add(self.origin.len())?, amount.checked_add(self.origin.len())?);
        let whole = output.get_mut(..longer)?;
        whole.copy_within(at..amount, to);
        whole.get_mut(at..to)?.copy_from_slice(self.origin.as_bytes());
        Some(longer)
    }
}

impl Transport for Forwarded {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let amount = match self.line.take_head_due() {
            true => self.complete_head(amount).ok_or(ureq::Error::ConnectionFailed)?,
            false => amount,
        };
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl fmt::Debug for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarded").field("origin", &self.origin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(no_proxy: &[&str]) -> Proxy {
        let no_proxy = no_proxy.iter().map(|host| (*host).to_owned()).collect();
        let config =
            ClientConfig { proxy: Some("http://p:3128".into()), no_proxy, ..ClientConfig::default() };
        Proxy::new(&config).unwrap().unwrap()
    }

    #[test]
    fn the_route_follows_the_scheme_and_the_exemptions() {
        let cases: [(&[&str], &str, Route); 11] = [
            (&[], "http://h/f", Route::Forward),
            (&[], "https://h/f", Route::Tunnel),
            (&["h"], "https://H:8443/f", Route::Direct),
            (&["example.com"], "http://a.example.com/f", Route::Direct),
            (&[".example.com"], "http://example.com/f", Route::Direct),
            (&["*.Example.com"], "http://a.example.com/f", Route::Direct),
            (&["example.com"], "http://an-example.com/f", Route::Forward),
            (&["127.0.0.1", "::1"], "http://[::1]:80/f", Route::Direct),
            (&["[::1]"], "http://[::1]/f", Route::Direct),
            (&["*"], "http://h/f", Route::Direct),
            (&["", "."], "http://h/f", Route::Forward),
        ];
        for (no_proxy, url, route) in cases {
            assert_eq!(proxy(no_proxy).route(&url.parse().unwrap()), route, "{no_proxy:?} {url}");
        }
    }

    #[test]
    fn a_proxy_is_an_http_or_https_url_and_what_it_contains_is_not_repeated() {
        for url in ["", "p:3128", "socks5://p", "http://", "http://u:sesame@p:3128"] {
            let config = ClientConfig { proxy: Some(url.into()), ..ClientConfig::default() };
            let error = Proxy::new(&config).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
            assert!(!error.message().contains("sesame"), "{error}");
        }
    }

    #[test]
    fn the_head_of_an_answer() {
        let head = b"HTTP/1.0 407 Auth\r\nProxy-Authenticate: Basic realm=\"a\"\r\nX : y";
        let (status, headers) = read_head(head).unwrap();
        assert_eq!((status, headers.get("Proxy-Authenticate")), (407, Some("Basic realm=\"a\"")));
        assert_eq!(read_head(b"HTTP/1.1 200").unwrap().0, 200);
        for other in [&b"HTTP/2 200"[..], b"SSH-2.0", b"HTTP/1.1 abc", b""] {
            assert!(read_head(other).is_none());
        }
    }
}
