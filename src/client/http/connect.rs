//! Connects to the server of a URL. Every wait can be interrupted.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::transport::{ConnectionContext, TcpTransport};
use super::url;
use crate::client::interrupt::Interrupt;
use crate::error::{Error, Status};
use crate::proto::HResult;

/// Delay between connection attempts to the addresses of a host (RFC 8305, 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A function that resolves a host name.
pub(super) type Lookup = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

/// Resolves a host name by the system's resolver.
pub(super) fn system_lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

/// A resolver that resolves nothing. ureq would resolve before every request, even on an open connection;
/// [`Dialer`] only does so when it connects.
#[derive(Debug)]
pub(super) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

/// Makes the TCP connections of one job.
#[derive(Debug)]
pub(super) struct Dialer {
    pub context: ConnectionContext,
    pub timeout: Duration,
    pub lookup: Lookup,
}

impl Dialer {
    /// Connects to the server of a URL.
    pub fn connect(&self, uri: &Uri) -> Result<TcpTransport, ureq::Error> {
        let stream = self.dial(uri).map_err(|error| ureq::Error::Other(Box::new(error)))?;
        Ok(TcpTransport::new(stream, self.context.clone())?)
    }

    fn dial(&self, uri: &Uri) -> Result<TcpStream, Error> {
        let (host, port) = (url::host(uri), url::port(uri));
        let attempt =
            ConnectAttempt { host, port, deadline: Instant::now().checked_add(self.timeout), dialer: self };
        match url::unbracketed(host).parse::<IpAddr>() {
            Ok(address) => attempt.race(vec![SocketAddr::new(address, port)]),
            Err(_) => attempt.race(attempt.resolve()?),
        }
    }
}

/// One attempt to connect to a host.
struct ConnectAttempt<'a> {
    host: &'a str,
    port: u16,
    /// `None` if the timeout is too long for an [`Instant`].
    deadline: Option<Instant>,
    dialer: &'a Dialer,
}

/// Starts a helper thread, which ends by itself.
///
/// # Errors
///
/// A transient error if the system has no more threads.
fn start_thread<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Result<(), Error> {
    match thread::Builder::new().name("bitsup-connect".into()).spawn(run) {
        Ok(_) => Ok(()),
        Err(cause) => {
            let message = format!("cannot start a thread to connect: {cause}");
            Err(Error::new(Status::Connect, message).with_source(cause).transient())
        }
    }
}

