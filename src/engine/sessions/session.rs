//! One session: its lock, and which of its requests may act on it.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::shared_state::{CallbackInProgress, Generation, SharedState};
use crate::engine::callbacks::event::SessionEventKind;
use crate::engine::callbacks::hooks::EndReason;
use crate::engine::context::EngineContext;
use crate::log::Level;
use crate::proto::{Fault, SessionId};
use crate::store::{Destination, SessionLock, SessionRecord, SharedStore, StoreError};

/// How often the last activity of a session is published to the other servers, in milliseconds.
const PUBLISH_INTERVAL_MS: u64 = 1000;

/// How often a request polls whether a callback that runs on another server has returned. The interval doubles
/// from the shortest to the longest.
const MIN_POLL: Duration = Duration::from_millis(5);
const MAX_POLL: Duration = Duration::from_millis(250);

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
    data: Mutex<SessionData>,
    /// Signalled when a callback returns, and when a newer request or the end of the session makes waiting
    /// for it pointless.
    changed: Condvar,
}

/// What changes under the session's lock. Only a [`SessionGuard`] changes it.
pub(in crate::engine) struct SessionData {
    pub(in crate::engine) record: SessionRecord,
    /// Whether the session was removed while the caller waited for the lock.
    pub(in crate::engine) ended: bool,
    pub(in crate::engine) shared: SharedState,
    /// Whether this engine made the callback in progress.
    callback_is_ours: bool,
    /// The version of `record`; `None` if no other server can change it.
    record_version: Option<u64>,
}

impl SessionData {
    fn check_generation(&self, generation: Generation) -> Result<(), Fault> {
        if self.shared.generation == generation {
            Ok(())
        } else {
            Err(Fault::unavailable("a newer request took over the session", 1))
        }
    }
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
            data: Mutex::new(SessionData {
                record,
                ended: false,
                shared: SharedState::default(),
                callback_is_ours: false,
                record_version: None,
            }),
            changed: Condvar::new(),
        }
    }

    pub(in crate::engine) fn context(&self) -> &EngineContext {
        &self.context
    }

    /// Makes the caller the session's newest request. Older requests that wait for the session stop waiting.
    ///
    /// # Errors
    ///
    /// Fails if the store does. Does not check whether the session has ended; [`Self::lock_for`] does.
    pub(in crate::engine) fn begin_request(&self) -> Result<Generation, Fault> {
        let next = self.lock().and_then(|mut guard| {
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
        self.data().check_generation(generation)
    }

    /// Locks the session for one step of a request, after any callback in progress.
    ///
    /// # Errors
    ///
    /// The session has ended, or a newer request took it over.
    pub(in crate::engine) fn lock_for(&self, generation: Generation) -> Result<SessionGuard<'_>, Fault> {
        self.check(generation, self.lock())?.wait_for_callback(generation)
    }

    /// Like [`Self::lock_for`], but returns `None` at once while [`CallbackInProgress::Received`]: that
    /// callback can take minutes, and the caller has a body to read in the meantime.
    pub(in crate::engine) fn lock_unless_notifying(
        &self,
        generation: Generation,
    ) -> Result<Option<SessionGuard<'_>>, Fault> {
        let guard = self.check(generation, self.lock())?;
        match guard.shared.callback {
            Some(CallbackInProgress::Received) => Ok(None),
            _ => guard.wait_for_callback(generation).map(Some),
        }
    }

    /// Locks the session against all requests, newer ones included, in order to end it. `None` if it has ended
    /// already, or ends as soon as the callback in progress returns.
    pub(in crate::engine) fn lock_exclusive(
        &self,
        reason: EndReason,
    ) -> Result<Option<SessionGuard<'_>>, StoreError> {
        let mut guard = self.lock()?;
        if guard.shared.callback.is_some() && !guard.ended {
            guard.data.shared.pending_end.get_or_insert(reason);
            guard.next_generation()?;
            return Ok(None);
        }
        guard.next_generation()?;
        Ok((!guard.ended).then_some(guard))
    }

    /// Locks the session regardless of its requests.
    pub(in crate::engine) fn lock(&self) -> Result<SessionGuard<'_>, StoreError> {
        SessionGuard::new(self, self.data())
    }

    /// Reads the record; `None` if the session has ended.
    pub(in crate::engine) fn read<T>(
        &self,
        read: impl FnOnce(&SessionRecord) -> T,
    ) -> Result<Option<T>, StoreError> {
        let guard = self.lock()?;
        Ok((!guard.ended).then(|| read(&guard.record)))
    }

    /// Whether a request of the session is in a callback.
    pub(in crate::engine) fn callback_in_progress(&self) -> Result<bool, StoreError> {
        Ok(self.lock()?.shared.callback.is_some())
    }

    /// Whether the session should have ended when a callback returned but did not: the store failed, the
    /// application panicked, or the server that made the call died.
    pub(in crate::engine) fn is_overdue(&self) -> Result<bool, StoreError> {
        let guard = self.lock()?;
        Ok(guard.shared.pending_end.is_some() && guard.shared.callback.is_none())
    }

    /// Whether the session is known to have ended.
    pub(in crate::engine) fn has_ended(&self) -> bool {
        self.data().ended
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

    fn data(&self) -> MutexGuard<'_, SessionData> {
        // A panic elsewhere leaves the record intact: it is replaced, never changed in place.
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check<'a>(
        &self,
        generation: Generation,
        locked: Result<SessionGuard<'a>, StoreError>,
    ) -> Result<SessionGuard<'a>, Fault> {
        let guard = locked.map_err(|error| self.context.store_fault(&error))?;
        if guard.ended || guard.shared.pending_end.is_some() {
            return Err(Fault::session_not_found());
        }
        guard.check_generation(generation).map(|()| guard)
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
    // Declared first and thus released first: the next thread that gets the mutex must find it free.
    store_lock: Option<Box<dyn SessionLock>>,
    data: MutexGuard<'a, SessionData>,
    session: &'a Session,
}

