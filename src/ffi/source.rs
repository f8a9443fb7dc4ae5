//! `bitsup_source`: what a job sends.

use std::ffi::c_char;
use std::sync::Mutex;

use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Head};
use super::text;
use crate::client::Source;
use crate::error::{Error, Status};

/// What one job sends.
pub struct bitsup_source {
    head: Head,
    /// Empty once a job has it.
    source: Mutex<Option<Source>>,
}

impl Handle for bitsup_source {
    fn head(&self) -> &Head {
        &self.head
    }
}

impl bitsup_source {
    fn give(source: Source) -> *mut Self {
        handle::give(Self { head: Head::new(), source: Mutex::new(Some(source)) })
    }

    /// Takes the content, for a job.
    pub(super) fn take(&self) -> Result<Source, Error> {
        handle::exclusive(&self.source)?.take().ok_or_else(|| {
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
        out.set(bitsup_source::give(Source::from_file(path)?));
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
        out.set(bitsup_source::give(Source::from_bytes(data)));
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
