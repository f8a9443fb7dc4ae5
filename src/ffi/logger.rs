//! `bitsup_logger`: receives log messages.

use std::ffi::{c_char, c_void};

use super::callback::{UserData, bitsup_destroy_fn};
use super::handle::{self, Handle, Header};
use super::text;
use crate::error::Error;
use crate::log::{Level, Logger};

/// Log level: a failure in the library or on the local machine that needs attention.
pub const BITSUP_LOG_ERROR: i32 = 1;
/// Log level: something unexpected that the library handled.
pub const BITSUP_LOG_WARN: i32 = 2;
/// Log level: one message per session event.
pub const BITSUP_LOG_INFO: i32 = 3;
/// Log level: one message per packet.
pub const BITSUP_LOG_DEBUG: i32 = 4;
/// Log level: everything.
pub const BITSUP_LOG_TRACE: i32 = 5;

/// Receives a log message. `level` is one of BITSUP_LOG_*; `target` is the part of the library: "client",
/// "engine", "server", "notify" or "access". The message is UTF-8, `message_len` bytes long and followed by a
/// NUL. Both texts are valid until the callback returns. Messages never contain passwords, tokens or the
/// values of header fields that the application added; they do contain URLs and session ids.
pub type bitsup_log_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        level: i32,
        target: *const c_char,
        message: *const c_char,
        message_len: usize,
    ),
>;

/// Receives log messages. Clients, engines and servers can share one.
pub struct bitsup_logger {
    header: Header,
    pub(super) logger: Logger,
}

impl Handle for bitsup_logger {
    fn header(&self) -> &Header {
        &self.header
    }
}

/// Creates a logger for messages up to `max_level`, one of BITSUP_LOG_*.
///
/// Ownership: takes `user_data`, even on failure; free the logger with bitsup_logger_free. Returns NULL if
/// `log` is NULL or `max_level` is not one of BITSUP_LOG_*.
/// Threads: any thread.
/// Callbacks: `log` runs on every thread that calls the library and on server threads, several at a time,
/// with no lock held. It may call const functions and free objects; those calls may log in turn. `destroy`
/// runs once the logger and all objects that use it are gone.
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

/// Frees a logger. NULL is a no-op. Objects that use the logger keep a reference to it.
///
/// Ownership: frees `logger`.
/// Threads: any thread, also in callbacks; never blocks.
/// Callbacks: `destroy`, if no other object uses the logger.
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
        // SAFETY: the caller supplied a function of this type with this user data; the texts outlive the call.
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
