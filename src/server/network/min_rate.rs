//! Whether a peer keeps up the bytes_per_second that a body has to have at least.

use std::time::{Duration, Instant};

/// What a peer has to keep up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MinRate {
    /// Bytes per second; 0: any.
    pub bytes_per_second: u64,
    /// How long it may stay below.
    pub grace: Duration,
}

/// How one body has come along. What a peer may be late grows with every byte, and only the time counts in
/// which it was waited for: a slow disk of this server is not the peer's fault.
#[derive(Debug, Default)]
pub(crate) struct RateMeter {
    moved: u64,
    waited: Duration,
    /// Since when it is being waited for.
    waiting: Option<Instant>,
}

impl RateMeter {
    /// The peer has to do something now.
    pub fn wait(&mut self) {
        self.waiting.get_or_insert_with(Instant::now);
    }

    /// It did.
    pub fn moved(&mut self, count: usize) {
        if let Some(since) = self.waiting.take() {
            self.waited = self.waited.saturating_add(since.elapsed());
        }
        self.moved = self.moved.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// When it has been waited for long enough.
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

    /// How long a peer is still waited for.
    fn left(meter: &RateMeter, min_rate: MinRate) -> Option<Duration> {
        meter.deadline(min_rate).map(|deadline| deadline - meter.waiting.unwrap())
    }

    #[test]
    fn every_byte_earns_time_and_waiting_spends_it() {
        let mut meter = RateMeter::default();
        assert_eq!(meter.deadline(MIN_RATE), None, "nobody waits");
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
    fn waiting_counts_from_its_beginning_however_often_it_is_said() {
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
    fn without_a_rate_everything_is_fast_enough() {
        let mut meter = RateMeter { waited: Duration::MAX, ..RateMeter::default() };
        meter.wait();
        assert_eq!(meter.deadline(MinRate { bytes_per_second: 0, ..MIN_RATE }), None);
    }
}
