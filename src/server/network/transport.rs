//! A connection's byte stream: its socket, or TLS over it. No call blocks.
//!
//! TLS buffers bytes in both directions. Decrypted bytes are returned before the socket is read again, because the
//! socket may not become ready while they wait. Encrypted bytes are [pending](PeerTransport::is_pending) until the
//! socket has accepted them.

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

/// The result of a read.
pub(crate) enum Received {
    /// This many bytes were read. It is 0 if the peer sent only TLS records without content.
    Bytes(usize),
    /// Nothing is available: wait until the socket is readable.
    Nothing,
    /// The peer has closed its sending side.
    End,
}

impl Received {
    /// Returns the received bytes in the buffer that was read into.
    pub fn bytes<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        match *self {
            Self::Bytes(count) => buffer.split_at(count).0,
            Self::Nothing | Self::End => &[],
        }
    }
}

impl PeerTransport {
    /// Creates a transport over plain TCP, or over TLS whose handshake has not begun.
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

    /// Returns the TLS version once it is negotiated.
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

    /// Continues the handshake with what the peer has sent. The response is pending afterwards.
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
            // The peer closed without close_notify. HTTP announces every length, so truncation is detected anyway.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(Received::End),
            Err(error) => Err(error),
        }
    }

    /// Whether accepted bytes are still to be sent by [`Self::transmit`].
    pub fn is_pending(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Sends pending bytes if there are any, else accepts bytes of `bytes`; returns how many of `bytes` it accepted, or
    /// `None` if the socket accepts nothing for now.
    pub fn transmit(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let Some(tls) = &mut self.tls else { return transmit(&self.socket, bytes) };
        if tls.wants_write() { send_tls(&self.socket, tls) } else { tls.writer().write(bytes).map(Some) }
    }

    /// Shuts down the sending side; returns whether it is done, which it is not while bytes are pending.
    pub fn shutdown(&mut self) -> io::Result<bool> {
        self.send_close_notify();
        if self.is_pending() {
            return Ok(false);
        }
        self.socket.shutdown(Shutdown::Write).map(|()| true)
    }

    /// Sends a close_notify if the socket accepts it at once, so that an idle peer can distinguish a close
    /// from a lost connection.
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

/// Reads from the socket and decrypts. Must only be called when all decrypted bytes have been read.
fn receive_tls(socket: &TcpStream, tls: &mut ServerConnection) -> io::Result<Received> {
    match ready(tls.read_tls(&mut UnvectoredSocket(socket)))? {
        Some(0) => return Ok(Received::End),
        Some(_) => {}
        None => return Ok(Received::Nothing),
    }
    if let Err(error) = tls.process_new_packets() {
        // Try to send the alert with the reason.
        let _ = send_tls(socket, tls);
        return Err(io::Error::new(ErrorKind::InvalidData, error));
    }
    Ok(Received::Bytes(0))
}

/// Sends as many encrypted bytes as the socket accepts.
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

/// Maps an operation that would block to `None`.
fn ready(outcome: io::Result<usize>) -> io::Result<Option<usize>> {
    match outcome {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A socket without vectored writes: rustls would use them, and they raise SIGPIPE in a C host.
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
