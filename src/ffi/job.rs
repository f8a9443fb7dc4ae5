//! `bitsup_job`: one upload.

use std::ffi::c_char;
use std::sync::Mutex;

use super::client::bitsup_client;
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::observer::bitsup_observer;
use super::source::bitsup_source;
use super::text;
use crate::client::{Job, JobControl};
use crate::error::{Error, Status};

/// Job state: not run yet.
pub const BITSUP_JOB_READY: i32 = 0;
/// Job state: opening a session on the server.
pub const BITSUP_JOB_CONNECTING: i32 = 1;
/// Job state: sending data.
pub const BITSUP_JOB_TRANSFERRING: i32 = 2;
/// Job state: waiting before a retry.
pub const BITSUP_JOB_WAITING: i32 = 3;
/// Job state: stopped by bitsup_job_suspend; can be run again.
pub const BITSUP_JOB_SUSPENDED: i32 = 4;
/// Job state: the server has the whole file, and its reply is being fetched.
pub const BITSUP_JOB_FETCHING_REPLY: i32 = 5;
/// Job state: the server has the whole file, and the reply, if any, is stored. bitsup_job_run now
/// closes the session; bitsup_job_step leaves that to bitsup_job_close.
pub const BITSUP_JOB_TRANSFERRED: i32 = 6;
/// Job state: complete.
pub const BITSUP_JOB_CLOSED: i32 = 7;
/// Job state: cancelled.
pub const BITSUP_JOB_CANCELLED: i32 = 8;
/// Job state: failed; running it again may succeed if the error was transient.
pub const BITSUP_JOB_FAILED: i32 = 9;

/// One upload. Non-const functions: one call at a time. Const functions: from any thread, even while the job
/// runs and in its callbacks.
pub struct bitsup_job {
    header: Header,
    /// Only ever try-locked: the call that holds it may be running callbacks.
    job: Mutex<Job>,
    control: JobControl,
}

impl Handle for bitsup_job {
    fn header(&self) -> &Header {
        &self.header
    }
}

/// Creates a job that uploads the content of `source` to `url`. Nothing is sent before bitsup_job_run or
/// bitsup_job_step.
///
/// Ownership: moves the content out of `source`, even if the URL is rejected; the caller still frees the empty
/// `source`, at any time, and `*out` with bitsup_job_free. The job keeps what it needs of `client`.
/// Threads: any thread, concurrently if the sources differ.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT if `url` is not an absolute http or https URL,
/// INVALID_STATE if `source` was used for another job.
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
        out.set(handle::into_raw(bitsup_job { header: Header::new(), job: Mutex::new(job), control }));
        Ok(())
    })
}

/// Frees a job. NULL is a no-op. A run in progress continues and keeps what it needs. The session of an
/// incomplete upload stays on the server until it expires, so that the upload can be resumed; call
/// bitsup_job_cancel first to discard it.
///
/// Ownership: frees `job`.
/// Threads: any thread, also in callbacks of the job; never blocks.
/// Callbacks: the `destroy` of the source's reader and of the observer, unless a run or another object still
/// uses them.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_free(job: *mut bitsup_job) {
    guard_or!((), {
        handle::free(job);
        Ok(())
    })
}

/// Sets the file name that is sent as Content-Name: 1 to 260 printable ASCII characters, without \ / : * ? "
/// < > and |. Default: the last component of the file's path, or none if that cannot be sent.
///
/// Ownership: copies the name.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT if the name cannot be sent, BUSY while the job runs.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_set_content_name(
    job: *mut bitsup_job,
    name: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, name) = (handle::borrow(job, "job")?, text::required(name, "name")?);
        handle::try_lock(&job.job)?.set_content_name(name)
    })
}

/// Adds a header field to every request of the job, after those of its client. Adding a name again does not
/// replace the earlier field; both are sent.
///
/// Ownership: copies the name and the value.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT if the field cannot be sent or is one that the
/// library sets, BUSY while the job runs.
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
        handle::try_lock(&job.job)?.add_header(name, value)
    })
}

/// Sets the observer of the job and replaces any previous one.
///
/// Ownership: copies the current callbacks and shares their `user_data`; the caller still frees `observer`.
/// Threads: one call at a time.
/// Callbacks: the observer's callbacks run on the thread inside bitsup_job_run, bitsup_job_step,
/// bitsup_job_close or bitsup_job_cancel. No lock that another call could wait for is held. They may call
/// const functions on the job and free it; other functions on the job fail with BUSY. The `destroy` of a
/// previous observer runs in this call if no other object uses that observer.
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
        handle::try_lock(&job.job)?.set_observer(observer);
        Ok(())
    })
}

