//! Servers with TLS, and connections to them.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use bitsup::server::{Server, ServerConfig};
use bitsup::store::MemoryStore;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::certificates::Authority;
use crate::raw_http::{RawHttp, serve};

/// A connection with TLS, whose handshake comes with the first bytes.
pub type Secure = StreamOwned<ClientConnection, TcpStream>;

pub fn secure(address: SocketAddr, config: &Arc<ClientConfig>) -> Secure {
    let socket = RawHttp::connect_to(address).socket;
    let name = "127.0.0.1".try_into().unwrap();
    StreamOwned::new(ClientConnection::new(Arc::clone(config), name).unwrap(), socket)
}

pub fn connect(server: &Server, config: &Arc<ClientConfig>) -> RawHttp<Secure> {
    RawHttp::over(secure(server.local_addr(), config))
}

/// A server with a certificate of that authority; `adjust` changes the rest.
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
