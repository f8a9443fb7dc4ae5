//! A store implemented with callbacks of the C API, as a C program would. Keeps everything in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard};

use bitsup::ffi::callback::bitsup_destroy_fn;
use bitsup::ffi::error::{
    BITSUP_E_DENIED, BITSUP_E_INVALID_STATE, BITSUP_E_NO_SPACE, BITSUP_E_NOT_FOUND, BITSUP_OK, bitsup_status,
};
use bitsup::ffi::store::{bitsup_store, bitsup_store_free};
use bitsup::ffi::store_ops::*;
use bitsup::store::Store;

/// The content of the store. Clones share it, so that a test can open the store again.
#[derive(Debug, Clone, Default)]
pub struct Files(Arc<Mutex<State>>);

#[derive(Debug)]
pub struct State {
    pub max_bytes: usize,
    pub folders: BTreeSet<String>,
    pub files: BTreeMap<String, Vec<u8>>,
    pub sessions: BTreeMap<String, StoredSession>,
    /// Names of callbacks, in the order of their calls.
    pub calls: Vec<&'static str>,
    /// The status that a callback of this name returns instead of doing its work.
    pub failing: BTreeMap<&'static str, bitsup_status>,
}

/// A session.
#[derive(Debug, Default)]
pub struct StoredSession {
    record: Vec<u8>,
    /// Keys are BITSUP_PART_*.
    parts: BTreeMap<i32, Vec<u8>>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            max_bytes: usize::MAX,
            folders: BTreeSet::new(),
            files: BTreeMap::new(),
            sessions: BTreeMap::new(),
            calls: Vec::new(),
            failing: BTreeMap::new(),
        }
    }
}

impl Files {
    pub fn new(max_bytes: usize) -> Self {
        let files = Self::default();
        files.state().max_bytes = max_bytes;
        files
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Opens a store over the content, as after a restart of the program.
    pub fn open(&self) -> Arc<dyn Store> {
        // SAFETY: the functions have the types that they are set for; `free` drops the box created here.
        unsafe {
            let ops = bitsup_store_ops_new(Box::into_raw(Box::new(self.clone())).cast(), FREE);
            let none = ptr::null_mut();
            assert_eq!(bitsup_store_ops_on_create(ops, Some(create), none), BITSUP_OK);
            assert_eq!(bitsup_store_ops_on_save(ops, Some(save), none), BITSUP_OK);
            assert_eq!(bitsup_store_ops_on_list(ops, Some(list), none), BITSUP_OK);
            assert_eq!(bitsup_store_ops_on_stat(ops, Some(stat), none), BITSUP_OK);
            assert_eq!(bitsup_store_ops_on_write(ops, Some(write), none), BITSUP_OK);
            assert_eq!(bitsup_store_ops_on_flush(ops, Some(flush), none), BITSUP_OK);
            assert_eq!(bitsup_store_ops_on_read(ops, Some(read), none), BITSUP_OK);
            assert_eq!(bitsup_store_ops_on_commit(ops, Some(commit), none), BITSUP_OK);
            assert_eq!(bitsup_store_ops_on_remove(ops, Some(remove), none), BITSUP_OK);
            assert_eq!(bitsup_store_ops_on_destination_state(ops, Some(destination_state), none), BITSUP_OK);
            let mut store = ptr::null_mut();
            assert_eq!(bitsup_store_new_custom(ops, &raw mut store, none), BITSUP_OK);
            bitsup_store_ops_free(ops);
            let shared = bitsup_store::open(store).unwrap();
            bitsup_store_free(store);
            shared
        }
    }

    pub fn make_folder(&self, path: &str) {
        let parents = path.match_indices('/').map(|(end, _)| path[..end].to_owned());
        self.state().folders.extend(parents.chain([path.to_owned()]));
    }

    pub fn put_file(&self, path: &str, content: &[u8]) {
        self.state().files.insert(path.to_owned(), content.to_vec());
    }

    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.state().files.get(path).cloned()
    }

