//! `bitsup_store_ops`: a store of the program's own.

use std::ffi::{c_char, c_void};
use std::sync::{Arc, RwLock};

use super::callback::{UserData, bitsup_destroy_fn};
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Head};
use super::store::bitsup_store;
use super::store_callbacks::Callbacks;
use super::store_list::bitsup_store_list;
use crate::error::Error;
use crate::store::BackendStore;

/// Part of a session: all of it.
pub const BITSUP_PART_ALL: i32 = 0;
/// Part of a session: the received bytes.
pub const BITSUP_PART_DATA: i32 = 1;
/// Part of a session: the reply to them.
pub const BITSUP_PART_REPLY: i32 = 2;

/// Destination: nothing is there; a file can go there.
pub const BITSUP_PLACE_FREE: i32 = 0;
/// Destination: a file is there.
pub const BITSUP_PLACE_FILE: i32 = 1;
/// Destination: a folder is there, or what else no file can replace.
pub const BITSUP_PLACE_FOLDER: i32 = 2;
/// Destination: nothing is there, and no folder that could hold it.
pub const BITSUP_PLACE_NO_FOLDER: i32 = 3;

/// Keeps the record of a session: `len` bytes of text that mean nothing to a store.
pub type bitsup_store_record_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        session_id: *const c_char,
        record: *const u8,
        len: usize,
    ) -> bitsup_status,
>;

/// Calls bitsup_store_list_add for every session.
pub type bitsup_store_list_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, list: *mut bitsup_store_list) -> bitsup_status>;

/// Tells the length of a part, and when it was last written, in milliseconds since 1970, which may be left
/// at 0. BITSUP_E_NOT_FOUND when there is none.
pub type bitsup_store_stat_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        session_id: *const c_char,
        part: i32,
        out_length: *mut u64,
        out_modified_ms: *mut u64,
    ) -> bitsup_status,
>;

/// Appends to a part that is `offset` bytes long.
pub type bitsup_store_write_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        session_id: *const c_char,
        part: i32,
        offset: u64,
        data: *const u8,
        len: usize,
    ) -> bitsup_status,
>;

/// Reads at most `len` bytes of a part at `offset`; `*out_read` of them, 0 at the end only.
pub type bitsup_store_read_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        session_id: *const c_char,
        part: i32,
        offset: u64,
        buffer: *mut u8,
        len: usize,
        out_read: *mut usize,
    ) -> bitsup_status,
>;

/// Does something with a part.
pub type bitsup_store_part_fn = Option<
    unsafe extern "C" fn(user_data: *mut c_void, session_id: *const c_char, part: i32) -> bitsup_status,
>;

/// Delivers the data to `destination`, a path with slashes: "folder/file.txt".
pub type bitsup_store_commit_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        session_id: *const c_char,
        destination: *const c_char,
        overwrite: i32,
        record: *const u8,
        len: usize,
    ) -> bitsup_status,
>;

/// Tells what is at `destination`: one of BITSUP_PLACE_*.
pub type bitsup_store_place_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        destination: *const c_char,
        out_place: *mut i32,
    ) -> bitsup_status,
>;

/// A store of the program's own: a database, an object store, an encrypted disk. It keeps, per session, a
/// record and two parts, BITSUP_PART_DATA and BITSUP_PART_REPLY; what else it takes to be a store the library
/// does. A set of callbacks with one `user_data`. create, stat, write, read, commit and remove are needed;
/// list and save too if sessions are to outlive the process. Calls have no state between them: each names its
/// session ("{...}"), part and offset.
///
/// A callback answers BITSUP_OK, or what went wrong; the client is then answered 404 for BITSUP_E_NOT_FOUND,
/// 403 for BITSUP_E_DENIED, 500 with the HRESULT of a full disk for BITSUP_E_NO_SPACE, and 500 for anything
/// else. But for the first the log says so. Outputs count only with BITSUP_OK and hold 0 before; pointers are
/// good until the callback returns.
///
/// They run on threads of the server, or on the thread inside a function of the engine: concurrently for
/// different sessions, one at a time for one session, but for stat and read, which come at any time. Other
/// than hooks they run while their session is locked: they must not call functions of an engine or of a
/// server, and while one takes its time its session waits.
pub struct bitsup_store_ops {
    head: Head,
    callbacks: RwLock<Callbacks>,
}

impl Handle for bitsup_store_ops {
    fn head(&self) -> &Head {
        &self.head
    }
}

/// A set without callbacks. `user_data` is handed to each of them, `destroy` ends its life; both may be NULL.
///
/// Ownership: takes `user_data` in every case; free the set with bitsup_store_ops_free. NULL only after a bug
/// in this library.
/// Threads: any.
/// Callbacks: `destroy` runs when this set, the stores made with it and the engines over them are gone.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_new(
    user_data: *mut c_void,
    destroy: bitsup_destroy_fn,
) -> *mut bitsup_store_ops {
    guard_or!(std::ptr::null_mut(), {
        let callbacks = RwLock::new(Callbacks::new(UserData::new(user_data, destroy)));
        Ok(handle::give(bitsup_store_ops { head: Head::new(), callbacks }))
    })
}

