//! The length of the next fragment.

use crate::proto::limits::{MAX_FRAGMENT, MIN_FRAGMENT};

/// Length of the first fragment: what every Windows server accepted before BITS 2.5 (PROTOCOL 3.3).
const FIRST_FRAGMENT: u64 = 128 * 1024;
/// How long sending one fragment should take: well below the two minutes that a request may take (PROTOCOL 6.3),
/// and long enough for the round trip to be negligible.
const TARGET_SECONDS: u64 = 10;

/// Adapts the length of fragments to the speed of the connection and the limits of the server.
#[derive(Debug)]
pub(super) struct FragmentSizer {
    length: u64,
    /// Never exceeded: the length that the caller set, or half of one that was too long for the server.
    ceiling: u64,
    /// What the rate limit allows in [`TARGET_SECONDS`].
    rate_cap: u64,
    /// The caller set the length, so the speed of the connection does not change it.
    is_fixed: bool,
}

impl FragmentSizer {
    /// `fixed` is [`super::UploadOptions::fragment_size`], `rate_limit` in bytes per second. The rate limit
    /// also shortens a fixed length: otherwise every attempt to send a fragment would run into the request
    /// timeout.
    pub(super) fn new(fixed: Option<u64>, rate_limit: Option<u64>) -> Self {
        let ceiling = fixed.unwrap_or(MAX_FRAGMENT).max(1);
        let length = fixed.unwrap_or(FIRST_FRAGMENT).min(ceiling);
        Self { length, ceiling, rate_cap: rate_cap(rate_limit), is_fixed: fixed.is_some() }
    }

    /// Sets the rate limit in bytes per second, effective from the next fragment.
    pub(super) fn set_rate_limit(&mut self, rate: Option<u64>) {
        self.rate_cap = rate_cap(rate);
    }

    /// Length of the next fragment in bytes, before it is cut at the end of the file.
    pub(super) fn length(&self) -> u64 {
        self.length.min(self.rate_cap)
    }

    /// Adapts to a fragment of `sent` bytes that was acknowledged after `elapsed_ms`.
    pub(super) fn on_acknowledged(&mut self, sent: u64, elapsed_ms: u64) {
        // The short last fragment of a file measures the round trip rather than the throughput.
        if self.is_fixed || sent < self.length() {
            return;
        }
        let in_target_time = u128::from(sent)
            .saturating_mul(u128::from(TARGET_SECONDS.saturating_mul(1000)))
            .checked_div(u128::from(elapsed_ms.max(1)))
            .map_or(u64::MAX, |bytes| u64::try_from(bytes).unwrap_or(u64::MAX));
        let wanted = in_target_time.min(self.length().saturating_mul(2)).max(MIN_FRAGMENT);
        self.length = wanted.min(self.ceiling);
    }

    /// Shortens fragments temporarily after the connection was lost, or timed out, during one of `sent`
    /// bytes.
    pub(super) fn on_connection_lost(&mut self, sent: u64) {
        if !self.is_fixed {
            self.length = half(sent).min(self.ceiling);
        }
    }

    /// Shortens fragments permanently after one of `sent` bytes was too long for the server or a proxy (413).
    /// Returns `false` if they are already as short as possible.
    pub(super) fn on_too_long(&mut self, sent: u64) -> bool {
        if sent <= MIN_FRAGMENT {
            return false;
        }
        self.ceiling = half(sent).min(self.ceiling);
        self.length = self.length.min(self.ceiling);
        true
    }
}

fn rate_cap(rate_limit: Option<u64>) -> u64 {
    rate_limit.map_or(u64::MAX, |rate| rate.saturating_mul(TARGET_SECONDS).max(1))
}

fn half(length: u64) -> u64 {
    (length >> 1).max(MIN_FRAGMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_connection_doubles_the_length_up_to_13_mib() {
        let mut sizer = FragmentSizer::new(None, None);
        assert_eq!(sizer.length(), 128 * 1024);
        sizer.on_acknowledged(sizer.length(), 10);
        assert_eq!(sizer.length(), 256 * 1024);
        for _ in 0..10 {
            sizer.on_acknowledged(sizer.length(), 0);
        }
        assert_eq!(sizer.length(), 13 * 1024 * 1024);
    }

    #[test]
    fn a_slow_connection_gets_the_length_it_carries_in_ten_seconds() {
        let mut sizer = FragmentSizer::new(None, None);
        sizer.on_acknowledged(sizer.length(), 40_000);
        assert_eq!(sizer.length(), 32 * 1024);
        sizer.on_acknowledged(sizer.length(), 10_000_000);
        assert_eq!(sizer.length(), MIN_FRAGMENT);
    }

    #[test]
    fn a_short_last_fragment_does_not_change_the_length() {
        let mut sizer = FragmentSizer::new(None, None);
        sizer.on_acknowledged(17, 500);
        assert_eq!(sizer.length(), FIRST_FRAGMENT);
    }

    #[test]
    fn cli_16_a_length_that_was_too_long_is_halved_for_good() {
        let mut sizer = FragmentSizer::new(None, None);
        assert!(sizer.on_too_long(128 * 1024));
        for _ in 0..10 {
            sizer.on_acknowledged(sizer.length(), 1);
        }
        assert_eq!(sizer.length(), 64 * 1024);
    }

    #[test]
    fn cli_16_the_minimum_length_is_5_kib() {
        let mut sizer = FragmentSizer::new(None, None);
        let mut tries = 0;
        while sizer.on_too_long(sizer.length()) {
            tries += 1;
        }
        assert_eq!((sizer.length(), tries), (5 * 1024, 5));
    }

    #[test]
    fn a_lost_connection_halves_the_length_for_a_while() {
        let mut sizer = FragmentSizer::new(None, None);
        sizer.on_connection_lost(sizer.length());
        assert_eq!(sizer.length(), 64 * 1024);
        sizer.on_acknowledged(sizer.length(), 1);
        assert_eq!(sizer.length(), 128 * 1024);
    }

    #[test]
    fn only_a_413_changes_a_fixed_length() {
        let mut sizer = FragmentSizer::new(Some(100_000), None);
        sizer.on_acknowledged(100_000, 1);
        sizer.on_connection_lost(100_000);
        assert_eq!(sizer.length(), 100_000);
        assert!(sizer.on_too_long(100_000));
        assert_eq!(sizer.length(), 50_000);
    }

    #[test]
    fn the_rate_limit_caps_every_length() {
        assert_eq!(FragmentSizer::new(None, Some(1000)).length(), 10_000);
        assert_eq!(FragmentSizer::new(Some(1 << 20), Some(1000)).length(), 10_000);
        let mut sizer = FragmentSizer::new(None, Some(100));
        sizer.on_acknowledged(sizer.length(), 1);
        assert_eq!(sizer.length(), 1000);
        sizer.set_rate_limit(Some(200));
        assert_eq!(sizer.length(), 2000);
        sizer.set_rate_limit(None);
        assert!(sizer.length() >= MIN_FRAGMENT);
    }
}
