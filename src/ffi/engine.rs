//! `bitsup_engine`: receives the uploads of one virtual directory.

use std::ffi::c_char;

use super::engine_config::bitsup_engine_config;
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::text;
use crate::clock::millis;
use crate::engine::{Engine, RequestHead};
use crate::error::{Error, Status};
use crate::proto::SessionId;

/// Receives the uploads of one virtual directory. Does no network I/O and has no threads: mount it on a
/// bitsup_server, or pass it requests of another HTTP server with bitsup_exchange.
pub struct bitsup_engine {
    header: Header,
    pub(super) engine: Engine,
}

impl Handle for bitsup_engine {
    fn header(&self) -> &Header {
        &self.header
    }
}

/// Creates an engine with a copy of `config`, and loads the sessions in its store.
///
/// Ownership: copies `config`, which the caller still frees, and adds a reference to its store; free `*out`
/// with bitsup_engine_free.
/// Threads: any thread, concurrently.
/// Errors: NULL_ARGUMENT, BUSY, INVALID_STATE if no store is set, INVALID_ARGUMENT if a setting in `config`
/// is invalid; 2xx from the store.
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

/// Frees an engine. NULL is a no-op. Servers that it is mounted on continue to use it, and its sessions stay
/// in the store.
///
/// Ownership: frees `engine`.
/// Threads: any thread; never blocks.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_engine_free(engine: *mut bitsup_engine) {
    guard_or!((), {
        handle::free(engine);
        Ok(())
    })
}

/// Returns 1 if a request is for this engine: a packet, or a GET or HEAD of a reply; otherwise 0, also for
/// NULL. Use it to route requests in an HTTP server that also serves other content. If
/// bitsup_engine_config_set_method_override is enabled, every POST returns 1; whether it is a packet depends
/// on its X-HTTP-Method-Override field. `target` is the request target below the mount point.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
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

/// Ends sessions that have been idle for longer than the session timeout and stores their number in
/// `*out_expired`. `*out_next_ms` is the time until the next call is due: until the next session can expire, at
/// most 60,000 with a shared store or if an expired session is in use; UINT64_MAX if there is no session and the
/// store is not shared. Call it periodically if the engine is not mounted on a bitsup_server, which does this
/// itself.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Callbacks: on_end, on this thread.
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
        next_ms.set(tick.next.map_or(u64::MAX, millis));
        Ok(())
    })
}

/// Returns the number of sessions.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
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

/// Ends a session and discards its data, for example on behalf of an administrator.
///
/// Ownership: no transfer.
/// Threads: any thread, concurrently.
/// Callbacks: on_end, on this thread.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, SESSION_NOT_FOUND; BUSY if another request or server uses the
/// session for too long; 2xx from the store.
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
        let unknown = || Error::new(Status::SessionNotFound, format!("the session {id} does not exist"));
        if ended { Ok(()) } else { Err(unknown()) }
    })
}
