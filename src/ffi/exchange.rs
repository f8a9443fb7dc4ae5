//! `bitsup_exchange`: one request to an engine, for applications that have their own HTTP server.

use std::ffi::c_char;
use std::sync::Mutex;

use super::engine::bitsup_engine;
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::response::bitsup_response;
use super::text;
use crate::engine::{Engine, Exchange, RequestHead, Want};
use crate::error::{Error, Status};

/// An exchange needs bytes of the request body.
pub const BITSUP_WANT_BODY: i32 = 1;
/// An exchange needs bitsup_exchange_finish and no more of the body.
pub const BITSUP_WANT_FINISH: i32 = 2;

/// Processes one request for an engine, for applications that have their own HTTP server:
///
/// 1. Call bitsup_exchange_set_request, and bitsup_exchange_add_header for every header field as received.
///    Set peer, owner, mount point and scheme if known.
/// 2. Call bitsup_exchange_begin. It may run hooks, which may take minutes.
/// 3. While the result is BITSUP_WANT_BODY, pass the body in pieces of any size to bitsup_exchange_body or
///    bitsup_exchange_body_from_fd. If the client expects "100 Continue", send it now and not earlier.
/// 4. Call bitsup_exchange_finish, which returns the response. It may also run hooks.
///
/// If the rest of the body is not needed, either read and discard it or close the connection after the
/// response. Freeing an exchange before bitsup_exchange_finish reports to the engine that the connection was
/// lost: stored data is kept, and the client can resume. The newest request of a session takes precedence: if
/// another exchange takes over the session, this one returns BITSUP_WANT_FINISH from its next call on, and
/// its response is 503.
pub struct bitsup_exchange {
    header: Header,
    engine: Engine,
    phase: Mutex<ExchangePhase>,
}

/// The progress of an exchange.
enum ExchangePhase {
    /// Before bitsup_exchange_begin. The head has no method until the request is set.
    New(RequestHead),
    Begun(Exchange),
    Finished,
}

impl Handle for bitsup_exchange {
    fn header(&self) -> &Header {
        &self.header
    }
}

/// Creates an exchange for one request.
///
/// Ownership: adds a reference to `engine`; free `*out` with bitsup_exchange_free.
/// Threads: any thread, concurrently.
/// Errors: NULL_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_exchange_new(
    engine: *const bitsup_engine,
    out: *mut *mut bitsup_exchange,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (engine, out) = (handle::borrow(engine, "engine")?, handle::out(out, "out")?);
        let phase = Mutex::new(ExchangePhase::New(RequestHead::default()));
        out.set(handle::into_raw(bitsup_exchange {
            header: Header::new(),
            engine: engine.engine.clone(),
            phase,
        }));
        Ok(())
    })
}

/// Frees an exchange. NULL is a no-op. Before bitsup_exchange_finish this reports to the engine that the
/// connection was lost; stored data is kept.
///
/// Ownership: frees `exchange`.
/// Threads: any thread, also in callbacks; never blocks.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_exchange_free(exchange: *mut bitsup_exchange) {
    guard_or!((), {
        handle::free(exchange);
        Ok(())
    })
}

/// Sets the method and the target of the request as received: path and query, not decoded. Below a mount
/// point, `target` is what follows it, with a leading slash. Required. Invalid bytes in them lead to an error
/// response, not to an error of this call.
///
/// Ownership: copies the texts.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if a length exceeds the address space, INVALID_STATE after
/// bitsup_exchange_begin, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_exchange_set_request(
    exchange: *mut bitsup_exchange,
    method: *const c_char,
    method_len: usize,
    target: *const c_char,
    target_len: usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let method = text::bytes(method.cast(), method_len, "method")?;
        let target = text::bytes(target.cast(), target_len, "target")?;
        update_head(exchange, |head| {
            let RequestHead { method, target, .. } = RequestHead::from_wire(method, target);
            (head.method, head.target) = (method, target);
        })
    })
}

/// Adds a header field of the request. Add all fields, in the order in which they were received. The value
/// may contain any bytes.
///
/// Ownership: copies the texts.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if a length exceeds the address space, INVALID_STATE after
/// bitsup_exchange_begin, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_exchange_add_header(
    exchange: *mut bitsup_exchange,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let name = text::bytes(name.cast(), name_len, "name")?;
        let value = text::bytes(value.cast(), value_len, "value")?;
        // The lossy conversion changes no name that the engine uses.
        update_head(exchange, |head| head.headers.push(String::from_utf8_lossy(name), value))
    })
}

