//! Connecting through a proxy (RFC 9112, 3.2.2; RFC 9110, 9.3.6).

use std::fmt;
use std::sync::Arc;

use ureq::http::Uri;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, NextTimeout, RustlsConnector, Transport,
};

use super::authenticator::Authenticator;
use super::connect::Dialer;
use super::failure;
use super::transport::{ConnectionContext, MAX_HEAD};
use super::url::{self, parse_url};
use crate::client::config::ClientConfig;
use crate::error::{Error, Status};
use crate::proto::{HResult, Headers};

/// How requests reach a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProxyRoute {
    /// Without a proxy.
    Direct,
    /// The proxy reads the requests and forwards them.
    Forward,
    /// The proxy forwards bytes that it cannot read.
    Tunnel,
}

/// A proxy and its credentials.
#[derive(Debug)]
pub(super) struct Proxy {
    uri: Uri,
    exempt: Vec<String>,
    user_agent: String,
    pub authenticator: Authenticator,
}

impl Proxy {
    /// The proxy of a configuration, if it has one.
    pub fn new(config: &ClientConfig) -> Result<Option<Self>, Error> {
        let authenticator = Authenticator::proxy(config)?;
        let Some(url) = &config.proxy else { return Ok(None) };
        let uri = parse_url(url).map_err(|_| {
            // The message does not contain the URL, because that may contain credentials.
            let message = "invalid proxy: use an http or https URL such as http://host:port, and set credentials \
                           separately";
            Error::new(Status::InvalidArgument, message)
        })?;
        let exempt = config.no_proxy.iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok(Some(Self { uri, exempt, user_agent: config.user_agent.clone(), authenticator }))
    }

    pub fn route(&self, uri: &Uri) -> ProxyRoute {
        let host = url::host(uri).to_ascii_lowercase();
        let host = url::unbracketed(&host);
        if self.exempt.iter().any(|exempt| is_exempt(exempt, host)) {
            ProxyRoute::Direct
        } else if uri.scheme_str() == Some("https") {
            ProxyRoute::Tunnel
        } else {
            ProxyRoute::Forward
        }
    }
}

fn is_exempt(exempt: &str, host: &str) -> bool {
    let exempt = exempt.trim_start_matches("*.").trim_start_matches('.');
    let exempt = url::unbracketed(exempt);
    let is_in_domain = |before: &str| before.is_empty() || before.ends_with('.');
    exempt == "*" || (!exempt.is_empty() && host.strip_suffix(exempt).is_some_and(is_in_domain))
}

/// Makes the connections of one job, through the proxy if there is one.
#[derive(Debug)]
pub(super) struct ProxyConnector {
    dialer: Dialer,
    proxy: Option<Arc<Proxy>>,
    /// For a proxy with an https URL.
    tls: RustlsConnector,
}

type BoxedTransport = Box<dyn Transport>;

impl Connector<()> for ProxyConnector {
    type Out = BoxedTransport;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<BoxedTransport>, ureq::Error> {
        let route = self.proxy.as_ref().map(|proxy| (proxy, proxy.route(details.uri)));
        Ok(Some(match route {
            None | Some((_, ProxyRoute::Direct)) => self.dialer.connect(details.uri)?.boxed(),
            Some((proxy, ProxyRoute::Forward)) => {
                let inner = self.connect_to_proxy(proxy, details)?;
                let context = self.dialer.context.clone();
                ForwardTransport { inner, origin: origin(details.uri), context }.boxed()
            }
            Some((proxy, ProxyRoute::Tunnel)) => self.open_tunnel(proxy, details)?.boxed(),
        }))
    }
}

impl ProxyConnector {
    pub fn new(dialer: Dialer, proxy: Option<Arc<Proxy>>) -> Self {
        Self { dialer, proxy, tls: RustlsConnector::default() }
    }

