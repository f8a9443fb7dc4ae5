//! A pool with a bounded number of resources.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// At most `max` resources, created when needed; the one returned last is used first.
pub(super) struct ResourcePool<T> {
    state: Mutex<ResourceState<T>>,
    freed: Condvar,
    max: usize,
}

struct ResourceState<T> {
    idle: Vec<T>,
    in_use: usize,
}

impl<T> ResourcePool<T> {
    pub fn new(max: usize) -> Self {
        Self { state: Mutex::new(ResourceState { idle: Vec::new(), in_use: 0 }), freed: Condvar::new(), max }
    }

    /// Runs `work` with a resource, created by `make` if none is idle; `None` if all stayed in use for `timeout`. After a
    /// panic of `work` the resource is dropped and may be replaced.
    pub fn with<R>(
        &self,
        timeout: Duration,
        make: impl FnOnce() -> T,
        work: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        let all_in_use = |state: &mut ResourceState<T>| state.in_use >= self.max;
        let waited = self.freed.wait_timeout_while(self.lock(), timeout, all_in_use);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return None;
        }
        state.in_use = state.in_use.saturating_add(1);
        let idle = state.idle.pop();
        drop(state);
        let _permit = PoolPermit(self);
        let resource = idle.unwrap_or_else(make);
        let result = work(&resource);
        self.lock().idle.push(resource);
        Some(result)
    }

    fn lock(&self) -> MutexGuard<'_, ResourceState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one of the `max` resources as in use until it is dropped.
struct PoolPermit<'a, T>(&'a ResourcePool<T>);

impl<T> Drop for PoolPermit<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        debug_assert!(state.in_use > 0, "a permit is counted until it is dropped");
        state.in_use = state.in_use.saturating_sub(1);
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
    fn resources_are_created_when_needed_and_reused() {
        let (pool, made) = (ResourcePool::new(2), AtomicUsize::new(0));
        let make = || made.fetch_add(1, Ordering::SeqCst);
        for _ in 0..3 {
            assert_eq!(pool.with(LONG, make, |resource| *resource), Some(0));
        }
        let nested = pool.with(LONG, make, |_| pool.with(LONG, make, |resource| *resource));
        assert_eq!(nested, Some(Some(1)));
    }

    #[test]
    fn a_caller_waits_for_a_resource_or_the_timeout() {
        let pool = ResourcePool::new(1);
        let refused = pool.with(LONG, || (), |()| pool.with(Duration::from_millis(5), || (), |()| ()));
        assert_eq!(refused, Some(None));

        let in_use = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| pool.with(LONG, || (), |()| in_use.wait()));
            in_use.wait();
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
