//! One session: its lock, and which of its requests may act on it.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::shared_state::{CallbackInProgress, Generation, SharedState};
use super::step_gate::{StepGate, StepPermit};
use crate::engine::callbacks::event::SessionEventKind;
use crate::engine::callbacks::hooks::EndReason;
use crate::engine::context::EngineContext;
use crate::engine::faults;
use crate::log::Level;
use crate::proto::{Fault, SessionId};
use crate::store::{Destination, SessionLock, SessionRecord, SharedStore, StoreError};

/// How often the last activity of a session is published to the other servers, in milliseconds.
const PUBLISH_INTERVAL_MS: u64 = 1000;

/// How often a request polls whether a callback that runs on another server has returned. The interval doubles
/// from the shortest to the longest.
const MIN_POLL: Duration = Duration::from_millis(5);
const MAX_POLL: Duration = Duration::from_millis(250);

/// How long a request waits for a callback that runs on another server. That server may have stopped; if not, the
/// client's next attempt gets the result.
const PEER_CALLBACK_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a request polls a session that another server holds. The interval doubles from the shortest to the
/// longest.
const MIN_LOCK_POLL: Duration = Duration::from_millis(1);
const MAX_LOCK_POLL: Duration = Duration::from_millis(10);

/// How long a request waits for a step in progress on this server, which may be delivering a large file.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request waits for a session that another server holds. Steps take milliseconds, so that server has
/// probably stopped.
const PEER_TIMEOUT: Duration = Duration::from_secs(1);
/// The same once a request has waited in vain, until one gets the session. So impatient retries occupy no workers.
const HELD_PEER_TIMEOUT: Duration = Duration::from_millis(50);
/// The same after a callback: giving up would lose the application's decision.
const DECIDED_PEER_TIMEOUT: Duration = Duration::from_secs(30);

/// A session of an engine.
///
/// Every request first gets a [`Generation`]; the newest one owns the session, and each step of an older
/// request fails. A client that reconnects thus takes over its session at once, and two bodies are never
/// mixed (PROTOCOL 4.8).
///
/// The exception is a request that is in a callback of the application: it finishes its step even if newer
/// requests have arrived. The lock is released during the callback: other requests of the session wait until
/// it returns, but readers are not blocked.
///
/// If the store is shared, the same holds among all servers: each step also takes the store's [`SessionLock`],
/// and [`SessionData`] is a copy that is refreshed with it.
///
/// No wait for the session is without limit ([`LockWait`]), and a newer request ends those of older ones, so that at
/// most a few threads wait for a session, however often its client tries.
pub(in crate::engine) struct Session {
    pub(in crate::engine) id: SessionId,
    /// The path of the remote name.
    pub(in crate::engine) remote: Destination,
    /// The query of the remote name.
    pub(in crate::engine) query: Option<String>,
    pub(in crate::engine) owner: Option<String>,
    context: Arc<EngineContext>,
    last_active_ms: AtomicU64,
    /// The last activity that was published to the other servers.
    published_ms: AtomicU64,
    /// The generation of the request on this server whose body is in flight; 0 for none.
    body_generation: AtomicU64,
    /// Admits steps one at a time. A change is that a callback returned, or that a newer request or the end of the
    /// session makes waiting for it pointless.
    gate: StepGate,
    /// Locked by the step that the gate has admitted, so that nobody waits for this mutex.
    data: Mutex<SessionData>,
    /// The generation in `data`, readable during a step.
    known_generation: AtomicU64,
    /// Whether `data` says that the session has ended, readable during a step.
    known_ended: AtomicBool,
    /// Whether this engine made the callback in progress.
    callback_is_ours: AtomicBool,
    /// Whether a request has waited in vain for a session that another server holds, and none got it since.
    held_by_peer: AtomicBool,
}

/// How long to wait for a session. [`EngineContext::abort_waits`] ends every wait.
#[derive(Clone, Copy)]
struct LockWait {
    /// For a step on this server.
    step: Duration,
    /// For a server that shares the store.
    peer: Duration,
    /// Give up when more requests than these have arrived.
    arrivals: Option<u64>,
    /// Give up when a request with another generation is known.
    generation: Option<Generation>,
}

