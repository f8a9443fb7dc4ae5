//! `bitsup_store`: where an engine stores uploads.

use std::ffi::c_char;
use std::sync::Arc;

use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::text;
use crate::error::Error;
use crate::store::{DirOptions, DirStore, Durability, MemoryStore, Store};

/// Durability: a power failure can lose whatever the operating system has not yet written to disk.
pub const BITSUP_DURABILITY_NONE: i32 = 0;
/// Durability: a delivered file survives a power failure; an unfinished upload may not. The usual choice.
pub const BITSUP_DURABILITY_FILE: i32 = 1;
/// Durability: every acknowledged fragment survives a power failure.
pub const BITSUP_DURABILITY_FRAGMENT: i32 = 2;

/// Where an engine keeps unfinished uploads, delivered files and replies.
pub struct bitsup_store {
    header: Header,
    store: Arc<dyn Store>,
}

impl Handle for bitsup_store {
    fn header(&self) -> &Header {
        &self.header
    }
}

impl bitsup_store {
    /// Converts a store into a pointer for the caller.
    pub(super) fn into_raw(store: Arc<dyn Store>) -> *mut Self {
        handle::into_raw(Self { header: Header::new(), store })
    }

    /// Returns the store.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Returns the store behind a pointer, for programs that mix Rust and C.
    ///
    /// # Safety
    /// As for every function of the C ABI.
    ///
    /// # Errors
    ///
    /// [`Status::NullArgument`](crate::Status::NullArgument) if `store` is null, and the errors of every function of the C
    /// ABI for an unusable object.
    pub unsafe fn open(store: *const Self) -> Result<Arc<dyn Store>, Error> {
        // SAFETY: by contract.
        Ok(unsafe { handle::borrow(store, "store") }?.store())
    }
}

/// Opens a store of files in the directory `root`, which must exist. Unfinished uploads are kept in its
/// subdirectory ".bitsup". The directory is locked while the store exists. With `shared` (not 0) several
/// processes, such as the servers of a server farm, can open it at the same time; all must then set `shared`.
/// `durability` is one of BITSUP_DURABILITY_* and concerns power failures: a crash of the process never loses
/// acknowledged data.
///
/// Ownership: copies the path; free `*out` with bitsup_store_free.
/// Threads: any thread.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if `durability` is unknown or `root` is not a directory, BUSY if
/// another store has the directory open and not both set `shared`, UNSUPPORTED if the file system has no hard
/// links or cannot sync a directory as `durability` requires, NOT_FOUND, DENIED, NO_SPACE, IO.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_new_dir(
    root: *const c_char,
    durability: i32,
    shared: i32,
    out: *mut *mut bitsup_store,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (root, out) = (text::path(root, "root")?, handle::out(out, "out")?);
        let options = DirOptions::default().durability(durability_of(durability)?).shared(shared != 0);
        out.set(bitsup_store::into_raw(Arc::new(DirStore::open(root, options)?)));
        Ok(())
    })
}

/// Creates a store that keeps files and unfinished uploads in memory, at most `max_bytes` in total. They are
/// lost with the store, and there are no folders. Use it for tests, and for small uploads that the
/// application processes in on_received: it reads them with bitsup_upload_read and discards them with
/// bitsup_verdict_set_keep_file.
///
/// Ownership: free `*out` with bitsup_store_free.
/// Threads: any thread.
/// Errors: NULL_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_new_memory(
    max_bytes: u64,
    out: *mut *mut bitsup_store,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let out = handle::out(out, "out")?;
        out.set(bitsup_store::into_raw(Arc::new(MemoryStore::new(max_bytes))));
        Ok(())
    })
}

/// Frees a store. NULL is a no-op. Engines that use it are not affected.
///
/// Ownership: frees `store`.
/// Threads: any thread; never blocks.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_free(store: *mut bitsup_store) {
    guard_or!((), {
        handle::free(store);
        Ok(())
    })
}

fn durability_of(number: i32) -> Result<Durability, Error> {
    match number {
        BITSUP_DURABILITY_NONE => Ok(Durability::None),
        BITSUP_DURABILITY_FILE => Ok(Durability::File),
        BITSUP_DURABILITY_FRAGMENT => Ok(Durability::Fragment),
        _ => Err(handle::out_of_range("durability", number, "BITSUP_DURABILITY_")),
    }
}
