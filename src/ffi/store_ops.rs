//! `bitsup_store_ops` and `bitsup_store_list`: a store that the host application implements with callbacks.

use std::ffi::{CString, c_char, c_void};
use std::io;
use std::sync::{Arc, RwLock};

use super::callback::{UserData, bitsup_destroy_fn};
use super::callback_handle::{CallbackHandle, Scoped, ScopedPool};
use super::error::{
    BITSUP_E_DENIED, BITSUP_E_NO_SPACE, BITSUP_E_NOT_FOUND, BITSUP_OK, bitsup_error, bitsup_status, name_of,
};
use super::handle::{self, Handle, Header};
use super::store::bitsup_store;
use super::text;
use crate::error::{Error, Status};
use crate::proto::SessionId;
use crate::store::{Backend, BackendStore, Destination, DestinationState, Part, PartInfo, StoreError};

/// Part of a session: all parts.
pub const BITSUP_PART_ALL: i32 = 0;
/// Part of a session: the received data.
pub const BITSUP_PART_DATA: i32 = 1;
/// Part of a session: the reply.
pub const BITSUP_PART_REPLY: i32 = 2;

/// State of a destination: nothing exists there, and a file can be created.
pub const BITSUP_DESTINATION_FREE: i32 = 0;
/// State of a destination: a file exists there.
pub const BITSUP_DESTINATION_FILE: i32 = 1;
/// State of a destination: a folder exists there, or something else that a file cannot replace.
pub const BITSUP_DESTINATION_FOLDER: i32 = 2;
/// State of a destination: nothing exists there, nor does the folder that would contain it.
pub const BITSUP_DESTINATION_NO_FOLDER: i32 = 3;

/// Stores the record of a session: `len` bytes of text that the store does not interpret.
pub type bitsup_store_record_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        session_id: *const c_char,
        record: *const u8,
        len: usize,
    ) -> bitsup_status,
>;

/// Lists the stored sessions by calling bitsup_store_list_add for each.
pub type bitsup_store_list_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, list: *mut bitsup_store_list) -> bitsup_status>;

/// Returns the length of a part, and when it was last written, in milliseconds since 1970 (0 if unknown).
/// Returns BITSUP_E_NOT_FOUND if the part does not exist.
pub type bitsup_store_stat_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        session_id: *const c_char,
        part: i32,
        out_length: *mut u64,
        out_modified_ms: *mut u64,
    ) -> bitsup_status,
>;

/// Appends `len` bytes to a part whose current length is `offset`.
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

/// Reads up to `len` bytes of a part at `offset` and stores their number in `*out_read`, which is 0 only at
/// the end of the part.
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

/// Acts on a part: flushes or removes it.
pub type bitsup_store_part_fn = Option<
    unsafe extern "C" fn(user_data: *mut c_void, session_id: *const c_char, part: i32) -> bitsup_status,
>;

/// Delivers the received data to `destination`, a relative path with slashes, for example "folder/file.txt".
/// `overwrite` is not 0 if an existing file may be replaced. `record` is the new record of the session.
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

/// Stores what exists at `destination`, one of BITSUP_DESTINATION_*, in `*out_state`.
pub type bitsup_store_destination_state_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        destination: *const c_char,
        out_state: *mut i32,
    ) -> bitsup_status,
>;

/// Callbacks that implement a store, for example on a database, an object store or an encrypted disk. Per
/// session, the store keeps a record and two parts, BITSUP_PART_DATA and BITSUP_PART_REPLY; the library does
/// the rest. create, stat, write, read, commit and remove are required. list and save are also required if
/// sessions are to survive the process. The callbacks share one `user_data`. Calls are stateless: each names
/// its session ("{...}"), part and offset.
///
/// A callback returns BITSUP_OK or an error, which the client sees as an HTTP status: 404 for
/// BITSUP_E_NOT_FOUND, 403 for BITSUP_E_DENIED, 500 with the HRESULT of a full disk for BITSUP_E_NO_SPACE,
/// and 500 for any other. All but BITSUP_E_NOT_FOUND are logged. If stat does not find the data of a session,
/// the session is removed, and a client that sends a fragment starts again. Outputs are 0 before the call and
/// used only after BITSUP_OK. Pointers are valid until the callback returns.
///
/// Callbacks run on server threads, or on the thread inside a function of the engine: concurrently for
/// different sessions and one at a time for one session, except stat and read, which can run at any time.
/// Unlike hooks, they run while their session is locked: they must not call functions of an engine or server,
/// and a slow callback delays its session.
pub struct bitsup_store_ops {
    header: Header,
    callbacks: RwLock<StoreCallbacks>,
}