impl<'a> SessionGuard<'a> {
    fn new(session: &'a Session, data: MutexGuard<'a, SessionData>) -> Result<Self, StoreError> {
        let mut guard = Self { store_lock: None, data, session };
        if let Some(store) = session.context.shared_store()
            && !guard.ended
        {
            guard.acquire(store)?;
        }
        Ok(guard)
    }

    /// Takes the store's lock, and refreshes the data with what other servers changed.
    fn acquire(&mut self, store: &dyn SharedStore) -> Result<(), StoreError> {
        let lock = match store.lock(self.session.id) {
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
        let caller_died =
            shared.callback.is_some() && !self.callback_is_ours && !lock.callback_in_progress()?;
        self.data.shared = shared;
        self.store_lock = Some(lock);
        if caller_died {
            self.data.shared.callback = None;
            self.publish()?;
        }
        Ok(())
    }

    /// Records that another server ended the session.
    fn mark_ended_elsewhere(&mut self) {
        self.data.ended = true;
        self.session.changed.notify_all();
    }

    /// Writes the shared state for the other servers.
    fn publish(&mut self) -> Result<(), StoreError> {
        let Self { store_lock: Some(lock), data, .. } = self else { return Ok(()) };
        lock.write_state(&data.shared.to_bytes()?)
    }

    fn next_generation(&mut self) -> Result<Generation, StoreError> {
        self.data.shared.generation = self.shared.generation.next();
        self.publish()?;
        self.session.changed.notify_all();
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
        self.data.callback_is_ours = true;
        Ok(UnlockedForCallback { session: self.session, mark })
    }

    /// Waits until no callback is in progress.
    fn wait_for_callback(self, generation: Generation) -> Result<Self, Fault> {
        let session = self.session;
        let mut guard = self;
        let mut interval = MIN_POLL;
        while guard.shared.callback.is_some() {
            guard = session.check(generation, guard.wait(interval))?;
            interval = interval.saturating_mul(2).min(MAX_POLL);
        }
        Ok(guard)
    }

    /// Releases the lock until the session changes on this server. If the store is shared, waits for
    /// `interval` at most, because changes on other servers are polled for.
    fn wait(self, interval: Duration) -> Result<Self, StoreError> {
        let Self { store_lock, data, session } = self;
        drop(store_lock);
        let data = match session.context.shared_store() {
            None => session.changed.wait(data).unwrap_or_else(PoisonError::into_inner),
            Some(_) => session.changed.wait_timeout(data, interval).unwrap_or_else(PoisonError::into_inner).0,
        };
        Self::new(session, data)
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
        let mut guard = self.session.lock()?;
        self.mark = None;
        guard.data.callback_is_ours = false;
        guard.data.shared.callback = None;
        self.session.changed.notify_all();
        // Everything that `drop` would do is done, without releasing the lock in between.
        std::mem::forget(self);
        let pending_end = guard.shared.pending_end;
        Ok((guard, pending_end))
    }
}

impl Drop for UnlockedForCallback<'_> {
    fn drop(&mut self) {
        self.mark = None;
        let mut data = self.session.data();
        data.callback_is_ours = false;
        data.shared.callback = None;
        self.session.changed.notify_all();
    }
}
