//! Connections that expose what jobs do not need: interim responses, HTTP versions, and whether the
//! connection is kept. Used by the doctor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http::Uri;
use ureq::unversioned::resolver::Resolver;
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout, RustlsConnector, Transport};

use super::connect::{Dialer, NoResolver, system_lookup};
use super::proxy::{ProxyConnector, parse_head, split_head};
use super::transport::MAX_HEAD;
use super::{AuthAttempts, DRAIN_LIMIT, HttpClient, failure, url};
use crate::error::{Error, Status};
use crate::proto::{HResult, Headers, names};
use crate::upload::Trust;

/// Maximum number of bytes that are written at once; they fit the output buffer.
const BLOCK: usize = 16 * 1024;

/// A request, written exactly as given.
#[derive(Debug, Clone, Default)]
pub(in crate::client) struct RawRequest {
    pub method: &'static str,
    pub fields: Vec<(&'static str, String)>,
    /// Value of `Content-Length`.
    pub length: Option<u64>,
    /// Number of bytes of the body, all zero, to send before waiting for the response.
    pub sent: u64,
}

/// The first response to a request, interim or final.
#[derive(Debug, Clone)]
pub(in crate::client) struct RawResponse {
    pub status: u16,
    pub headers: Headers,
    /// For example `HTTP/1.0`.
    pub version: String,
    /// Whether the connection can be used for another request.
    pub is_kept: bool,
}

/// One open connection.
#[derive(Debug)]
pub(in crate::client) struct RawConnection<'a> {
    http: &'a HttpClient,
    uri: &'a Uri,
    connection: Box<dyn Transport>,
}

impl HttpClient {
    /// Connects to the server of a URL. The TLS handshake takes place with the first request.
    ///
    /// Returns the errors in the table of `failure`.
    pub fn open_raw<'a>(&'a self, uri: &'a Uri, timeout: Duration) -> Result<RawConnection<'a>, Error> {
        let config = self.agent.config();
        let dialer = Dialer { context: self.context.clone(), timeout, lookup: system_lookup };
        let details = ConnectionDetails {
            uri,
            addrs: NoResolver.empty(),
            config,
            request_level: false,
            resolver: &NoResolver,
            now: ureq::unversioned::transport::time::Instant::now(),
            timeout: next_timeout(timeout),
            current_time: Arc::new(ureq::unversioned::transport::time::Instant::now),
            run_connector: Arc::new(|_| Err(ureq::Error::ConnectionFailed)),
            register_shutdown: Arc::new(|_| Ok(())),
        };
        let connector = ProxyConnector::new(dialer, self.proxy.clone()).chain(RustlsConnector::default());
        match connector.connect(&details, None) {
            Ok(Some(connection)) => Ok(RawConnection { http: self, uri, connection: Box::new(connection) }),
            Ok(None) => Err(failure::from_ureq(ureq::Error::ConnectionFailed, uri)),
            Err(error) => Err(failure::from_ureq(error, uri)),
        }
    }

    /// Sends a request on a new connection, and once more if credentials are required and available.
    ///
    /// Returns the errors of [`RawConnection::send`].
    pub fn send_raw(&self, uri: &Uri, request: &RawRequest, timeout: Duration) -> Result<RawResponse, Error> {
        let mut attempts = AuthAttempts::for_server(Trust::Origin);
        loop {
            let response = self.open_raw(uri, timeout)?.send(request, timeout)?;
            if !self.should_repeat_with_credentials(uri, response.status, &response.headers, &mut attempts)? {
                return Ok(response);
            }
        }
    }
}