impl Handle for bitsup_store_ops {
    fn header(&self) -> &Header {
        &self.header
    }
}

/// Creates a set without callbacks. Each callback receives `user_data`; `destroy` releases it. Both may be
/// NULL.
///
/// Ownership: takes `user_data`, even on failure; free the set with bitsup_store_ops_free. Returns NULL only
/// after a bug in this library.
/// Threads: any thread.
/// Callbacks: `destroy` runs once the set, the stores created from it and their engines are gone.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_new(
    user_data: *mut c_void,
    destroy: bitsup_destroy_fn,
) -> *mut bitsup_store_ops {
    guard_or!(std::ptr::null_mut(), {
        let callbacks = RwLock::new(StoreCallbacks::new(UserData::new(user_data, destroy)));
        Ok(handle::into_raw(bitsup_store_ops { header: Header::new(), callbacks }))
    })
}

/// Frees a set. NULL is a no-op. Stores created from it keep a copy.
///
/// Ownership: frees `ops`.
/// Threads: any thread; never blocks.
/// Callbacks: `destroy`, if no other object uses the set.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_free(ops: *mut bitsup_store_ops) {
    guard_or!((), {
        handle::free(ops);
        Ok(())
    })
}

/// Sets the callback that creates a session with this record and empty data. If the session already exists,
/// it holds no data and is replaced. Required.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_store_ops.
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

/// Sets the callback that replaces the record of a session atomically. It returns BITSUP_E_NOT_FOUND if the
/// session does not exist. May be NULL in a store without a list callback, whose records are never read.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_store_ops.
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

/// Sets the callback that lists the sessions of an earlier process. It runs when an engine is created. If
/// NULL, there are none: sessions end with the process, and the application removes any data that they leave.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_store_ops.
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

/// Sets the callback that returns the length of a part. The length of the data is the offset at which an
/// upload resumes. Required.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_store_ops.
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

/// Sets the callback that appends to a part. A write at offset 0, possibly of no bytes, creates the reply.
/// After a failed write the library calls stat to find out how much was stored. Required.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_store_ops.
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

/// Sets the callback that ends a series of writes. It runs before they are acknowledged to the client; when
/// it returns, the written data must survive a crash of the process. It does not run for a series that a lost
/// connection interrupted. If NULL, data must survive a crash as soon as the write callback returns.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_store_ops.
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

/// Sets the callback that reads a part, for replies and for applications that read the data. Required.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_store_ops.
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

/// Sets the callback that delivers the data. It moves the data to the destination atomically, then replaces
/// the record and discards the session's data, in one step or in this order. If a file exists there and
/// `overwrite` is 0, it returns BITSUP_E_DENIED. It is called again after a failure or a crash and must then
/// complete what remains; if the data was already delivered, it returns BITSUP_OK. It returns
/// BITSUP_E_NOT_FOUND if the session does not exist. Required.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_store_ops.
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

/// Sets the callback that removes the reply (BITSUP_PART_REPLY) or the whole session (BITSUP_PART_ALL). It
/// never removes a delivered file, and returns BITSUP_OK if there is nothing to remove. Required.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_store_ops.
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

/// Sets the callback that checks a destination before a session is created, so that an upload that cannot be
/// delivered is rejected early. If NULL, every destination counts as free, and only commit rejects it.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_store_ops.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_ops_on_destination_state(
    ops: *mut bitsup_store_ops,
    callback: bitsup_store_destination_state_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(ops, |callbacks| callbacks.destination_state = callback) })
}

