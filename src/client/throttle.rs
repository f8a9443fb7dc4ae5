//! Rate limiting: each grant of bytes postpones the next one.

use std::num::{NonZeroU64, NonZeroU128};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::interrupt::{Interrupt, StopReason};

/// Maximum duration that one grant covers; short, so that the flow is even.
const STEP: Duration = Duration::from_millis(50);
/// How much unused time is credited: enough to compensate for sleeps that take too long, too little for a
/// burst after an idle period.
const CREDIT: Duration = Duration::from_millis(100);

/// Bytes per second, where 0 stands for no limit. Clones share the value, which any thread may change.
#[derive(Debug, Clone, Default)]
pub(super) struct RateLimit(Arc<AtomicU64>);

impl RateLimit {
    pub fn get(&self) -> Option<u64> {
        let rate = self.0.load(Ordering::Relaxed);
        (rate != 0).then_some(rate)
    }

    pub fn set(&self, bytes_per_second: Option<u64>) {
        self.0.store(bytes_per_second.unwrap_or(0), Ordering::Relaxed);
    }
}

/// Limits the rate of one job.
#[derive(Debug)]
pub(super) struct Throttle {
    rate: RateLimit,
    free_at: Instant,
}

impl Throttle {
    /// Creates a throttle that follows changes of `rate` within 50 ms, or the time of one byte if that is longer.
    pub fn new(rate: RateLimit) -> Self {
        Self { rate, free_at: Instant::now() }
    }

    /// Waits until bytes may be sent and returns how many of `wanted`: at least one, unless `wanted` is 0.
    pub fn grant(&mut self, wanted: usize, interrupt: &Interrupt) -> Result<usize, StopReason> {
        interrupt.wait(self.free_at.saturating_duration_since(Instant::now()))?;
        let Some(rate) = self.rate.get().and_then(NonZeroU64::new) else { return Ok(wanted) };
        let step = rate.get().saturating_mul(STEP.as_millis() as u64) / 1000;
        let granted = wanted.min(usize::try_from(step.max(1)).unwrap_or(usize::MAX));
        let now = Instant::now();
        let begin = self.free_at.max(now.checked_sub(CREDIT).unwrap_or(now));
        self.free_at = begin.checked_add(duration_of(granted, rate)).unwrap_or(begin);
        Ok(granted)
    }
}

/// The time that bytes take at a rate; saturates at some hundred years.
fn duration_of(bytes: usize, rate: NonZeroU64) -> Duration {
    let nanos = (bytes as u128).saturating_mul(1_000_000_000) / NonZeroU128::from(rate);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(bytes_per_second: u64) -> Throttle {
        let rate = RateLimit::default();
        rate.set(Some(bytes_per_second));
        Throttle::new(rate)
    }

    fn seconds_to_send(bytes_per_second: u64, mut bytes: usize) -> f64 {
        let (interrupt, begun) = (Interrupt::default(), Instant::now());
        let mut throttle = limited(bytes_per_second);
        while bytes > 0 {
            bytes -= throttle.grant(bytes, &interrupt).unwrap();
        }
        begun.elapsed().as_secs_f64()
    }

    #[test]
    fn the_rate_is_kept() {
        // No wait follows the last grant, hence the lower bound.
        let elapsed = seconds_to_send(1_000_000, 500_000);
        assert!((0.44..0.75).contains(&elapsed), "{elapsed}");
    }

    #[test]
    fn a_very_low_rate_sends_single_bytes() {
        let elapsed = seconds_to_send(10, 4);
        assert!((0.29..0.6).contains(&elapsed), "{elapsed}");
    }

    #[test]
    fn a_very_high_rate_does_not_wait() {
        assert!(seconds_to_send(u64::MAX, 1 << 40) < 0.2);
    }

    #[test]
    fn a_changed_rate_takes_effect_with_the_next_grant() {
        let (interrupt, mut throttle) = (Interrupt::default(), limited(1000));
        assert_eq!(throttle.grant(1 << 20, &interrupt), Ok(50));
        throttle.rate.set(Some(1_000_000));
        assert_eq!(throttle.grant(1 << 20, &interrupt), Ok(50_000));
        throttle.rate.set(None);
        assert_eq!(throttle.grant(1 << 20, &interrupt), Ok(1 << 20));
        throttle.rate.set(Some(1000));
        assert_eq!(throttle.grant(1 << 20, &interrupt), Ok(50));
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let interrupt = Interrupt::default();
        let mut throttle = limited(1000);
        throttle.free_at = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        let begun = Instant::now();
        let granted: usize = (0..6).map(|_| throttle.grant(50, &interrupt).unwrap()).sum();
        assert_eq!(granted, 300);
        assert!(begun.elapsed() >= Duration::from_millis(140), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let interrupt = Interrupt::default();
        let mut throttle = limited(1);
        throttle.grant(1, &interrupt).unwrap();
        interrupt.request(StopReason::Cancel);
        assert_eq!(throttle.grant(1, &interrupt), Err(StopReason::Cancel));
    }
}
