//! When to try again, and when to give up.

use std::time::Duration;

use super::RetryPolicy;

/// Fragments that may be answered without getting beyond the high-water mark (PROTOCOL 6.4).
const MAX_STALLS: u32 = 5;
/// Sessions that may be lost without getting beyond the high-water mark.
pub(super) const MAX_RESTARTS: u32 = 5;

/// Failures in a row, and what follows from them.
#[derive(Debug)]
pub(crate) struct Retry {
    policy: RetryPolicy,
    timeout_ms: u64,
    rng: fastrand::Rng,
    failures: u32,
    /// When the first of them was.
    since_ms: Option<u64>,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Try again after `delay`; this was the `attempt`-th failure in a row.
    Wait { delay: Duration, attempt: u32 },
    /// Enough: so many failures in so many milliseconds.
    GiveUp { attempts: u32, elapsed_ms: u64 },
}

impl Retry {
    pub(crate) fn new(policy: RetryPolicy, no_progress_timeout: Duration, seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        Self { policy, timeout_ms: millis(no_progress_timeout), rng, failures: 0, since_ms: None }
    }

    /// The upload got on.
    pub(crate) fn progress(&mut self) {
        self.failures = 0;
        self.since_ms = None;
    }

    /// From now on, failures may last no longer than that.
    pub(crate) fn limit(&mut self, timeout: Duration) {
        self.timeout_ms = self.timeout_ms.min(millis(timeout));
    }

    /// Something failed that may pass; the server asked for `at_least` that much patience.
    pub(crate) fn failed(&mut self, now_ms: u64, at_least: Option<Duration>) -> Decision {
        self.failures = self.failures.saturating_add(1);
        let elapsed_ms = now_ms.saturating_sub(*self.since_ms.get_or_insert(now_ms));
        let left_ms = self.timeout_ms.saturating_sub(elapsed_ms);
        if left_ms == 0 || self.policy.max_attempts.is_some_and(|most| self.failures >= most) {
            return Decision::GiveUp { attempts: self.failures, elapsed_ms };
        }
        // Not beyond the end of patience: the last try is then, however long the server wanted.
        let delay_ms = self.backoff_ms().max(at_least.map_or(0, millis)).min(left_ms);
        Decision::Wait { delay: Duration::from_millis(delay_ms), attempt: self.failures }
    }

    /// A random time between half the base and the base: clients that lost one server do not come back in
    /// step, and none comes back at once.
    fn backoff_ms(&mut self) -> u64 {
        let doublings = self.failures.saturating_sub(1);
        let factor = 1u64.checked_shl(doublings).unwrap_or(u64::MAX);
        let base = millis(self.policy.first_delay).saturating_mul(factor).min(millis(self.policy.max_delay));
        self.rng.u64(base.div_ceil(2)..=base)
    }
}

/// What the server took back, or would not take: without a bound, a server could keep an upload going for
/// ever. Bytes that are sent again after a setback neither count as one nor make up for it.
#[derive(Debug)]
pub(super) struct Setbacks {
    /// Most bytes that were ever acknowledged, by whichever session.
    high_water: u64,
    stalls: u32,
    restarts: u32,
}

impl Setbacks {
    pub(super) fn new(offset: u64) -> Self {
        Self { high_water: offset, stalls: 0, restarts: 0 }
    }

    /// Counts an answer that moved the offset from one to the other. `false`: enough.
    pub(super) fn moved(&mut self, from: u64, to: u64) -> bool {
        if to > self.high_water {
            *self = Self::new(to);
        } else if to <= from {
            self.stalls = self.stalls.saturating_add(1);
        }
        self.stalls < MAX_STALLS
    }

    /// Counts a lost session; which loss it is since the high-water mark rose.
    pub(super) fn restarted(&mut self) -> u32 {
        self.stalls = 0;
        self.restarts = self.restarts.saturating_add(1);
        self.restarts
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(max_attempts: Option<u32>, timeout_s: u64) -> Retry {
        let policy = RetryPolicy {
            first_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            max_attempts,
        };
        Retry::new(policy, Duration::from_secs(timeout_s), 7)
    }

    fn delay(decision: Decision) -> u64 {
        match decision {
            Decision::Wait { delay, .. } => millis(delay),
            Decision::GiveUp { .. } => panic!("gave up"),
        }
    }

    #[test]
    fn delays_double_up_to_the_longest_and_keep_half_of_it() {
        let mut retry = retry(None, u64::MAX);
        for failure in 0..100 {
            let base = 1000u64.saturating_mul(1 << failure.min(20)).min(60_000);
            let drawn = delay(retry.failed(0, None));
            assert!((base / 2..=base).contains(&drawn), "failure {failure}: {drawn}");
        }
    }

    #[test]
    fn one_seed_draws_one_sequence() {
        let draw = || {
            let mut retry = retry(None, 600);
            [0; 5].map(|now| delay(retry.failed(now, None)))
        };
        assert_eq!(draw(), draw());
    }

    #[test]
    fn patience_counts_from_the_first_failure_since_progress() {
        let mut retry = retry(None, 10);
        assert!(delay(retry.failed(5_000, None)) > 0);
        assert!(delay(retry.failed(14_999, None)) <= 1);
        retry.progress();
        assert!(delay(retry.failed(15_000, None)) >= 500);
        assert_eq!(retry.failed(25_000, None), Decision::GiveUp { attempts: 2, elapsed_ms: 10_000 });
    }

    #[test]
    fn no_patience_makes_the_first_failure_final() {
        assert_eq!(retry(None, 0).failed(3, None), Decision::GiveUp { attempts: 1, elapsed_ms: 0 });
    }

    #[test]
    fn attempts_are_counted_in_a_row() {
        let mut retry = retry(Some(2), 600);
        assert!(delay(retry.failed(0, None)) >= 500);
        retry.progress();
        assert!(delay(retry.failed(0, None)) >= 500);
        assert!(matches!(retry.failed(0, None), Decision::GiveUp { attempts: 2, .. }));
    }

    #[test]
    fn the_server_may_ask_for_more_patience_but_not_for_more_than_there_is() {
        let mut retry = retry(None, 600);
        assert_eq!(delay(retry.failed(0, Some(Duration::from_secs(30)))), 30_000);
        assert_eq!(delay(retry.failed(1_000, Some(Duration::from_secs(9_000)))), 599_000);
    }

    #[test]
    fn setbacks_count_until_new_ground_is_won() {
        let mut setbacks = Setbacks::new(0);
        assert!(setbacks.moved(0, 10));
        assert!((0..4).all(|_| setbacks.moved(10, 5) && setbacks.moved(5, 10)));
        assert_eq!(setbacks.restarted(), 1);
        assert!((0..4).all(|_| setbacks.moved(10, 10)));
        assert_eq!(setbacks.restarted(), 2);
        assert!(setbacks.moved(10, 11));
        assert_eq!(setbacks.restarted(), 1);
        assert!(!(0..5).all(|_| setbacks.moved(11, 0)));
    }

    #[test]
    fn a_clock_that_steps_back_does_no_harm() {
        let mut retry = retry(None, 10);
        assert!(delay(retry.failed(50_000, None)) >= 500);
        assert!(delay(retry.failed(0, None)) >= 1000);
    }
}
