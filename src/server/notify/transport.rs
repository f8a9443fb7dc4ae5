//! A connection to the application, reused for later notifications.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::{Response, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector, Transport,
};
use ureq::{Agent, SendBody, Timeout};

use super::config::{BUFFER, NotifyTimeouts};
use super::resolver::NotifyResolver;
use crate::error::Error;
use crate::trust;

/// How long an idle connection is kept: less than the 5 s after which common servers close theirs, because a
/// request on a closed connection fails and is not retried.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// Maximum bytes of a response head.
const MAX_HEAD: usize = 32 * 1024;

/// A connection, established when needed; for one call at a time.
pub(super) struct AppConnection {
    agent: Agent,
    stopped_reading: StoppedReading,
}

/// Whether the application stopped reading the current request.
#[derive(Debug, Clone, Default)]
pub(super) struct StoppedReading(Arc<AtomicBool>);

impl StoppedReading {
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, stopped_reading: bool) {
        self.0.store(stopped_reading, Ordering::Relaxed);
    }
}

impl AppConnection {
    pub fn new(timeouts: &NotifyTimeouts, roots: &RootCerts) -> Self {
        let stopped_reading = StoppedReading::default();
        let connector = ().chain(TcpConnector::default()).chain(RustlsConnector::default());
        let connector = connector.chain(EarlyResponseConnector(stopped_reading.clone()));
        let agent = Agent::with_parts(config(timeouts, roots), connector, NotifyResolver);
        Self { agent, stopped_reading }
    }

    /// Returns the flag that makes the body stop sending.
    pub fn stopped_reading(&self) -> StoppedReading {
        self.stopped_reading.clone()
    }

    /// Sends a POST request; `fields` include the length of the body.
    pub fn post(
        &self,
        uri: Uri,
        fields: &[(&'static str, Vec<u8>)],
        body: &mut impl Read,
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        self.stopped_reading.set(false);
        let request = self.agent.post(uri);
        let request = fields.iter().fold(request, |request, (name, value)| request.header_raw(name, value));
        request.send(SendBody::from_reader(body))
    }
}

/// Returns the root certificates of the platform and those of the PEM text.
///
/// # Errors
///
/// Fails if the text is not empty but contains no valid certificate.
pub(super) fn roots(pem: &[u8]) -> Result<RootCerts, Error> {
    if pem.is_empty() {
        return Ok(RootCerts::PlatformVerifier);
    }
    let roots = trust::roots(pem)?;
    let roots: Vec<_> = roots.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    Ok(RootCerts::new_with_certs(&roots))
}

fn config(timeouts: &NotifyTimeouts, roots: &RootCerts) -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .tls_config(TlsConfig::builder().root_certs(roots.clone()).build())
        .user_agent("")
        .accept("")
        .accept_encoding("")
        .max_response_header_size(MAX_HEAD)
        .input_buffer_size(BUFFER)
        .output_buffer_size(BUFFER)
        .max_idle_connections(1)
        .max_idle_age(IDLE_TIMEOUT)
        .timeout_resolve(limit(timeouts.send))
        .timeout_connect(limit(timeouts.send))
        .timeout_send_request(limit(timeouts.send))
        .timeout_per_write(limit(timeouts.send))
        .timeout_recv_response(limit(timeouts.receive_headers))
        .timeout_per_read(limit(timeouts.receive_body))
        .build()
}

/// Returns `None` for a timeout that ureq cannot add to the current time.
fn limit(timeout: Duration) -> Option<Duration> {
    if Instant::now().checked_add(timeout).is_some() { Some(timeout) } else { None }
}

/// Wraps connections in [`EarlyResponseTransport`].
#[derive(Debug)]
struct EarlyResponseConnector(StoppedReading);

impl<In: Transport> Connector<In> for EarlyResponseConnector {
    type Out = EarlyResponseTransport<In>;

    fn connect(&self, _: &ConnectionDetails, inner: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(inner.map(|inner| EarlyResponseTransport {
            inner,
            stopped_reading: self.0.clone(),
            broken: false,
        }))
    }
}

/// A connection that still reads the response if sending the request fails. An application may respond, for example
/// with 403, and close the connection before it has read the whole request; that response must not be lost.
#[derive(Debug)]
struct EarlyResponseTransport<T> {
    inner: T,
    stopped_reading: StoppedReading,
    broken: bool,
}

impl<T: Transport> Transport for EarlyResponseTransport<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        if self.broken {
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(ureq::Error::Io(error)) if is_disconnect(&error) => {
                self.broken = true;
                self.stopped_reading.set(true);
                Ok(())
            }
            other => other,
        }
    }

    /// Waits for input. The timeout per read does not apply to the response's head, which has a timeout of
    /// its own. A lost connection is an error, which ureq would take for the end of a body without a length.
    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let per_read = timeout.per_read.filter(|_| timeout.reason != Timeout::RecvResponse);
        self.inner.await_input(NextTimeout { per_read, ..timeout }).map_err(|error| match error {
            ureq::Error::Io(error) if is_disconnect(&error) => io::Error::other(error).into(),
            other => other,
        })
    }

    fn is_open(&mut self) -> bool {
        !self.broken && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

fn is_disconnect(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
