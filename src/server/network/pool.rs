//! The worker threads that drive connections until they would block.
//!
//! There are `core` workers as long as they all make progress. A worker that has been running one job for longer than
//! [`BLOCKED_AFTER`] counts as blocked, in fsync or in application code; a connection's turn is shorter than that.
//! If the first job of the queue has waited for as long and fewer than `core` workers are not blocked, the missing
//! ones are added. So many busy connections add no threads, but a slow disk does. The event loop checks this
//! whenever the queue is not empty: see [`WorkerPool::supervise`]. Workers beyond `core` end when they have not been
//! needed for a while.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::log::{Level, Logger};
use crate::server::observability::LOG_TARGET;

/// How long a job waits before blocked workers are compensated, and how long a busy worker counts as not blocked.
const BLOCKED_AFTER: Duration = Duration::from_millis(5);
/// How often a worker that is to end is hurried. The interval doubles from the shortest to the longest.
const MIN_HURRY: Duration = Duration::from_micros(100);
const MAX_HURRY: Duration = Duration::from_millis(50);
/// Bytes of the buffer that each worker passes to its jobs.
const BUFFER: usize = 256 * 1024;

/// The number of workers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolSize {
    /// Workers that are always kept.
    pub core: usize,
    /// Maximum number of workers.
    pub max: usize,
    /// How long at least one worker must have been idle before a worker beyond `core` ends.
    pub surplus_timeout: Duration,
}

impl PoolSize {
    /// As many workers as the machine has processors, but at least two, so that one blocked worker does not stop
    /// the server.
    pub fn for_machine(max: usize) -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self { core: processors.max(2).min(max), max, surplus_timeout: Duration::from_secs(10) }
    }
}

/// The load of a pool.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PoolLoad {
    /// Workers with a job.
    pub busy: usize,
    /// Workers without a job.
    pub idle: usize,
    /// Jobs that wait for a worker.
    pub queued: usize,
}

/// Runs a job with the worker's buffer; a returned job goes to the end of the queue.
type JobHandler<J> = dyn Fn(J, &mut [u8]) -> Option<J> + Send + Sync;

/// Worker threads and their queue. Clones share the pool.
pub(crate) struct WorkerPool<J>(Arc<PoolInner<J>>);

struct PoolInner<J> {
    size: PoolSize,
    logger: Logger,
    work: Box<JobHandler<J>>,
    state: Mutex<PoolState<J>>,
    /// Signalled for each job while a worker is idle, and when the pool closes.
    ready: Condvar,
}

struct PoolState<J> {
    open: bool,
    /// Jobs, each with the time it was queued.
    queue: VecDeque<(Instant, J)>,
    workers: HashMap<u64, Worker>,
    next_worker: u64,
    idle: usize,
    /// When all workers were last busy.
    last_all_busy: Instant,
    /// The last attempt to start a thread failed; it is logged only once.
    spawn_failing: bool,
}

struct Worker {
    thread: JoinHandle<()>,
    /// When it took its job; `None` while it is idle.
    busy_since: Option<Instant>,
}