/// Creates a store from a copy of the callbacks.
///
/// Ownership: copies the callbacks and shares their `user_data`; the caller still frees `ops`. Free `*out`
/// with bitsup_store_free.
/// Threads: any thread.
/// Callbacks: see bitsup_store_ops; none runs in this call.
/// Errors: NULL_ARGUMENT, INVALID_STATE if a required callback is missing, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_new_custom(
    ops: *const bitsup_store_ops,
    out: *mut *mut bitsup_store,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (ops, out) = (handle::borrow(ops, "ops")?, handle::out(out, "out")?);
        let callbacks = handle::try_read(&ops.callbacks)?.clone();
        callbacks.check()?;
        out.set(bitsup_store::into_raw(Arc::new(BackendStore::new(callbacks))));
        Ok(())
    })
}

/// Applies `change` to the callbacks.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn set(ops: *mut bitsup_store_ops, change: impl FnOnce(&mut StoreCallbacks)) -> Result<(), Error> {
    // SAFETY: by contract.
    let ops = unsafe { handle::borrow(ops, "ops") }?;
    change(&mut *handle::try_write(&ops.callbacks)?);
    Ok(())
}

/// Collects the sessions of a store in its list callback. Valid until that callback returns; a later call
/// with it fails with BITSUP_E_INVALID_STATE while the store exists.
pub struct bitsup_store_list(CallbackHandle<Vec<AddedSession>>);

/// A session that the list callback added.
#[derive(Debug)]
pub(super) struct AddedSession {
    id: SessionId,
    record: Vec<u8>,
    modified_ms: u64,
}

impl Handle for bitsup_store_list {
    fn header(&self) -> &Header {
        &self.0.header
    }
}

impl From<CallbackHandle<Vec<AddedSession>>> for bitsup_store_list {
    fn from(handle: CallbackHandle<Vec<AddedSession>>) -> Self {
        Self(handle)
    }
}

impl Scoped for bitsup_store_list {
    type Value = Vec<AddedSession>;

    fn handle(&self) -> &CallbackHandle<Vec<AddedSession>> {
        &self.0
    }
}

/// Adds a session: its last stored record, and when a part was last written, in milliseconds since 1970 (0 if
/// unknown). The session timeout starts at that time. If the record cannot be read, the session is ignored,
/// and an error is logged.
///
/// Ownership: copies the id and the record.
/// Threads: one call at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT if `session_id` is not a session id, BUSY,
/// INVALID_STATE after the callback has returned.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_store_list_add(
    list: *mut bitsup_store_list,
    session_id: *const c_char,
    record: *const u8,
    len: usize,
    modified_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let list = handle::borrow(list, "list")?;
        let text = text::required(session_id, "session_id")?;
        let record = text::bytes(record, len, "record")?.to_vec();
        let invalid = || {
            Error::new(Status::InvalidArgument, format!("invalid `session_id` \"{text}\": not a session id"))
        };
        let id = SessionId::parse(text).ok_or_else(invalid)?;
        list.0.update("list", |sessions| sessions.push(AddedSession { id, record, modified_ms }))
    })
}

/// The callbacks as a store calls them, and their shared `user_data`.
#[derive(Clone)]
struct StoreCallbacks {
    user_data: Arc<UserData>,
    lists: Arc<ScopedPool<bitsup_store_list>>,
    create: bitsup_store_record_fn,
    save: bitsup_store_record_fn,
    list: bitsup_store_list_fn,
    stat: bitsup_store_stat_fn,
    write: bitsup_store_write_fn,
    flush: bitsup_store_part_fn,
    read: bitsup_store_read_fn,
    commit: bitsup_store_commit_fn,
    remove: bitsup_store_part_fn,
    destination_state: bitsup_store_destination_state_fn,
}

impl StoreCallbacks {
    /// Returns a set without callbacks.
    fn new(user_data: UserData) -> Self {
        Self {
            user_data: Arc::new(user_data),
            lists: Arc::new(ScopedPool::new()),
            create: None,
            save: None,
            list: None,
            stat: None,
            write: None,
            flush: None,
            read: None,
            commit: None,
            remove: None,
            destination_state: None,
        }
    }