    pub fn session_data(&self, id: &str) -> Option<Vec<u8>> {
        self.state().sessions.get(id)?.parts.get(&BITSUP_PART_DATA).cloned()
    }
}

impl State {
    fn free_bytes(&self) -> usize {
        let parts = self.sessions.values().flat_map(|session| session.parts.values());
        self.max_bytes - self.files.values().chain(parts).map(Vec::len).sum::<usize>()
    }

    fn session(&mut self, id: &str) -> Result<&mut StoredSession, bitsup_status> {
        self.sessions.get_mut(id).ok_or(BITSUP_E_NOT_FOUND)
    }

    fn destination_state(&self, path: &str) -> i32 {
        let parent = path.rsplit_once('/').map(|(parent, _)| parent);
        if parent.is_some_and(|parent| !self.folders.contains(parent)) {
            BITSUP_DESTINATION_NO_FOLDER
        } else if self.folders.contains(path) {
            BITSUP_DESTINATION_FOLDER
        } else if self.files.contains_key(path) {
            BITSUP_DESTINATION_FILE
        } else {
            BITSUP_DESTINATION_FREE
        }
    }
}

const FREE: bitsup_destroy_fn = Some(free);

unsafe extern "C" fn free(files: *mut c_void) {
    // SAFETY: `open` passed a `Files` in a box.
    drop(unsafe { Box::from_raw(files.cast::<Files>()) });
}

/// Runs a callback: records the call, and either fails as the test wants or calls `act`.
unsafe fn call(
    name: &'static str,
    files: *mut c_void,
    act: impl FnOnce(&mut State) -> Result<(), bitsup_status>,
) -> bitsup_status {
    // SAFETY: `open` passed a `Files` in a box.
    let mut state = unsafe { &*files.cast::<Files>() }.state();
    state.calls.push(name);
    let failure = state.failing.get(name).copied();
    failure.map_or_else(|| act(&mut state), Err).err().unwrap_or(BITSUP_OK)
}

unsafe fn text<'a>(text: *const c_char) -> &'a str {
    // SAFETY: the library passes a NUL-terminated string.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap()
}

unsafe fn bytes<'a>(data: *const u8, len: usize) -> &'a [u8] {
    // SAFETY: the library passes `len` bytes.
    unsafe { std::slice::from_raw_parts(data, len) }
}

unsafe extern "C" fn create(
    files: *mut c_void,
    id: *const c_char,
    record: *const u8,
    len: usize,
) -> bitsup_status {
    // SAFETY: the library calls the callbacks of a store as the header documents.
    unsafe {
        call("create", files, |state| {
            let parts = BTreeMap::from([(BITSUP_PART_DATA, Vec::new())]);
            state
                .sessions
                .insert(text(id).to_owned(), StoredSession { record: bytes(record, len).to_vec(), parts });
            Ok(())
        })
    }
}

unsafe extern "C" fn save(
    files: *mut c_void,
    id: *const c_char,
    record: *const u8,
    len: usize,
) -> bitsup_status {
    // SAFETY: the library calls the callbacks of a store as the header documents.
    unsafe {
        call("save", files, |state| {
            state.session(text(id))?.record = bytes(record, len).to_vec();
            Ok(())
        })
    }
}

unsafe extern "C" fn list(files: *mut c_void, list: *mut bitsup_store_list) -> bitsup_status {
    // SAFETY: the library calls the callbacks of a store as the header documents.
    unsafe {
        call("list", files, |state| {
            for (id, StoredSession { record, .. }) in &state.sessions {
                let id = std::ffi::CString::new(id.as_str()).unwrap();
                let (record, none) = (record.as_slice(), ptr::null_mut());
                let added = bitsup_store_list_add(list, id.as_ptr(), record.as_ptr(), record.len(), 0, none);
                assert_eq!(added, BITSUP_OK);
            }
            Ok(())
        })
    }
}

