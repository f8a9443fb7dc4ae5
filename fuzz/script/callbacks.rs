//! The callbacks of a script: each answers as the script says, after going on with it.

use std::ffi::{c_char, c_void};

use bitsup::ffi::error::{bitsup_error, bitsup_status};
use bitsup::ffi::store_ops::bitsup_store_list;
use bitsup::ffi::upload::bitsup_upload;
use bitsup::ffi::verdict::bitsup_verdict;

use super::Script;

/// What a store may answer, and a number that is no status.
const ANSWERS: [bitsup_status; 8] = [0, 0, 0, 201, 202, 203, 204, -7];

/// The script behind a callback.
fn script<'a>(user_data: *mut c_void) -> &'a Script<'a> {
    // SAFETY: the script, which lives until everything that could call back is freed.
    unsafe { &*user_data.cast() }
}

pub extern "C" fn destroy(user_data: *mut c_void) {
    let script = script(user_data);
    script.held.set(script.held.get() - 1);
    assert!(script.held.get() >= 0, "let go of twice");
    script.called_back(&[]);
}

pub extern "C" fn log(
    user_data: *mut c_void,
    _level: i32,
    _target: *const c_char,
    message: *const c_char,
    length: usize,
) {
    // SAFETY: `message` is `length` bytes long, by the header.
    let message = unsafe { std::slice::from_raw_parts(message.cast::<u8>(), length) };
    assert!(std::str::from_utf8(message).is_ok());
    script(user_data).called_back(&[]);
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
    script(user_data).called_back(&[])
}

pub extern "C" fn read(
    user_data: *mut c_void,
    _offset: u64,
    buf: *mut u8,
    cap: usize,
    out_len: *mut usize,
) -> i32 {
    let answer = script(user_data).called_back(&[]);
    let length = usize::try_from(answer).unwrap_or_default().min(cap);
    // SAFETY: room for `cap` bytes.
    unsafe {
        buf.write_bytes(b'r', length);
        *out_len = length;
    }
    answer & 1
}

pub extern "C" fn progress(user_data: *mut c_void, _done: u64, _total: u64) -> i32 {
    script(user_data).called_back(&[])
}

pub extern "C" fn state(user_data: *mut c_void, _from: i32, _to: i32) {
    script(user_data).called_back(&[]);
}

pub extern "C" fn retry(
    user_data: *mut c_void,
    _cause: *const bitsup_error,
    _attempt: u32,
    delay_ms: *mut u64,
) -> i32 {
    // SAFETY: the library's own number.
    unsafe { *delay_ms = 0 };
    script(user_data).called_back(&[])
}

pub extern "C" fn decide(
    user_data: *mut c_void,
    upload: *const bitsup_upload,
    verdict: *mut bitsup_verdict,
) -> i32 {
    script(user_data).called_back(&[upload.cast_mut().cast(), verdict.cast()])
}

pub extern "C" fn notify(user_data: *mut c_void, upload: *const bitsup_upload) {
    script(user_data).called_back(&[upload.cast_mut().cast()]);
}

pub extern "C" fn end(user_data: *mut c_void, upload: *const bitsup_upload, _reason: i32) {
    script(user_data).called_back(&[upload.cast_mut().cast()]);
}

/// What a store answers.
fn answer(user_data: *mut c_void, lent: &[*mut c_void]) -> bitsup_status {
    let answer = usize::try_from(script(user_data).called_back(lent)).unwrap_or_default();
    ANSWERS[answer % ANSWERS.len()]
}

pub extern "C" fn record(
    user_data: *mut c_void,
    _session_id: *const c_char,
    _record: *const u8,
    _length: usize,
) -> bitsup_status {
    answer(user_data, &[])
}

pub extern "C" fn list(user_data: *mut c_void, list: *mut bitsup_store_list) -> bitsup_status {
    answer(user_data, &[list.cast()])
}

pub extern "C" fn stat(
    user_data: *mut c_void,
    _session_id: *const c_char,
    _part: i32,
    out_length: *mut u64,
    out_modified_ms: *mut u64,
) -> bitsup_status {
    // SAFETY: the library's own numbers.
    unsafe {
        *out_length = script(user_data).number();
        *out_modified_ms = script(user_data).number();
    }
    answer(user_data, &[])
}

pub extern "C" fn write(
    user_data: *mut c_void,
    _session_id: *const c_char,
    _part: i32,
    _offset: u64,
    _data: *const u8,
    _length: usize,
) -> bitsup_status {
    answer(user_data, &[])
}

pub extern "C" fn part(user_data: *mut c_void, _session_id: *const c_char, _part: i32) -> bitsup_status {
    answer(user_data, &[])
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
    // SAFETY: room for `length` bytes, and the library's own number, which may also be too large.
    unsafe {
        buffer.write_bytes(b's', length);
        *out_read = script(user_data).number();
    }
    answer(user_data, &[])
}

pub extern "C" fn commit(
    user_data: *mut c_void,
    _session_id: *const c_char,
    _destination: *const c_char,
    _overwrite: i32,
    _record: *const u8,
    _length: usize,
) -> bitsup_status {
    answer(user_data, &[])
}

pub extern "C" fn place(
    user_data: *mut c_void,
    _destination: *const c_char,
    out_place: *mut i32,
) -> bitsup_status {
    // SAFETY: the library's own number.
    unsafe { *out_place = script(user_data).choice() };
    answer(user_data, &[])
}
