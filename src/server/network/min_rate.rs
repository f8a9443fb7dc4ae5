//! Enforces a minimum transfer rate of bodies.

use std::time::{Duration, Instant};

/// The minimum rate of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MinRate {
    /// Bytes per second; 0: no minimum.
    pub bytes_per_second: u64,
    /// How long a body may be slower.
    pub grace: Duration,
}

/// Measures the transfer of one body. Only time spent waiting for the peer counts, so that a slow disk of the
/// server does not count against the client.
#[derive(Debug, Default)]
pub(crate) struct RateMeter {
    moved: u64,
    waited: Duration,
    /// Since when the peer is being waited for.
    waiting: Option<Instant>,
}

impl RateMeter {
    /// Starts waiting for the peer, unless it is being waited for already.
    pub fn wait(&mut self) {
        self.waiting.get_or_insert_with(Instant::now);
    }

    /// Records that the peer sent or accepted `count` bytes, which ends the wait.
    pub fn moved(&mut self, count: usize) {
        if let Some(since) = self.waiting.take() {
            self.waited = self.waited.saturating_add(since.elapsed());
        }
        self.moved = self.moved.saturating_add(count as u64);
    }

    /// Returns when the transfer falls below the minimum rate unless bytes move before.
    pub fn deadline(&self, min_rate: MinRate) -> Option<Instant> {
        let earned = Duration::from_secs(self.moved.checked_div(min_rate.bytes_per_second)?);
        let left = min_rate.grace.saturating_add(earned).saturating_sub(self.waited);
        self.waiting?.checked_add(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN_RATE: MinRate = MinRate { bytes_per_second: 100, grace: Duration::from_secs(60) };

    /// Returns how long the peer may still take.
    fn left(meter: &RateMeter, min_rate: MinRate) -> Option<Duration> {
        meter.deadline(min_rate).map(|deadline| deadline - meter.waiting.unwrap())
    }

    #[test]
    fn moved_bytes_extend_the_deadline() {
        let mut meter = RateMeter::default();
        assert_eq!(meter.deadline(MIN_RATE), None, "the peer is not being waited for");
        meter.wait();
        assert_eq!(left(&meter, MIN_RATE), Some(Duration::from_secs(60)));
        meter.moved(1000);
        meter.waited = Duration::from_secs(50);
        meter.wait();
        assert_eq!(left(&meter, MIN_RATE), Some(Duration::from_secs(20)));
        meter.waited = Duration::from_secs(100);
        assert_eq!(left(&meter, MIN_RATE), Some(Duration::ZERO));
    }

    #[test]
    fn repeated_waits_count_from_the_first() {
        let mut meter = RateMeter::default();
        meter.wait();
        let since = meter.waiting;
        meter.wait();
        assert_eq!(meter.waiting, since);
        let long_ago = Instant::now().checked_sub(Duration::from_millis(100)).unwrap();
        meter.waiting = Some(long_ago);
        meter.moved(0);
        assert!(meter.waited >= Duration::from_millis(100) && meter.waiting.is_none());
    }

    #[test]
    fn without_a_minimum_there_is_no_deadline() {
        let mut meter = RateMeter { waited: Duration::MAX, ..RateMeter::default() };
        meter.wait();
        assert_eq!(meter.deadline(MinRate { bytes_per_second: 0, ..MIN_RATE }), None);
    }
}
