//! `bitsup_job`: one upload, from its making to its run. `job_control` has what other threads may do, `job_state`
//! what outlives it.

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
/// Callbacks: the `destroy` of the source's reader and of the observer, unless a run or another object still
/// holds them.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_free(job: *mut bitsup_job) {
    guard_or!((), {
        handle::free(job);
        Ok(())
    })
}

/// The name sent as Content-Name: 1 to 260 printable ASCII characters, without \ / : * ? " < > and |. Default:
/// the last part of the file's path; none where that cannot be sent.
///
/// Ownership: copies the name.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT for a name that cannot be sent, BUSY while the job runs.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_set_content_name(
    job: *mut bitsup_job,
    name: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, name) = (handle::borrow(job, "job")?, text::required(name, "name")?);
        handle::exclusive(&job.job)?.set_content_name(name)
    })
}

/// Adds a header field to every request of this job, behind those of its client; a name that is there already
/// is sent once more.
///
/// Ownership: copies name and value.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT for what cannot be sent or belongs to the protocol,
/// BUSY while the job runs.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_add_header(
    job: *mut bitsup_job,
    name: *const c_char,
    value: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, name) = (handle::borrow(job, "job")?, text::required(name, "name")?);
        let value = text::required(value, "value")?;
        handle::exclusive(&job.job)?.add_header(name, value)
    })
}

/// Sets who is told what the job does; replaces a former observer.
///
/// Ownership: the job takes a copy of the callbacks as they are now and a share of their `user_data`; the
/// caller still frees `observer`.
/// Threads: one at a time.
/// Callbacks: on the thread inside bitsup_job_run, bitsup_job_step, bitsup_job_close or bitsup_job_cancel,
/// with no lock held that another call would wait for. They may call const functions on the job and free it; others answer BUSY. A former
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
/// Callbacks: those of the observer and of the source, on this thread.
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

/// Sends one request at most, or fetches the reply, and says in `*out_state` where the job is then: one of
/// BITSUP_JOB_*. For hosts with a loop of their own, and for those who acknowledge a complete upload
/// themselves: steps lead to BITSUP_JOB_TRANSFERRED, where they send nothing and bitsup_job_close goes on.
/// After BITSUP_JOB_WAITING the next step waits for the rest of the delay that the observer was told.
/// bitsup_job_run goes on from anywhere, and steps from where a run ended.
///
/// Ownership: borrows the job.
/// Threads: one at a time.
/// Callbacks: those of the observer and of the source, on this thread.
/// Errors: as bitsup_job_run. The time that a run may take counts for each step.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_step(
    job: *mut bitsup_job,
    out_state: *mut i32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, out) = (handle::borrow(job, "job")?, handle::out(out_state, "out_state")?);
        out.set(handle::exclusive(&job.job)?.step()? as i32);
        Ok(())
    })
}

/// Acknowledges an upload that steps have led to BITSUP_JOB_TRANSFERRED, as BITS' Complete does: closes the
/// session, and blocks until that is done, retrying as bitsup_job_run does. Until then the server keeps the
/// session, and the reply with it. For a complete job it does nothing.
///
/// Ownership: borrows the job.
/// Threads: one at a time.
/// Callbacks: those of the observer, on this thread.
/// Errors: INVALID_STATE when the server does not have the whole file or its reply is still to be fetched;
/// those of bitsup_job_run.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_close(
    job: *mut bitsup_job,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let job = handle::borrow(job, "job")?;
        handle::exclusive(&job.job)?.close()
    })
}
