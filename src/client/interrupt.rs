//! Stopping a job from another thread: a request that every wait of the job checks.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Status};
use crate::proto::HResult;

/// Maximum time that a system call may block before the stop request is checked. A run ends within 250 ms of it.
const SLICE: Duration = Duration::from_millis(50);

/// Why a job has to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum StopReason {
    #[error("suspended by the caller: run the job again to continue")]
    Suspend,
    #[error("cancelled by the caller")]
    Cancel,
    #[error("the run exceeded its timeout: run the job again to continue")]
    Deadline,
}

impl From<StopReason> for Error {
    fn from(stop: StopReason) -> Self {
        let error = |status| Self::new(status, stop.to_string());
        match stop {
            StopReason::Suspend => error(Status::Suspended),
            StopReason::Cancel => error(Status::Cancelled),
            StopReason::Deadline => error(Status::Timeout).with_hresult(HResult(0x8007_2EE2)).transient(),
        }
    }
}

/// The stop request of a job. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<InterruptShared>);

#[derive(Debug, Default)]
struct InterruptShared {
    request: Mutex<StopRequest>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct StopRequest {
    /// The requested stop, and when it takes effect.
    requested: Option<(StopReason, Instant)>,
    /// When the run times out.
    deadline: Option<Instant>,
}

impl StopRequest {
    /// The stop that takes effect first, and when.
    fn next(&self) -> Option<(StopReason, Instant)> {
        let deadline = self.deadline.map(|at| (StopReason::Deadline, at));
        self.requested.into_iter().chain(deadline).min_by_key(|(_, at)| *at)
    }
}

impl Interrupt {
    /// Requests that the job stop, now or as soon as it runs. A cancel takes precedence over a suspend.
    pub fn request(&self, stop: StopReason) {
        let mut request = self.lock();
        if !matches!(request.requested, Some((StopReason::Cancel, _))) {
            request.requested = Some((stop, Instant::now()));
        }
        self.0.changed.notify_all();
    }

    /// Begins a run that may take at most `timeout`.
    pub fn begin(&self, timeout: Option<Duration>) {
        self.lock().deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    }

    /// Ends a run and clears the stop request.
    pub fn end(&self) {
        *self.lock() = StopRequest::default();
    }

    /// Postpones a requested stop until `grace` after the request, and removes the timeout of the run.
    pub fn postpone_stop(&self, grace: Duration) {
        let mut request = self.lock();
        request.deadline = None;
        request.requested = request.requested.and_then(|(stop, at)| Some((stop, at.checked_add(grace)?)));
    }

    /// Returns an error if the job has to stop.
    pub fn check(&self) -> Result<(), StopReason> {
        self.slice(Duration::MAX).map(drop)
    }

    /// Returns how long a system call may block: at most `wanted`, and short enough not to delay a stop.
    pub fn slice(&self, wanted: Duration) -> Result<Duration, StopReason> {
        match self.lock().next() {
            None => Ok(wanted.min(SLICE)),
            Some((stop, at)) => match at.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => Ok(wanted.min(SLICE).min(left)),
                _ => Err(stop),
            },
        }
    }

    /// Waits for `duration`. Returns an error as soon as the job has to stop.
    pub fn wait(&self, duration: Duration) -> Result<(), StopReason> {
        let begun = Instant::now();
        let mut request = self.lock();
        loop {
            let now = Instant::now();
            let mut left = duration.saturating_sub(now.saturating_duration_since(begun));
            if let Some((stop, at)) = request.next() {
                let until = at.saturating_duration_since(now);
                if until.is_zero() {
                    return Err(stop);
                }
                left = left.min(until);
            }
            if left.is_zero() {
                return Ok(());
            }
            let woken = self.0.changed.wait_timeout(request, left);
            request = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, StopRequest> {
        self.0.request.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_wait_without_a_stop_lasts_its_duration() {
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
        interrupt.request(StopReason::Suspend);
        let asked = Instant::now();
        assert_eq!(waiter.join().unwrap(), Err(StopReason::Suspend));
        assert!(asked.elapsed() < Duration::from_millis(200));
    }

    #[test]
    fn cancel_takes_precedence_over_suspend_in_either_order() {
        for order in [[StopReason::Suspend, StopReason::Cancel], [StopReason::Cancel, StopReason::Suspend]] {
            let interrupt = Interrupt::default();
            order.into_iter().for_each(|stop| interrupt.request(stop));
            assert_eq!(interrupt.check(), Err(StopReason::Cancel));
        }
    }

    #[test]
    fn the_timeout_of_a_run_does_not_affect_the_next_run() {
        let interrupt = Interrupt::default();
        interrupt.begin(Some(Duration::from_millis(5)));
        assert_eq!(interrupt.wait(LONG), Err(StopReason::Deadline));
        interrupt.end();
        interrupt.begin(None);
        assert_eq!(interrupt.check(), Ok(()));
    }

    #[test]
    fn the_grace_period_begins_with_the_request() {
        let interrupt = Interrupt::default();
        interrupt.request(StopReason::Cancel);
        interrupt.postpone_stop(Duration::from_millis(40));
        assert_eq!(interrupt.check(), Ok(()));
        assert!(interrupt.slice(LONG).unwrap() <= Duration::from_millis(40));
        assert_eq!(interrupt.wait(LONG), Err(StopReason::Cancel));
    }

    #[test]
    fn a_stop_requested_before_a_run_ends_it() {
        let interrupt = Interrupt::default();
        interrupt.request(StopReason::Suspend);
        interrupt.begin(None);
        assert_eq!(interrupt.check(), Err(StopReason::Suspend));
    }
}