/// Sets the address of the client for the log and for hooks. An empty text, the default, means unknown.
///
/// Ownership: copies the text.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT if the length exceeds the address space,
/// INVALID_STATE after bitsup_exchange_begin, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_exchange_set_peer(
    exchange: *mut bitsup_exchange,
    peer: *const c_char,
    peer_len: usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let peer = text::utf8(peer, peer_len, "peer")?.to_owned();
        update_head(exchange, |head| head.peer = (!peer.is_empty()).then_some(peer))
    })
}

/// Sets the user that the application has authenticated. An empty text, the default, means none. A session
/// belongs to the user who created it.
///
/// Ownership: copies the text.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT if the length exceeds the address space,
/// INVALID_STATE after bitsup_exchange_begin, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_exchange_set_owner(
    exchange: *mut bitsup_exchange,
    owner: *const c_char,
    owner_len: usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let owner = text::utf8(owner, owner_len, "owner")?.to_owned();
        update_head(exchange, |head| head.owner = (!owner.is_empty()).then_some(owner))
    })
}

/// Sets the URL prefix that was removed from the target, as received, for example "/upload/". Used in URLs
/// that the engine sends, unless it has a public URL. Default: none.
///
/// Ownership: copies the text.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT if the length exceeds the address space,
/// INVALID_STATE after bitsup_exchange_begin, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_exchange_set_mount(
    exchange: *mut bitsup_exchange,
    prefix: *const c_char,
    prefix_len: usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let prefix = text::utf8(prefix, prefix_len, "prefix")?.to_owned();
        update_head(exchange, |head| head.mount = prefix)
    })
}

/// Sets whether the request was sent over https (not 0). Used in URLs that the engine sends, unless it has a
/// public URL. Default: 0.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_STATE after bitsup_exchange_begin, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_exchange_set_secure(
    exchange: *mut bitsup_exchange,
    secure: i32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { update_head(exchange, |head| head.secure = secure != 0) })
}

/// Processes the head of the request and stores what is needed next, one of BITSUP_WANT_*, in `*out_want`.
/// The result is BITSUP_WANT_FINISH for a request that is rejected or has no body.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: those of the hooks, on this thread.
/// Errors: NULL_ARGUMENT, INVALID_STATE without bitsup_exchange_set_request or if called before, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_exchange_begin(
    exchange: *mut bitsup_exchange,
    out_want: *mut i32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let exchange = handle::borrow(exchange, "exchange")?;
        let out = handle::out(out_want, "out_want")?;
        let mut phase = handle::try_lock(&exchange.phase)?;
        let head = match &mut *phase {
            ExchangePhase::New(head) if head.method.is_empty() => {
                return Err(state("has no request: call bitsup_exchange_set_request first"));
            }
            ExchangePhase::New(head) => std::mem::take(head),
            ExchangePhase::Begun(_) | ExchangePhase::Finished => {
                return Err(state("has already begun: create an exchange per request"));
            }
        };
        let begun = exchange.engine.begin(head);
        out.set(want(begun.want()));
        *phase = ExchangePhase::Begun(begun);
        Ok(())
    })
}

/// Processes bytes of the body and stores what is needed next in `*out_want`. Bytes that are not needed are
/// ignored. With a `len` of 0 it only checks the state; use this while the client is silent to detect that a
/// newer request has taken over the session.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if `len` exceeds the address space, INVALID_STATE before
/// bitsup_exchange_begin and after bitsup_exchange_finish, BUSY. A failure to store the bytes is reported in
/// the response.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_exchange_body(
    exchange: *mut bitsup_exchange,
    data: *const u8,
    len: usize,
    out_want: *mut i32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let exchange = handle::borrow(exchange, "exchange")?;
        let (data, out) = (text::bytes(data, len, "data")?, handle::out(out_want, "out_want")?);
        let mut phase = handle::try_lock(&exchange.phase)?;
        out.set(want(phase.begun()?.body(data)));
        Ok(())
    })
}