impl LockWait {
    /// Takes the session if it is free.
    const NONE: Self = Self { step: Duration::ZERO, peer: Duration::ZERO, arrivals: None, generation: None };
    /// Waits to record the outcome of a callback.
    const DECIDED: Self =
        Self { step: STEP_TIMEOUT, peer: DECIDED_PEER_TIMEOUT, arrivals: None, generation: None };
}

/// What changes under the session's lock. Only a [`SessionGuard`] changes it.
pub(in crate::engine) struct SessionData {
    pub(in crate::engine) record: SessionRecord,
    /// Whether the session was removed while the caller waited for the lock.
    pub(in crate::engine) ended: bool,
    pub(in crate::engine) shared: SharedState,
    /// The version of `record`; `None` if no other server can change it.
    record_version: Option<u64>,
}

impl Session {
    pub(in crate::engine) fn new(
        context: &Arc<EngineContext>,
        record: SessionRecord,
        last_active_ms: u64,
    ) -> Self {
        Self {
            id: record.id,
            remote: record.remote().clone(),
            query: record.query.clone(),
            owner: record.owner.clone(),
            context: Arc::clone(context),
            last_active_ms: AtomicU64::new(last_active_ms),
            published_ms: AtomicU64::new(last_active_ms),
            body_generation: AtomicU64::new(0),
            gate: StepGate::default(),
            data: Mutex::new(SessionData {
                record,
                ended: false,
                shared: SharedState::default(),
                record_version: None,
            }),
            known_generation: AtomicU64::new(0),
            known_ended: AtomicBool::new(false),
            callback_is_ours: AtomicBool::new(false),
            held_by_peer: AtomicBool::new(false),
        }
    }

    pub(in crate::engine) fn context(&self) -> &EngineContext {
        &self.context
    }

    /// Makes the caller the session's newest request. Older requests that wait for the session stop waiting.
    ///
    /// # Errors
    ///
    /// 503 if the session is held for too long, or if an even newer request arrives; fails if the store does. Does not
    /// check whether the session has ended; [`Self::lock_for`] does.
    pub(in crate::engine) fn begin_request(&self) -> Result<Generation, Fault> {
        let wait = LockWait { arrivals: Some(self.gate.arrive()), ..self.usual_wait() };
        let next = self.lock_within(wait).and_then(|mut guard| {
            let generation = guard.next_generation()?;
            let interrupts_body = self.body_generation.swap(0, Ordering::SeqCst) != 0 && !guard.ended;
            Ok((generation, interrupts_body.then(|| guard.record.clone())))
        });
        let (generation, taken_over) = next.map_err(|error| self.context.store_fault(&error))?;
        if let Some(record) = taken_over {
            self.context.emit(&record, None, SessionEventKind::TakenOver);
        }
        Ok(generation)
    }

    /// Checks that no newer request is known to have taken over the session.
    ///
    /// # Errors
    ///
    /// 503 otherwise: the same client has abandoned the older connection, and a 4xx would be final if it still
    /// reads the response.
    pub(in crate::engine) fn check_generation(&self, generation: Generation) -> Result<(), Fault> {
        if self.known_generation.load(Ordering::SeqCst) == generation.number() {
            Ok(())
        } else {
            Err(Fault::unavailable("a newer request took over the session", 1))
        }
    }

