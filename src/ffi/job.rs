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

/// One upload. Only one non-const call at a time; const calls go from any thread, also while it runs and from
/// its callbacks.
pub struct bitsup_job {
    header: Header,
    /// Only ever tried, never waited for: who holds it may be running callbacks.
    job: Mutex<Job>,
    control: JobControl,
}

impl Handle for bitsup_job {
    fn header(&self) -> &Header {
        &self.header
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
        out.set(handle::into_raw(bitsup_job { header: Header::new(), job: Mutex::new(job), control }));
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
        handle::try_lock(&job.job)?.set_content_name(name)
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
        handle::try_lock(&job.job)?.add_header(name, value)
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
        handle::try_lock(&job.job)?.set_observer(observer);
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
        handle::try_lock(&job.job)?.set_reply_path(path)
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
        handle::try_lock(&job.job)?.run()
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
        out.set(handle::try_lock(&job.job)?.step()? as i32);
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
        handle::try_lock(&job.job)?.close()
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
        out.set(text::into_raw(&job.control.session_id().ok_or_else(none)?));
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
        out.set(text::into_raw(&job.control.reply_url().ok_or_else(none)?));
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
        handle::try_lock(&job.job)?.set_state_path(path)
    })
}

/// Copies the state of the job, from which bitsup_job_import continues in this process or another: all that
/// was acknowledged by now. A state goes stale as the upload goes on, but remains good for continuing it; only
/// one job should do that. It names the session, which is all it takes to disturb the upload, so keep it
/// private. Credentials are not in it.
///
/// Ownership: free `*out_state` with bitsup_bytes_free and the same length.
/// Threads: any, concurrently, also while the job runs, callbacks included.
/// Errors: NULL_ARGUMENT, INVALID_STATE when the upload is complete or cancelled; 2xx when the source cannot be
/// looked at.
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

/// Continues from what bitsup_job_export gave out for a job with the same URL and source; to be called before
/// the job is run. The first request asks the server whether the session is still there.
///
/// Ownership: copies the state.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for the state of another URL or source, of a newer version, or
/// damaged, INVALID_STATE for a job that was begun or has a state already, BUSY while the job runs.
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
