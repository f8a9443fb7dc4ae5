//! A bounded number of things to lend out.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// At most `max` things, made when they are first needed; the one that came back last is lent first.
pub(super) struct ResourcePool<T> {
    state: Mutex<ResourceState<T>>,
    freed: Condvar,
    max: usize,
}

struct ResourceState<T> {
    idle: Vec<T>,
    lent: usize,
}

impl<T> ResourcePool<T> {
    pub fn new(max: usize) -> Self {
        Self { state: Mutex::new(ResourceState { idle: Vec::new(), lent: 0 }), freed: Condvar::new(), max }
    }

    /// Works with one, made by `make` when none is idle; `None` when all stayed lent for so long. One that
    /// was in use during a panic does not come back; its place does.
    pub fn with<R>(
        &self,
        timeout: Duration,
        make: impl FnOnce() -> T,
        work: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        let all_lent = |state: &mut ResourceState<T>| state.lent >= self.max;
        let waited = self.freed.wait_timeout_while(self.lock(), timeout, all_lent);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return None;
        }
        state.lent = state.lent.saturating_add(1);
        let idle = state.idle.pop();
        drop(state);
        let _permit = PoolPermit(self);
        let thing = idle.unwrap_or_else(make);
        let result = work(&thing);
        self.lock().idle.push(thing);
        Some(result)
    }

    fn lock(&self) -> MutexGuard<'_, ResourceState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of `max` places, taken.
struct PoolPermit<'a, T>(&'a ResourcePool<T>);

impl<T> Drop for PoolPermit<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.lent = state.lent.saturating_sub(1);
        drop(state);
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn things_are_made_when_needed_and_used_again() {
        let (pool, made) = (ResourcePool::new(2), AtomicUsize::new(0));
        let make = || made.fetch_add(1, Ordering::SeqCst);
        for _ in 0..3 {
            assert_eq!(pool.with(LONG, make, |thing| *thing), Some(0));
        }
        let nested = pool.with(LONG, make, |_| pool.with(LONG, make, |thing| *thing));
        assert_eq!(nested, Some(Some(1)));
    }

    #[test]
    fn who_finds_all_lent_waits_for_one_or_for_the_end_of_its_patience() {
        let pool = ResourcePool::new(1);
        let refused = pool.with(LONG, || (), |()| pool.with(Duration::from_millis(5), || (), |()| ()));
        assert_eq!(refused, Some(None));

        let lent = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| pool.with(LONG, || (), |()| lent.wait()));
            lent.wait();
            assert_eq!(pool.with(LONG, || (), |()| ()), Some(()));
        });
    }

    #[test]
    fn a_panic_frees_the_permit() {
        let pool = ResourcePool::new(1);
        thread::scope(|scope| {
            let worker = scope.spawn(|| pool.with(LONG, || (), |()| panic!("as a hook might")));
            assert!(worker.join().is_err());
        });
        assert_eq!(pool.with(Duration::ZERO, || (), |()| ()), Some(()));
    }
}
