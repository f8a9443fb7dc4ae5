//! From a URL to a connection, without ever waiting where an interrupt does not reach.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::line::{Line, Socket};
use crate::client::interrupt::Interrupt;
use crate::error::{Error, Status};
use crate::proto::HResult;

/// How long one address is tried alone before the next is tried beside it (RFC 8305, 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Finds the addresses of a host.
pub(super) type Lookup = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

/// The machine's own way to find addresses.
pub(super) fn system_lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

/// ureq resolves before every request, also when the connection is there already; the [`Dialer`] does it
/// when it connects.
#[derive(Debug)]
pub(super) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

/// Makes the connections of one job.
#[derive(Debug)]
pub(super) struct Dialer {
    pub line: Line,
    pub timeout: Duration,
    pub lookup: Lookup,
}

impl Dialer {
    /// A connection to the server of a URL.
    pub fn connect(&self, uri: &Uri) -> Result<Socket, ureq::Error> {
        let stream = self.dial(uri).map_err(|error| ureq::Error::Other(Box::new(error)))?;
        Ok(Socket::new(stream, self.line.clone())?)
    }

    fn dial(&self, uri: &Uri) -> Result<TcpStream, Error> {
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let attempt = Attempt { host, port, until: Instant::now().checked_add(self.timeout), dialer: self };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) => attempt.race(vec![SocketAddr::new(address, port)]),
            Err(_) => attempt.race(attempt.resolve()?),
        }
    }
}

/// One connection in the making.
struct Attempt<'a> {
    host: &'a str,
    port: u16,
    until: Option<Instant>,
    dialer: &'a Dialer,
}

