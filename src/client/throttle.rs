//! A limit on bytes per second: each grant moves the moment of the next one.

use std::time::{Duration, Instant};

use super::interrupt::{Interrupt, Stop};

/// The time one grant covers at most; small, so that the flow is even.
const STEP: Duration = Duration::from_millis(50);
/// How much time that passed unused may be caught up on. Covers what a sleep takes too long; no more, lest an
/// idle line be followed by a burst.
const CREDIT: Duration = Duration::from_millis(100);

/// The limit of one job.
#[derive(Debug)]
pub(super) struct Throttle {
    bytes_per_second: u64,
    free_at: Instant,
}

impl Throttle {
    /// A limit of at least one byte per second.
    pub fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), free_at: Instant::now() }
    }

    /// Waits until some of `wanted` bytes may be sent and says how many: at least one, unless none are wanted.
    pub fn grant(&mut self, wanted: usize, interrupt: &Interrupt) -> Result<usize, Stop> {
        let step = self.bytes_per_second.saturating_mul(STEP.as_millis() as u64) / 1000;
        let granted = wanted.min(usize::try_from(step.max(1)).unwrap_or(usize::MAX));
        interrupt.wait(self.free_at.saturating_duration_since(Instant::now()))?;
        let now = Instant::now();
        let begin = self.free_at.max(now.checked_sub(CREDIT).unwrap_or(now));
        self.free_at = begin.checked_add(self.duration_of(granted)).unwrap_or(begin);
        Ok(granted)
    }

    fn duration_of(&self, bytes: usize) -> Duration {
        let nanos = (bytes as u128).saturating_mul(1_000_000_000).checked_div(self.bytes_per_second.into());
        Duration::from_nanos(nanos.and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds_to_send(bytes_per_second: u64, mut bytes: usize) -> f64 {
        let (interrupt, begun) = (Interrupt::default(), Instant::now());
        let mut throttle = Throttle::new(bytes_per_second);
        while bytes > 0 {
            bytes -= throttle.grant(bytes, &interrupt).unwrap();
        }
        begun.elapsed().as_secs_f64()
    }

    #[test]
    fn the_rate_is_kept() {
        // The last step is sent without a wait behind it, hence the lower bound.
        let elapsed = seconds_to_send(1_000_000, 500_000);
        assert!((0.44..0.75).contains(&elapsed), "{elapsed}");
    }

    #[test]
    fn a_tiny_rate_sends_single_bytes() {
        let elapsed = seconds_to_send(10, 4);
        assert!((0.29..0.6).contains(&elapsed), "{elapsed}");
    }

    #[test]
    fn a_huge_rate_does_not_wait() {
        assert!(seconds_to_send(u64::MAX, 1 << 40) < 0.2);
    }

    #[test]
    fn time_spent_idle_is_not_saved_up() {
        let interrupt = Interrupt::default();
        let mut throttle = Throttle::new(1000);
        throttle.free_at = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        let begun = Instant::now();
        let granted: usize = (0..6).map(|_| throttle.grant(50, &interrupt).unwrap()).sum();
        assert_eq!(granted, 300);
        assert!(begun.elapsed() >= Duration::from_millis(140), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let interrupt = Interrupt::default();
        let mut throttle = Throttle::new(1);
        throttle.grant(1, &interrupt).unwrap();
        interrupt.ask(Stop::Cancel);
        assert_eq!(throttle.grant(1, &interrupt), Err(Stop::Cancel));
    }
}
