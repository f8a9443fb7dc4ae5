//! Limits the number of connections per client address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Maximum connections over the limit per address that get a 503 response; sending it occupies a connection,
/// too. Further ones are closed without a response.
const MAX_REJECTIONS: usize = 16;

/// Counts the connections of each address.
pub(crate) struct AddressLimit {
    /// Maximum per address; 0: no limit.
    max: usize,
    open: Mutex<HashMap<AddressKey, usize>>,
}

/// The network, and whether its connections are served or rejected.
type AddressKey = (IpAddr, bool);

/// What to do with a new connection.
pub(crate) enum Admission {
    /// Serve it. There is no permit without a limit.
    Serve(Option<AddressPermit>),
    /// Respond with 503.
    Reject(AddressPermit),
    /// Close it without a response.
    Drop,
}

/// One of the connections of an address; released when it is dropped.
pub(crate) struct AddressPermit {
    addresses: Arc<AddressLimit>,
    key: AddressKey,
}

impl AddressLimit {
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, open: Mutex::default() })
    }

    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Admission {
        if self.max == 0 {
            return Admission::Serve(None);
        }
        let network = network(address);
        if let Some(permit) = self.take((network, true), self.max) {
            return Admission::Serve(Some(permit));
        }
        self.take((network, false), MAX_REJECTIONS).map_or(Admission::Drop, Admission::Reject)
    }

    /// Takes one of `max` permits.
    fn take(self: &Arc<Self>, key: AddressKey, max: usize) -> Option<AddressPermit> {
        let mut open = self.lock();
        let count = open.get(&key).copied().unwrap_or(0);
        if count >= max {
            return None;
        }
        open.insert(key, count.saturating_add(1));
        Some(AddressPermit { addresses: Arc::clone(self), key })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AddressKey, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut open = self.addresses.lock();
        if let Some(count) = open.get_mut(&self.key) {
            debug_assert!(*count > 0, "a permit is counted until it is dropped");
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}

/// Returns the network whose addresses count as one client: the /64 of an IPv6 address, or an IPv4 address itself.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(addresses: &Arc<AddressLimit>, address: &str) -> Admission {
        addresses.admit(address.parse().unwrap())
    }

    #[test]
    fn permits_of_an_address_are_limited_and_released() {
        let addresses = AddressLimit::new(2);
        let count: Vec<_> = (0..2).map(|_| admit(&addresses, "10.0.0.1")).collect();
        assert!(count.iter().all(|admission| matches!(admission, Admission::Serve(Some(_)))));
        let rejected: Vec<_> = (0..MAX_REJECTIONS).map(|_| admit(&addresses, "::ffff:10.0.0.1")).collect();
        assert!(rejected.iter().all(|admission| matches!(admission, Admission::Reject(_))));
        assert!(matches!(admit(&addresses, "10.0.0.1"), Admission::Drop));
        assert!(matches!(admit(&addresses, "10.0.0.2"), Admission::Serve(_)));
        drop((count, rejected));
        assert!(addresses.lock().is_empty(), "closed connections leave no entry");
        assert!(matches!(admit(&addresses, "10.0.0.1"), Admission::Serve(_)));
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let addresses = AddressLimit::new(1);
        let _held = admit(&addresses, "2001:db8::1");
        assert!(matches!(admit(&addresses, "2001:db8::ffff:1"), Admission::Reject(_)));
        assert!(matches!(admit(&addresses, "2001:db8:0:1::1"), Admission::Serve(_)));
    }

    #[test]
    fn without_a_limit_connections_are_not_counted() {
        let addresses = AddressLimit::new(0);
        assert!(matches!(admit(&addresses, "10.0.0.1"), Admission::Serve(None)));
    }
}
