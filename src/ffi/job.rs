//! `bitsup_job`: one upload.

use std::ffi::c_char;
use std::sync::Mutex;

use super::client::bitsup_client;
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Head};
use super::observer::bitsup_observer;
use super::source::bitsup_source;
use super::text;
use crate::client::{Job, JobControl};
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
/// State of a job: the server has the whole file; the session is being closed.
pub const BITSUP_JOB_TRANSFERRED: i32 = 6;
/// State of a job: complete.
pub const BITSUP_JOB_CLOSED: i32 = 7;
/// State of a job: cancelled.
pub const BITSUP_JOB_CANCELLED: i32 = 8;
/// State of a job: failed; can be run again when the error was transient.
pub const BITSUP_JOB_FAILED: i32 = 9;

/// One upload. Only one non-const call at a time; const calls go from any thread, also while it runs and from
/// its callbacks.
pub struct bitsup_job {
    head: Head,
    /// Only ever tried, never waited for: who holds it may be running callbacks.
    job: Mutex<Job>,
    control: JobControl,
}

impl Handle for bitsup_job {
    fn head(&self) -> &Head {
        &self.head
    }
}

/// A job that uploads the content of `source` to `url`. Nothing is sent before bitsup_job_run.
///
/// Ownership: takes the content out of `source`, also when the URL is refused; free the empty handle at any
/// time, and `*out` with bitsup_job_free. The job keeps what it needs of `client`.
/// Threads: any, concurrently, with different sources.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT for a URL that is none, INVALID_STATE for a source
/// that was used before.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_new(
    client: *const bitsup_client,
    url: *const c_char,
    source: *mut bitsup_source,
    out: *mut *mut bitsup_job,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (client, url) = (handle::borrow(client, "client")?, text::required(url, "url")?);
        let (source, out) = (handle::borrow(source, "source")?, handle::out(out, "out")?);
        let job = client.client.job(url, source.take()?)?;
        let control = job.control();
        out.set(handle::give(bitsup_job { head: Head::new(), job: Mutex::new(job), control }));
        Ok(())
    })
}

/// Frees a job. NULL is a no-op. A run in progress goes on and keeps what it needs; the session of an
/// incomplete upload stays on the server.
///
/// Ownership: takes the job.
/// Threads: any, callbacks of the job included; never waits.
/// Callbacks: the observer's `destroy`, unless a run or the observer's handle still holds it.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_free(job: *mut bitsup_job) {
    guard_or!((), {
        handle::free(job);
        Ok(())
    })
}

/// The name sent as Content-Name. Default: the last part of the file's path.
///
/// Ownership: copies the name.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, BUSY while the job runs.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_set_content_name(
    job: *mut bitsup_job,
    name: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, name) = (handle::borrow(job, "job")?, text::required(name, "name")?);
        handle::exclusive(&job.job)?.set_content_name(name);
        Ok(())
    })
}

/// Sets who is told what the job does; replaces a former observer.
///
/// Ownership: the job takes a copy of the callbacks as they are now and a share of their `user_data`; the
/// caller still frees `observer`.
/// Threads: one at a time.
/// Callbacks: on the thread inside bitsup_job_run or bitsup_job_cancel, with no lock held that another call
/// would wait for. They may call const functions on the job and free it; others answer BUSY. A former
/// observer's `destroy` runs here when this job was the last to use it.
/// Errors: NULL_ARGUMENT, BUSY while the job runs.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_set_observer(
    job: *mut bitsup_job,
    observer: *mut bitsup_observer,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, observer) = (handle::borrow(job, "job")?, handle::borrow(observer, "observer")?);
        let observer = observer.snapshot()?;
        handle::exclusive(&job.job)?.set_observer(observer);
        Ok(())
    })
}

/// Keeps the state of the job in the file `path`, and continues from it when it holds the state of the same
/// upload; other content is replaced. The file is removed when the job is complete or cancelled.
///
/// Ownership: copies the path.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for the path of the source, BUSY while the job runs or when another
/// job has the file; 2xx.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_set_state_path(
    job: *mut bitsup_job,
    path: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, path) = (handle::borrow(job, "job")?, text::path(path, "path")?);
        handle::exclusive(&job.job)?.set_state_path(path)
    })
}

/// Uploads. Blocks until the file is delivered and the session closed, retrying by itself. Running an ended
/// job again continues it, unless it was complete or cancelled.
///
/// Ownership: borrows the job.
/// Threads: one at a time.
/// Callbacks: those of the observer, on this thread.
/// Errors: NULL_ARGUMENT, BUSY, SUSPENDED, CANCELLED, CALLBACK, SOURCE_CHANGED; 2xx, 3xx and 4xx.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_run(
    job: *mut bitsup_job,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let job = handle::borrow(job, "job")?;
        handle::exclusive(&job.job)?.run()
    })
}

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