impl Attempt<'_> {
    /// Looks the host up on a thread of its own, which outlives an interrupt: the system call has no other end.
    fn resolve(&self) -> Result<Vec<SocketAddr>, Error> {
        let (host, port, lookup) = (self.host.to_owned(), self.port, self.dialer.lookup);
        let (sender, found) = mpsc::channel();
        thread::spawn(move || sender.send(lookup(&host, port)));
        match self.receive(&found, None)? {
            Some(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
            Some(Err(cause)) => Err(self.unresolved().with_source(cause)),
            _ => Err(self.unresolved()),
        }
    }

    /// Connects to the first address that answers. Each is tried on a thread of its own; one that answers
    /// too late is hung up on.
    fn race(&self, addresses: Vec<SocketAddr>) -> Result<TcpStream, Error> {
        let (sender, done) = mpsc::channel();
        let mut last_failure = None;
        let (mut waiting, mut running) = (addresses.into_iter(), 0_usize);
        loop {
            let next = waiting.next();
            if let Some(address) = next {
                let (sender, left) = (sender.clone(), self.left()?);
                thread::spawn(move || sender.send(TcpStream::connect_timeout(&address, left)));
                running = running.saturating_add(1);
            }
            if running == 0 && next.is_none() {
                return Err(self.unreachable(last_failure));
            }
            let head_start = (waiting.len() > 0).then_some(HEAD_START);
            match self.receive(&done, head_start)? {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(failure)) => {
                    running = running.saturating_sub(1);
                    last_failure = Some(failure);
                }
                None => {}
            }
        }
    }

    /// Waits for what a helper thread has to say, for `limit` or to the end of the attempt; `None` when the
    /// limit is over.
    fn receive<T>(&self, from: &Receiver<T>, limit: Option<Duration>) -> Result<Option<T>, Error> {
        let begun = Instant::now();
        loop {
            let left = self.left()?;
            let wanted = limit.map_or(left, |limit| limit.saturating_sub(begun.elapsed()).min(left));
            match from.recv_timeout(self.interrupt().slice(wanted)?) {
                Ok(said) => return Ok(Some(said)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if wanted.is_zero() => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// What is left of the time for connecting; errors when it is over.
    fn left(&self) -> Result<Duration, Error> {
        let Some(until) = self.until else { return Ok(Duration::MAX) };
        match until.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(self.too_slow()),
            left => Ok(left),
        }
    }

    fn interrupt(&self) -> &Interrupt {
        &self.dialer.line.interrupt
    }

    fn too_slow(&self) -> Error {
        let (host, port, timeout) = (self.host, self.port, self.dialer.timeout);
        let message = format!("no connection to {host}:{port} within {timeout:?}; check host and network");
        Error::new(Status::Timeout, message).with_hresult(HResult(0x8007_2EE2)).transient()
    }

    fn unresolved(&self) -> Error {
        let message = format!("the host {} is not known; check the URL and the name server", self.host);
        Error::new(Status::Resolve, message).with_hresult(HResult(0x8007_2EE7)).transient()
    }

    fn unreachable(&self, cause: Option<io::Error>) -> Error {
        let why = cause.as_ref().map(|cause| format!(" ({cause})")).unwrap_or_default();
        let (host, port) = (self.host, self.port);
        let message =
            format!("no connection to {host}:{port}{why}; check host and port, and that the server runs");
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
    use crate::client::interrupt::Stop;
    use rustix::net;
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
    use std::sync::{Mutex, PoisonError};

    fn dialer(lookup: Lookup) -> Dialer {
        Dialer { line: Line::default(), timeout: Duration::from_secs(5), lookup }
    }

    fn error_of(dialer: &Dialer, url: &'static str) -> Error {
        dialer.dial(&Uri::from_static(url)).unwrap_err()
    }

    /// Held by the test while its name server is to keep silent.
    static SILENCE: Mutex<()> = Mutex::new(());

    fn silent(_: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        drop(SILENCE.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Vec::new())
    }

    #[test]
    fn a_name_server_that_keeps_silent_holds_nobody_up() {
        let held = SILENCE.lock().unwrap_or_else(PoisonError::into_inner);
        for (stop, status) in [(Stop::Cancel, Status::Cancelled), (Stop::Suspend, Status::Suspended)] {
            let dialer = dialer(silent);
            let interrupt = dialer.line.interrupt.clone();
            let dial = thread::spawn(move || error_of(&dialer, "http://h/f"));
            interrupt.ask(stop);
            let asked = Instant::now();
            assert_eq!(dial.join().unwrap().status(), status);
            assert!(asked.elapsed() < Duration::from_millis(250));
        }
        let dialer = Dialer { timeout: Duration::from_millis(80), ..dialer(silent) };
        let error = error_of(&dialer, "http://h/f");
        assert!(error.status() == Status::Timeout && error.is_transient(), "{error}");
        drop(held);
    }

    #[test]
    fn a_name_without_an_address() {
        assert_eq!(error_of(&dialer(|_, _| Ok(Vec::new())), "http://h/f").status(), Status::Resolve);
        let error = error_of(&dialer(|_, _| Err(io::Error::other("no such host"))), "http://h/f");
        assert_eq!((error.status(), error.is_transient()), (Status::Resolve, true));
    }

    /// A port that refuses connections, twice, before one that takes them. Bound and never listened on, so that
    /// nobody else gets it.
    fn dead_before_live(_: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None)?;
        net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let dead = SocketAddr::try_from(net::getsockname(&socket)?)?;
        std::mem::forget(socket);
        Ok(vec![dead, dead, SocketAddr::from((Ipv4Addr::LOCALHOST, port))])
    }

    /// A port that leaves connections unanswered before one that takes them: its backlog is full.
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
    fn addresses_that_refuse_are_passed_over_at_once() {
        let elapsed = time_to_dial(dead_before_live);
        assert!(elapsed < HEAD_START, "{elapsed:?}");
    }

    #[test]
    fn an_address_that_keeps_silent_has_a_head_start_and_no_more() {
        let elapsed = time_to_dial(mute_before_live);
        assert!((HEAD_START..4 * HEAD_START).contains(&elapsed), "{elapsed:?}");
    }

    #[test]
    fn an_ipv6_literal_is_an_address() {
        // Machines without IPv6 have nothing to connect to.
        let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else { return };
        let url = format!("http://[::1]:{}/f", listener.local_addr().unwrap().port());
        dialer(|_, _| Err(io::Error::other("asked"))).dial(&url.parse().unwrap()).unwrap();
    }

    #[test]
    fn the_port_of_a_scheme_is_known() {
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
