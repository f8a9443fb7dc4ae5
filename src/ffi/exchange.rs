//! `bitsup_exchange`: one request on its way through an engine, for programs with an HTTP server of their own.

use std::ffi::c_char;
use std::sync::Mutex;

use super::engine::bitsup_engine;
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::response::bitsup_response;
use super::text;
use crate::engine::{Engine, Exchange, RequestHead, Want};
use crate::error::{Error, Status};

/// An exchange wants bytes of the request's body.
pub const BITSUP_WANT_BODY: i32 = 1;
/// An exchange wants bitsup_exchange_finish, whatever is left of the body.
pub const BITSUP_WANT_FINISH: i32 = 2;

/// One request on its way through an engine. The program around has an HTTP server, and gives it the request:
///
/// 1. bitsup_exchange_set_request, bitsup_exchange_add_header for every field, as they came; peer, owner,
///    mount point and scheme where they are known.
/// 2. bitsup_exchange_begin. Hooks may be asked, and may take minutes.
/// 3. Only if that wants it: bitsup_exchange_body or bitsup_exchange_body_from_fd with the body in pieces of
///    any size, until it wants no more. A client that expects 100-continue gets it now, and not before.
/// 4. bitsup_exchange_finish, and the answer is there. Hooks may take minutes here, too.
///
/// A body that is not wanted, or not any more, is read and dropped by the program, or the connection is closed
/// after the answer. An exchange that is freed before bitsup_exchange_finish is a connection that was lost: what
/// was stored stays, for the client to go on with. The newest request of a session wins: an exchange
/// whose session was taken over by another wants to finish from its next call on, and answers 503.
pub struct bitsup_exchange {
    header: Header,
    engine: Engine,
    phase: Mutex<ExchangePhase>,
}

/// How far an exchange is.
enum ExchangePhase {
    /// Not begun; the head has no method until the request is set.
    New(RequestHead),
    Begun(Exchange),
    Finished,
}

impl Handle for bitsup_exchange {
    fn header(&self) -> &Header {
        &self.header
    }
}

/// An exchange for one request.
///
/// Ownership: adds a reference to `engine`; free `*out` with bitsup_exchange_free.
/// Threads: any, concurrently.
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

/// Frees an exchange. NULL is a no-op. Before bitsup_exchange_finish it says that the connection was lost: what
/// was stored stays.
///
/// Ownership: takes the exchange.
/// Threads: any, callbacks included; never waits.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_exchange_free(exchange: *mut bitsup_exchange) {
    guard_or!((), {
        handle::free(exchange);
        Ok(())
    })
}

/// The method and the target of the request, as they stood on the wire: path and query, not decoded. Required.
/// What is no text in them leads to an answer, not to an error. Below a mount point, `target` is what follows
/// it, with a slash in front.
///
/// Ownership: copies the texts.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for an impossible length, INVALID_STATE after
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

/// Adds a header field of the request; all of them count, in their order. The value may hold any byte.
///
/// Ownership: copies the texts.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for an impossible length, INVALID_STATE after
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
        // No name that means something here is changed by that.
        update_head(exchange, |head| head.headers.push(String::from_utf8_lossy(name), value))
    })
}

/// Who is at the other end, for the log and for hooks; an empty text is nobody, which is the default.
///
/// Ownership: copies the text.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT for an impossible length, INVALID_STATE after
/// bitsup_exchange_begin, BUSY.
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
        update_head(exchange, |head| head.peer = Some(peer).filter(|peer| !peer.is_empty()))
    })
}

/// The user that the program around has authenticated; an empty text is nobody, which is the default. Sessions
/// belong to whoever made them.
///
/// Ownership: copies the text.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT for an impossible length, INVALID_STATE after
/// bitsup_exchange_begin, BUSY.
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
        update_head(exchange, |head| head.owner = Some(owner).filter(|owner| !owner.is_empty()))
    })
}

