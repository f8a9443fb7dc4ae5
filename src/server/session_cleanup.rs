//! Schedules the end of expired sessions.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::observability::LOG_TARGET;
use super::router::Router;
use crate::log::{Level, Logger};

/// Minimum time between two runs, even if a session expires sooner.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// Runs every `interval`, or earlier if a session can expire earlier.
pub(crate) struct CleanupSchedule {
    interval: Duration,
    due: Mutex<Option<Instant>>,
}

impl CleanupSchedule {
    /// Creates a schedule without runs.
    pub fn new(interval: Duration) -> Self {
        Self { interval: interval.max(MIN_INTERVAL), due: Mutex::new(None) }
    }

    /// Makes the first run due, because sessions may have expired while no server ran.
    pub fn start(&self) {
        *self.lock() = Some(Instant::now());
    }

    pub fn due(&self) -> Option<Instant> {
        *self.lock()
    }

    /// Returns whether a run is due; if so, schedules the next one an interval later.
    pub fn take(&self, now: Instant) -> bool {
        let mut due = self.lock();
        let is_due = due.is_some_and(|due| due <= now);
        if is_due {
            *due = now.checked_add(self.interval);
        }
        is_due
    }

    /// Ends the expired sessions, and schedules the next run earlier if a session expires before it.
    pub fn run(&self, router: &Router, logger: &Logger) {
        for (prefix, engine) in router.engines() {
            match engine.tick() {
                Ok(tick) => {
                    if tick.expired > 0 {
                        logger.log(Level::Info, LOG_TARGET, || {
                            format!("{prefix}: {} sessions expired", tick.expired)
                        });
                    }
                    self.bring_forward(tick.next);
                }
                Err(error) => logger.log(Level::Error, LOG_TARGET, || {
                    format!("{prefix}: cannot end expired sessions: {error}")
                }),
            }
        }
    }

    fn bring_forward(&self, wait: Option<Duration>) {
        let wanted = wait.and_then(|wait| Instant::now().checked_add(wait.max(MIN_INTERVAL)));
        let mut due = self.lock();
        *due = [*due, wanted].into_iter().flatten().min();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
