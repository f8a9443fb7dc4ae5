//! The callbacks of a `bitsup_store_ops` as a store calls them.

use std::ffi::{CString, c_void};
use std::io;
use std::sync::Arc;

use super::callback::UserData;
use super::error::{
    BITSUP_E_DENIED, BITSUP_E_NO_SPACE, BITSUP_E_NOT_FOUND, BITSUP_OK, bitsup_status, name_of,
};
use super::loan::Pool;
use super::store_list::bitsup_store_list;
use super::store_ops::{
    BITSUP_PART_ALL, BITSUP_PLACE_FILE, BITSUP_PLACE_FOLDER, BITSUP_PLACE_FREE, BITSUP_PLACE_NO_FOLDER,
    bitsup_store_commit_fn, bitsup_store_list_fn, bitsup_store_part_fn, bitsup_store_place_fn,
    bitsup_store_read_fn, bitsup_store_record_fn, bitsup_store_stat_fn, bitsup_store_write_fn,
};
use super::text;
use crate::error::{Error, Status};
use crate::proto::SessionId;
use crate::store::{Backend, Destination, DestinationState, Part, PartInfo, StoreError};

/// The functions, and a share of the state behind them.
#[derive(Clone)]
pub(super) struct Callbacks {
    user_data: Arc<UserData>,
    lists: Arc<Pool<bitsup_store_list>>,
    pub(super) create: bitsup_store_record_fn,
    pub(super) save: bitsup_store_record_fn,
    pub(super) list: bitsup_store_list_fn,
    pub(super) stat: bitsup_store_stat_fn,
    pub(super) write: bitsup_store_write_fn,
    pub(super) flush: bitsup_store_part_fn,
    pub(super) read: bitsup_store_read_fn,
    pub(super) commit: bitsup_store_commit_fn,
    pub(super) remove: bitsup_store_part_fn,
    pub(super) place: bitsup_store_place_fn,
}