    /// Locks the session for one step of a request, after any callback in progress.
    ///
    /// # Errors
    ///
    /// The session has ended, a newer request took it over, or it is held for too long.
    pub(in crate::engine) fn lock_for(&self, generation: Generation) -> Result<SessionGuard<'_>, Fault> {
        self.lock_step(generation)?.wait_for_callback(generation)
    }

    /// Like [`Self::lock_for`], but returns `None` at once while [`CallbackInProgress::Received`]: that
    /// callback can take minutes, and the caller has a body to read in the meantime.
    pub(in crate::engine) fn lock_unless_notifying(
        &self,
        generation: Generation,
    ) -> Result<Option<SessionGuard<'_>>, Fault> {
        let guard = self.lock_step(generation)?;
        match guard.shared.callback {
            Some(CallbackInProgress::Received) => Ok(None),
            _ => guard.wait_for_callback(generation).map(Some),
        }
    }

    /// Locks the session against all requests, newer ones included, in order to end it. `None` if it has ended
    /// already, or ends as soon as the callback in progress returns.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if the session is held for too long; for [`EndReason::Expired`], without waiting.
    pub(in crate::engine) fn lock_exclusive(
        &self,
        reason: EndReason,
    ) -> Result<Option<SessionGuard<'_>>, StoreError> {
        let mut guard = if reason == EndReason::Expired { self.try_lock() } else { self.lock() }?;
        if guard.shared.callback.is_some() && !guard.ended {
            guard.data.shared.pending_end.get_or_insert(reason);
            guard.next_generation()?;
            return Ok(None);
        }
        guard.next_generation()?;
        Ok((!guard.ended).then_some(guard))
    }

    /// Locks the session regardless of its requests.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if the session is held for too long.
    pub(in crate::engine) fn lock(&self) -> Result<SessionGuard<'_>, StoreError> {
        self.lock_within(self.usual_wait())
    }

    /// Locks the session regardless of its requests, without waiting.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if the session is held.
    pub(in crate::engine) fn try_lock(&self) -> Result<SessionGuard<'_>, StoreError> {
        self.lock_within(LockWait::NONE)
    }

    /// Makes everything that waits for the session check whether to give up.
    pub(in crate::engine) fn wake(&self) {
        self.gate.wake();
    }

    /// Reads the record; `None` if the session has ended.
    pub(in crate::engine) fn read<T>(
        &self,
        read: impl FnOnce(&SessionRecord) -> T,
    ) -> Result<Option<T>, StoreError> {
        let guard = self.lock()?;
        Ok((!guard.ended).then(|| read(&guard.record)))
    }

    /// Whether the session should end now. A session whose callback is in progress does not expire; if it is ended for
    /// another reason, it ends when the callback returns. If it did not end then, it is overdue: the store failed, the
    /// application panicked, or the server that made the call died.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if the session is held.
    pub(in crate::engine) fn is_due(&self, is_idle: bool) -> Result<bool, StoreError> {
        let guard = self.try_lock()?;
        Ok(guard.shared.callback.is_none() && (is_idle || guard.shared.pending_end.is_some()))
    }

    /// Whether the session is known to have ended.
    pub(in crate::engine) fn has_ended(&self) -> bool {
        self.known_ended.load(Ordering::SeqCst)
    }

    /// Restarts the session timer.
    pub(in crate::engine) fn touch(&self) {
        let now_ms = self.context.now_ms();
        self.last_active_ms.store(now_ms, Ordering::Relaxed);
        let Some(store) = self.context.shared_store() else { return };
        if now_ms.saturating_sub(self.published_ms.load(Ordering::Relaxed)) < PUBLISH_INTERVAL_MS {
            return;
        }
        self.published_ms.store(now_ms, Ordering::Relaxed);
        match store.touch(self.id, now_ms) {
            // The session has ended since.
            Ok(()) | Err(StoreError::NotFound) => {}
            Err(error) => self.context.log(Level::Warn, || {
                format!("{}: cannot publish its last activity to the other servers: {error}", self.id)
            }),
        }
    }

    /// Records that another server used the session at that time.
    pub(in crate::engine) fn record_activity(&self, then_ms: u64) {
        self.last_active_ms.fetch_max(then_ms, Ordering::Relaxed);
    }

    pub(in crate::engine) fn last_active_ms(&self) -> u64 {
        self.last_active_ms.load(Ordering::Relaxed)
    }

    /// How long the session lives without a further packet.
    pub(in crate::engine) fn time_left(&self) -> Duration {
        // The clock may have been set back.
        let idle = self.context.now_ms().saturating_sub(self.last_active_ms());
        self.context.config.session_timeout.saturating_sub(Duration::from_millis(idle))
    }

    /// Whether the session timer has run out, on all servers.
    pub(in crate::engine) fn is_idle(&self) -> Result<bool, StoreError> {
        if self.time_left().is_zero()
            && self.context.shared_store().is_some()
            && let Some(stored) = self.context.config.store.find(self.id)?
        {
            self.record_activity(stored.modified_ms);
        }
        Ok(self.time_left().is_zero())
    }

    /// The session's data, or `None` while a step of a request holds the lock.
    pub(in crate::engine) fn try_data(&self) -> Option<MutexGuard<'_, SessionData>> {
        match self.data.try_lock() {
            Ok(data) => Some(data),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// How long anything but a clean-up waits.
    fn usual_wait(&self) -> LockWait {
        let is_held = self.held_by_peer.load(Ordering::SeqCst);
        let peer = if is_held { HELD_PEER_TIMEOUT } else { PEER_TIMEOUT };
        LockWait { step: STEP_TIMEOUT, peer, arrivals: None, generation: None }
    }

    /// Locks the session for a step of a request, whether or not a callback is in progress.
    fn lock_step(&self, generation: Generation) -> Result<SessionGuard<'_>, Fault> {
        let wait = LockWait {
            arrivals: Some(self.gate.arrivals()),
            generation: Some(generation),
            ..self.usual_wait()
        };
        let guard = self.lock_within(wait).map_err(|error| self.context.store_fault(&error))?;
        if guard.ended || guard.shared.pending_end.is_some() {
            return Err(Fault::session_not_found());
        }
        self.check_generation(generation).map(|()| guard)
    }

    fn lock_within(&self, wait: LockWait) -> Result<SessionGuard<'_>, StoreError> {
        let aborts = self.context.aborts();
        let gives_up = |arrivals: u64| {
            wait.arrivals.is_some_and(|known| known != arrivals)
                || wait.generation.is_some_and(|own| self.check_generation(own).is_err())
                || self.context.aborts() != aborts
        };
        let permit = self.gate.enter(wait.step, gives_up).ok_or(StoreError::Busy)?;
        // A panic elsewhere leaves the record intact: it is replaced, never changed in place.
        let data = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        let mut guard = SessionGuard { store_lock: None, data, permit, session: self };
        if !guard.ended {
            match self.context.shared_store() {
                Some(store) => guard.acquire(store, wait.peer, gives_up)?,
                None => guard.forget_failed_callback(),
            }
        }
        Ok(guard)
    }

    /// Takes the store's lock, and polls it for at most `timeout` if another server holds it.
    fn lock_store(
        &self,
        store: &dyn SharedStore,
        timeout: Duration,
        gives_up: impl Fn(u64) -> bool,
    ) -> Result<Box<dyn SessionLock>, StoreError> {
        let (mut left, mut interval) = (timeout, MIN_LOCK_POLL);
        loop {
            match store.try_lock(self.id) {
                Err(StoreError::Busy) if !left.is_zero() => {}
                Err(StoreError::Busy) => {
                    if !timeout.is_zero() && !self.held_by_peer.swap(true, Ordering::SeqCst) {
                        self.context.log(Level::Warn, || {
                            format!(
                                "{}: another server has held the session for more than {} s",
                                self.id,
                                timeout.as_secs()
                            )
                        });
                    }
                    return Err(StoreError::Busy);
                }
                result => {
                    self.held_by_peer.store(false, Ordering::SeqCst);
                    return result;
                }
            }
            let pause = interval.min(left);
            if self.gate.pause(pause, &gives_up) {
                return Err(StoreError::Busy);
            }
            left = left.saturating_sub(pause);
            interval = interval.saturating_mul(2).min(MAX_LOCK_POLL);
        }
    }
}