    /// Checks that all required callbacks are set.
    fn check(&self) -> Result<(), Error> {
        let required = [
            ("create", self.create.is_some()),
            ("stat", self.stat.is_some()),
            ("write", self.write.is_some()),
            ("read", self.read.is_some()),
            ("commit", self.commit.is_some()),
            ("remove", self.remove.is_some()),
            // Without `save`, a listed session would have an outdated record.
            ("save", self.save.is_some() || self.list.is_none()),
        ];
        match required.iter().find(|(_, is_set)| !is_set) {
            None => Ok(()),
            Some((name, _)) => {
                let message =
                    format!("`ops` lacks a required callback: call bitsup_store_ops_on_{name} first");
                Err(Error::new(Status::InvalidState, message))
            }
        }
    }

    fn user_data(&self) -> *mut c_void {
        self.user_data.pointer()
    }
}

impl Backend for StoreCallbacks {
    fn create(&self, id: SessionId, record: &[u8]) -> Result<(), StoreError> {
        let (callback, id) = (self.create.ok_or_else(not_set)?, c_id(id));
        // SAFETY: the caller set it as a function of this type, with this user data; the other pointers are
        // valid during the call.
        to_store_result("create", unsafe {
            callback(self.user_data(), id.as_ptr(), record.as_ptr(), record.len())
        })
    }

    fn save(&self, id: SessionId, record: &[u8]) -> Result<(), StoreError> {
        let (Some(callback), id) = (self.save, c_id(id)) else { return Ok(()) };
        // SAFETY: as above.
        to_store_result("save", unsafe {
            callback(self.user_data(), id.as_ptr(), record.as_ptr(), record.len())
        })
    }

    fn list(&self, found: &mut dyn FnMut(SessionId, &[u8], u64)) -> Result<(), StoreError> {
        let Some(callback) = self.list else { return Ok(()) };
        // SAFETY: as above.
        let call = |list| unsafe { callback(self.user_data(), list) };
        let (result, sessions) = self.lists.with(Vec::new(), call);
        to_store_result("list", result)?;
        let sessions =
            sessions.ok_or_else(|| io::Error::other("the list of sessions is lost after a panic"))?;
        sessions.iter().for_each(|listed| found(listed.id, &listed.record, listed.modified_ms));
        Ok(())
    }

    fn stat(&self, id: SessionId, part: Part) -> Result<PartInfo, StoreError> {
        let (callback, id) = (self.stat.ok_or_else(not_set)?, c_id(id));
        let (mut length, mut modified_ms) = (0, 0);
        // SAFETY: as above.
        let result = unsafe {
            callback(self.user_data(), id.as_ptr(), part as i32, &raw mut length, &raw mut modified_ms)
        };
        to_store_result("stat", result).map(|()| PartInfo { length, modified_ms })
    }

    fn write(&self, id: SessionId, part: Part, offset: u64, data: &[u8]) -> Result<(), StoreError> {
        let (callback, id) = (self.write.ok_or_else(not_set)?, c_id(id));
        // SAFETY: as above.
        to_store_result("write", unsafe {
            callback(self.user_data(), id.as_ptr(), part as i32, offset, data.as_ptr(), data.len())
        })
    }

    fn flush(&self, id: SessionId, part: Part) -> Result<(), StoreError> {
        let (Some(callback), id) = (self.flush, c_id(id)) else { return Ok(()) };
        // SAFETY: as above.
        to_store_result("flush", unsafe { callback(self.user_data(), id.as_ptr(), part as i32) })
    }

    fn read(&self, id: SessionId, part: Part, offset: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let (callback, id) = (self.read.ok_or_else(not_set)?, c_id(id));
        let (buf, len, mut count) = (buffer.as_mut_ptr(), buffer.len(), 0);
        // SAFETY: as above.
        let result =
            unsafe { callback(self.user_data(), id.as_ptr(), part as i32, offset, buf, len, &raw mut count) };
        to_store_result("read", result).map(|()| count)
    }