/// Reads bytes of the body, at most `max_len`, from the descriptor of a socket, pipe or file, as one call of
/// read(2) does, and stores their number in `*out_taken`. Stores 0 if a non-blocking descriptor has no data
/// or if none are needed. Never reads beyond the body. On Linux the data is not copied through user space if
/// the store has files. Bytes that the HTTP server has already read go to bitsup_exchange_body first.
///
/// Ownership: no transfer; the caller still closes the descriptor.
/// Threads: one call at a time. Blocks if the descriptor does, without delaying other sessions.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if `fd` is negative, INVALID_STATE before bitsup_exchange_begin
/// and after bitsup_exchange_finish, BUSY, DISCONNECTED if the descriptor ends before the body does,
/// UNSUPPORTED on Windows; 2xx if the descriptor cannot be read. A failure to store the bytes is reported in
/// the response.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_exchange_body_from_fd(
    exchange: *mut bitsup_exchange,
    fd: i32,
    max_len: u64,
    out_taken: *mut u64,
    out_want: *mut i32,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let exchange = handle::borrow(exchange, "exchange")?;
        let out_taken = handle::out(out_taken, "out_taken")?;
        let out_want = handle::out(out_want, "out_want")?;
        let mut phase = handle::try_lock(&exchange.phase)?;
        let begun = phase.begun()?;
        out_taken.set(read_body_from(begun, fd, max_len)?);
        out_want.set(want(begun.want()));
        Ok(())
    })
}

/// # Safety
/// `fd` must be negative or open during the call.
#[cfg(unix)]
unsafe fn read_body_from(exchange: &mut Exchange, fd: i32, max_len: u64) -> Result<u64, Error> {
    use std::os::fd::BorrowedFd;

    if fd < 0 {
        let message = format!("`fd` is {fd}: must not be negative");
        return Err(Error::new(Status::InvalidArgument, message));
    }
    // SAFETY: not negative, and open by contract.
    exchange.body_from_fd(unsafe { BorrowedFd::borrow_raw(fd) }, max_len)
}

/// # Safety
/// No requirements; `unsafe` like the function for Unix.
#[cfg(not(unix))]
unsafe fn read_body_from(_: &mut Exchange, _: i32, _: u64) -> Result<u64, Error> {
    Err(Error::new(
        Status::Unsupported,
        "file descriptors are not supported on this platform: use bitsup_exchange_body",
    ))
}

/// Returns the response. Call it when the body is complete or not needed. If the body is incomplete, the
/// packet is rejected and the stored data kept. Afterwards the exchange can only be freed.
///
/// Ownership: no transfer of `exchange`; free `*out` with bitsup_response_free.
/// Threads: one call at a time.
/// Callbacks: those of the hooks, on this thread.
/// Errors: NULL_ARGUMENT, INVALID_STATE before bitsup_exchange_begin or if called before, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_exchange_finish(
    exchange: *mut bitsup_exchange,
    out: *mut *mut bitsup_response,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (exchange, out) = (handle::borrow(exchange, "exchange")?, handle::out(out, "out")?);
        let mut phase = handle::try_lock(&exchange.phase)?;
        phase.begun()?;
        if let ExchangePhase::Begun(begun) = std::mem::replace(&mut *phase, ExchangePhase::Finished) {
            out.set(handle::into_raw(bitsup_response::new(begun.finish())));
        }
        Ok(())
    })
}

impl ExchangePhase {
    fn begun(&mut self) -> Result<&mut Exchange, Error> {
        match self {
            Self::New(_) => Err(state("has not begun: call bitsup_exchange_begin first")),
            Self::Begun(exchange) => Ok(exchange),
            Self::Finished => Err(state("is finished: create an exchange per request")),
        }
    }
}

/// Applies `change` to the request head; fails after bitsup_exchange_begin.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn update_head(
    exchange: *mut bitsup_exchange,
    change: impl FnOnce(&mut RequestHead),
) -> Result<(), Error> {
    // SAFETY: by contract.
    let exchange = unsafe { handle::borrow(exchange, "exchange") }?;
    match &mut *handle::try_lock(&exchange.phase)? {
        ExchangePhase::New(head) => change(head),
        ExchangePhase::Begun(_) | ExchangePhase::Finished => {
            return Err(state("has already begun: set the request before bitsup_exchange_begin"));
        }
    }
    Ok(())
}

fn state(message: &str) -> Error {
    Error::new(Status::InvalidState, format!("`exchange` {message}"))
}

fn want(want: Want) -> i32 {
    match want {
        Want::Body(_) => BITSUP_WANT_BODY,
        Want::Finish => BITSUP_WANT_FINISH,
    }
}
