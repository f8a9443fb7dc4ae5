//! Stopping a job from outside: one flag that every wait of the job looks at.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Status};
use crate::proto::HResult;

/// Longest time a system call may block before the flag is looked at again. A stop is promised within 250 ms.
const SLICE: Duration = Duration::from_millis(50);

/// Why a job was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    #[error("suspended as asked; run the job again to go on")]
    Suspend,
    #[error("cancelled as asked")]
    Cancel,
    #[error("the run took longer than it may; run the job again to go on")]
    Deadline,
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        let error = |status| Self::new(status, stop.to_string());
        match stop {
            Stop::Suspend => error(Status::Suspended),
            Stop::Cancel => error(Status::Cancelled),
            Stop::Deadline => error(Status::Timeout).with_hresult(HResult(0x8007_2EE2)).transient(),
        }
    }
}

/// The flag. A clone is the same flag.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    flag: Mutex<Flag>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Flag {
    /// What was asked for, and from when on it counts.
    asked: Option<(Stop, Instant)>,
    /// When the run is over.
    deadline: Option<Instant>,
}

impl Flag {
    fn next(&self) -> Option<(Stop, Instant)> {
        let deadline = self.deadline.map(|at| (Stop::Deadline, at));
        self.asked.into_iter().chain(deadline).min_by_key(|(_, at)| *at)
    }
}

impl Interrupt {
    /// Asks the job to stop, now or as soon as it runs. A cancel outranks a suspend.
    pub fn ask(&self, stop: Stop) {
        let mut flag = self.flag();
        if !matches!(flag.asked, Some((Stop::Cancel, _))) {
            flag.asked = Some((stop, Instant::now()));
        }
        self.0.changed.notify_all();
    }

    /// A run begins that may take so long.
    pub fn begin(&self, timeout: Option<Duration>) {
        self.flag().deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    }

    /// A run ended: what stopped it is dealt with.
    pub fn end(&self) {
        *self.flag() = Flag::default();
    }

    /// Lets a job that was asked to stop do its last words: the stop counts so long after it was asked for,
    /// and nothing else stops the job before.
    pub fn allow(&self, grace: Duration) {
        let mut flag = self.flag();
        flag.deadline = None;
        flag.asked = flag.asked.and_then(|(stop, at)| Some((stop, at.checked_add(grace)?)));
    }

    /// Errors when the job has to stop.
    pub fn check(&self) -> Result<(), Stop> {
        self.slice(Duration::MAX).map(drop)
    }

    /// How long a system call may block now: at most `wanted`, and not so long that a stop waits for it.
    pub fn slice(&self, wanted: Duration) -> Result<Duration, Stop> {
        match self.flag().next() {
            None => Ok(wanted.min(SLICE)),
            Some((stop, at)) => match at.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => Ok(wanted.min(SLICE).min(left)),
                _ => Err(stop),
            },
        }
    }

    /// Waits so long; errors at once when the job has to stop.
    pub fn wait(&self, duration: Duration) -> Result<(), Stop> {
        let begun = Instant::now();
        let mut flag = self.flag();
        loop {
            let now = Instant::now();
            let mut left = duration.saturating_sub(now.saturating_duration_since(begun));
            if let Some((stop, at)) = flag.next() {
                let until = at.saturating_duration_since(now);
                if until.is_zero() {
                    return Err(stop);
                }
                left = left.min(until);
            }
            if left.is_zero() {
                return Ok(());
            }
            let woken = self.0.changed.wait_timeout(flag, left);
            flag = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn flag(&self) -> MutexGuard<'_, Flag> {
        self.0.flag.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_wait_without_a_stop_takes_its_time() {
        let begun = Instant::now();
        Interrupt::default().wait(Duration::from_millis(20)).unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn a_stop_ends_a_wait_of_another_thread_at_once() {
        let interrupt = Interrupt::default();
        let waiter = std::thread::spawn({
            let interrupt = interrupt.clone();
            move || interrupt.wait(LONG)
        });
        interrupt.ask(Stop::Suspend);
        let asked = Instant::now();
        assert_eq!(waiter.join().unwrap(), Err(Stop::Suspend));
        assert!(asked.elapsed() < Duration::from_millis(200));
    }

    #[test]
    fn cancel_outranks_suspend_in_either_order() {
        for order in [[Stop::Suspend, Stop::Cancel], [Stop::Cancel, Stop::Suspend]] {
            let interrupt = Interrupt::default();
            order.into_iter().for_each(|stop| interrupt.ask(stop));
            assert_eq!(interrupt.check(), Err(Stop::Cancel));
        }
    }

    #[test]
    fn the_deadline_of_a_run_stops_it_and_the_next_run_has_its_own() {
        let interrupt = Interrupt::default();
        interrupt.begin(Some(Duration::from_millis(5)));
        assert_eq!(interrupt.wait(LONG), Err(Stop::Deadline));
        interrupt.end();
        interrupt.begin(None);
        assert_eq!(interrupt.check(), Ok(()));
    }

    #[test]
    fn grace_counts_from_the_moment_of_asking() {
        let interrupt = Interrupt::default();
        interrupt.ask(Stop::Cancel);
        interrupt.allow(Duration::from_millis(40));
        assert_eq!(interrupt.check(), Ok(()));
        assert!(interrupt.slice(LONG).unwrap() <= Duration::from_millis(40));
        assert_eq!(interrupt.wait(LONG), Err(Stop::Cancel));
    }

    #[test]
    fn a_stop_before_the_run_ends_the_run() {
        let interrupt = Interrupt::default();
        interrupt.ask(Stop::Suspend);
        interrupt.begin(None);
        assert_eq!(interrupt.check(), Err(Stop::Suspend));
    }
}
