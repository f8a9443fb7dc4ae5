//! Time as an argument: engine and client ask a [`Clock`] and never the operating system.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Tells the time in milliseconds since 1970-01-01 UTC.
///
/// Threads: called concurrently.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01 UTC.
    fn now_ms(&self) -> u64;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The machine's own clock as it was when this one was made, and the time that passed since: it neither steps back
/// nor jumps when somebody sets the other.
#[derive(Debug, Clone, Copy)]
pub struct SteadyClock {
    begun_ms: u64,
    begun: Instant,
}

impl Default for SteadyClock {
    fn default() -> Self {
        Self { begun_ms: SystemClock.now_ms(), begun: Instant::now() }
    }
}

impl Clock for SteadyClock {
    fn now_ms(&self) -> u64 {
        let passed = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.begun_ms.saturating_add(passed)
    }
}

/// A clock that moves only when told to; for tests of timeouts.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that shows `now_ms`.
    pub fn new(now_ms: u64) -> Self {
        Self(AtomicU64::new(now_ms))
    }

    /// Lets `ms` milliseconds pass.
    pub fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_clock_tells_the_time_of_day_and_goes_on() {
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