    fn connect_to_proxy(
        &self,
        proxy: &Proxy,
        details: &ConnectionDetails,
    ) -> Result<BoxedTransport, ureq::Error> {
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
            Ok(Some(Either::B(encrypted))) => Ok(encrypted.boxed()),
            Ok(None) => Err(ureq::Error::ConnectionFailed),
            Err(error) => Err(ureq::Error::Other(Box::new(failure::from_ureq(error, &proxy.uri)))),
        }
    }

    /// Opens a tunnel to the server. If the proxy requires credentials, CONNECT is sent a second time with them.
    fn open_tunnel(
        &self,
        proxy: &Proxy,
        details: &ConnectionDetails,
    ) -> Result<TunnelTransport, ureq::Error> {
        let wrap = |error| ureq::Error::Other(Box::new(error));
        let mut connection = self.connect_to_proxy(proxy, details)?;
        let (mut status, headers) = send_connect(&mut connection, proxy, details)?;
        if proxy.authenticator.handle_challenge(status, &headers).map_err(wrap)? {
            connection = self.connect_to_proxy(proxy, details)?;
            status = send_connect(&mut connection, proxy, details)?.0;
        }
        match status {
            200..=299 => Ok(TunnelTransport(connection)),
            _ => Err(wrap(tunnel_rejected(status, &proxy.uri, details.uri))),
        }
    }
}

/// Sends CONNECT and returns status and header fields of the response.
fn send_connect(
    connection: &mut BoxedTransport,
    proxy: &Proxy,
    details: &ConnectionDetails,
) -> Result<(u16, Headers), ureq::Error> {
    let (host, port) = (url::host(details.uri), url::port(details.uri));
    let auth = proxy.authenticator.header().map(|(name, value)| format!("{name}: {value}\r\n"));
    let request = format!(
        "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {}\r\n{}\r\n",
        proxy.user_agent,
        auth.unwrap_or_default()
    );
    let request = request.as_bytes();
    let room = connection.buffers().output().get_mut(..request.len());
    room.ok_or(ureq::Error::ConnectionFailed)?.copy_from_slice(request);
    connection.transmit_output(request.len(), details.timeout)?;
    loop {
        if let Some((head, length)) = split_head(connection.buffers().input()) {
            let response = parse_head(head);
            connection.buffers().input_consume(length);
            return response.ok_or_else(|| not_http(&proxy.uri));
        }
        if connection.buffers().input().len() > MAX_HEAD || !connection.await_input(details.timeout)? {
            return Err(not_http(&proxy.uri));
        }
    }
}

/// Returns the response head without its blank line, and its length with it; `None` if it is incomplete.
pub(super) fn split_head(input: &[u8]) -> Option<(&[u8], usize)> {
    const END: &[u8] = b"\r\n\r\n";
    let end = input.windows(END.len()).position(|bytes| bytes == END)?;
    Some((input.get(..end)?, end.checked_add(END.len())?))
}

/// Parses status and header fields of a response head; `None` if it is not HTTP/1.
pub(super) fn parse_head(head: &[u8]) -> Option<(u16, Headers)> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let mut status_line = lines.next()?.strip_prefix("HTTP/1.")?.split(' ');
    let status = status_line.nth(1)?.parse().ok()?;
    let fields = lines.filter_map(|line| line.split_once(':'));
    Some((status, fields.map(|(name, value)| (name.trim(), value)).collect()))
}

fn not_http(proxy: &Uri) -> ureq::Error {
    let message =
        format!("the response from {} is not that of a proxy: check host and port", url::authority(proxy));
    let error = Error::new(Status::Protocol, message).with_hresult(HResult(0x8007_2F78)).transient();
    ureq::Error::Other(Box::new(error))
}

fn tunnel_rejected(status: u16, proxy: &Uri, server: &Uri) -> Error {
    let advice = match status {
        407 => "credentials are required: set or check the proxy's user and password",
        408 | 429 | 500..=599 => {
            "the error may be temporary: try again later, and check that the proxy can reach the server"
        }
        _ => "allow CONNECT to that host and port, or connect without the proxy",
    };
    let (proxy, server) = (url::authority(proxy), url::authority(server));
    let message = format!("the proxy {proxy} rejected the tunnel to {server} with HTTP {status}: {advice}");
    let error =
        Error::new(Status::HttpStatus, message).with_http_status(status).with_hresult(HResult::http(status));
    match status {
        408 | 429 | 500..=599 => error.transient(),
        _ => error,
    }
}

