//! A proxy that terminates TLS in front of a plain server.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};

pub use rustls::version::{TLS12, TLS13};

use crate::certificates::{Authority, Identity};

/// Returns the configuration of a server with this certificate and these versions of TLS. With `clients`, it
/// requires a client certificate of that authority.
pub fn server_config(
    identity: &Identity,
    clients: Option<&Authority>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(versions).unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let roots = Arc::new(authority.root_store());
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

/// Starts a proxy that terminates TLS and forwards to `backend`. Returns its port.
pub fn terminate_tls(config: Arc<ServerConfig>, backend: SocketAddr) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let config = Arc::clone(&config);
            // Some tests expect the handshake to fail.
            thread::spawn(move || forward(client, config, backend));
        }
    });
    port
}

/// Returns the address in a URL such as `http://127.0.0.1:1234`.
pub fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
}

fn forward(mut client: TcpStream, config: Arc<ServerConfig>, backend: SocketAddr) -> io::Result<()> {
    let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
    while tls.is_handshaking() {
        tls.complete_io(&mut client)?;
    }
    let mut plain = TcpStream::connect(backend)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = tls.process_new_packets().map_err(io::Error::other)?.plaintext_bytes_to_read();
        if read > 0 {
            let read = tls.reader().read(&mut buffer)?;
            plain.write_all(&buffer[..read])?;
            continue;
        }
        let mut ready = [PollFd::new(&client, PollFlags::IN), PollFd::new(&plain, PollFlags::IN)];
        poll(&mut ready, None)?;
        let [from_client, from_plain] = ready.map(|fd| !fd.revents().is_empty());
        if from_client && tls.read_tls(&mut client)? == 0 {
            return Ok(());
        }
        if from_plain {
            let read = plain.read(&mut buffer)?;
            match read {
                0 => tls.send_close_notify(),
                _ => tls.writer().write_all(&buffer[..read])?,
            }
            while tls.wants_write() {
                tls.write_tls(&mut client)?;
            }
            if read == 0 {
                return Ok(());
            }
        }
    }
}