impl Callbacks {
    /// None at all.
    pub(super) fn new(user_data: UserData) -> Self {
        Self {
            user_data: Arc::new(user_data),
            lists: Arc::new(Pool::new()),
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
    pub(super) fn check(&self) -> Result<(), Error> {
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

impl Backend for Callbacks {
    fn create(&self, id: SessionId, record: &[u8]) -> Result<(), StoreError> {
        let (callback, id) = (self.create.ok_or_else(missing)?, c_id(id));
        // SAFETY: the caller set it as a function of this type, with this user data; the other pointers are
        // good for the duration of the call.
        outcome("create", unsafe { callback(self.user_data(), id.as_ptr(), record.as_ptr(), record.len()) })
    }

    fn save(&self, id: SessionId, record: &[u8]) -> Result<(), StoreError> {
        let (Some(callback), id) = (self.save, c_id(id)) else { return Ok(()) };
        // SAFETY: as above.
        outcome("save", unsafe { callback(self.user_data(), id.as_ptr(), record.as_ptr(), record.len()) })
    }

    fn list(&self, found: &mut dyn FnMut(SessionId, &[u8], u64)) -> Result<(), StoreError> {
        let Some(callback) = self.list else { return Ok(()) };
        // SAFETY: as above.
        let call = |list| unsafe { callback(self.user_data(), list) };
        let (answer, sessions) = self.lists.lend(Vec::new(), call);
        outcome("list", answer)?;
        let sessions = sessions.ok_or_else(|| io::Error::other("the list of sessions is lost"))?;
        sessions.iter().for_each(|listed| found(listed.id, &listed.record, listed.modified_ms));
        Ok(())
    }

    fn stat(&self, id: SessionId, part: Part) -> Result<PartInfo, StoreError> {
        let (callback, id) = (self.stat.ok_or_else(missing)?, c_id(id));
        let (mut length, mut modified_ms) = (0, 0);
        // SAFETY: as above.
        let answer = unsafe {
            callback(self.user_data(), id.as_ptr(), part as i32, &raw mut length, &raw mut modified_ms)
        };
        outcome("stat", answer).map(|()| PartInfo { length, modified_ms })
    }

    fn write(&self, id: SessionId, part: Part, offset: u64, data: &[u8]) -> Result<(), StoreError> {
        let (callback, id) = (self.write.ok_or_else(missing)?, c_id(id));
        // SAFETY: as above.
        outcome("write", unsafe {
            callback(self.user_data(), id.as_ptr(), part as i32, offset, data.as_ptr(), data.len())
        })
    }

    fn flush(&self, id: SessionId, part: Part) -> Result<(), StoreError> {
        let (Some(callback), id) = (self.flush, c_id(id)) else { return Ok(()) };
        // SAFETY: as above.
        outcome("flush", unsafe { callback(self.user_data(), id.as_ptr(), part as i32) })
    }

    fn read(&self, id: SessionId, part: Part, offset: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let (callback, id) = (self.read.ok_or_else(missing)?, c_id(id));
        let (place, size, mut count) = (buffer.as_mut_ptr(), buffer.len(), 0);
        // SAFETY: as above.
        let answer = unsafe {
            callback(self.user_data(), id.as_ptr(), part as i32, offset, place, size, &raw mut count)
        };
        outcome("read", answer).map(|()| count)
    }

    fn commit(
        &self,
        id: SessionId,
        destination: &Destination,
        overwrite: bool,
        record: &[u8],
    ) -> Result<(), StoreError> {
        let (callback, id) = (self.commit.ok_or_else(missing)?, c_id(id));
        let (destination, overwrite) = (c_path(destination), i32::from(overwrite));
        let (record, len) = (record.as_ptr(), record.len());
        // SAFETY: as above.
        outcome("commit", unsafe {
            callback(self.user_data(), id.as_ptr(), destination.as_ptr(), overwrite, record, len)
        })
    }

    fn remove(&self, id: SessionId, part: Option<Part>) -> Result<(), StoreError> {
        let (callback, id) = (self.remove.ok_or_else(missing)?, c_id(id));
        let part = part.map_or(BITSUP_PART_ALL, |part| part as i32);
        // SAFETY: as above.
        outcome("remove", unsafe { callback(self.user_data(), id.as_ptr(), part) })
    }

    fn destination_state(&self, destination: &Destination) -> Result<DestinationState, StoreError> {
        let (Some(callback), destination) = (self.place, c_path(destination)) else {
            return Ok(DestinationState::Free);
        };
        let mut place = BITSUP_PLACE_FREE;
        // SAFETY: as above.
        let answer = unsafe { callback(self.user_data(), destination.as_ptr(), &raw mut place) };
        outcome("place", answer)?;
        match place {
            BITSUP_PLACE_FREE => Ok(DestinationState::Free),
            BITSUP_PLACE_FILE => Ok(DestinationState::File),
            BITSUP_PLACE_FOLDER => Ok(DestinationState::Directory),
            BITSUP_PLACE_NO_FOLDER => Ok(DestinationState::ParentMissing),
            _ => Err(io::Error::other(format!("the callback `place` told of {place}")).into()),
        }
    }
}

/// Of no use to anybody: [`Callbacks::check`] comes first.
fn missing() -> StoreError {
    io::Error::from(io::ErrorKind::Unsupported).into()
}

/// What a callback's answer means.
fn outcome(name: &str, answer: bitsup_status) -> Result<(), StoreError> {
    let said = || {
        let answer = name_of(answer).to_string_lossy();
        io::Error::other(format!("the callback `{name}` answered {answer}"))
    };
    match answer {
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
    use super::super::store_ops::{BITSUP_PART_DATA, BITSUP_PART_REPLY};
    use super::*;

    #[test]
    fn parts_and_places_of_both_apis_have_the_same_numbers() {
        let parts = [(BITSUP_PART_DATA, Part::Data as i32), (BITSUP_PART_REPLY, Part::Reply as i32)];
        let places = [
            (BITSUP_PLACE_FREE, DestinationState::Free as i32),
            (BITSUP_PLACE_FILE, DestinationState::File as i32),
            (BITSUP_PLACE_FOLDER, DestinationState::Directory as i32),
            (BITSUP_PLACE_NO_FOLDER, DestinationState::ParentMissing as i32),
        ];
        for (number, rust) in parts.iter().chain(&places) {
            assert_eq!(number, rust);
        }
    }

    #[test]
    fn an_answer_that_nobody_defined_is_a_failure() {
        assert!(outcome("stat", BITSUP_OK).is_ok());
        for answer in [-1, 1, 999] {
            let error = outcome("stat", answer).unwrap_err();
            assert_eq!(error.to_string(), "the callback `stat` answered BITSUP_E_UNKNOWN");
        }
    }
}
