//! `bitsup_source`: what a job sends.

use std::ffi::{c_char, c_void};
use std::sync::Mutex;

use super::callback::{BITSUP_CONTINUE, UserData, bitsup_destroy_fn};
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::text;
use crate::client::Source;
use crate::error::{Error, Status};

/// Puts bytes of the source into `buf`: some of those from `offset` on, at least one and `cap` at most, and
/// their number into `*out_len`. Asked for an offset as often as its bytes are sent, it gives the same bytes.
/// Answers BITSUP_CONTINUE or BITSUP_ABORT.
pub type bitsup_read_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        offset: u64,
        buf: *mut u8,
        cap: usize,
        out_len: *mut usize,
    ) -> i32,
>;

/// What one job sends.
pub struct bitsup_source {
    header: Header,
    /// Empty once a job has it.
    source: Mutex<Option<Source>>,
}

impl Handle for bitsup_source {
    fn header(&self) -> &Header {
        &self.header
    }
}

impl bitsup_source {
    fn into_raw(source: Source) -> *mut Self {
        handle::into_raw(Self { header: Header::new(), source: Mutex::new(Some(source)) })
    }

    /// Takes the content, for a job.
    pub(super) fn take(&self) -> Result<Source, Error> {
        handle::try_lock(&self.source)?.take().ok_or_else(|| {
            Error::new(Status::InvalidState, "`source` was given to a job before; make one per job")
        })
    }
}

/// A regular file. Its size and time of modification are taken now; a change during the upload ends the job
/// with BITSUP_E_SOURCE_CHANGED.
///
/// Ownership: copies the path; free `*out` with bitsup_source_free.
/// Threads: any.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for what is no regular file, NOT_FOUND, DENIED, IO.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_source_from_file(
    path: *const c_char,
    out: *mut *mut bitsup_source,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (path, out) = (text::path(path, "path")?, handle::out(out, "out")?);
        out.set(bitsup_source::into_raw(Source::from_file(path)?));
        Ok(())
    })
}

/// A copy of bytes in memory. `data` may be NULL when `len` is 0.
///
/// Ownership: copies the bytes; free `*out` with bitsup_source_free.
/// Threads: any.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for a length that no memory has.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_source_from_bytes(
    data: *const u8,
    len: usize,
    out: *mut *mut bitsup_source,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (data, out) = (text::bytes(data, len, "data")?, handle::out(out, "out")?);
        out.set(bitsup_source::into_raw(Source::from_bytes(data)));
        Ok(())
    })
}

/// `total` bytes that `read` delivers. For bitsup_job_import and a state file, two such sources are the same
/// when they are of the same length; that they deliver the same bytes is for the caller to know.
///
/// Ownership: takes `user_data` in every case; free `*out` with bitsup_source_free.
/// Threads: any.
/// Callbacks: `read` on the thread inside bitsup_job_run, bitsup_job_step or bitsup_job_close, one call at a
/// time, with no lock held that another call would wait for. It may call const functions on the job and free
/// it. An answer that is not BITSUP_CONTINUE, or a length over `cap`, ends the run with BITSUP_E_CALLBACK; the
/// job can be run again. A length of 0 ends the job with BITSUP_E_SOURCE_CHANGED. `destroy` runs when source
/// and job are gone, and now when this call fails.
/// Errors: NULL_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_source_from_reader(
    read: bitsup_read_fn,
    total: u64,
    user_data: *mut c_void,
    destroy: bitsup_destroy_fn,
    out: *mut *mut bitsup_source,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let user_data = UserData::new(user_data, destroy);
        let read = read.ok_or_else(|| handle::null("read"))?;
        let out = handle::out(out, "out")?;
        out.set(bitsup_source::into_raw(Source::from_reader(total, reader(read, user_data))));
        Ok(())
    })
}

/// Frees a source. NULL is a no-op; a job made with it keeps the content.
///
/// Ownership: takes the source.
/// Threads: any; never waits.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_source_free(source: *mut bitsup_source) {
    guard_or!((), {
        handle::free(source);
        Ok(())
    })
}

fn reader(
    read: unsafe extern "C" fn(*mut c_void, u64, *mut u8, usize, *mut usize) -> i32,
    user_data: UserData,
) -> impl Fn(u64, &mut [u8]) -> Result<usize, Error> {
    move |offset, buffer| {
        let mut len = 0;
        let (buf, cap) = (buffer.as_mut_ptr(), buffer.len());
        // SAFETY: the caller gave a function of this type with this user data; the buffer is as long as said,
        // and nobody else's during the call.
        match unsafe { read(user_data.pointer(), offset, buf, cap, &mut len) } {
            BITSUP_CONTINUE => Ok(len),
            _ => Err(Error::new(
                Status::Callback,
                "the source's reader asked to stop; run the job again to go on",
            )),
        }
    }
}
