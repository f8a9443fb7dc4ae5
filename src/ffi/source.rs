//! `bitsup_source`: the content that a job uploads.

use std::ffi::{c_char, c_void};
use std::sync::Mutex;

use super::callback::{BITSUP_CONTINUE, UserData, bitsup_destroy_fn};
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::text;
use crate::client::Source;
use crate::error::{Error, Status};

/// Reads bytes of the source: copies 1 to `cap` bytes, starting at `offset`, to `buf` and their number to
/// `*out_len`. May be called several times for the same offset, when data has to be sent again, and must then
/// return the same bytes. Returns BITSUP_CONTINUE or BITSUP_ABORT.
pub type bitsup_source_read_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        offset: u64,
        buf: *mut u8,
        cap: usize,
        out_len: *mut usize,
    ) -> i32,
>;

/// The content that one job uploads.
pub struct bitsup_source {
    header: Header,
    /// `None` once a job has taken it.
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

    /// Takes the content for a job.
    pub(super) fn take(&self) -> Result<Source, Error> {
        handle::try_lock(&self.source)?.take().ok_or_else(|| {
            Error::new(Status::InvalidState, "`source` was used for a job before: create one source per job")
        })
    }
}

/// Creates a source from a regular file. Records its size, modification time and change time; if one of them
/// changes before the last byte is sent, the job fails with BITSUP_E_SOURCE_CHANGED. The file may be renamed or deleted.
///
/// Ownership: copies the path; free `*out` with bitsup_source_free.
/// Threads: any thread.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if `path` is not a regular file, or has content although its size is
/// 0, as files of /proc do, NOT_FOUND, DENIED, IO.
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

/// Creates a source with a copy of `len` bytes. `data` may be NULL if `len` is 0.
///
/// Ownership: copies the bytes; free `*out` with bitsup_source_free.
/// Threads: any thread.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if `len` exceeds the address space.
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

/// Creates a source of `total` bytes that the callback `read` supplies. Use it for content that is not in a
/// file, or to encrypt a file while it is sent. Two such sources are considered the same by
/// bitsup_job_import and by state files if their lengths are equal; the caller must make sure that they have
/// the same content.
///
/// Ownership: takes `user_data`, even on failure; free `*out` with bitsup_source_free.
/// Threads: any thread.
/// Callbacks: `read` runs on the thread inside bitsup_job_run, bitsup_job_step or bitsup_job_close, one call
/// at a time. It may call const functions on the job and free it. If it returns anything but BITSUP_CONTINUE,
/// or a length above `cap`, the run fails with BITSUP_E_CALLBACK, and the job can be run again. A length of 0
/// fails the job with BITSUP_E_SOURCE_CHANGED. `destroy` runs once the source and its job are gone, or in
/// this call if it fails.
/// Errors: NULL_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_source_from_reader(
    read: bitsup_source_read_fn,
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

/// Frees a source. NULL is a no-op. A job created from it keeps the content.
///
/// Ownership: frees `source`.
/// Threads: any thread; never blocks.
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
        // SAFETY: the caller supplied a function of this type with this user data; the buffer has this length
        // and is exclusive during the call.
        match unsafe { read(user_data.pointer(), offset, buf, cap, &mut len) } {
            BITSUP_CONTINUE => Ok(len),
            _ => Err(Error::new(
                Status::Callback,
                "the reader of the source stopped the operation: run the job again to continue",
            )),
        }
    }
}
