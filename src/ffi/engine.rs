//! `bitsup_engine`: receives the uploads of one virtual directory.

use std::ffi::c_char;

use super::engine_config::bitsup_engine_config;
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::text;
use crate::engine::{Engine, RequestHead};
use crate::error::{Error, Status};
use crate::proto::SessionId;

/// Receives the uploads of one virtual directory. Has no socket, no thread and no clock of its own.
pub struct bitsup_engine {
    header: Header,
    pub(super) engine: Engine,
}

impl Handle for bitsup_engine {
    fn header(&self) -> &Header {
        &self.header
    }
}

/// An engine with a copy of `config`, and with the sessions that its store holds.
///
/// Ownership: borrows `config`, adds a reference to its store; free `*out` with bitsup_engine_free.
/// Threads: any, concurrently.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_STATE without a store, INVALID_ARGUMENT for a value of `config`
/// outside its domain; 2xx from the store.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_new(
    config: *const bitsup_engine_config,
    out: *mut *mut bitsup_engine,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (config, out) = (handle::borrow(config, "config")?, handle::out(out, "out")?);
        let engine = Engine::new(config.snapshot()?)?;
        out.set(handle::into_raw(bitsup_engine { header: Header::new(), engine }));
        Ok(())
    })
}

/// Frees an engine. NULL is a no-op; servers that mount it live on, and so do its sessions, in the store.
///
/// Ownership: takes the engine.
/// Threads: any; never waits.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_free(engine: *mut bitsup_engine) {
    guard_or!((), {
        handle::free(engine);
        Ok(())
    })
}

/// Whether a request is for this engine, for programs whose HTTP server serves other things beside it: 1 for a
/// packet, and for the GET or HEAD of a reply; else 0, and for NULL. A POST is 1 where
/// bitsup_engine_config_set_method_override is on; only its field X-HTTP-Method-Override says that it is a
/// packet. `target` is that of the request, below the mount point.
///
/// Ownership: borrows all.
/// Threads: any, concurrently.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_accepts(
    engine: *const bitsup_engine,
    method: *const c_char,
    method_len: usize,
    target: *const c_char,
    target_len: usize,
) -> i32 {
    guard_or!(0, {
        let engine = handle::borrow(engine, "engine")?;
        let method = text::bytes(method.cast(), method_len, "method")?;
        let target = text::bytes(target.cast(), target_len, "target")?;
        let head = RequestHead::from_wire(method, target);
        Ok(i32::from(engine.engine.accepts(&head.method, &head.target)))
    })
}

/// Ends the sessions that were idle for too long: `*out_expired` of them. The next one can expire after
/// `*out_next_ms`; UINT64_MAX when there is none. A running server does this for the engines it mounts.
///
/// Ownership: borrows all.
/// Threads: any, concurrently.
/// Errors: NULL_ARGUMENT; 2xx from the store.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_tick(
    engine: *const bitsup_engine,
    out_expired: *mut u64,
    out_next_ms: *mut u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let engine = handle::borrow(engine, "engine")?;
        let expired = handle::out(out_expired, "out_expired")?;
        let next_ms = handle::out(out_next_ms, "out_next_ms")?;
        let tick = engine.engine.tick()?;
        expired.set(tick.expired);
        next_ms.set(tick.next.map_or(u64::MAX, |next| u64::try_from(next.as_millis()).unwrap_or(u64::MAX)));
        Ok(())
    })
}

/// How many sessions there are.
///
/// Ownership: borrows all.
/// Threads: any, concurrently.
/// Errors: NULL_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_session_count(
    engine: *const bitsup_engine,
    out_count: *mut u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (engine, count) = (handle::borrow(engine, "engine")?, handle::out(out_count, "out_count")?);
        count.set(engine.engine.session_count());
        Ok(())
    })
}

/// Ends a session and discards what it received.
///
/// Ownership: borrows all.
/// Threads: any, concurrently.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, SESSION_NOT_FOUND; 2xx from the store.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_end_session(
    engine: *const bitsup_engine,
    session_id: *const c_char,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let engine = handle::borrow(engine, "engine")?;
        let id = text::required(session_id, "session_id")?;
        let ended = match SessionId::parse(id) {
            Some(session) => engine.engine.end_session(session)?,
            None => false,
        };
        let unknown = || Error::new(Status::SessionNotFound, format!("there is no session {id}"));
        ended.then_some(()).ok_or_else(unknown)
    })
}