/// Makes this an upload-reply job: once the server has the whole file, the job fetches the server's reply to
/// the file `path`, and closes the session only when the reply is safely stored. While incomplete, the reply
/// is in `path` with ".part" appended, a file that this job owns; when complete, it replaces any file at
/// `path`. If the server has no reply, the run fails with BITSUP_E_PROTOCOL.
///
/// Ownership: copies the path.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if `path` is a directory or the path of the source, BUSY while the
/// job runs or if another job uses the file; 2xx.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_set_reply_path(
    job: *mut bitsup_job,
    path: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, path) = (handle::borrow(job, "job")?, text::path(path, "path")?);
        handle::try_lock(&job.job)?.set_reply_path(path)
    })
}

/// Uploads the source. Blocks until the file is delivered, its reply is fetched and the session is closed,
/// and retries transient errors. A run that ended early can be continued by calling this again, unless the
/// job is complete or cancelled.
///
/// Ownership: no transfer.
/// Threads: one call at a time; blocks.
/// Callbacks: those of the observer and the source, on this thread.
/// Errors: NULL_ARGUMENT, BUSY, SUSPENDED after bitsup_job_suspend, CANCELLED after bitsup_job_cancel,
/// CALLBACK if a callback stopped the run, SOURCE_CHANGED; 2xx, 3xx and 4xx.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_run(
    job: *mut bitsup_job,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let job = handle::borrow(job, "job")?;
        handle::try_lock(&job.job)?.run()
    })
}

/// Sends at most one request, or fetches the reply, and stores the resulting state, one of BITSUP_JOB_*, in
/// `*out_state`. Use it instead of bitsup_job_run in programs with an event loop of their own, or to
/// acknowledge the upload separately: repeated steps lead to BITSUP_JOB_TRANSFERRED, where further steps send
/// nothing and bitsup_job_close completes the upload. After BITSUP_JOB_WAITING the next step waits for the
/// rest of the delay that was reported to the observer. Steps and runs can be mixed.
///
/// Ownership: no transfer.
/// Threads: one call at a time; blocks.
/// Callbacks: those of the observer and the source, on this thread.
/// Errors: as bitsup_job_run. The timeout for a run applies to each step.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_step(
    job: *mut bitsup_job,
    out_state: *mut i32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, out) = (handle::borrow(job, "job")?, handle::out(out_state, "out_state")?);
        out.set(handle::try_lock(&job.job)?.step()? as i32);
        Ok(())
    })
}

/// Acknowledges an upload that steps have brought to BITSUP_JOB_TRANSFERRED, like Complete in BITS: closes
/// the session on the server. Blocks until that is done, and retries as bitsup_job_run does. Until then the
/// server keeps the session and its reply. Does nothing for a complete job.
///
/// Ownership: no transfer.
/// Threads: one call at a time; blocks.
/// Callbacks: those of the observer and the source, on this thread.
/// Errors: INVALID_STATE if the server does not have the whole file or the reply has not been fetched; those
/// of bitsup_job_run.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_close(
    job: *mut bitsup_job,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let job = handle::borrow(job, "job")?;
        handle::try_lock(&job.job)?.close()
    })
}

/// Stops a run: it ends within 250 ms with BITSUP_E_SUSPENDED. Returns immediately. The session stays on the
/// server, and the next run continues it. If no run is in progress, the next run ends as soon as it begins.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently, also in callbacks; not in signal handlers.
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

/// Cancels the upload permanently; the job cannot be run again. While a run is in progress, returns
/// immediately: the run ends within 250 ms with BITSUP_E_CANCELLED and tries once to cancel the session on
/// the server. Otherwise cancels the session of the job, including a resumed one, and blocks until the server
/// has acknowledged, retrying as a run does. So call it again after the run to make sure that the server
/// discarded the session.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently, also in callbacks; not in signal handlers.
/// Callbacks: those of the observer, on this thread, if no run is in progress.
/// Errors: NULL_ARGUMENT; if no run is in progress also those of bitsup_job_run, and INVALID_STATE if the
/// upload is complete.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_cancel(
    job: *const bitsup_job,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let job = handle::borrow(job, "job")?;
        match handle::try_lock(&job.job) {
            Ok(mut idle) => idle.cancel(),
            Err(busy) if busy.status() == Status::Busy => {
                job.control.cancel();
                Ok(())
            }
            Err(unusable) => Err(unusable),
        }
    })
}

