//! `bitsup_logger`: where clients, engines and servers say what they do.

use std::ffi::{c_char, c_void};

use super::callback::{UserData, bitsup_destroy_fn};
use super::handle::{self, Handle, Header};
use super::text;
use crate::error::Error;
use crate::log::{Level, Logger};

/// Level of a message: something of the library or of its machine is broken.
pub const BITSUP_LOG_ERROR: i32 = 1;
/// Level of a message: something is odd, and dealt with.
pub const BITSUP_LOG_WARN: i32 = 2;
/// Level of a message: one line per event of a session.
pub const BITSUP_LOG_INFO: i32 = 3;
/// Level of a message: one line per packet.
pub const BITSUP_LOG_DEBUG: i32 = 4;
/// Level of a message: everything.
pub const BITSUP_LOG_TRACE: i32 = 5;

/// Hears a message of a level, one of BITSUP_LOG_*, from a part of the library, `target`: "client", "engine",
/// "server", "notify" or "access". The message is UTF-8 of `message_len` bytes with a NUL behind it; both texts live
/// during the callback. Passwords, tokens and the values of header fields that programs add are never in it; URLs and session
/// ids are.
pub type bitsup_log_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        level: i32,
        target: *const c_char,
        message: *const c_char,
        message_len: usize,
    ),
>;

/// A receiver of messages. What it is given to shares it.
pub struct bitsup_logger {
    header: Header,
    pub(super) logger: Logger,
}

impl Handle for bitsup_logger {
    fn header(&self) -> &Header {
        &self.header
    }
}

/// A receiver of messages up to `max_level`, one of BITSUP_LOG_*.
///
/// Ownership: takes `user_data` in every case; free the logger with bitsup_logger_free. NULL when `log` is
/// NULL or `max_level` is none of BITSUP_LOG_*.
/// Threads: any.
/// Callbacks: `log` from every thread that calls the library and from those of servers, several at a time,
/// with no lock held; it may call const functions and free objects. What it calls may log in turn. `destroy` runs when the logger and all that it was given to are gone.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_logger_new(
    log: bitsup_log_fn,
    max_level: i32,
    user_data: *mut c_void,
    destroy: bitsup_destroy_fn,
) -> *mut bitsup_logger {
    guard_or!(std::ptr::null_mut(), {
        let user_data = UserData::new(user_data, destroy);
        let log = log.ok_or_else(|| handle::null("log"))?;
        let logger = Logger::new(level(max_level)?, sink(log, user_data));
        Ok(handle::into_raw(bitsup_logger { header: Header::new(), logger }))
    })
}

/// Frees a logger. NULL is a no-op; what it was given to goes on with it.
///
/// Ownership: takes the logger.
/// Threads: any, callbacks included; never waits.
/// Callbacks: `destroy`, when nobody else has the logger.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_logger_free(logger: *mut bitsup_logger) {
    guard_or!((), {
        handle::free(logger);
        Ok(())
    })
}

fn sink(
    log: unsafe extern "C" fn(*mut c_void, i32, *const c_char, *const c_char, usize),
    user_data: UserData,
) -> impl Fn(Level, &str, &str) {
    move |level, target, message| {
        let (target, message) = (text::c_string(target), text::c_string(message));
        let len = message.as_bytes().len();
        // SAFETY: the caller gave a function of this type with this user data; the texts live during the call.
        unsafe { log(user_data.pointer(), level as i32, target.as_ptr(), message.as_ptr(), len) };
    }
}

fn level(number: i32) -> Result<Level, Error> {
    let levels = [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];
    let level = levels.into_iter().find(|level| *level as i32 == number);
    level.ok_or_else(|| handle::out_of_range("max_level", number, "BITSUP_LOG_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    #[test]
    fn the_levels_of_both_apis_have_the_same_numbers() {
        let pairs = [
            (BITSUP_LOG_ERROR, Level::Error),
            (BITSUP_LOG_WARN, Level::Warn),
            (BITSUP_LOG_INFO, Level::Info),
            (BITSUP_LOG_DEBUG, Level::Debug),
            (BITSUP_LOG_TRACE, Level::Trace),
        ];
        for (number, expected) in pairs {
            assert_eq!(level(number).unwrap(), expected);
        }
        for outside in [0, 6, -1, i32::MIN, i32::MAX] {
            assert_eq!(level(outside).unwrap_err().status(), Status::InvalidArgument);
        }
    }
}
