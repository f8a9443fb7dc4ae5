//! `bitsup_observer`: is told what a job or a download does.

use std::ffi::c_void;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::callback::{BITSUP_CONTINUE, UserData, bitsup_destroy_fn};
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use crate::client::{Flow, JobState, Observer, Progress};
use crate::error::Error;

/// Bytes were acknowledged: `sent` of `total`. `sent` may shrink when the server lost some. Answers
/// BITSUP_CONTINUE or BITSUP_ABORT.
pub type bitsup_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, sent: u64, total: u64) -> i32>;

/// Bytes of a reply or of a download came in: `received` of `total`, which is UINT64_MAX while the server has
/// not said it. `received` shrinks when the content changed and is fetched anew. Answers BITSUP_CONTINUE or
/// BITSUP_ABORT.
pub type bitsup_reply_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, received: u64, total: u64) -> i32>;

/// The job went from one BITSUP_JOB_* state to another.
pub type bitsup_state_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, from: i32, to: i32)>;

/// A request failed because of `cause`, which lives during the callback, and will be tried again after
/// `*delay_ms`, which may be changed. `attempt` counts failures in a row from 1. Answers BITSUP_CONTINUE or
/// BITSUP_ABORT.
pub type bitsup_retry_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        cause: *const bitsup_error,
        attempt: u32,
        delay_ms: *mut u64,
    ) -> i32,
>;

/// A set of callbacks with one `user_data`; all of them may be left out.
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
    /// The callbacks as they are now, for a job.
    pub(super) fn snapshot(&self) -> Result<Box<dyn Observer>, Error> {
        Ok(Box::new(handle::try_read(&self.callbacks)?.clone()))
    }
}

/// The functions, and a share of the state behind them.
#[derive(Debug, Clone)]
struct ObserverCallbacks {
    user_data: Arc<UserData>,
    progress: bitsup_progress_fn,
    reply_progress: bitsup_reply_progress_fn,
    state: bitsup_state_fn,
    retry: bitsup_retry_fn,
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
        let mut delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        // SAFETY: as above; both pointers are good for the duration of the call.
        let result = unsafe { callback(self.user_data.pointer(), &cause, attempt, &mut delay_ms) };
        *delay = Duration::from_millis(delay_ms);
        flow(result)
    }
}

/// An answer that nobody defined is no consent.
fn flow(result: i32) -> Flow {
    if result == BITSUP_CONTINUE { Flow::Continue } else { Flow::Abort }
}

/// A set without callbacks. `user_data` is handed to each of them, `destroy` ends its life; both may be NULL.
///
/// Ownership: takes `user_data` in every case; free the set with bitsup_observer_free. NULL only after a bug
/// in this library.
/// Threads: any.
/// Callbacks: `destroy` runs when this set and the last job that it was given to are gone.
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

/// Frees a set. NULL is a no-op; jobs that it was given to keep their copy.
///
/// Ownership: takes the set.
/// Threads: any, callbacks included; never waits.
/// Callbacks: `destroy`, when no job has the set.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_observer_free(observer: *mut bitsup_observer) {
    guard_or!((), {
        handle::free(observer);
        Ok(())
    })
}

/// Sets who hears of acknowledged bytes; NULL: nobody.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: on the thread inside bitsup_job_run, bitsup_job_step or bitsup_job_close.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_observer_on_progress(
    observer: *mut bitsup_observer,
    callback: bitsup_progress_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(observer, |callbacks| callbacks.progress = callback) })
}

/// Sets who hears of received bytes of a reply or of a download; NULL: nobody.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: on the thread inside bitsup_job_run, bitsup_job_step or bitsup_client_download.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_observer_on_reply_progress(
    observer: *mut bitsup_observer,
    callback: bitsup_reply_progress_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(observer, |callbacks| callbacks.reply_progress = callback) })
}

/// Sets who hears of changes of state; NULL: nobody.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: on the thread inside bitsup_job_run, bitsup_job_step, bitsup_job_close or bitsup_job_cancel.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_observer_on_state(
    observer: *mut bitsup_observer,
    callback: bitsup_state_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(observer, |callbacks| callbacks.state = callback) })
}

/// Sets who hears of failures that will be tried again; NULL: nobody.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: on the thread inside bitsup_job_run, bitsup_job_step, bitsup_job_close, bitsup_job_cancel or
/// bitsup_client_download.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_observer_on_retry(
    observer: *mut bitsup_observer,
    callback: bitsup_retry_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(observer, |callbacks| callbacks.retry = callback) })
}

/// Changes one callback.
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
