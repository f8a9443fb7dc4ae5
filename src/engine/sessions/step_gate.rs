//! Admits the steps of a session's requests one at a time on this server, and wakes requests that wait for the session.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A mutex whose waiters can give up: after a time, or when what they wait for has become pointless.
///
/// [`Self::wake`] makes all waiters check whether to give up.
#[derive(Default)]
pub(in crate::engine) struct StepGate {
    state: Mutex<GateState>,
    /// Signalled when a step ends, and by [`StepGate::wake`].
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    /// Whether a step is in progress.
    held: bool,
    /// The number of requests that have arrived.
    arrivals: u64,
    /// How often the session changed in a way that requests wait for.
    changes: u64,
    /// The number of threads that wait. Signalling nobody would cost a system call for each step.
    waiting: usize,
}

/// A step in progress.
pub(in crate::engine) struct StepPermit<'a>(&'a StepGate);

impl StepGate {
    /// Counts a new request, and makes those that wait check whether to give up.
    pub(in crate::engine) fn arrive(&self) -> u64 {
        let mut state = self.state();
        state.arrivals = state.arrivals.wrapping_add(1);
        self.signal(&state);
        state.arrivals
    }

    /// The number of requests that have arrived.
    pub(in crate::engine) fn arrivals(&self) -> u64 {
        self.state().arrivals
    }

    /// Begins a step, after the one in progress. `None` if that does not end within `timeout`, or as soon as
    /// `gives_up` returns true for the number of arrivals.
    pub(in crate::engine) fn enter(
        &self,
        timeout: Duration,
        gives_up: impl Fn(u64) -> bool,
    ) -> Option<StepPermit<'_>> {
        let mut state = self.state();
        if state.held && !timeout.is_zero() {
            state = self.wait(state, Some(timeout), |state| state.held && !gives_up(state.arrivals));
        }
        if state.held {
            return None;
        }
        state.held = true;
        Some(StepPermit(self))
    }

    /// Waits for `time`. Returns early, and then true, if `gives_up` returns true for the number of arrivals.
    pub(in crate::engine) fn pause(&self, time: Duration, gives_up: impl Fn(u64) -> bool) -> bool {
        let state = self.wait(self.state(), Some(time), |state| !gives_up(state.arrivals));
        gives_up(state.arrivals)
    }

    /// The number of changes so far, for [`Self::wait_for_change`].
    pub(in crate::engine) fn changes(&self) -> u64 {
        self.state().changes
    }

    /// Waits until the session has changed since there were `seen` changes, until `timeout` is over (`None`: without
    /// limit), or until `gives_up` returns true.
    pub(in crate::engine) fn wait_for_change(
        &self,
        seen: u64,
        timeout: Option<Duration>,
        gives_up: impl Fn() -> bool,
    ) {
        drop(self.wait(self.state(), timeout, |state| state.changes == seen && !gives_up()));
    }

    /// Ends the waits for a change.
    pub(in crate::engine) fn notify_change(&self) {
        let mut state = self.state();
        state.changes = state.changes.wrapping_add(1);
        self.signal(&state);
    }

    /// Makes all that wait check whether to give up.
    pub(in crate::engine) fn wake(&self) {
        self.signal(&self.state());
    }

    fn signal(&self, state: &GateState) {
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, GateState>,
        timeout: Option<Duration>,
        condition: impl Fn(&GateState) -> bool,
    ) -> MutexGuard<'a, GateState> {
        state.waiting = state.waiting.saturating_add(1);
        let condition = |state: &mut GateState| condition(state);
        let mut state = match timeout {
            None => self.changed.wait_while(state, condition).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                let waited = self.changed.wait_timeout_while(state, timeout, condition);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        debug_assert!(state.waiting > 0, "each waiting thread is counted");
        state.waiting = state.waiting.saturating_sub(1);
        state
    }

    fn state(&self) -> MutexGuard<'_, GateState> {
        // Nothing that could panic runs while the state is inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StepPermit<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.held = false;
        self.0.signal(&state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const LONG: Duration = Duration::from_secs(60);

    fn wait_until_waiting(gate: &StepGate, number: usize) {
        while gate.state().waiting < number {
            thread::yield_now();
        }
    }

    #[test]
    fn steps_are_admitted_one_at_a_time() {
        let gate = StepGate::default();
        let permit = gate.enter(Duration::ZERO, |_| false);
        assert!(permit.is_some());
        assert!(gate.enter(Duration::ZERO, |_| false).is_none());
        assert!(gate.enter(Duration::from_millis(1), |_| false).is_none());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.enter(LONG, |_| false).is_some());
            wait_until_waiting(&gate, 1);
            drop(permit);
            assert!(waiting.join().unwrap());
        });
        assert!(gate.enter(Duration::ZERO, |_| false).is_some());
    }

    #[test]
    fn a_newer_request_ends_the_wait_of_older_ones() {
        let gate = StepGate::default();
        let _permit = gate.enter(Duration::ZERO, |_| false);
        thread::scope(|scope| {
            for number in 1..=3 {
                let own = gate.arrive();
                assert_eq!(own, number);
                scope.spawn(|| assert!(gate.enter(LONG, |arrivals| arrivals > 3).is_none()));
            }
            let paused = scope.spawn(|| gate.pause(LONG, |arrivals| arrivals > 3));
            wait_until_waiting(&gate, 4);
            assert_eq!(gate.arrivals(), 3);
            gate.arrive();
            assert!(paused.join().unwrap());
        });
        assert!(!gate.pause(Duration::from_millis(1), |_| false));
    }

    #[test]
    fn a_change_is_not_missed_between_looking_and_waiting() {
        let gate = StepGate::default();
        let seen = gate.changes();
        gate.notify_change();
        gate.wait_for_change(seen, None, || false);
        gate.wait_for_change(gate.changes(), None, || true);
        gate.wait_for_change(gate.changes(), Some(Duration::from_millis(1)), || false);
    }
}
