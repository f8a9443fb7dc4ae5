//! Slows down password guessing: after several failures an address has to wait before its next attempt is checked.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::server::network::addresses::network;

/// Failures without a delay, because users mistype passwords and several users may share an address.
const FREE_FAILURES: u32 = 10;
/// Maximum delay. It starts at one second and doubles with each failure.
const MAX_DELAY: Duration = Duration::from_secs(60);
/// How long after its last failure an address starts from zero again.
const FORGET_AFTER: Duration = Duration::from_secs(15 * 60);
/// Maximum number of addresses; the one whose last failure is oldest is evicted.
const CAPACITY: usize = 4096;

/// The failed attempts of each address.
#[derive(Default)]
pub(crate) struct LoginThrottle(Mutex<HashMap<IpAddr, FailureRecord>>);

struct FailureRecord {
    failures: u32,
    last: Instant,
}

impl FailureRecord {
    /// Returns the number of failures that still count.
    fn failures(&self, now: Instant) -> u32 {
        if now.saturating_duration_since(self.last) < FORGET_AFTER { self.failures } else { 0 }
    }

    /// Returns how long to wait before the next attempt.
    fn left(&self, now: Instant) -> Duration {
        delay(self.failures(now)).saturating_sub(now.saturating_duration_since(self.last))
    }
}

impl LoginThrottle {
    /// Checks whether an attempt would be allowed, without counting one.
    ///
    /// # Errors
    ///
    /// Returns how long to wait.
    pub fn check(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let left = self.lock().get(&network(address)).map_or(Duration::ZERO, |record| record.left(now));
        if left.is_zero() { Ok(()) } else { Err(left) }
    }

    /// Begins an attempt, which counts as a failure until [`Self::succeeded`]. So concurrent attempts cannot evade the
    /// count.
    ///
    /// # Errors
    ///
    /// Returns how long to wait.
    pub fn begin_attempt(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let (address, mut records) = (network(address), self.lock());
        if records.len() >= CAPACITY && !records.contains_key(&address) {
            let oldest = records.iter().min_by_key(|(_, record)| record.last).map(|(address, _)| *address);
            oldest.map(|oldest| records.remove(&oldest));
        }
        let record = records.entry(address).or_insert(FailureRecord { failures: 0, last: now });
        let left = record.left(now);
        if !left.is_zero() {
            return Err(left);
        }
        *record = FailureRecord { failures: record.failures(now).saturating_add(1), last: now };
        Ok(())
    }

    /// Removes a successful attempt from the failures.
    pub fn succeeded(&self, address: IpAddr) {
        if let Some(record) = self.lock().get_mut(&network(address)) {
            // 0 if the record was evicted and created again since `begin_attempt`.
            record.failures = record.failures.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, FailureRecord>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn delay(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES) {
        None => Duration::ZERO,
        Some(over) => Duration::from_secs(1_u64.checked_shl(over).unwrap_or(u64::MAX)).min(MAX_DELAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Returns how long an address has to wait after `failures` attempts, each made as soon as it was allowed.
    fn waits(throttle: &LoginThrottle, from: &str, failures: u32) -> (Duration, Instant) {
        let mut now = Instant::now();
        for _ in 0..failures {
            if let Err(left) = throttle.begin_attempt(address(from), now) {
                now += left;
                throttle.begin_attempt(address(from), now).unwrap();
            }
        }
        (throttle.begin_attempt(address(from), now).err().unwrap_or_default(), now)
    }

    #[test]
    fn delays_double_up_to_a_minute_and_are_forgotten() {
        let after = |failures| waits(&LoginThrottle::default(), "192.0.2.1", failures).0.as_secs();
        assert_eq!(
            [
                FREE_FAILURES - 1,
                FREE_FAILURES,
                FREE_FAILURES + 1,
                FREE_FAILURES + 5,
                FREE_FAILURES + 6,
                FREE_FAILURES + 100
            ]
            .map(after),
            [0, 1, 2, 32, 60, 60]
        );
        let throttle = LoginThrottle::default();
        let (_, now) = waits(&throttle, "192.0.2.1", FREE_FAILURES + 20);
        throttle.begin_attempt(address("192.0.2.1"), now + FORGET_AFTER).unwrap();
        throttle.begin_attempt(address("192.0.2.1"), now + FORGET_AFTER).unwrap();
    }

    #[test]
    fn a_successful_attempt_does_not_count() {
        let throttle = LoginThrottle::default();
        for _ in 0..1000 {
            throttle.begin_attempt(address("192.0.2.1"), Instant::now()).unwrap();
            throttle.succeeded(address("192.0.2.1"));
        }
    }

    #[test]
    fn only_the_failing_network_waits() {
        let throttle = LoginThrottle::default();
        let (_, now) = waits(&throttle, "2001:db8::1", FREE_FAILURES);
        assert!(throttle.check(address("2001:db8::ffff:2"), now).is_err());
        assert!(throttle.begin_attempt(address("2001:db8::ffff:2"), now).is_err());
        assert!(throttle.check(address("2001:db8:0:1::1"), now).is_ok());
        assert!(throttle.begin_attempt(address("2001:db8:0:1::1"), now).is_ok());
        let (_, now) = waits(&throttle, "192.0.2.1", FREE_FAILURES);
        assert!(throttle.begin_attempt(address("::ffff:192.0.2.1"), now).is_err());
        assert!(throttle.begin_attempt(address("192.0.2.2"), now).is_ok());
    }

    #[test]
    fn the_number_of_addresses_is_limited() {
        let (throttle, began) = (LoginThrottle::default(), Instant::now());
        for number in 0..u32::try_from(CAPACITY).unwrap() + 100 {
            let now = began + Duration::from_micros(number.into());
            throttle.begin_attempt(IpAddr::V4(number.into()), now).unwrap();
        }
        let records = throttle.lock();
        assert_eq!(records.len(), CAPACITY);
        assert!(!records.contains_key(&address("0.0.0.0")), "the oldest is evicted");
    }
}
