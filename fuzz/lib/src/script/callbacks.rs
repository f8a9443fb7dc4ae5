//! The callbacks of a script. Each continues the script and then returns a value that the script chose.

use std::ffi::{c_char, c_void};

use bitsup::ffi::error::{bitsup_error, bitsup_status};
use bitsup::ffi::store_ops::bitsup_store_list;
use bitsup::ffi::upload::bitsup_upload;
use bitsup::ffi::verdict::bitsup_verdict;

use super::Script;

/// The status codes that store callbacks return, including an undefined one.
const STATUSES: [bitsup_status; 8] = [0, 0, 0, 201, 202, 203, 204, -7];

/// Returns the script of a callback.
fn script<'a>(user_data: *mut c_void) -> &'a Script<'a> {
    // SAFETY: the script outlives everything that can call back.
    unsafe { &*user_data.cast() }
}

pub extern "C" fn destroy(user_data: *mut c_void) {
    let script = script(user_data);
    script.references.set(script.references.get() - 1);
    assert!(script.references.get() >= 0, "user data was destroyed twice");
    script.continue_in_callback(&[]);
}

pub extern "C" fn log(
    user_data: *mut c_void,
    _level: i32,
    _target: *const c_char,
    message: *const c_char,
    length: usize,
) {
    // SAFETY: the header guarantees that `message` has `length` bytes.
    let message = unsafe { std::slice::from_raw_parts(message.cast::<u8>(), length) };
    assert!(std::str::from_utf8(message).is_ok());
    script(user_data).continue_in_callback(&[]);
}

pub extern "C" fn credentials(
    user_data: *mut c_void,
    _target: i32,
    _scheme: i32,
    _realm: *const c_char,
    _user: *mut c_char,
    _user_cap: usize,
    _secret: *mut c_char,
    _secret_cap: usize,
) -> i32 {
    script(user_data).continue_in_callback(&[])
}

pub extern "C" fn read(
    user_data: *mut c_void,
    _offset: u64,
    buf: *mut u8,
    cap: usize,
    out_len: *mut usize,
) -> i32 {
    let result = script(user_data).continue_in_callback(&[]);
    let length = usize::try_from(result).unwrap_or_default().min(cap);
    // SAFETY: the buffer has `cap` bytes.
    unsafe {
        buf.write_bytes(b'r', length);
        *out_len = length;
    }
    result & 1
}

pub extern "C" fn progress(user_data: *mut c_void, _done: u64, _total: u64) -> i32 {
    script(user_data).continue_in_callback(&[])
}

pub extern "C" fn state(user_data: *mut c_void, _from: i32, _to: i32) {
    script(user_data).continue_in_callback(&[]);
}

pub extern "C" fn retry(
    user_data: *mut c_void,
    _cause: *const bitsup_error,
    _attempt: u32,
    delay_ms: *mut u64,
) -> i32 {
    // SAFETY: a valid pointer from the library.
    unsafe { *delay_ms = 0 };
    script(user_data).continue_in_callback(&[])
}

pub extern "C" fn decide(
    user_data: *mut c_void,
    upload: *const bitsup_upload,
    verdict: *mut bitsup_verdict,
) -> i32 {
    script(user_data).continue_in_callback(&[upload.cast_mut().cast(), verdict.cast()])
}

pub extern "C" fn notify(user_data: *mut c_void, upload: *const bitsup_upload) {
    script(user_data).continue_in_callback(&[upload.cast_mut().cast()]);
}

pub extern "C" fn end(user_data: *mut c_void, upload: *const bitsup_upload, _reason: i32) {
    script(user_data).continue_in_callback(&[upload.cast_mut().cast()]);
}

/// Returns the status of a store callback.
fn result(user_data: *mut c_void, borrowed: &[*mut c_void]) -> bitsup_status {
    let result = usize::try_from(script(user_data).continue_in_callback(borrowed)).unwrap_or_default();
    STATUSES[result % STATUSES.len()]
}

pub extern "C" fn record(
    user_data: *mut c_void,
    _session_id: *const c_char,
    _record: *const u8,
    _length: usize,
) -> bitsup_status {
    result(user_data, &[])
}

pub extern "C" fn list(user_data: *mut c_void, list: *mut bitsup_store_list) -> bitsup_status {
    result(user_data, &[list.cast()])
}

pub extern "C" fn stat(
    user_data: *mut c_void,
    _session_id: *const c_char,
    _part: i32,
    out_length: *mut u64,
    out_modified_ms: *mut u64,
) -> bitsup_status {
    // SAFETY: valid pointers from the library.
    unsafe {
        *out_length = script(user_data).number();
        *out_modified_ms = script(user_data).number();
    }
    result(user_data, &[])
}

pub extern "C" fn write(
    user_data: *mut c_void,
    _session_id: *const c_char,
    _part: i32,
    _offset: u64,
    _data: *const u8,
    _length: usize,
) -> bitsup_status {
    result(user_data, &[])
}

pub extern "C" fn part(user_data: *mut c_void, _session_id: *const c_char, _part: i32) -> bitsup_status {
    result(user_data, &[])
}

pub extern "C" fn read_part(
    user_data: *mut c_void,
    _session_id: *const c_char,
    _part: i32,
    _offset: u64,
    buffer: *mut u8,
    length: usize,
    out_read: *mut usize,
) -> bitsup_status {
    // SAFETY: the buffer has `length` bytes, and `out_read` is valid. The number may be too large on purpose.
    unsafe {
        buffer.write_bytes(b's', length);
        *out_read = script(user_data).number();
    }
    result(user_data, &[])
}

pub extern "C" fn commit(
    user_data: *mut c_void,
    _session_id: *const c_char,
    _destination: *const c_char,
    _overwrite: i32,
    _record: *const u8,
    _length: usize,
) -> bitsup_status {
    result(user_data, &[])
}

pub extern "C" fn destination_state(
    user_data: *mut c_void,
    _destination: *const c_char,
    out_state: *mut i32,
) -> bitsup_status {
    // SAFETY: a valid pointer from the library.
    unsafe { *out_state = script(user_data).choice() };
    result(user_data, &[])
}
