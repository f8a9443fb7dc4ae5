//! The source of time for engine and client, replaceable in tests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of time.
///
/// Threads: called concurrently.
pub trait Clock: Send + Sync {
    /// Returns the time in milliseconds since 1970-01-01 UTC.
    fn now_ms(&self) -> u64;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        // A clock before 1970 reads as 1970.
        millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

/// The time of day at its creation plus the monotonic time since then. Never goes back, and is not affected
/// when the operating system's clock is set.
#[derive(Debug, Clone, Copy)]
pub struct SteadyClock {
    started_ms: u64,
    started: Instant,
}

impl Default for SteadyClock {
    fn default() -> Self {
        Self { started_ms: SystemClock.now_ms(), started: Instant::now() }
    }
}

impl Clock for SteadyClock {
    fn now_ms(&self) -> u64 {
        self.started_ms.saturating_add(millis(self.started.elapsed()))
    }
}

/// A clock that only moves when [`advance`](Self::advance) is called, for tests of timeouts.
///
/// # Examples
///
/// ```
/// use bitsup::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::new(1000);
/// clock.advance(500);
/// assert_eq!(clock.now_ms(), 1500);
/// ```
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Creates a clock that shows `now_ms`, in milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn new(now_ms: u64) -> Self {
        Self(AtomicU64::new(now_ms))
    }

    /// Moves the clock forward by `ms` milliseconds.
    pub fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Returns the whole milliseconds of a duration. Saturates, because `Duration::MAX` stands for no limit.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_clock_starts_at_the_time_of_day_and_advances() {
        let before = SystemClock.now_ms();
        let clock = SteadyClock::default();
        let first = clock.now_ms();
        assert!((before..before + 10_000).contains(&first), "{before} {first}");
        while clock.now_ms() == first {
            std::hint::spin_loop();
        }
        assert!(clock.now_ms() > first);
    }
}