/// A connection through a tunnel. It reports that it is not encrypted, even if the connection to the proxy is, so that
/// TLS with the server is added on top.
#[derive(Debug)]
struct TunnelTransport(BoxedTransport);

impl Transport for TunnelTransport {
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

/// A connection to a proxy that forwards requests. Such a proxy needs the absolute URL in the request line, but ureq
/// only writes the path, so scheme and authority are inserted when the head is sent.
struct ForwardTransport {
    inner: BoxedTransport,
    /// Scheme and authority of the server.
    origin: String,
    context: ConnectionContext,
}

fn origin(uri: &Uri) -> String {
    format!("{}://{}", uri.scheme_str().unwrap_or("http"), url::authority(uri))
}

impl ForwardTransport {
    /// Inserts the origin after the method. Returns the new length of the output, or `None` if it does not fit.
    fn insert_origin(&mut self, amount: usize) -> Option<usize> {
        let output = self.inner.buffers().output();
        let at = output.get(..amount)?.iter().position(|byte| *byte == b' ')?.checked_add(1)?;
        let (to, longer) = (at.checked_add(self.origin.len())?, amount.checked_add(self.origin.len())?);
        let whole = output.get_mut(..longer)?;
        whole.copy_within(at..amount, to);
        whole.get_mut(at..to)?.copy_from_slice(self.origin.as_bytes());
        Some(longer)
    }
}

impl Transport for ForwardTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, mut amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        if self.context.take_head_pending() {
            amount = self.insert_origin(amount).ok_or(ureq::Error::ConnectionFailed)?;
        }
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

impl fmt::Debug for ForwardTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForwardTransport").field("origin", &self.origin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(no_proxy: &[&str]) -> Proxy {
        let no_proxy = no_proxy.iter().map(|host| (*host).to_owned()).collect();
        let config = ClientConfig::default().proxy("http://p:3128").no_proxy(no_proxy);
        Proxy::new(&config).unwrap().unwrap()
    }

    #[test]
    fn the_route_depends_on_the_scheme_and_the_exemptions() {
        let cases: [(&[&str], &str, ProxyRoute); 11] = [
            (&[], "http://h/f", ProxyRoute::Forward),
            (&[], "https://h/f", ProxyRoute::Tunnel),
            (&["h"], "https://H:8443/f", ProxyRoute::Direct),
            (&["example.com"], "http://a.example.com/f", ProxyRoute::Direct),
            (&[".example.com"], "http://example.com/f", ProxyRoute::Direct),
            (&["*.Example.com"], "http://a.example.com/f", ProxyRoute::Direct),
            (&["example.com"], "http://an-example.com/f", ProxyRoute::Forward),
            (&["127.0.0.1", "::1"], "http://[::1]:80/f", ProxyRoute::Direct),
            (&["[::1]"], "http://[::1]/f", ProxyRoute::Direct),
            (&["*"], "http://h/f", ProxyRoute::Direct),
            (&["", "."], "http://h/f", ProxyRoute::Forward),
        ];
        for (no_proxy, url, route) in cases {
            assert_eq!(proxy(no_proxy).route(&url.parse().unwrap()), route, "{no_proxy:?} {url}");
        }
    }

    #[test]
    fn an_invalid_proxy_url_is_rejected_without_repeating_it() {
        for url in ["", "p:3128", "socks5://p", "http://", "http://u:sesame@p:3128"] {
            let config = ClientConfig::default().proxy(url);
            let error = Proxy::new(&config).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
            assert!(!error.message().contains("sesame"), "{error}");
        }
    }

    #[test]
    fn a_response_head_is_parsed() {
        let head = b"HTTP/1.0 407 Auth\r\nProxy-Authenticate: Basic realm=\"a\"\r\nX : y";
        let (status, headers) = parse_head(head).unwrap();
        assert_eq!((status, headers.get("Proxy-Authenticate")), (407, Some("Basic realm=\"a\"")));
        assert_eq!(parse_head(b"HTTP/1.1 200").unwrap().0, 200);
        for other in [&b"HTTP/2 200"[..], b"SSH-2.0", b"HTTP/1.1 abc", b""] {
            assert!(parse_head(other).is_none());
        }
    }
}
