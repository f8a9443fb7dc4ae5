//! Whether a peer keeps up the rate that a body has to have at least.

use std::time::{Duration, Instant};

/// What a peer has to keep up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// Bytes per second; 0: any.
    pub rate: u64,
    /// How long it may stay below.
    pub grace: Duration,
}

/// How one body has come along. What a peer may be late grows with every byte, and only the time counts in
/// which it was waited for: a slow disk of this server is not the peer's fault.
#[derive(Debug, Default)]
pub(super) struct Pace {
    moved: u64,
    waited: Duration,
    /// Since when it is being waited for.
    waiting: Option<Instant>,
}

impl Pace {
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
    pub fn deadline(&self, limit: Limit) -> Option<Instant> {
        let earned = Duration::from_secs(self.moved.checked_div(limit.rate)?);
        let left = limit.grace.saturating_add(earned).saturating_sub(self.waited);
        self.waiting?.checked_add(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { rate: 100, grace: Duration::from_secs(60) };

    /// How long a peer is still waited for.
    fn left(pace: &Pace, limit: Limit) -> Option<Duration> {
        pace.deadline(limit).map(|deadline| deadline - pace.waiting.unwrap())
    }

    #[test]
    fn every_byte_earns_time_and_waiting_spends_it() {
        let mut pace = Pace::default();
        assert_eq!(pace.deadline(LIMIT), None, "nobody waits");
        pace.wait();
        assert_eq!(left(&pace, LIMIT), Some(Duration::from_secs(60)));
        pace.moved(1000);
        pace.waited = Duration::from_secs(50);
        pace.wait();
        assert_eq!(left(&pace, LIMIT), Some(Duration::from_secs(20)));
        pace.waited = Duration::from_secs(100);
        assert_eq!(left(&pace, LIMIT), Some(Duration::ZERO));
    }

    #[test]
    fn waiting_counts_from_its_beginning_however_often_it_is_said() {
        let mut pace = Pace::default();
        pace.wait();
        let since = pace.waiting;
        pace.wait();
        assert_eq!(pace.waiting, since);
        let long_ago = Instant::now().checked_sub(Duration::from_millis(100)).unwrap();
        pace.waiting = Some(long_ago);
        pace.moved(0);
        assert!(pace.waited >= Duration::from_millis(100) && pace.waiting.is_none());
    }

    #[test]
    fn without_a_rate_everything_is_fast_enough() {
        let mut pace = Pace { waited: Duration::MAX, ..Pace::default() };
        pace.wait();
        assert_eq!(pace.deadline(Limit { rate: 0, ..LIMIT }), None);
    }
}