/// Marks a request whose body is in flight, until it is dropped or a newer request takes over.
pub(in crate::engine) struct BodyInFlight {
    session: Arc<Session>,
    generation: Generation,
}

impl BodyInFlight {
    pub(in crate::engine) fn begin(session: &Arc<Session>, generation: Generation) -> Self {
        session.body_generation.store(generation.number(), Ordering::SeqCst);
        Self { session: Arc::clone(session), generation }
    }
}

impl Drop for BodyInFlight {
    fn drop(&mut self) {
        // Fails if a newer request has taken over: then the mark is no longer this request's.
        let _ = self.session.body_generation.compare_exchange(
            self.generation.number(),
            0,
            Ordering::SeqCst,
            Ordering::SeqCst,
        );
    }
}

/// The lock of a session, held for one step of a request.
pub(in crate::engine) struct SessionGuard<'a> {
    // Released in the order of declaration: the next step on this server must find everything free.
    store_lock: Option<Box<dyn SessionLock>>,
    data: MutexGuard<'a, SessionData>,
    permit: StepPermit<'a>,
    session: &'a Session,
}

impl<'a> SessionGuard<'a> {
    /// Takes the store's lock, and refreshes the data with what other servers changed.
    fn acquire(
        &mut self,
        store: &dyn SharedStore,
        timeout: Duration,
        gives_up: impl Fn(u64) -> bool,
    ) -> Result<(), StoreError> {
        let lock = match self.session.lock_store(store, timeout, gives_up) {
            Err(StoreError::NotFound) => {
                self.mark_ended_elsewhere();
                return Ok(());
            }
            result => result?,
        };
        let shared = SharedState::parse(lock.state())?;
        if self.record_version != Some(shared.record_version) {
            let Some(stored) = self.session.context.config.store.find(self.session.id)? else {
                self.mark_ended_elsewhere();
                return Ok(());
            };
            self.data.record = stored.record;
            self.data.record_version = Some(shared.record_version);
        }
        let caller_died = shared.callback.is_some()
            && !self.session.callback_is_ours.load(Ordering::SeqCst)
            && !lock.callback_in_progress()?;
        self.session.known_generation.store(shared.generation.number(), Ordering::SeqCst);
        self.data.shared = shared;
        self.store_lock = Some(lock);
        if caller_died {
            self.data.shared.callback = None;
            self.publish()?;
        }
        Ok(())
    }

