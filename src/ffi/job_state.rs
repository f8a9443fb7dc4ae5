//! `bitsup_job` beyond its process: the state in a file, and the state as bytes.

use std::ffi::c_char;

use super::error::{bitsup_error, bitsup_status};
use super::handle;
use super::job::bitsup_job;
use super::text;

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
        let (data, data_len) = text::give_bytes(job.control.export()?);
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
        handle::exclusive(&job.job)?.import(state)
    })
}
