//! The way to a peer: its socket, or TLS over it. Neither ever blocks.
//!
//! TLS keeps bytes of its own in both directions. What came in and was decrypted is given out before the socket
//! is asked again, so that nobody waits for the socket to be ready while there is something to read. What is to
//! go out is [`pending`](PeerTransport::is_pending) until the socket has ready it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};

use super::registration::{Interest, Registered};

/// A connection's socket, and its TLS if it has one.
pub(crate) struct PeerTransport {
    socket: Registered<TcpStream>,
    tls: Option<Box<ServerConnection>>,
}

/// What a read came to.
pub(crate) enum Received {
    /// So many bytes. None of them may be for the caller: the peer sent something all the same.
    Bytes(usize),
    Nothing,
    End,
}

impl Received {
    /// The bytes, as they lie in the buffer that was read into.
    pub fn bytes<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        match *self {
            Self::Bytes(count) => buffer.get(..count).unwrap_or_default(),
            Self::Nothing | Self::End => &[],
        }
    }
}

impl PeerTransport {
    /// UnvectoredSocket, or with TLS whose handshake is still to come.
    pub fn new(socket: Registered<TcpStream>, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let tls = tls.map(ServerConnection::new).transpose().map_err(io::Error::other)?;
        Ok(Self { socket, tls: tls.map(Box::new) })
    }

    pub fn key(&self) -> usize {
        self.socket.key()
    }

    pub fn arm(&self, interest: Interest) -> io::Result<()> {
        self.socket.arm(interest)
    }

    pub fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// The version of TLS, once it is agreed upon.
    pub fn tls_version(&self) -> Option<&'static str> {
        match self.tls.as_ref()?.protocol_version()? {
            ProtocolVersion::TLSv1_2 => Some("1.2"),
            ProtocolVersion::TLSv1_3 => Some("1.3"),
            _ => None,
        }
    }

    pub fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Goes on with the handshake, as far as the peer has. What is to be answered is pending.
    pub fn handshake(&mut self) -> io::Result<Received> {
        match &mut self.tls {
            Some(tls) => receive_tls(&self.socket, tls),
            None => Ok(Received::Bytes(0)),
        }
    }

    /// Returns the peer's certificate; `None` without mutual TLS.
    pub fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        self.tls.as_ref().and_then(|tls| tls.peer_certificates())?.first()
    }

    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let Some(tls) = &mut self.tls else { return receive(&self.socket, buffer) };
        match tls.reader().read(buffer) {
            Ok(0) => Ok(Received::End),
            Ok(count) => Ok(Received::Bytes(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => receive_tls(&self.socket, tls),
            // Without a close_notify. Every length is announced in HTTP, so nothing can be cut off unseen.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(Received::End),
            Err(error) => Err(error),
        }
    }

    /// Whether bytes that were ready are still to be sent, by [`Self::transmit`].
    pub fn is_pending(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Sends what is pending, or takes of `bytes` what it can; `None` when the socket takes nothing for now.
    pub fn transmit(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let Some(tls) = &mut self.tls else { return transmit(&self.socket, bytes) };
        match tls.wants_write() {
            true => send_tls(&self.socket, tls),
            false => tls.writer().write(bytes).map(Some),
        }
    }

    /// Ends the sending side, and says whether that is done: first something may be pending.
    pub fn shutdown(&mut self) -> io::Result<bool> {
        self.send_close_notify();
        if self.is_pending() {
            return Ok(false);
        }
        self.socket.shutdown(Shutdown::Write).map(|()| true)
    }

    /// Lets a peer that is not being talked to know that the end is meant, as far as that is possible at once.
    pub fn try_close_notify(&mut self) {
        self.send_close_notify();
        if let Some(tls) = &mut self.tls {
            let _ = send_tls(&self.socket, tls);
        }
    }

    fn send_close_notify(&mut self) {
        if let Some(tls) = self.tls.as_mut().filter(|tls| !tls.is_handshaking()) {
            tls.send_close_notify();
        }
    }
}

/// Reads from the socket and decrypts. To be called when nothing decrypted is left.
fn receive_tls(socket: &TcpStream, tls: &mut ServerConnection) -> io::Result<Received> {
    match ready(tls.read_tls(&mut UnvectoredSocket(socket)))? {
        Some(0) => return Ok(Received::End),
        Some(_) => {}
        None => return Ok(Received::Nothing),
    }
    if let Err(error) = tls.process_new_packets() {
        // The peer may want to know why: there is an alert for it.
        let _ = send_tls(socket, tls);
        return Err(io::Error::new(ErrorKind::InvalidData, error));
    }
    Ok(Received::Bytes(0))
}

/// Sends of what is encrypted what the socket takes.
fn send_tls(socket: &TcpStream, tls: &mut ServerConnection) -> io::Result<Option<usize>> {
    match ready(tls.write_tls(&mut UnvectoredSocket(socket)))? {
        Some(0) if tls.wants_write() => Err(ErrorKind::WriteZero.into()),
        sent => Ok(sent.map(|_| 0)),
    }
}

fn transmit(mut socket: &TcpStream, bytes: &[u8]) -> io::Result<Option<usize>> {
    match ready(socket.write(bytes))? {
        Some(0) if !bytes.is_empty() => Err(ErrorKind::WriteZero.into()),
        sent => Ok(sent),
    }
}

fn receive(mut socket: &TcpStream, buffer: &mut [u8]) -> io::Result<Received> {
    Ok(match ready(socket.read(buffer))? {
        Some(0) => Received::End,
        Some(count) => Received::Bytes(count),
        None => Received::Nothing,
    })
}

/// How many bytes the socket gave or took; `None` when the poller is to say when to try again.
fn ready(outcome: io::Result<usize>) -> io::Result<Option<usize>> {
    match outcome {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A socket without its vectored write, which raises SIGPIPE in a C host and is what rustls would call.
struct UnvectoredSocket<'a>(&'a TcpStream);

impl Read for UnvectoredSocket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for UnvectoredSocket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
