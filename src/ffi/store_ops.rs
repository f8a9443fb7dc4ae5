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
use crate::store::{Backend, BackendStore, Destination, Part, PartInfo, Place, StoreError};

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
    header: Header,
    callbacks: RwLock<StoreCallbacks>,
}

impl Handle for bitsup_store_ops {
    fn header(&self) -> &Header {
        &self.header
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
        let callbacks = RwLock::new(StoreCallbacks::new(UserData::new(user_data, destroy)));
        Ok(handle::into_raw(bitsup_store_ops { header: Header::new(), callbacks }))
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
        let callbacks = handle::try_read(&ops.callbacks)?.clone();
        callbacks.check()?;
        out.set(bitsup_store::into_raw(Arc::new(BackendStore::new(callbacks))));
        Ok(())
    })
}

/// Changes one callback.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn set(ops: *mut bitsup_store_ops, change: impl FnOnce(&mut StoreCallbacks)) -> Result<(), Error> {
    // SAFETY: by contract.
    let ops = unsafe { handle::borrow(ops, "ops") }?;
    change(&mut *handle::try_write(&ops.callbacks)?);
    Ok(())
}

/// Takes the sessions of a store, in its list callback. It is good until that returns; a call with it that
/// begins later answers BITSUP_E_INVALID_STATE, as long as the store lives.
pub struct bitsup_store_list(CallbackHandle<Vec<ListedSession>>);

/// A session as C told of it.
#[derive(Debug)]
pub(super) struct ListedSession {
    id: SessionId,
    record: Vec<u8>,
    modified_ms: u64,
}

impl Handle for bitsup_store_list {
    fn header(&self) -> &Header {
        &self.0.header
    }
}

impl From<CallbackHandle<Vec<ListedSession>>> for bitsup_store_list {
    fn from(loan: CallbackHandle<Vec<ListedSession>>) -> Self {
        Self(loan)
    }
}

impl Scoped for bitsup_store_list {
    type Content = Vec<ListedSession>;

    fn handle(&self) -> &CallbackHandle<Vec<ListedSession>> {
        &self.0
    }
}

/// Tells of a session: the record that was kept last, and when a part was last written, in milliseconds since
/// 1970; 0 for what is not known. Idle sessions end some time after that. A record that cannot be read is left
/// alone, and the log says so.
///
/// Ownership: copies the text and the record.
/// Threads: one at a time, until the callback returns.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT for what is no id, BUSY, INVALID_STATE after the
/// callback.
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
        let no_id = || Error::new(Status::InvalidArgument, format!("`session_id` is {text}; it is no id"));
        let id = SessionId::parse(text).ok_or_else(no_id)?;
        list.0.update("list", |sessions| sessions.push(ListedSession { id, record, modified_ms }))
    })
}

/// The functions, and a share of the state behind them.
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
    place: bitsup_store_place_fn,
}

impl StoreCallbacks {
    /// None at all.
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
            place: None,
        }
    }

    /// Whether there are enough of them for a store.
    fn check(&self) -> Result<(), Error> {
        let needed = [
            ("create", self.create.is_some()),
            ("stat", self.stat.is_some()),
            ("write", self.write.is_some()),
            ("read", self.read.is_some()),
            ("commit", self.commit.is_some()),
            ("remove", self.remove.is_some()),
            // A listed session with an old record would forget what became of it.
            ("save", self.save.is_some() || self.list.is_none()),
        ];
        match needed.iter().find(|(_, is_there)| !is_there) {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("`ops` is not complete; call bitsup_store_ops_on_{name} first");
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
        // good for the duration of the call.
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
        let sessions = sessions.ok_or_else(|| io::Error::other("the list of sessions is lost"))?;
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
        let (place, size, mut count) = (buffer.as_mut_ptr(), buffer.len(), 0);
        // SAFETY: as above.
        let result = unsafe {
            callback(self.user_data(), id.as_ptr(), part as i32, offset, place, size, &raw mut count)
        };
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

    fn place(&self, destination: &Destination) -> Result<Place, StoreError> {
        let (Some(callback), destination) = (self.place, c_path(destination)) else {
            return Ok(Place::Free);
        };
        let mut place = BITSUP_PLACE_FREE;
        // SAFETY: as above.
        let result = unsafe { callback(self.user_data(), destination.as_ptr(), &raw mut place) };
        to_store_result("place", result)?;
        match place {
            BITSUP_PLACE_FREE => Ok(Place::Free),
            BITSUP_PLACE_FILE => Ok(Place::File),
            BITSUP_PLACE_FOLDER => Ok(Place::Folder),
            BITSUP_PLACE_NO_FOLDER => Ok(Place::NoFolder),
            _ => Err(io::Error::other(format!("the callback `place` told of {place}")).into()),
        }
    }
}

/// Of no use to anybody: [`StoreCallbacks::check`] comes first.
fn not_set() -> StoreError {
    io::Error::from(io::ErrorKind::Unsupported).into()
}

/// What a callback's result means.
fn to_store_result(name: &str, result: bitsup_status) -> Result<(), StoreError> {
    let said = || {
        let result = name_of(result).to_string_lossy();
        io::Error::other(format!("the callback `{name}` answered {result}"))
    };
    match result {
        BITSUP_OK => Ok(()),
        BITSUP_E_NOT_FOUND => Err(StoreError::NotFound),
        BITSUP_E_DENIED => Err(StoreError::Denied(said())),
        BITSUP_E_NO_SPACE => Err(StoreError::NoSpace(said())),
        _ => Err(StoreError::Io(said())),
    }
}

fn c_id(id: SessionId) -> CString {
    text::c_string(&id.to_string())
}

/// A destination has no NUL.
fn c_path(destination: &Destination) -> CString {
    text::c_string(&String::from(destination.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_places_of_both_apis_have_the_same_numbers() {
        let parts = [(BITSUP_PART_DATA, Part::Data as i32), (BITSUP_PART_REPLY, Part::Reply as i32)];
        let places = [
            (BITSUP_PLACE_FREE, Place::Free as i32),
            (BITSUP_PLACE_FILE, Place::File as i32),
            (BITSUP_PLACE_FOLDER, Place::Folder as i32),
            (BITSUP_PLACE_NO_FOLDER, Place::NoFolder as i32),
        ];
        for (number, rust) in parts.iter().chain(&places) {
            assert_eq!(number, rust);
        }
    }

    #[test]
    fn an_answer_that_nobody_defined_is_a_failure() {
        assert!(to_store_result("stat", BITSUP_OK).is_ok());
        for result in [-1, 1, 999] {
            let error = to_store_result("stat", result).unwrap_err();
            assert_eq!(error.to_string(), "the callback `stat` answered BITSUP_E_UNKNOWN");
        }
    }
}