    fn commit(
        &self,
        id: SessionId,
        destination: &Destination,
        overwrite: bool,
        record: &[u8],
    ) -> Result<(), StoreError> {
        let (callback, id) = (self.commit.ok_or_else(not_set)?, c_id(id));
        let (destination, overwrite) = (c_path(destination), i32::from(overwrite));
        let (record, len) = (record.as_ptr(), record.len());
        // SAFETY: as above.
        to_store_result("commit", unsafe {
            callback(self.user_data(), id.as_ptr(), destination.as_ptr(), overwrite, record, len)
        })
    }

    fn remove(&self, id: SessionId, part: Option<Part>) -> Result<(), StoreError> {
        let (callback, id) = (self.remove.ok_or_else(not_set)?, c_id(id));
        let part = part.map_or(BITSUP_PART_ALL, |part| part as i32);
        // SAFETY: as above.
        to_store_result("remove", unsafe { callback(self.user_data(), id.as_ptr(), part) })
    }

    fn destination_state(&self, destination: &Destination) -> Result<DestinationState, StoreError> {
        let (Some(callback), destination) = (self.destination_state, c_path(destination)) else {
            return Ok(DestinationState::Free);
        };
        let mut state = BITSUP_DESTINATION_FREE;
        // SAFETY: as above.
        let result = unsafe { callback(self.user_data(), destination.as_ptr(), &raw mut state) };
        to_store_result("destination_state", result)?;
        match state {
            BITSUP_DESTINATION_FREE => Ok(DestinationState::Free),
            BITSUP_DESTINATION_FILE => Ok(DestinationState::File),
            BITSUP_DESTINATION_FOLDER => Ok(DestinationState::Directory),
            BITSUP_DESTINATION_NO_FOLDER => Ok(DestinationState::ParentMissing),
            _ => Err(io::Error::other(format!(
                "the callback `destination_state` set the unknown value {state}"
            ))
            .into()),
        }
    }
}

/// The error for a missing callback, which [`StoreCallbacks::check`] rules out.
fn not_set() -> StoreError {
    io::Error::from(io::ErrorKind::Unsupported).into()
}

/// Converts the result of a callback.
fn to_store_result(name: &str, result: bitsup_status) -> Result<(), StoreError> {
    let error = || {
        let result = name_of(result).to_string_lossy();
        io::Error::other(format!("the callback `{name}` returned {result}"))
    };
    match result {
        BITSUP_OK => Ok(()),
        BITSUP_E_NOT_FOUND => Err(StoreError::NotFound),
        BITSUP_E_DENIED => Err(StoreError::Denied(error())),
        BITSUP_E_NO_SPACE => Err(StoreError::NoSpace(error())),
        _ => Err(StoreError::Io(error())),
    }
}

fn c_id(id: SessionId) -> CString {
    text::c_string(&id.to_string())
}

/// Converts a destination, which contains no NUL.
fn c_path(destination: &Destination) -> CString {
    text::c_string(&String::from(destination.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_destination_states_of_both_apis_have_the_same_numbers() {
        let parts = [(BITSUP_PART_DATA, Part::Data as i32), (BITSUP_PART_REPLY, Part::Reply as i32)];
        let states = [
            (BITSUP_DESTINATION_FREE, DestinationState::Free as i32),
            (BITSUP_DESTINATION_FILE, DestinationState::File as i32),
            (BITSUP_DESTINATION_FOLDER, DestinationState::Directory as i32),
            (BITSUP_DESTINATION_NO_FOLDER, DestinationState::ParentMissing as i32),
        ];
        for (number, rust) in parts.iter().chain(&states) {
            assert_eq!(number, rust);
        }
    }

    #[test]
    fn an_unknown_result_is_a_failure() {
        assert!(to_store_result("stat", BITSUP_OK).is_ok());
        for result in [-1, 1, 999] {
            let error = to_store_result("stat", result).unwrap_err();
            assert_eq!(error.to_string(), "the callback `stat` returned BITSUP_E_UNKNOWN");
        }
    }
}
