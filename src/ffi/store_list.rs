//! `bitsup_store_list`: where a store tells which sessions it holds.

use std::ffi::c_char;

use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Head};
use super::loan::{Lent, Loan};
use super::text;
use crate::error::{Error, Status};
use crate::proto::SessionId;

/// Takes the sessions of a store, in its list callback. It is good until that returns; a call with it that
/// begins later answers BITSUP_E_INVALID_STATE, as long as the store lives.
pub struct bitsup_store_list(Loan<Vec<Listed>>);

/// A session as C told of it.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) id: SessionId,
    pub(super) record: Vec<u8>,
    pub(super) modified_ms: u64,
}

impl Handle for bitsup_store_list {
    fn head(&self) -> &Head {
        &self.0.head
    }
}

impl From<Loan<Vec<Listed>>> for bitsup_store_list {
    fn from(loan: Loan<Vec<Listed>>) -> Self {
        Self(loan)
    }
}

impl Lent for bitsup_store_list {
    type Content = Vec<Listed>;

    fn loan(&self) -> &Loan<Vec<Listed>> {
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
        list.0.change("list", |sessions| sessions.push(Listed { id, record, modified_ms }))
    })
}
