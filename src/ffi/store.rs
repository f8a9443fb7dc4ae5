//! `bitsup_store`: where received bytes lie.

use std::ffi::c_char;
use std::sync::Arc;

use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::text;
use crate::error::Error;
use crate::store::{DirOptions, DirStore, Durability, MemoryStore, Store};

/// Durability: a loss of power may cost whatever the kernel has not written by itself.
pub const BITSUP_DURABILITY_NONE: i32 = 0;
/// Durability: a delivered file survives a loss of power, an unfinished upload may not. The usual choice.
pub const BITSUP_DURABILITY_FILE: i32 = 1;
/// Durability: every acknowledged fragment survives a loss of power.
pub const BITSUP_DURABILITY_FRAGMENT: i32 = 2;

/// Where an engine keeps what it receives.
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
    /// Gives a store to the caller.
    pub(super) fn into_raw(store: Arc<dyn Store>) -> *mut Self {
        handle::into_raw(Self { header: Header::new(), store })
    }

    /// The store behind it.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// The store behind a pointer, for programs that mix both languages.
    ///
    /// # Safety
    /// As for every function of the C ABI.
    pub unsafe fn open(store: *const Self) -> Result<Arc<dyn Store>, Error> {
        // SAFETY: by contract.
        Ok(unsafe { handle::borrow(store, "store") }?.store())
    }
}

/// Files under the directory `root`, which must exist; unfinished uploads in its subdirectory ".bitsup". The
/// root is locked until the store is gone; with `shared` other processes may have it at the same time, all
/// with `shared`: the servers of a farm. `durability` is one of BITSUP_DURABILITY_*; whichever it is, a crash
/// of the process alone loses nothing that was acknowledged.
///
/// Ownership: copies the path; free `*out` with bitsup_store_free.
/// Threads: any.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT, BUSY when another store has the root, UNSUPPORTED for a file
/// system without hard links, NOT_FOUND, DENIED, NO_SPACE, IO.
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
        let options = DirOptions { durability: durability_of(durability)?, shared: shared != 0 };
        out.set(bitsup_store::into_raw(Arc::new(DirStore::open(root, options)?)));
        Ok(())
    })
}

/// Files and unfinished uploads in memory, at most `max_bytes` in all; they are gone with the store. For
/// tests, and for small uploads that the program takes over itself: on_received reads them by
/// bitsup_upload_read, and by bitsup_verdict_set_keep_file says that they need not stay. There are no folders.
///
/// Ownership: free `*out` with bitsup_store_free.
/// Threads: any.
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

/// Frees a store. NULL is a no-op; engines over it live on.
///
/// Ownership: takes the store.
/// Threads: any; never waits.
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