impl RawConnection<'_> {
    /// Sends a request and waits for the response.
    ///
    /// Returns [`Status::Timeout`] if there is none within `timeout`, and the errors in the table of `failure`.
    #[allow(clippy::indexing_slicing, reason = "`length` is at most the length of a block")]
    #[allow(clippy::arithmetic_side_effects, reason = "`length` is at most `left`")]
    pub fn send(&mut self, request: &RawRequest, timeout: Duration) -> Result<RawResponse, Error> {
        self.http.context.begin_request();
        let head = self.head(request);
        self.write(head.as_bytes(), timeout)?;
        let zeros = [0; BLOCK];
        let mut left = request.sent;
        while left > 0 && !self.http.context.is_peer_closed() {
            let length = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
            self.write(&zeros[..length], timeout)?;
            left -= length as u64;
        }
        self.read_response(timeout)
    }

    fn head(&self, request: &RawRequest) -> String {
        let target = self.uri.path_and_query().map_or("/", |target| target.as_str());
        let mut head =
            format!("{} {target} HTTP/1.1\r\nHost: {}\r\n", request.method, url::authority(self.uri));
        let mut add = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        for (name, value) in &self.http.headers {
            add(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
        for (name, value) in self.http.credentials(self.uri, Trust::Origin) {
            add(name, &value);
        }
        for (name, value) in &request.fields {
            add(name, value);
        }
        if let Some(length) = request.length {
            add(names::CONTENT_LENGTH, &length.to_string());
        }
        head.push_str("\r\n");
        head
    }

    fn write(&mut self, bytes: &[u8], timeout: Duration) -> Result<(), Error> {
        for block in bytes.chunks(BLOCK) {
            let room = self.connection.buffers().output().get_mut(..block.len());
            let room = room.ok_or_else(|| failure::from_ureq(ureq::Error::ConnectionFailed, self.uri))?;
            room.copy_from_slice(block);
            let sent = self.connection.transmit_output(block.len(), next_timeout(timeout));
            sent.map_err(|error| failure::from_ureq(error, self.uri))?;
        }
        Ok(())
    }

    fn read_response(&mut self, timeout: Duration) -> Result<RawResponse, Error> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let input = self.connection.buffers().input();
            if let Some((head, length)) = split_head(input) {
                let version = head.split(|byte| *byte == b' ').next().unwrap_or_default();
                let version = String::from_utf8_lossy(version).into_owned();
                let (status, headers) = parse_head(head).ok_or_else(|| self.not_http())?;
                self.connection.buffers().input_consume(length);
                let is_kept = self.drain(status, &version, &headers, timeout);
                return Ok(RawResponse { status, headers, version, is_kept });
            }
            if input.len() > MAX_HEAD {
                return Err(self.not_http());
            }
            let left = deadline.map_or(timeout, |at| at.saturating_duration_since(Instant::now()));
            match self.connection.await_input(next_timeout(left)) {
                Ok(true) => {}
                Ok(false) if self.connection.buffers().input().is_empty() => {
                    return Err(failure::from_ureq(ureq::Error::ConnectionFailed, self.uri));
                }
                Ok(false) => return Err(self.not_http()),
                Err(error) => return Err(failure::from_ureq(error, self.uri)),
            }
        }
    }

    /// Drains the body of a response. Returns whether the connection can be used for another request.
    #[allow(clippy::arithmetic_side_effects, reason = "`length` is at most `left`")]
    fn drain(&mut self, status: u16, version: &str, headers: &Headers, timeout: Duration) -> bool {
        let closes = headers.all("Connection").any(|value| value.eq_ignore_ascii_case(b"close"));
        let length = headers.get(names::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        let length = if matches!(status, 100..=199 | 204 | 304) { Some(0) } else { length };
        let Some(mut left) = length.filter(|length| *length <= DRAIN_LIMIT) else { return false };
        while left > 0 {
            let available = self.connection.buffers().input().len();
            let length = available.min(usize::try_from(left).unwrap_or(usize::MAX));
            self.connection.buffers().input_consume(length);
            left -= length as u64;
            if left > 0 && !matches!(self.connection.await_input(next_timeout(timeout)), Ok(true)) {
                return false;
            }
        }
        !closes && version == "HTTP/1.1"
    }

    fn not_http(&self) -> Error {
        let message =
            format!("the response from {} is not HTTP: check scheme and port", url::authority(self.uri));
        Error::new(Status::Protocol, message).with_hresult(HResult(0x8007_2F78))
    }
}

fn next_timeout(timeout: Duration) -> NextTimeout {
    NextTimeout { after: timeout.into(), reason: ureq::Timeout::RecvResponse, ..NextTimeout::default() }
}
