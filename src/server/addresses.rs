//! How many connections each address has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections over the limit that are told so, for each address. Telling takes a connection, too.
const TOLD: usize = 16;

/// The connections of each address.
pub(super) struct Addresses {
    /// Most of one address; 0: no limit.
    most: usize,
    open: Mutex<HashMap<Key, usize>>,
}

/// The network, and whether its connections are served or turned away.
type Key = (IpAddr, bool);

/// What becomes of another connection.
pub(super) enum Admission {
    /// It is served. There is no place when nobody counts.
    Serve(Option<Place>),
    /// It is told that there are too many.
    TurnAway(Place),
    /// Not even that.
    Drop,
}

/// A place among the connections of an address. Given back when it is dropped.
pub(super) struct Place {
    addresses: Arc<Addresses>,
    key: Key,
}

impl Addresses {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Admission {
        if self.most == 0 {
            return Admission::Serve(None);
        }
        let network = network(address);
        if let Some(place) = self.take((network, true), self.most) {
            return Admission::Serve(Some(place));
        }
        self.take((network, false), TOLD).map_or(Admission::Drop, Admission::TurnAway)
    }

    /// One of `most` places.
    fn take(self: &Arc<Self>, key: Key, most: usize) -> Option<Place> {
        let mut open = self.lock();
        let held = open.get(&key).copied().unwrap_or(0);
        if held >= most {
            return None;
        }
        open.insert(key, held.saturating_add(1));
        Some(Place { addresses: Arc::clone(self), key })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.addresses.lock();
        if let Some(held) = open.get_mut(&self.key) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                open.remove(&self.key);
            }
        }
    }
}

/// What one peer can have many of counts as one: a network of IPv6.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(addresses: &Arc<Addresses>, address: &str) -> Admission {
        addresses.admit(address.parse().unwrap())
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let addresses = Addresses::new(2);
        let held: Vec<_> = (0..2).map(|_| admit(&addresses, "10.0.0.1")).collect();
        assert!(held.iter().all(|admission| matches!(admission, Admission::Serve(Some(_)))));
        let told: Vec<_> = (0..TOLD).map(|_| admit(&addresses, "::ffff:10.0.0.1")).collect();
        assert!(told.iter().all(|admission| matches!(admission, Admission::TurnAway(_))));
        assert!(matches!(admit(&addresses, "10.0.0.1"), Admission::Drop));
        assert!(matches!(admit(&addresses, "10.0.0.2"), Admission::Serve(_)));
        drop((held, told));
        assert!(addresses.lock().is_empty(), "nothing is remembered of who is gone");
        assert!(matches!(admit(&addresses, "10.0.0.1"), Admission::Serve(_)));
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let addresses = Addresses::new(1);
        let _held = admit(&addresses, "2001:db8::1");
        assert!(matches!(admit(&addresses, "2001:db8::ffff:1"), Admission::TurnAway(_)));
        assert!(matches!(admit(&addresses, "2001:db8:0:1::1"), Admission::Serve(_)));
    }

    #[test]
    fn without_a_limit_nobody_counts() {
        let addresses = Addresses::new(0);
        assert!(matches!(admit(&addresses, "10.0.0.1"), Admission::Serve(None)));
    }
}
