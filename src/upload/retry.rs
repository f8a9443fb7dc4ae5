//! When to retry, and when to stop trying.

use std::time::Duration;

use super::RetryPolicy;
use crate::clock::millis;
use crate::error::Error;

/// Fragments in a row whose response may leave the offset at or below the high-water mark (PROTOCOL 6.4).
const MAX_STALLS: u32 = 5;
/// Sessions in a row that may be lost before the offset exceeds the high-water mark.
pub(super) const MAX_RESTARTS: u32 = 5;

/// Counts consecutive failures and derives the delay before the next attempt.
#[derive(Debug)]
pub(crate) struct RetrySchedule {
    policy: RetryPolicy,
    timeout_ms: u64,
    rng: fastrand::Rng,
    /// Consecutive failures.
    failures: u32,
    /// Time of the first of them.
    failing_since_ms: Option<u64>,
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// Try again after `delay`; this was consecutive failure number `attempt`.
    Wait { delay: Duration, attempt: u32 },
    /// Stop trying, after `attempts` consecutive failures within `elapsed_ms`.
    Abort { attempts: u32, elapsed_ms: u64 },
}

impl RetrySchedule {
    pub(crate) fn new(policy: RetryPolicy, no_progress_timeout: Duration, seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        Self { policy, timeout_ms: millis(no_progress_timeout), rng, failures: 0, failing_since_ms: None }
    }

    /// Starts counting from zero, because there was progress.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
        self.failing_since_ms = None;
    }

    /// Reduces the no-progress timeout to `timeout`, if it is longer.
    pub(crate) fn shorten_timeout(&mut self, timeout: Duration) {
        self.timeout_ms = self.timeout_ms.min(millis(timeout));
    }

    /// Records a transient failure. `retry_after` is the delay that the server requested, if any.
    pub(crate) fn on_failure(&mut self, now_ms: u64, retry_after: Option<Duration>) -> RetryDecision {
        self.failures = self.failures.saturating_add(1);
        // Zero if the clock was set back.
        let elapsed_ms = now_ms.saturating_sub(*self.failing_since_ms.get_or_insert(now_ms));
        let left_ms = self.timeout_ms.saturating_sub(elapsed_ms);
        if left_ms == 0 || self.policy.max_attempts.is_some_and(|max| self.failures >= max) {
            return RetryDecision::Abort { attempts: self.failures, elapsed_ms };
        }
        // The last attempt takes place when the timeout ends, even if the server requested a longer delay.
        let requested_ms = retry_after.map_or(0, |delay| self.spread_ms(millis(delay)));
        let delay_ms = self.backoff_ms().max(requested_ms).min(left_ms);
        RetryDecision::Wait { delay: Duration::from_millis(delay_ms), attempt: self.failures }
    }

    /// Extends a requested delay by up to a tenth, so that not all clients of a server return at the same moment.
    fn spread_ms(&mut self, delay_ms: u64) -> u64 {
        delay_ms.saturating_add(self.rng.u64(0..=delay_ms / 10))
    }

    /// A random delay between half the bound and the bound. The randomness spreads the retries of clients
    /// that lost the same server; the lower bound prevents immediate retries.
    fn backoff_ms(&mut self) -> u64 {
        let doublings = self.failures.saturating_sub(1);
        let factor = 1u64.checked_shl(doublings).unwrap_or(u64::MAX);
        let bound = millis(self.policy.first_delay).saturating_mul(factor).min(millis(self.policy.max_delay));
        self.rng.u64(bound.div_ceil(2)..=bound)
    }
}

/// Wraps the last failure in an error with the number of attempts.
pub(crate) fn retries_exhausted(cause: Error, attempts: u32, elapsed_ms: u64) -> Error {
    let seconds = Duration::from_millis(elapsed_ms).as_secs();
    let message = format!("{cause}; gave up after {attempts} failed attempts in {seconds} s");
    let mut error = Error::new(cause.status(), message).transient();
    if let Some(status) = cause.http_status() {
        error = error.with_http_status(status);
    }
    if let Some(hresult) = cause.hresult() {
        error = error.with_hresult(hresult);
    }
    if let Some(context) = cause.context() {
        error = error.with_context(context);
    }
    error.with_source(cause)
}

/// Limits how often the server may lower the offset or lose the session. Otherwise a server could keep an
/// upload running forever. Bytes that are sent a second time neither count as a stall nor as progress.
#[derive(Debug)]
pub(super) struct StallGuard {
    /// The largest offset that was ever acknowledged, in any session.
    high_water: u64,
    stalls: u32,
    restarts: u32,
}

impl StallGuard {
    pub(super) fn new(offset: u64) -> Self {
        Self { high_water: offset, stalls: 0, restarts: 0 }
    }