/// The URL prefix that the target was below, as it stood on the wire: "/upload/". For URLs that are given out,
/// unless the engine has a public URL. Default: none.
///
/// Ownership: copies the text.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT for an impossible length, INVALID_STATE after
/// bitsup_exchange_begin, BUSY.
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

/// Whether the request came by https. For URLs that are given out, unless the engine has a public URL.
/// Default: 0.
///
/// Ownership: borrows all.
/// Threads: one at a time.
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

/// The head of the request is complete: decides about it, and says what is wanted, one of BITSUP_WANT_*. A
/// request that is refused wants to finish.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: those of the hooks, on this thread.
/// Errors: NULL_ARGUMENT, INVALID_STATE without a request and when it was called before, BUSY.
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
                return Err(state("has no request; call bitsup_exchange_set_request first"));
            }
            ExchangePhase::New(head) => std::mem::take(head),
            ExchangePhase::Begun(_) | ExchangePhase::Finished => return Err(state("has begun")),
        };
        let begun = exchange.engine.begin(head);
        out.set(want(begun.want()));
        *phase = ExchangePhase::Begun(begun);
        Ok(())
    })
}

/// Takes bytes of the body, and says what is wanted now. Bytes that are not wanted are ignored. With none it only
/// asks, for instance while the client is silent: whether a newer request took the session over.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for an impossible length, INVALID_STATE before
/// bitsup_exchange_begin and after bitsup_exchange_finish, BUSY. That they cannot be stored is an answer.
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

/// Takes bytes of the body from the descriptor of a socket, a pipe or a file, `max_len` at most, as one
/// read(2) would give them: `*out_taken` of them. 0 when the descriptor does not block and has none for now, and
/// when none are wanted. Never takes what follows the body. On Linux the bytes are not copied where the
/// store has files. Bytes that the program's HTTP server has read already go to bitsup_exchange_body before.
///
/// Ownership: borrows all; the descriptor stays the caller's.
/// Threads: one at a time. Waits for the descriptor if that blocks, and holds nobody else up.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT for a negative descriptor, INVALID_STATE before
/// bitsup_exchange_begin and after bitsup_exchange_finish, BUSY, DISCONNECTED when the descriptor ends before
/// the body, UNSUPPORTED on Windows; 2xx when it cannot be read. That bytes cannot be stored is an answer.
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
/// `fd` is negative or open during the call.
#[cfg(unix)]
unsafe fn read_body_from(exchange: &mut Exchange, fd: i32, most: u64) -> Result<u64, Error> {
    use std::os::fd::BorrowedFd;

    if fd < 0 {
        let message = format!("`fd` is {fd}; no descriptor is negative");
        return Err(Error::new(Status::InvalidArgument, message));
    }
    // SAFETY: not negative, and open by contract.
    exchange.body_from_fd(unsafe { BorrowedFd::borrow_raw(fd) }, most)
}

/// # Safety
/// None needed.
#[cfg(not(unix))]
unsafe fn read_body_from(_: &mut Exchange, _: i32, _: u64) -> Result<u64, Error> {
    Err(Error::new(Status::Unsupported, "there are no such descriptors here; use bitsup_exchange_body"))
}

/// The body has come, or is not wanted: gives the answer. With a body that is incomplete it refuses the packet;
/// what was stored stays. The exchange can only be freed after it.
///
/// Ownership: borrows the exchange; free `*out` with bitsup_response_free.
/// Threads: one at a time.
/// Callbacks: those of the hooks, on this thread.
/// Errors: NULL_ARGUMENT, INVALID_STATE before bitsup_exchange_begin and when it was called before, BUSY.
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
            Self::New(_) => Err(state("has not begun; call bitsup_exchange_begin first")),
            Self::Begun(exchange) => Ok(exchange),
            Self::Finished => Err(state("is finished; a request has one answer")),
        }
    }
}

/// Changes the head before it is complete.
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
            return Err(state("has begun; its head is complete"));
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
