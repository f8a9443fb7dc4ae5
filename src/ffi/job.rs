//! `bitsup_job`: one upload, from its making to its run. `job_control` has what other threads may do.

use std::ffi::c_char;
use std::sync::Mutex;

use super::client::bitsup_client;
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Head};
use super::observer::bitsup_observer;
use super::source::bitsup_source;
use super::text;
use crate::client::{Job, JobControl};

/// One upload. Only one non-const call at a time; const calls go from any thread, also while it runs and from
/// its callbacks.
pub struct bitsup_job {
    head: Head,
    /// Only ever tried, never waited for: who holds it may be running callbacks.
    pub(super) job: Mutex<Job>,
    pub(super) control: JobControl,
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
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for the path of the source, BUSY while the job runs or when
/// another job has the file; 2xx.
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

/// Makes the job an upload-reply job: when the server has the whole file, its reply is fetched to the file
/// `path`, in ranges, and only when it is safe there is the session closed. Until it is whole it is `path`
/// with ".part" behind it, which is this job's while that lives; then it replaces what is at `path`. A server
/// without a reply ends the run with BITSUP_E_PROTOCOL.
///
/// Ownership: copies the path.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for a directory or the path of the source, BUSY while the job runs
/// or when another job has the file; 2xx.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_set_reply_path(
    job: *mut bitsup_job,
    path: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, path) = (handle::borrow(job, "job")?, text::path(path, "path")?);
        handle::exclusive(&job.job)?.set_reply_path(path)
    })
}

/// Uploads. Blocks until the file is delivered, its reply fetched and the session closed, retrying by itself.
/// Running an ended job again continues it, unless it was complete or cancelled.
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