    /// Forgets the callback in progress if its request has ended without locking the session again.
    fn forget_failed_callback(&mut self) {
        if !self.session.callback_is_ours.load(Ordering::SeqCst) {
            self.data.shared.callback = None;
        }
    }

    /// Records that another server ended the session.
    fn mark_ended_elsewhere(&mut self) {
        self.mark_ended();
        self.session.gate.notify_change();
    }

    /// Writes the shared state for the other servers.
    fn publish(&mut self) -> Result<(), StoreError> {
        let Self { store_lock: Some(lock), data, .. } = self else { return Ok(()) };
        lock.write_state(&data.shared.to_bytes()?)
    }

    fn next_generation(&mut self) -> Result<Generation, StoreError> {
        self.data.shared.generation = self.shared.generation.next();
        self.publish()?;
        self.session.known_generation.store(self.shared.generation.number(), Ordering::SeqCst);
        self.session.gate.notify_change();
        Ok(self.shared.generation)
    }

    /// Announces to the other servers that the record is about to be replaced. Must precede the replacement:
    /// if this process dies in between, the others only read the old record again.
    fn announce_record(&mut self) -> Result<(), StoreError> {
        if self.store_lock.is_none() {
            return Ok(());
        }
        self.data.shared.record_version = self.shared.record_version.wrapping_add(1);
        self.data.record_version = Some(self.shared.record_version);
        self.publish()
    }

    /// Replaces the record if `write` has written the new one to the store.
    pub(in crate::engine) fn replace_record(
        &mut self,
        record: SessionRecord,
        write: impl FnOnce(&SessionRecord) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.announce_record()?;
        write(&record)?;
        self.data.record = record;
        Ok(())
    }

    /// Replaces the record by one with the application's decision. The decision holds for this process even if
    /// it cannot be written to the store.
    pub(in crate::engine) fn record_outcome(&mut self, record: SessionRecord) -> Result<(), StoreError> {
        let saved = self.announce_record().and_then(|()| self.session.context.config.store.save(&record));
        self.data.record = record;
        saved
    }

