//! `bitsup_job` from other threads, and from callbacks while it runs: stopping and watching it.

use std::ffi::c_char;

use super::error::{bitsup_error, bitsup_status};
use super::handle;
use super::job::bitsup_job;
use super::text;
use crate::error::{Error, Status};

/// State of a job: not run yet.
pub const BITSUP_JOB_READY: i32 = 0;
/// State of a job: asks the server for a session.
pub const BITSUP_JOB_CONNECTING: i32 = 1;
/// State of a job: sends.
pub const BITSUP_JOB_TRANSFERRING: i32 = 2;
/// State of a job: waits before the next try.
pub const BITSUP_JOB_WAITING: i32 = 3;
/// State of a job: stopped by bitsup_job_suspend; can be run again.
pub const BITSUP_JOB_SUSPENDED: i32 = 4;
/// State of a job: the server has the whole file; its reply is being fetched.
pub const BITSUP_JOB_FETCHING_REPLY: i32 = 5;
/// State of a job: the server has the whole file, and its reply is where it belongs; the session is being
/// closed, or after bitsup_job_step waits for bitsup_job_close.
pub const BITSUP_JOB_TRANSFERRED: i32 = 6;
/// State of a job: complete.
pub const BITSUP_JOB_CLOSED: i32 = 7;
/// State of a job: cancelled.
pub const BITSUP_JOB_CANCELLED: i32 = 8;
/// State of a job: failed; can be run again when the error was transient.
pub const BITSUP_JOB_FAILED: i32 = 9;

/// Ends a run within 250 ms with BITSUP_E_SUSPENDED and returns at once. The session stays on the server for
/// the next run. Asked for before a run, it ends that run as it begins.
///
/// Ownership: borrows the job.
/// Threads: any, concurrently, callbacks included; not in a signal handler.
/// Errors: NULL_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_suspend(
    job: *const bitsup_job,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        handle::borrow(job, "job")?.control.suspend();
        Ok(())
    })
}

/// Gives the upload up. While a run is in progress: ends it within 250 ms with BITSUP_E_CANCELLED, trying
/// once to cancel the session on the server, and returns at once. Without a run: cancels the session of the
/// job, a resumed one included, and blocks until the server has acknowledged, retrying as a run does; so
/// calling it again after the run makes sure. The job cannot be run any more.
///
/// Ownership: borrows the job.
/// Threads: any, concurrently, callbacks included; not in a signal handler.
/// Callbacks: without a run in progress those of the observer, on this thread.
/// Errors: NULL_ARGUMENT; without a run in progress those of bitsup_job_run, and INVALID_STATE for a complete
/// upload.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_cancel(
    job: *const bitsup_job,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let job = handle::borrow(job, "job")?;
        match handle::exclusive(&job.job) {
            Ok(mut idle) => idle.cancel(),
            Err(busy) if busy.status() == Status::Busy => {
                job.control.cancel();
                Ok(())
            }
            Err(unusable) => Err(unusable),
        }
    })
}

/// Most bytes per second that the job sends from now on, the request under way included; 0: no limit. Takes
/// effect within 50 ms, or the time of one byte at the former rate.
///
/// Ownership: borrows the job.
/// Threads: any, concurrently, callbacks included.
/// Errors: NULL_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_set_rate_limit(
    job: *const bitsup_job,
    bytes_per_second: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let limit = (bytes_per_second != 0).then_some(bytes_per_second);
        handle::borrow(job, "job")?.control.set_rate_limit(limit)
    })
}

/// Where the job is: one of BITSUP_JOB_*; -1 for NULL or an unusable job.
///
/// Ownership: borrows the job.
/// Threads: any, concurrently, callbacks included.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_state(job: *const bitsup_job) -> i32 {
    guard_or!(-1, { Ok(handle::borrow(job, "job")?.control.state() as i32) })
}

/// How far the job is: acknowledged bytes and the length of the source.
///
/// Ownership: borrows the job.
/// Threads: any, concurrently, callbacks included.
/// Errors: NULL_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_progress(
    job: *const bitsup_job,
    out_sent: *mut u64,
    out_total: *mut u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let job = handle::borrow(job, "job")?;
        let (sent, total) = (handle::out(out_sent, "out_sent")?, handle::out(out_total, "out_total")?);
        let progress = job.control.progress();
        sent.set(progress.sent);
        total.set(progress.total);
        Ok(())
    })
}

/// The session, as the server named it.
///
/// Ownership: free `*out_text` with bitsup_string_free.
/// Threads: any, concurrently, callbacks included.
/// Errors: NULL_ARGUMENT, INVALID_STATE when the job has no session.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_session_id(
    job: *const bitsup_job,
    out_text: *mut *mut c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, out) = (handle::borrow(job, "job")?, handle::out(out_text, "out_text")?);
        let none = || Error::new(Status::InvalidState, "the job has no session");
        out.set(text::give(&job.control.session_id().ok_or_else(none)?));
        Ok(())
    })
}

/// Where the reply of an upload-reply job is: an absolute URL.
///
/// Ownership: free `*out_text` with bitsup_string_free.
/// Threads: any, concurrently, callbacks included.
/// Errors: NULL_ARGUMENT, INVALID_STATE when the server has not named a reply.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_reply_url(
    job: *const bitsup_job,
    out_text: *mut *mut c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, out) = (handle::borrow(job, "job")?, handle::out(out_text, "out_text")?);
        let none = || Error::new(Status::InvalidState, "the server has not named a reply of the job");
        out.set(text::give(&job.control.reply_url().ok_or_else(none)?));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::JobState;

    #[test]
    fn the_states_of_both_apis_have_the_same_numbers() {
        let pairs = [
            (BITSUP_JOB_READY, JobState::Ready),
            (BITSUP_JOB_CONNECTING, JobState::Connecting),
            (BITSUP_JOB_TRANSFERRING, JobState::Transferring),
            (BITSUP_JOB_WAITING, JobState::Waiting),
            (BITSUP_JOB_SUSPENDED, JobState::Suspended),
            (BITSUP_JOB_FETCHING_REPLY, JobState::FetchingReply),
            (BITSUP_JOB_TRANSFERRED, JobState::Transferred),
            (BITSUP_JOB_CLOSED, JobState::Closed),
            (BITSUP_JOB_CANCELLED, JobState::Cancelled),
            (BITSUP_JOB_FAILED, JobState::Failed),
        ];
        for (number, state) in pairs {
            assert_eq!(number, state as i32, "{state:?}");
        }
    }
}
