//! Servers with TLS and connections to them.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use bitsup::server::{Server, ServerConfig};
use bitsup::store::MemoryStore;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::certificates::Authority;
use crate::raw_http::{RawHttp, serve};

/// A TLS connection. The handshake takes place with the first bytes.
pub type TlsStream = StreamOwned<ClientConnection, TcpStream>;

pub fn tls_stream(address: SocketAddr, config: &Arc<ClientConfig>) -> TlsStream {
    let socket = RawHttp::connect_to(address).socket;
    let name = "127.0.0.1".try_into().unwrap();
    StreamOwned::new(ClientConnection::new(Arc::clone(config), name).unwrap(), socket)
}

pub fn connect(server: &Server, config: &Arc<ClientConfig>) -> RawHttp<TlsStream> {
    RawHttp::over(tls_stream(server.local_addr(), config))
}

/// Starts a server with a certificate of this authority. `adjust` changes the configuration.
pub fn serve_tls(
    authority: &Authority,
    store: &MemoryStore,
    adjust: impl FnOnce(&mut ServerConfig),
) -> Server {
    serve(store, |config| {
        config.tls = Some(authority.server().config());
        adjust(config);
    })
}
