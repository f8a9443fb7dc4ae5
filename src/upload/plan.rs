//! How long the next fragment is.

use crate::proto::limits::{MAX_FRAGMENT, MIN_FRAGMENT};

/// Length of the first fragment: what every Windows server took before BITS 2.5 (PROTOCOL 3.3).
const FIRST_FRAGMENT: u64 = 128 * 1024;
/// What one fragment should take. Well below the two minutes a request may take (PROTOCOL 6.3), and long
/// enough for the round trip not to matter.
const TARGET_SECONDS: u64 = 10;

/// The length of fragments, learnt from the line and from the server.
#[derive(Debug)]
pub(super) struct Plan {
    length: u64,
    /// Never exceeded: the caller's wish, half of what a server found too long.
    ceiling: u64,
    /// What the rate limit lets through in time.
    affordable: u64,
    /// The caller chose the length: the line has no say in it.
    fixed: bool,
}

impl Plan {
    /// `fixed` and `rate_limit` (bytes per second) as in [`super::UploadOptions`]. A fixed length, too, is
    /// cut to what the rate limit lets through in time: longer fragments would run into the time limit
    /// for ever.
    pub(super) fn new(fixed: Option<u64>, rate_limit: Option<u64>) -> Self {
        let ceiling = fixed.unwrap_or(MAX_FRAGMENT).max(1);
        let length = fixed.unwrap_or(FIRST_FRAGMENT).min(ceiling);
        Self { length, ceiling, affordable: affordable(rate_limit), fixed: fixed.is_some() }
    }

    /// Another rate limit, in bytes per second, from the next fragment on.
    pub(super) fn limit(&mut self, rate: Option<u64>) {
        self.affordable = affordable(rate);
    }

    /// Bytes of the next fragment, unless the file ends before.
    pub(super) fn length(&self) -> u64 {
        self.length.min(self.affordable)
    }

    /// The line carried a fragment of `sent` bytes, and its Ack, within `elapsed_ms`.
    pub(super) fn carried(&mut self, sent: u64, elapsed_ms: u64) {
        // The short rest of a file says more about the round trip than about the line.
        if self.fixed || sent < self.length() {
            return;
        }
        let in_time = u128::from(sent)
            .saturating_mul(u128::from(TARGET_SECONDS.saturating_mul(1000)))
            .checked_div(u128::from(elapsed_ms.max(1)))
            .map_or(u64::MAX, |bytes| u64::try_from(bytes).unwrap_or(u64::MAX));
        let wanted = in_time.min(self.length().saturating_mul(2)).max(MIN_FRAGMENT);
        self.length = wanted.min(self.ceiling);
    }

    /// The line broke, or the time was up, during a fragment of `sent` bytes: shorter ones get through a
    /// bad line.
    pub(super) fn broken(&mut self, sent: u64) {
        if !self.fixed {
            self.length = halved(sent).min(self.ceiling);
        }
    }

    /// A fragment of `sent` bytes was too long for the server or something before it (413). `false`: it is
    /// not worth trying a shorter one.
    pub(super) fn refused(&mut self, sent: u64) -> bool {
        if sent <= MIN_FRAGMENT {
            return false;
        }
        self.ceiling = halved(sent).min(self.ceiling);
        self.length = self.length.min(self.ceiling);
        true
    }
}

fn affordable(rate_limit: Option<u64>) -> u64 {
    rate_limit.map_or(u64::MAX, |rate| rate.saturating_mul(TARGET_SECONDS).max(1))
}

fn halved(length: u64) -> u64 {
    (length >> 1).max(MIN_FRAGMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_line_doubles_the_length_up_to_13_mib() {
        let mut plan = Plan::new(None, None);
        assert_eq!(plan.length(), 128 * 1024);
        plan.carried(plan.length(), 10);
        assert_eq!(plan.length(), 256 * 1024);
        for _ in 0..10 {
            plan.carried(plan.length(), 0);
        }
        assert_eq!(plan.length(), 13 * 1024 * 1024);
    }

    #[test]
    fn a_slow_line_gets_what_it_carries_in_ten_seconds() {
        let mut plan = Plan::new(None, None);
        plan.carried(plan.length(), 40_000);
        assert_eq!(plan.length(), 32 * 1024);
        plan.carried(plan.length(), 10_000_000);
        assert_eq!(plan.length(), MIN_FRAGMENT);
    }

    #[test]
    fn the_rest_of_a_file_teaches_nothing() {
        let mut plan = Plan::new(None, None);
        plan.carried(17, 500);
        assert_eq!(plan.length(), FIRST_FRAGMENT);
    }

    #[test]
    fn cli_16_a_refused_length_halves_and_never_comes_back() {
        let mut plan = Plan::new(None, None);
        assert!(plan.refused(128 * 1024));
        for _ in 0..10 {
            plan.carried(plan.length(), 1);
        }
        assert_eq!(plan.length(), 64 * 1024);
    }

    #[test]
    fn cli_16_the_floor_is_5_kib() {
        let mut plan = Plan::new(None, None);
        let mut tries = 0;
        while plan.refused(plan.length()) {
            tries += 1;
        }
        assert_eq!((plan.length(), tries), (5 * 1024, 5));
    }

    #[test]
    fn a_broken_line_halves_the_length_for_a_while() {
        let mut plan = Plan::new(None, None);
        plan.broken(plan.length());
        assert_eq!(plan.length(), 64 * 1024);
        plan.carried(plan.length(), 1);
        assert_eq!(plan.length(), 128 * 1024);
    }

    #[test]
    fn only_a_refusal_changes_a_fixed_length() {
        let mut plan = Plan::new(Some(100_000), None);
        plan.carried(100_000, 1);
        plan.broken(100_000);
        assert_eq!(plan.length(), 100_000);
        assert!(plan.refused(100_000));
        assert_eq!(plan.length(), 50_000);
    }

    #[test]
    fn the_rate_limit_caps_every_length() {
        assert_eq!(Plan::new(None, Some(1000)).length(), 10_000);
        assert_eq!(Plan::new(Some(1 << 20), Some(1000)).length(), 10_000);
        let mut plan = Plan::new(None, Some(100));
        plan.carried(plan.length(), 1);
        assert_eq!(plan.length(), 1000);
        plan.limit(Some(200));
        assert_eq!(plan.length(), 2000);
        plan.limit(None);
        assert!(plan.length() >= MIN_FRAGMENT);
    }
}