    /// Records a response that changed the offset. Returns `false` if the upload must not continue.
    pub(super) fn on_offset(&mut self, from: u64, to: u64) -> bool {
        if to > self.high_water {
            *self = Self::new(to);
        } else if to <= from {
            self.stalls = self.stalls.saturating_add(1);
        }
        self.stalls < MAX_STALLS
    }

    /// Records a lost session. Returns how many were lost since the high-water mark last rose.
    pub(super) fn on_session_lost(&mut self) -> u32 {
        self.stalls = 0;
        self.restarts = self.restarts.saturating_add(1);
        self.restarts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(max_attempts: Option<u32>, timeout_s: u64) -> RetrySchedule {
        let policy = RetryPolicy::default()
            .first_delay(Duration::from_secs(1))
            .max_delay(Duration::from_secs(60))
            .max_attempts(max_attempts);
        RetrySchedule::new(policy, Duration::from_secs(timeout_s), 7)
    }

    fn delay(decision: RetryDecision) -> u64 {
        match decision {
            RetryDecision::Wait { delay, .. } => millis(delay),
            RetryDecision::Abort { .. } => panic!("gave up"),
        }
    }

    #[test]
    fn delays_are_between_half_the_bound_and_the_bound_which_doubles() {
        let mut retry = retry(None, u64::MAX);
        for failure in 0..100 {
            let base = 1000u64.saturating_mul(1 << failure.min(20)).min(60_000);
            let drawn = delay(retry.on_failure(0, None));
            assert!((base / 2..=base).contains(&drawn), "failure {failure}: {drawn}");
        }
    }

    #[test]
    fn a_seed_determines_the_sequence_of_delays() {
        let draw = || {
            let mut retry = retry(None, 600);
            [0; 5].map(|now| delay(retry.on_failure(now, None)))
        };
        assert_eq!(draw(), draw());
    }

    #[test]
    fn the_timeout_counts_from_the_first_failure_since_progress() {
        let mut retry = retry(None, 10);
        assert!(delay(retry.on_failure(5_000, None)) > 0);
        assert!(delay(retry.on_failure(14_999, None)) <= 1);
        retry.reset();
        assert!(delay(retry.on_failure(15_000, None)) >= 500);
        assert_eq!(retry.on_failure(25_000, None), RetryDecision::Abort { attempts: 2, elapsed_ms: 10_000 });
    }

    #[test]
    fn a_zero_timeout_makes_the_first_failure_final() {
        assert_eq!(retry(None, 0).on_failure(3, None), RetryDecision::Abort { attempts: 1, elapsed_ms: 0 });
    }

    #[test]
    fn only_consecutive_failures_count() {
        let mut retry = retry(Some(2), 600);
        assert!(delay(retry.on_failure(0, None)) >= 500);
        retry.reset();
        assert!(delay(retry.on_failure(0, None)) >= 500);
        assert!(matches!(retry.on_failure(0, None), RetryDecision::Abort { attempts: 2, .. }));
    }

    #[test]
    fn the_server_may_ask_for_a_longer_delay_up_to_the_timeout() {
        let mut retry = retry(None, 600);
        let mut requested = || {
            retry.reset();
            delay(retry.on_failure(0, Some(Duration::from_secs(30))))
        };
        let delays: Vec<_> = (0..20).map(|_| requested()).collect();
        assert!(delays.iter().all(|delay| (30_000..=33_000).contains(delay)), "{delays:?}");
        assert!(delays.iter().any(|delay| *delay != delays[0]), "not all clients return at once: {delays:?}");
        assert_eq!(delay(retry.on_failure(1_000, Some(Duration::from_secs(9_000)))), 599_000);
    }

    #[test]
    fn stalls_count_until_the_high_water_mark_rises() {
        let mut stalls = StallGuard::new(0);
        assert!(stalls.on_offset(0, 10));
        assert!((0..4).all(|_| stalls.on_offset(10, 5) && stalls.on_offset(5, 10)));
        assert_eq!(stalls.on_session_lost(), 1);
        assert!((0..4).all(|_| stalls.on_offset(10, 10)));
        assert_eq!(stalls.on_session_lost(), 2);
        assert!(stalls.on_offset(10, 11));
        assert_eq!(stalls.on_session_lost(), 1);
        assert!(!(0..5).all(|_| stalls.on_offset(11, 0)));
    }

    #[test]
    fn a_clock_that_is_set_back_is_tolerated() {
        let mut retry = retry(None, 10);
        assert!(delay(retry.on_failure(50_000, None)) >= 500);
        assert!(delay(retry.on_failure(0, None)) >= 1000);
    }
}