/// Sets the maximum number of bytes per second that the job sends; 0 removes the limit. Also applies to the
/// request in progress, within 50 ms or the time of one byte at the previous rate, whichever is longer.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently, also in callbacks.
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

/// Returns the state of the job, one of BITSUP_JOB_*; -1 for NULL or an unusable job.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently, also in callbacks.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_state(job: *const bitsup_job) -> i32 {
    guard_or!(-1, { Ok(handle::borrow(job, "job")?.control.state() as i32) })
}

/// Returns the number of bytes that the server has acknowledged and the length of the source.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently, also in callbacks.
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

/// Returns the id of the session as the server sent it, for example to find the upload in the server's log.
///
/// Ownership: free `*out_text` with bitsup_string_free.
/// Threads: any thread, concurrently, also in callbacks.
/// Errors: NULL_ARGUMENT, INVALID_STATE if the job has no session.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_session_id(
    job: *const bitsup_job,
    out_text: *mut *mut c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, out) = (handle::borrow(job, "job")?, handle::out(out_text, "out_text")?);
        let none = || Error::new(Status::InvalidState, "the job has no session yet: run it first");
        out.set(text::into_raw(&job.control.session_id().ok_or_else(none)?));
        Ok(())
    })
}

/// Returns the absolute URL of the reply to the upload.
///
/// Ownership: free `*out_text` with bitsup_string_free.
/// Threads: any thread, concurrently, also in callbacks.
/// Errors: NULL_ARGUMENT, INVALID_STATE if the server has not sent a reply URL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_reply_url(
    job: *const bitsup_job,
    out_text: *mut *mut c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, out) = (handle::borrow(job, "job")?, handle::out(out_text, "out_text")?);
        let none = || Error::new(Status::InvalidState, "the server has not sent a reply URL for the job");
        out.set(text::into_raw(&job.control.reply_url().ok_or_else(none)?));
        Ok(())
    })
}

/// Stores the state of the job in the file `path`, so that the upload survives the process. If the file
/// already holds the state of the same upload, the job continues from it; other content is replaced. The file
/// is removed when the job is complete or cancelled.
///
/// Ownership: copies the path.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if `path` is the path of the source, BUSY while the job runs or if
/// another job uses the file; 2xx.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_set_state_path(
    job: *mut bitsup_job,
    path: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, path) = (handle::borrow(job, "job")?, text::path(path, "path")?);
        handle::try_lock(&job.job)?.set_state_path(path)
    })
}

/// Returns the current state of the job, from which bitsup_job_import can continue in this process or
/// another. Use it to store the state somewhere other than in a file. An older state remains usable as the
/// upload proceeds, but only one job should continue it. The state contains the session id, which is enough
/// to interfere with the upload, so keep it private. It does not contain credentials.
///
/// Ownership: free `*out_state` with bitsup_bytes_free and the length in `*out_len`.
/// Threads: any thread, concurrently, also while the job runs and in callbacks.
/// Errors: NULL_ARGUMENT, INVALID_STATE if the upload is complete or cancelled; 2xx if the source cannot be
/// read.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_export(
    job: *const bitsup_job,
    out_state: *mut *mut u8,
    out_len: *mut usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let job = handle::borrow(job, "job")?;
        let (state, len) = (handle::out(out_state, "out_state")?, handle::out(out_len, "out_len")?);
        let (data, data_len) = text::bytes_into_raw(job.control.export()?);
        state.set(data);
        len.set(data_len);
        Ok(())
    })
}

/// Continues from a state that bitsup_job_export returned for a job with the same URL and source. Call it
/// before the job is run. The first request checks with the server whether the session still exists.
///
/// Ownership: copies the state.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if the state is damaged, of a newer version, or of another URL or
/// source, INVALID_STATE if the job has been run or already has a state, BUSY while the job runs.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_job_import(
    job: *mut bitsup_job,
    state: *const u8,
    state_len: usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (job, state) = (handle::borrow(job, "job")?, text::bytes(state, state_len, "state")?);
        handle::try_lock(&job.job)?.import(state)
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