impl<J> Clone for WorkerPool<J> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<J: Send + 'static> WorkerPool<J> {
    /// Starts the core workers.
    ///
    /// # Errors
    ///
    /// Fails if a thread cannot be started.
    pub fn start(
        size: PoolSize,
        logger: Logger,
        work: impl Fn(J, &mut [u8]) -> Option<J> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let state = PoolState {
            open: true,
            queue: VecDeque::new(),
            workers: HashMap::new(),
            next_worker: 0,
            idle: 0,
            last_all_busy: Instant::now(),
            spawn_failing: false,
        };
        let inner =
            PoolInner { size, logger, work: Box::new(work), state: Mutex::new(state), ready: Condvar::new() };
        let pool = Self(Arc::new(inner));
        for _ in 0..size.core {
            let spawned = pool.0.spawn(&mut pool.0.lock());
            if let Err(error) = spawned {
                pool.close();
                pool.join(|| {});
                return Err(error);
            }
        }
        Ok(pool)
    }

    /// Puts a job at the end of the queue. A closed pool drops it.
    pub fn push(&self, job: J) {
        let mut state = self.0.lock();
        if state.open {
            state.queue.push_back((Instant::now(), job));
            let has_idle_worker = state.idle > 0;
            drop(state);
            if has_idle_worker {
                self.0.ready.notify_one();
            }
        }
    }

    /// Adds workers if too many are blocked. Returns when to call it again, `None` while the queue is empty.
    ///
    /// The thread that pushes calls it after pushing. A job that a worker requeues needs no call, because that worker
    /// takes the next job itself.
    pub fn supervise(&self, now: Instant) -> Option<Instant> {
        let mut state = self.0.lock();
        let (since, _) = state.queue.front()?;
        let due = since.checked_add(BLOCKED_AFTER)?;
        if now < due {
            return Some(due);
        }
        let running = state.workers.values().filter(|worker| worker.is_running(now)).count();
        let missing = self.0.size.core.saturating_sub(running);
        let room = self.0.size.max.saturating_sub(state.workers.len());
        let refused = (0..missing.min(room)).find_map(|_| self.0.spawn(&mut state).err());
        let was_failing = std::mem::replace(&mut state.spawn_failing, refused.is_some());
        drop(state);
        if let Some(error) = refused
            && !was_failing
        {
            self.0
                .logger
                .log(Level::Warn, LOG_TARGET, || format!("cannot start another worker thread: {error}"));
        }
        now.checked_add(BLOCKED_AFTER)
    }

    /// Drops the queued jobs and makes each worker end after its current job.
    pub fn close(&self) {
        let mut state = self.0.lock();
        state.open = false;
        let dropped = std::mem::take(&mut state.queue);
        drop(state);
        self.0.ready.notify_all();
        drop(dropped);
    }

    /// Waits for the workers of a closed pool, and calls `hurry` again and again until they have ended. Must not be
    /// called by a worker.
    pub fn join(&self, hurry: impl Fn()) {
        let workers = std::mem::take(&mut self.0.lock().workers);
        for worker in workers.into_values() {
            let mut interval = MIN_HURRY;
            while !worker.thread.is_finished() {
                hurry();
                // The end of a thread wakes nobody.
                thread::park_timeout(interval);
                interval = interval.saturating_mul(2).min(MAX_HURRY);
            }
            // A worker catches the panics of its jobs, so that this cannot fail.
            let _ = worker.thread.join();
        }
    }

    /// Returns a function that reads the load; it returns `None` once the pool has been dropped.
    pub fn load(&self) -> impl Fn() -> Option<PoolLoad> + Send + Sync + 'static {
        let pool = Arc::downgrade(&self.0);
        move || {
            let pool = pool.upgrade()?;
            let state = pool.lock();
            let (busy, idle): (Vec<_>, Vec<_>) =
                state.workers.values().partition(|worker| worker.busy_since.is_some());
            Some(PoolLoad { busy: busy.len(), idle: idle.len(), queued: state.queue.len() })
        }
    }

    /// Whether the calling thread is a worker of this pool.
    pub fn is_worker(&self) -> bool {
        let me = thread::current().id();
        self.0.lock().workers.values().any(|worker| worker.thread.thread().id() == me)
    }
}

impl Worker {
    fn is_running(&self, now: Instant) -> bool {
        self.busy_since.is_none_or(|since| now.saturating_duration_since(since) < BLOCKED_AFTER)
    }
}

impl<J: Send + 'static> PoolInner<J> {
    fn lock(&self) -> MutexGuard<'_, PoolState<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(self: &Arc<Self>, state: &mut PoolState<J>) -> io::Result<()> {
        let (inner, id) = (Arc::clone(self), state.next_worker);
        let thread = thread::Builder::new().name("bitsup-worker".into()).spawn(move || inner.run(id))?;
        state.workers.insert(id, Worker { thread, busy_since: Some(Instant::now()) });
        state.next_worker = id.saturating_add(1);
        Ok(())
    }

    /// Runs a worker. A panic drops the job, but does not end the worker.
    fn run(&self, id: u64) {
        let mut buffer = vec![0; BUFFER];
        let mut requeued = None;
        while let Some(job) = self.next(id, requeued.take()) {
            match catch_unwind(AssertUnwindSafe(|| (self.work)(job, &mut buffer))) {
                Ok(returned) => requeued = returned,
                Err(panic) => self.logger.log(Level::Error, LOG_TARGET, || {
                    format!(
                        "panic while serving a request, closing its connection: {}",
                        panic_message(&*panic)
                    )
                }),
            }
        }
    }

    /// Requeues the last job if it was returned, then takes the next one, waiting if there is none. `None` ends the
    /// worker.
    fn next(&self, id: u64, mut requeued: Option<J>) -> Option<J> {
        let mut state = self.lock();
        if state.open {
            let now = Instant::now();
            state.queue.extend(requeued.take().map(|job| (now, job)));
        }
        while state.open {
            if let Some((_, job)) = state.queue.pop_front() {
                let now = Instant::now();
                state.set_busy(id, Some(now));
                state.last_all_busy = if state.idle == 0 { now } else { state.last_all_busy };
                return Some(job);
            }
            if state.workers.len() > self.size.core
                && state.last_all_busy.elapsed() >= self.size.surplus_timeout
            {
                state.workers.remove(&id);
                break;
            }
            state.set_busy(id, None);
            state.idle = state.idle.saturating_add(1);
            let waited = self.ready.wait_timeout(state, self.size.surplus_timeout);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            debug_assert!(state.idle > 0, "each waiting worker is counted");
            state.idle = state.idle.saturating_sub(1);
        }
        None
    }
}