unsafe extern "C" fn stat(
    files: *mut c_void,
    id: *const c_char,
    part: i32,
    length: *mut u64,
    modified_ms: *mut u64,
) -> bitsup_status {
    // SAFETY: the library calls the callbacks of a store as the header documents.
    unsafe {
        call("stat", files, |state| {
            *length = state.session(text(id))?.parts.get(&part).ok_or(BITSUP_E_NOT_FOUND)?.len() as u64;
            *modified_ms = 1_700_000_000_123;
            Ok(())
        })
    }
}

unsafe extern "C" fn write(
    files: *mut c_void,
    id: *const c_char,
    part: i32,
    offset: u64,
    data: *const u8,
    len: usize,
) -> bitsup_status {
    // SAFETY: the library calls the callbacks of a store as the header documents.
    unsafe {
        call("write", files, |state| {
            let fitting = state.free_bytes().min(len);
            let stored = state.session(text(id))?.parts.entry(part).or_default();
            if stored.len() as u64 != offset {
                return Err(BITSUP_E_INVALID_STATE);
            }
            stored.extend_from_slice(&bytes(data, len)[..fitting]);
            if fitting == len { Ok(()) } else { Err(BITSUP_E_NO_SPACE) }
        })
    }
}

unsafe extern "C" fn flush(files: *mut c_void, _id: *const c_char, _part: i32) -> bitsup_status {
    // SAFETY: the library calls the callbacks of a store as the header documents.
    unsafe { call("flush", files, |_| Ok(())) }
}

unsafe extern "C" fn read(
    files: *mut c_void,
    id: *const c_char,
    part: i32,
    offset: u64,
    buffer: *mut u8,
    len: usize,
    count: *mut usize,
) -> bitsup_status {
    // SAFETY: the library calls the callbacks of a store as the header documents.
    unsafe {
        call("read", files, |state| {
            let stored = state.session(text(id))?.parts.get(&part).ok_or(BITSUP_E_NOT_FOUND)?;
            let rest = stored.get(offset as usize..).unwrap_or_default();
            *count = rest.len().min(len);
            ptr::copy_nonoverlapping(rest.as_ptr(), buffer, *count);
            Ok(())
        })
    }
}

unsafe extern "C" fn commit(
    files: *mut c_void,
    id: *const c_char,
    destination: *const c_char,
    overwrite: i32,
    record: *const u8,
    len: usize,
) -> bitsup_status {
    // SAFETY: the library calls the callbacks of a store as the header documents.
    unsafe {
        call("commit", files, |state| {
            let (id, destination) = (text(id), text(destination));
            if !state.session(id)?.parts.contains_key(&BITSUP_PART_DATA) {
                return Ok(());
            }
            match state.destination_state(destination) {
                BITSUP_DESTINATION_FREE => {}
                BITSUP_DESTINATION_FILE if overwrite != 0 => {}
                _ => return Err(BITSUP_E_DENIED),
            }
            let session = state.session(id)?;
            session.record = bytes(record, len).to_vec();
            let data = session.parts.remove(&BITSUP_PART_DATA).unwrap();
            state.files.insert(destination.to_owned(), data);
            Ok(())
        })
    }
}

unsafe extern "C" fn remove(files: *mut c_void, id: *const c_char, part: i32) -> bitsup_status {
    // SAFETY: the library calls the callbacks of a store as the header documents.
    unsafe {
        call("remove", files, |state| {
            match (state.session(text(id)), part) {
                (_, BITSUP_PART_ALL) => drop(state.sessions.remove(text(id))),
                (Ok(session), part) => drop(session.parts.remove(&part)),
                (Err(_), _) => {}
            }
            Ok(())
        })
    }
}

unsafe extern "C" fn destination_state(
    files: *mut c_void,
    destination: *const c_char,
    found: *mut i32,
) -> bitsup_status {
    // SAFETY: the library calls the callbacks of a store as the header documents.
    unsafe {
        call("destination_state", files, |state| {
            *found = state.destination_state(text(destination));
            Ok(())
        })
    }
}