impl ConnectAttempt<'_> {
    /// Resolves the host on a thread of its own, because the system call cannot be interrupted. After an interrupt, the
    /// thread ends by itself.
    fn resolve(&self) -> Result<Vec<SocketAddr>, Error> {
        let (host, port, lookup) = (self.host.to_owned(), self.port, self.dialer.lookup);
        let (sender, found) = mpsc::channel();
        start_thread(move || sender.send(lookup(&host, port)))?;
        match self.receive(&found, None)? {
            Some(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
            Some(Err(cause)) => Err(self.unresolved().with_source(cause)),
            _ => Err(self.unresolved()),
        }
    }

    /// Connects to the first address that responds. Each is tried on a thread of its own; connections that are made
    /// too late are closed.
    fn race(&self, addresses: Vec<SocketAddr>) -> Result<TcpStream, Error> {
        let (sender, done) = mpsc::channel();
        let mut last_failure = None;
        let (mut waiting, mut running) = (addresses.into_iter(), 0_usize);
        loop {
            let next = waiting.next();
            if let Some(address) = next {
                let (sender, left) = (sender.clone(), self.time_left()?);
                start_thread(move || sender.send(TcpStream::connect_timeout(&address, left)))?;
                running = running.saturating_add(1);
            }
            if running == 0 && next.is_none() {
                return Err(self.unreachable(last_failure));
            }
            let delay = (waiting.len() > 0).then_some(ATTEMPT_DELAY);
            match self.receive(&done, delay)? {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(failure)) => {
                    debug_assert!(running > 0, "every failure is that of a running attempt");
                    running = running.saturating_sub(1);
                    last_failure = Some(failure);
                }
                None => {}
            }
        }
    }

    /// Waits for a message from a helper thread, for at most `limit`. `None` if none came.
    fn receive<T>(&self, from: &Receiver<T>, limit: Option<Duration>) -> Result<Option<T>, Error> {
        let begun = Instant::now();
        loop {
            let left = self.time_left()?;
            let wanted = limit.map_or(left, |limit| limit.saturating_sub(begun.elapsed()).min(left));
            match from.recv_timeout(self.interrupt().slice(wanted)?) {
                Ok(message) => return Ok(Some(message)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if wanted.is_zero() => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Time left to connect, or an error if there is none.
    fn time_left(&self) -> Result<Duration, Error> {
        let Some(deadline) = self.deadline else { return Ok(Duration::MAX) };
        match deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(self.timed_out()),
            left => Ok(left),
        }
    }

    fn interrupt(&self) -> &Interrupt {
        &self.dialer.context.interrupt
    }

    fn timed_out(&self) -> Error {
        let (host, port, timeout) = (self.host, self.port, self.dialer.timeout);
        let message = format!(
            "connecting to {host}:{port} timed out after {timeout:?}: check the host and the network"
        );
        Error::new(Status::Timeout, message).with_hresult(HResult(0x8007_2EE2)).transient()
    }

    fn unresolved(&self) -> Error {
        let message = format!("cannot resolve host {}: check the URL and the name server", self.host);
        Error::new(Status::Resolve, message).with_hresult(HResult(0x8007_2EE7)).transient()
    }

    fn unreachable(&self, cause: Option<io::Error>) -> Error {
        let why = cause.as_ref().map(|cause| format!(" ({cause})")).unwrap_or_default();
        let (host, port) = (self.host, self.port);
        let message = format!(
            "cannot connect to {host}:{port}{why}: check host and port, and that the server is running"
        );
        let error = Error::new(Status::Connect, message).with_hresult(HResult(0x8007_2EFD)).transient();
        match cause {
            Some(cause) => error.with_source(cause),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::interrupt::StopReason;
    use rustix::net;
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
    use std::sync::{Mutex, PoisonError};

    fn dialer(lookup: Lookup) -> Dialer {
        Dialer { context: ConnectionContext::default(), timeout: Duration::from_secs(5), lookup }
    }

    fn error_of(dialer: &Dialer, url: &'static str) -> Error {
        dialer.dial(&Uri::from_static(url)).unwrap_err()
    }

    /// Held by the test while its name server does not respond.
    static SILENCE: Mutex<()> = Mutex::new(());

    fn silent(_: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        drop(SILENCE.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Vec::new())
    }

    #[test]
    fn a_silent_name_server_does_not_delay_a_stop() {
        let held = SILENCE.lock().unwrap_or_else(PoisonError::into_inner);
        for (stop, status) in
            [(StopReason::Cancel, Status::Cancelled), (StopReason::Suspend, Status::Suspended)]
        {
            let dialer = dialer(silent);
            let interrupt = dialer.context.interrupt.clone();
            let dial = thread::spawn(move || error_of(&dialer, "http://h/f"));
            interrupt.request(stop);
            let requested = Instant::now();
            assert_eq!(dial.join().unwrap().status(), status);
            assert!(requested.elapsed() < Duration::from_millis(250));
        }
        let dialer = Dialer { timeout: Duration::from_millis(80), ..dialer(silent) };
        let error = error_of(&dialer, "http://h/f");
        assert!(error.status() == Status::Timeout && error.is_transient(), "{error}");
        drop(held);
    }

    #[test]
    fn a_name_without_an_address_is_not_resolved() {
        assert_eq!(error_of(&dialer(|_, _| Ok(Vec::new())), "http://h/f").status(), Status::Resolve);
        let error = error_of(&dialer(|_, _| Err(io::Error::other("no such host"))), "http://h/f");
        assert_eq!((error.status(), error.is_transient()), (Status::Resolve, true));
    }

    /// A port that refuses connections, twice, then one that accepts them. The first is bound but not listening, so
    /// that no other process can use it.
    fn dead_before_live(_: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None)?;
        net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let dead = SocketAddr::try_from(net::getsockname(&socket)?)?;
        std::mem::forget(socket);
        Ok(vec![dead, dead, SocketAddr::from((Ipv4Addr::LOCALHOST, port))])
    }

    /// A port that does not respond because its backlog is full, then one that accepts connections.
    fn mute_before_live(_: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        net::listen(&listener, 0)?;
        let mute = listener.local_addr()?;
        std::mem::forget((TcpStream::connect(mute)?, listener));
        Ok(vec![mute, SocketAddr::from((Ipv4Addr::LOCALHOST, port))])
    }

    fn time_to_dial(lookup: Lookup) -> Duration {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://h:{}/f", listener.local_addr().unwrap().port());
        let begun = Instant::now();
        dialer(lookup).dial(&url.parse().unwrap()).unwrap();
        begun.elapsed()
    }

    #[test]
    fn the_next_address_is_tried_at_once_after_a_refusal() {
        let elapsed = time_to_dial(dead_before_live);
        assert!(elapsed < ATTEMPT_DELAY, "{elapsed:?}");
    }

    #[test]
    fn the_next_address_is_tried_after_the_delay_if_one_is_silent() {
        let elapsed = time_to_dial(mute_before_live);
        assert!((ATTEMPT_DELAY..4 * ATTEMPT_DELAY).contains(&elapsed), "{elapsed:?}");
    }

    #[test]
    fn an_ipv6_literal_is_an_address() {
        // Machines without IPv6 have nothing to connect to.
        let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else { return };
        let url = format!("http://[::1]:{}/f", listener.local_addr().unwrap().port());
        dialer(|_, _| Err(io::Error::other("asked"))).dial(&url.parse().unwrap()).unwrap();
    }

    #[test]
    fn the_scheme_determines_the_default_port() {
        fn ports(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
            assert_eq!((host, port), if host == "plain" { ("plain", 80) } else { ("secure", 443) });
            Err(io::Error::other("seen"))
        }
        for url in ["http://plain/f", "https://secure/f"] {
            let error = error_of(&dialer(ports), url);
            assert!(std::error::Error::source(&error).is_some_and(|cause| cause.to_string() == "seen"));
        }
    }
}