impl<J> PoolState<J> {
    fn set_busy(&mut self, id: u64, since: Option<Instant>) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.busy_since = since;
        }
    }
}

/// Returns the message of a panic.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    const SIZE: PoolSize = PoolSize { core: 2, max: 4, surplus_timeout: Duration::ZERO };
    const LONG: Duration = Duration::from_secs(10);

    /// A job that reports that it runs and then waits until it is released.
    struct BlockingJob {
        started: Sender<()>,
        release: Receiver<()>,
    }

    fn blocking_pool(size: PoolSize) -> WorkerPool<BlockingJob> {
        let work = |job: BlockingJob, _: &mut [u8]| {
            job.started.send(()).unwrap();
            // Ends with an error when the test drops the sender, which releases the job as well.
            let _ = job.release.recv();
            None
        };
        WorkerPool::start(size, Logger::default(), work).unwrap()
    }

    fn workers<J: Send + 'static>(pool: &WorkerPool<J>) -> usize {
        pool.0.lock().workers.len()
    }

    #[test]
    fn workers_are_added_up_to_the_limit_when_all_are_blocked() {
        let pool = blocking_pool(PoolSize { surplus_timeout: LONG, ..SIZE });
        let (started, running) = channel();
        let before = Instant::now();
        let mut releases = Vec::new();
        for _ in 0..6 {
            let (send, release) = channel();
            releases.push(send);
            pool.push(BlockingJob { started: started.clone(), release });
        }
        (0..2).for_each(|_| running.recv_timeout(LONG).unwrap());
        assert!(pool.supervise(before).is_some());
        assert_eq!(workers(&pool), 2, "no job has waited long enough");
        let later = Instant::now() + BLOCKED_AFTER * 2;
        assert!(pool.supervise(later).is_some());
        (0..2).for_each(|_| running.recv_timeout(LONG).unwrap());
        assert!(pool.supervise(later + BLOCKED_AFTER * 2).is_some());
        assert_eq!(workers(&pool), 4, "no more than the limit");
        drop(releases);
        (0..2).for_each(|_| running.recv_timeout(LONG).unwrap());
        pool.close();
        pool.join(|| {});
    }

    #[test]
    fn a_long_queue_adds_no_workers_while_they_make_progress() {
        let pool = blocking_pool(SIZE);
        let (started, running) = channel();
        let (keep, release) = channel();
        pool.push(BlockingJob { started, release });
        running.recv_timeout(LONG).unwrap();
        // The first job of the queue is old, but all workers have taken their jobs just now.
        let mut state = pool.0.lock();
        let now = Instant::now() + BLOCKED_AFTER * 2;
        state.workers.values_mut().for_each(|worker| worker.busy_since = Some(now));
        let (started, _) = channel();
        let (keep_too, release) = channel();
        state.queue.push_back((Instant::now(), BlockingJob { started, release }));
        drop(state);
        assert!(pool.supervise(now).is_some());
        assert_eq!(workers(&pool), 2);
        drop((keep, keep_too));
        pool.close();
        pool.join(|| {});
    }

    #[test]
    fn surplus_workers_end_when_they_are_not_needed() {
        let pool = blocking_pool(SIZE);
        for _ in 0..2 {
            let spawned = pool.0.spawn(&mut pool.0.lock());
            spawned.unwrap();
        }
        while workers(&pool) > 2 {
            thread::yield_now();
        }
        pool.close();
        pool.join(|| {});
        assert_eq!(workers(&pool), 0);
    }

    #[test]
    fn a_panic_drops_the_job_but_keeps_the_worker() {
        let (said, log) = channel();
        let logger = Logger::new(Level::Error, move |_, _, text| said.send(text.to_owned()).unwrap());
        let (done, results) = channel();
        let work = move |job: u32, _: &mut [u8]| {
            assert_ne!(job, 13, "injected panic");
            done.send(job).unwrap();
            (job > 100).then(|| job - 100)
        };
        let pool =
            WorkerPool::start(PoolSize { core: 1, max: 1, surplus_timeout: LONG }, logger, work).unwrap();
        [13, 107].into_iter().for_each(|job| pool.push(job));
        assert!(log.recv_timeout(LONG).unwrap().contains("injected panic"));
        let order: Vec<u32> = (0..2).map(|_| results.recv_timeout(LONG).unwrap()).collect();
        assert_eq!(order, [107, 7], "a returned job is run again");
        pool.close();
        pool.join(|| {});
    }

    #[test]
    fn a_closed_pool_drops_pushed_jobs() {
        let pool = blocking_pool(SIZE);
        pool.close();
        let (started, running) = channel();
        let (_keep, release) = channel();
        pool.push(BlockingJob { started, release });
        assert!(running.recv_timeout(LONG).is_err(), "the job was dropped, and with it the sender");
        pool.join(|| {});
    }
}
