//! `bitsup_observer`: callbacks that report the progress of a job or download.

use std::ffi::c_void;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::callback::{BITSUP_CONTINUE, UserData, bitsup_destroy_fn};
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use crate::client::{Flow, JobState, Observer, Progress};
use crate::clock::millis;
use crate::error::Error;

/// Reports upload progress: the server has acknowledged `sent` of `total` bytes. `sent` can decrease if the
/// server lost data. Returns BITSUP_CONTINUE or BITSUP_ABORT.
pub type bitsup_observer_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, sent: u64, total: u64) -> i32>;

/// Reports progress of a reply or download: `received` of `total` bytes have arrived. `total` is UINT64_MAX
/// until the server has sent it. `received` decreases if the content changed on the server and is fetched
/// again. Returns BITSUP_CONTINUE or BITSUP_ABORT.
pub type bitsup_observer_reply_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, received: u64, total: u64) -> i32>;

/// Reports that the job changed from the state `from` to the state `to`; both are BITSUP_JOB_*.
pub type bitsup_observer_state_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, from: i32, to: i32)>;

/// Reports that a request failed with the transient error `cause` and will be retried after `*delay_ms`
/// milliseconds. The callback may change the delay. `attempt` counts consecutive failures, starting at 1.
/// `cause` is valid until the callback returns and must not be freed. Returns BITSUP_CONTINUE, or
/// BITSUP_ABORT to stop retrying.
pub type bitsup_observer_retry_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        cause: *const bitsup_error,
        attempt: u32,
        delay_ms: *mut u64,
    ) -> i32,
>;

/// Callbacks that report what a job or download does. All are optional and share one `user_data`.
pub struct bitsup_observer {
    header: Header,
    callbacks: RwLock<ObserverCallbacks>,
}

impl Handle for bitsup_observer {
    fn header(&self) -> &Header {
        &self.header
    }
}

impl bitsup_observer {
    /// Returns a copy of the current callbacks for a job.
    pub(super) fn snapshot(&self) -> Result<Box<dyn Observer>, Error> {
        Ok(Box::new(handle::try_read(&self.callbacks)?.clone()))
    }
}

/// The callbacks and their shared `user_data`.
#[derive(Debug, Clone)]
struct ObserverCallbacks {
    user_data: Arc<UserData>,
    progress: bitsup_observer_progress_fn,
    reply_progress: bitsup_observer_reply_progress_fn,
    state: bitsup_observer_state_fn,
    retry: bitsup_observer_retry_fn,
}

impl Observer for ObserverCallbacks {
    fn progress(&mut self, progress: Progress) -> Flow {
        let Some(callback) = self.progress else { return Flow::Continue };
        // SAFETY: the caller set it as a function of this type, with this user data.
        flow(unsafe { callback(self.user_data.pointer(), progress.sent, progress.total) })
    }

    fn reply_progress(&mut self, received: u64, total: Option<u64>) -> Flow {
        let Some(callback) = self.reply_progress else { return Flow::Continue };
        // SAFETY: as above.
        flow(unsafe { callback(self.user_data.pointer(), received, total.unwrap_or(u64::MAX)) })
    }

    fn state(&mut self, from: JobState, to: JobState) {
        if let Some(callback) = self.state {
            // SAFETY: as above.
            unsafe { callback(self.user_data.pointer(), from as i32, to as i32) };
        }
    }

    fn retry(&mut self, cause: &Error, attempt: u32, delay: &mut Duration) -> Flow {
        let Some(callback) = self.retry else { return Flow::Continue };
        let cause = bitsup_error::new(cause.clone());
        let mut delay_ms = millis(*delay);
        // SAFETY: as above; both pointers are valid during the call.
        let result = unsafe { callback(self.user_data.pointer(), &cause, attempt, &mut delay_ms) };
        *delay = Duration::from_millis(delay_ms);
        flow(result)
    }
}

/// Converts the result of a callback; an unknown value aborts.
fn flow(result: i32) -> Flow {
    if result == BITSUP_CONTINUE { Flow::Continue } else { Flow::Abort }
}

/// Creates an observer without callbacks. Each callback receives `user_data`; `destroy` releases it. Both may
/// be NULL.
///
/// Ownership: takes `user_data`, even on failure; free the observer with bitsup_observer_free. Returns NULL
/// only after a bug in this library.
/// Threads: any thread.
/// Callbacks: `destroy` runs once the observer and all jobs that use it are gone.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_observer_new(
    user_data: *mut c_void,
    destroy: bitsup_destroy_fn,
) -> *mut bitsup_observer {
    guard_or!(std::ptr::null_mut(), {
        let user_data = Arc::new(UserData::new(user_data, destroy));
        let callbacks =
            ObserverCallbacks { user_data, progress: None, reply_progress: None, state: None, retry: None };
        Ok(handle::into_raw(bitsup_observer { header: Header::new(), callbacks: RwLock::new(callbacks) }))
    })
}

/// Frees an observer. NULL is a no-op. Jobs that use it keep a copy of its callbacks.
///
/// Ownership: frees `observer`.
/// Threads: any thread, also in callbacks; never blocks.
/// Callbacks: `destroy`, if no job uses the observer.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_observer_free(observer: *mut bitsup_observer) {
    guard_or!((), {
        handle::free(observer);
        Ok(())
    })
}

/// Sets the callback for acknowledged bytes; NULL removes it.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: `callback` runs on the thread inside bitsup_job_run, bitsup_job_step or bitsup_job_close.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_observer_on_progress(
    observer: *mut bitsup_observer,
    callback: bitsup_observer_progress_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(observer, |callbacks| callbacks.progress = callback) })
}

/// Sets the callback for received bytes of a reply or download; NULL removes it.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: `callback` runs on the thread inside bitsup_job_run, bitsup_job_step, bitsup_job_close or
/// bitsup_client_download.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_observer_on_reply_progress(
    observer: *mut bitsup_observer,
    callback: bitsup_observer_reply_progress_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(observer, |callbacks| callbacks.reply_progress = callback) })
}

/// Sets the callback for state changes; NULL removes it.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: `callback` runs on the thread inside bitsup_job_run, bitsup_job_step, bitsup_job_close or
/// bitsup_job_cancel.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_observer_on_state(
    observer: *mut bitsup_observer,
    callback: bitsup_observer_state_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(observer, |callbacks| callbacks.state = callback) })
}

/// Sets the callback for failures that will be retried; NULL removes it.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: `callback` runs on the thread inside bitsup_job_run, bitsup_job_step, bitsup_job_close,
/// bitsup_job_cancel or bitsup_client_download.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_observer_on_retry(
    observer: *mut bitsup_observer,
    callback: bitsup_observer_retry_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(observer, |callbacks| callbacks.retry = callback) })
}

/// Applies `change` to the callbacks.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn set(
    observer: *mut bitsup_observer,
    change: impl FnOnce(&mut ObserverCallbacks),
) -> Result<(), Error> {
    // SAFETY: by contract.
    let observer = unsafe { handle::borrow(observer, "observer") }?;
    change(&mut *handle::try_write(&observer.callbacks)?);
    Ok(())
}
