//! Resolves the host of an application.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::vec;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// The most addresses that are tried: as many as a [`ResolvedSocketAddrs`] holds.
const MAX_ADDRESSES: usize = 16;

/// Resolves like ureq's resolver, which panics if the system has no thread for the lookup; this one returns an error.
/// An IP address needs neither a lookup nor a thread.
#[derive(Debug)]
pub(super) struct NotifyResolver;

impl Resolver for NotifyResolver {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let parts = uri.scheme().zip(uri.authority());
        let target = parts.and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
        let target = target.ok_or(Error::HostNotFound)?;
        let mut addresses = self.empty();
        match target.parse() {
            Ok(address) => addresses.push(address),
            Err(_) => {
                look_up(target, timeout)?.take(MAX_ADDRESSES).for_each(|address| addresses.push(address));
            }
        }
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// Looks a name up on a thread of its own, because the system call cannot be interrupted.
fn look_up(target: String, timeout: NextTimeout) -> Result<vec::IntoIter<SocketAddr>, Error> {
    let (sender, found) = mpsc::sync_channel(1);
    // Nobody waits for the result after the timeout.
    thread::Builder::new()
        .name("bitsup-resolve".into())
        .spawn(move || drop(sender.send(target.to_socket_addrs())))?;
    match found.recv_timeout(*timeout.after) {
        Ok(addresses) => Ok(addresses?),
        Err(RecvTimeoutError::Timeout) => Err(Error::Timeout(timeout.reason)),
        Err(RecvTimeoutError::Disconnected) => Err(Error::HostNotFound),
    }
}