/// Frees a set. NULL is a no-op; stores made with it keep their copy.
///
/// Ownership: takes the set.
/// Threads: any; never waits.
/// Callbacks: `destroy`, when nobody else has the set.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_free(ops: *mut bitsup_store_ops) {
    guard_or!((), {
        handle::free(ops);
        Ok(())
    })
}

/// Sets who makes sessions: from now on there is this record, and data of no bytes. A session that is there
/// already holds no bytes; it is replaced. Needed.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_store_ops says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_on_create(
    ops: *mut bitsup_store_ops,
    callback: bitsup_store_record_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(ops, |callbacks| callbacks.create = callback) })
}

/// Sets who replaces records, whole or not at all; BITSUP_E_NOT_FOUND when there is no such session. NULL:
/// nobody, which is fine for a store without list, for nobody reads the records.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_store_ops says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_on_save(
    ops: *mut bitsup_store_ops,
    callback: bitsup_store_record_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(ops, |callbacks| callbacks.save = callback) })
}

/// Sets who lists the sessions that a former process left; asked when an engine is made. NULL: there are
/// none, and sessions end with the process. What it left of their data is the program's to remove.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_store_ops says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_on_list(
    ops: *mut bitsup_store_ops,
    callback: bitsup_store_list_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(ops, |callbacks| callbacks.list = callback) })
}

/// Sets who tells about parts. Needed. The length of the data is where an upload goes on.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_store_ops says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_on_stat(
    ops: *mut bitsup_store_ops,
    callback: bitsup_store_stat_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(ops, |callbacks| callbacks.stat = callback) })
}

/// Sets who appends. Needed. A reply is made by the write at offset 0, which may be one of no bytes. After a
/// failure stat is asked how much was kept.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_store_ops says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_on_write(
    ops: *mut bitsup_store_ops,
    callback: bitsup_store_write_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(ops, |callbacks| callbacks.write = callback) })
}

/// Sets who hears the end of a run of writes, before what they wrote is acknowledged: now, at the latest, it
/// must outlive a crash of the process. A run that a lost connection ends has none. NULL: nobody.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_store_ops says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_on_flush(
    ops: *mut bitsup_store_ops,
    callback: bitsup_store_part_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(ops, |callbacks| callbacks.flush = callback) })
}

/// Sets who reads. Needed, for applications that ask for the data, and for replies.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_store_ops says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_on_read(
    ops: *mut bitsup_store_ops,
    callback: bitsup_store_read_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(ops, |callbacks| callbacks.read = callback) })
}

/// Sets who delivers. Needed. Puts the data at the destination, whole or not at all, then replaces the record
/// and gives the data up: at once, or in this order. Where a file is there and `overwrite` is 0 it answers
/// BITSUP_E_DENIED. It is called again when it failed or the process died meanwhile; what it did before must
/// not stop it then, and a session whose data it gave up already is success.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_store_ops says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_on_commit(
    ops: *mut bitsup_store_ops,
    callback: bitsup_store_commit_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(ops, |callbacks| callbacks.commit = callback) })
}

/// Sets who removes: the reply, or with BITSUP_PART_ALL the session with all it has, but for a delivered file.
/// Needed. Nothing to remove is success.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_store_ops says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_on_remove(
    ops: *mut bitsup_store_ops,
    callback: bitsup_store_part_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(ops, |callbacks| callbacks.remove = callback) })
}

/// Sets who tells what is at a destination, so that a session which could not end well does not begin. NULL:
/// everything is free, and commit refuses what it must.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_store_ops says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_on_place(
    ops: *mut bitsup_store_ops,
    callback: bitsup_store_place_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(ops, |callbacks| callbacks.place = callback) })
}

/// A store over the callbacks as they are now.
///
/// Ownership: takes a copy of the callbacks and a share of their `user_data`; the caller still frees `ops`. Free
/// `*out` with bitsup_store_free.
/// Threads: any.
/// Callbacks: as bitsup_store_ops says; none is called here.
/// Errors: NULL_ARGUMENT, INVALID_STATE when a callback is missing, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_new_custom(
    ops: *const bitsup_store_ops,
    out: *mut *mut bitsup_store,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (ops, out) = (handle::borrow(ops, "ops")?, handle::out(out, "out")?);
        let callbacks = handle::read(&ops.callbacks)?.clone();
        callbacks.check()?;
        out.set(bitsup_store::give(Arc::new(BackendStore::new(callbacks))));
        Ok(())
    })
}

/// Changes one callback.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn set(ops: *mut bitsup_store_ops, change: impl FnOnce(&mut Callbacks)) -> Result<(), Error> {
    // SAFETY: by contract.
    let ops = unsafe { handle::borrow(ops, "ops") }?;
    change(&mut *handle::write(&ops.callbacks)?);
    Ok(())
}