    /// Keeps the application's rejection for all requests that have arrived so far, because they waited for
    /// it.
    pub(in crate::engine) fn reject(&mut self, fault: &Fault) -> Result<(), StoreError> {
        self.data.shared.reject(fault);
        self.publish()
    }

    /// Marks the session as ended, once the store has removed it.
    pub(in crate::engine) fn mark_ended(&mut self) {
        self.data.ended = true;
        self.session.known_ended.store(true, Ordering::SeqCst);
    }

    /// Releases the lock for a callback of the application. If the result is dropped without
    /// [`relock`](UnlockedForCallback::relock), as by a panic, the session continues as it was.
    pub(in crate::engine) fn unlock_for_callback(
        mut self,
        callback: CallbackInProgress,
    ) -> Result<UnlockedForCallback<'a>, StoreError> {
        let mark = self.store_lock.as_ref().map(|lock| lock.mark_callback()).transpose()?;
        self.data.shared.callback = Some(callback);
        self.publish()?;
        self.session.callback_is_ours.store(true, Ordering::SeqCst);
        Ok(UnlockedForCallback { session: self.session, mark })
    }

    /// Waits until no callback is in progress: without limit for one of this server, because the host application
    /// limits the time of its callbacks.
    fn wait_for_callback(self, generation: Generation) -> Result<Self, Fault> {
        let session = self.session;
        let mut guard = self;
        let (mut interval, mut left) = (MIN_POLL, PEER_CALLBACK_TIMEOUT);
        let aborts = session.context.aborts();
        while guard.shared.callback.is_some() {
            if !session.callback_is_ours.load(Ordering::SeqCst) {
                if left.is_zero() || session.context.aborts() != aborts {
                    return Err(faults::session_busy());
                }
                left = left.saturating_sub(interval);
            }
            guard.wait(interval, aborts);
            guard = session.lock_step(generation)?;
            interval = interval.saturating_mul(2).min(MAX_POLL);
        }
        Ok(guard)
    }

    /// Releases the lock until the session changes on this server. If the store is shared, waits for
    /// `interval` at most, because changes on other servers are polled for.
    fn wait(self, interval: Duration, aborts: u64) {
        let Self { store_lock, data, permit, session } = self;
        let seen = session.gate.changes();
        drop(store_lock);
        drop(data);
        drop(permit);
        let interval = session.context.shared_store().map(|_| interval);
        let is_aborted = || interval.is_some() && session.context.aborts() != aborts;
        session.gate.wait_for_change(seen, interval, is_aborted);
    }
}

impl Deref for SessionGuard<'_> {
    type Target = SessionData;

    fn deref(&self) -> &SessionData {
        &self.data
    }
}

/// A session whose lock is released while the application is called.
#[must_use = "the session must be locked again after the callback"]
pub(in crate::engine) struct UnlockedForCallback<'a> {
    session: &'a Session,
    /// Makes the callback in progress visible to the other servers.
    mark: Option<Box<dyn Send>>,
}

impl<'a> UnlockedForCallback<'a> {
    /// Locks the session again. Also returns why it must end now, if that was requested during the callback.
    pub(in crate::engine) fn relock(mut self) -> Result<(SessionGuard<'a>, Option<EndReason>), StoreError> {
        let mut guard = self.session.lock_within(LockWait::DECIDED)?;
        self.mark = None;
        self.session.callback_is_ours.store(false, Ordering::SeqCst);
        guard.data.shared.callback = None;
        self.session.gate.notify_change();
        // Everything that `drop` would do is done, without releasing the lock in between.
        std::mem::forget(self);
        let pending_end = guard.shared.pending_end;
        Ok((guard, pending_end))
    }
}

impl Drop for UnlockedForCallback<'_> {
    fn drop(&mut self) {
        self.mark = None;
        self.session.callback_is_ours.store(false, Ordering::SeqCst);
        // If a step is in progress, the next one does this.
        if let Some(mut data) = self.session.try_data() {
            data.shared.callback = None;
        }
        self.session.gate.notify_change();
    }
}
