//! `bitsup_hooks`: the callbacks of the host application behind an engine.

use std::ffi::{c_char, c_void};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::callback::{BITSUP_CONTINUE, UserData, bitsup_destroy_fn};
use super::callback_handle::ScopedPool;
use super::error::{bitsup_error, bitsup_status};
use super::handle::{self, Handle, Header};
use super::text;
use super::upload::{BITSUP_PACKET_NONE, BITSUP_PACKET_REPLY, UploadView, bitsup_upload};
use super::verdict::bitsup_verdict;
use crate::engine::{EndReason, Hooks, Upload, Verdict};
use crate::error::Error;
use crate::proto::{Context, HResult};
use crate::server::{Notifier, NotifyConfig, NotifyKind, NotifyTimeouts};

/// Decides about `upload` by what it sets in `verdict`. Answers BITSUP_CONTINUE; any other answer says that
/// it failed: the packet is refused with 500 and BITSUP_CONTEXT_APPLICATION, whatever was set, and the log
/// says so.
pub type bitsup_decide_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        upload: *const bitsup_upload,
        verdict: *mut bitsup_verdict,
    ) -> i32,
>;

/// Hears of `upload`.
pub type bitsup_notify_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, upload: *const bitsup_upload)>;

/// Hears that the session of `upload` is gone; `reason` is one of BITSUP_END_*.
pub type bitsup_end_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, upload: *const bitsup_upload, reason: i32)>;

/// End of a session: closed after a complete upload.
pub const BITSUP_END_CLOSED: i32 = 0;
/// End of a session: cancelled by the client, or ended by the host.
pub const BITSUP_END_CANCELLED: i32 = 1;
/// End of a session: idle for too long.
pub const BITSUP_END_EXPIRED: i32 = 2;
/// End of a session: closed before the upload was complete, or refused for good, or its data was lost.
pub const BITSUP_END_FAILED: i32 = 3;

/// Notification: the application gets the paths of the file and of the reply to write; it is on the same
/// machine.
pub const BITSUP_NOTIFY_BY_REFERENCE: i32 = 1;
/// Notification: the application gets the file, and answers with the reply.
pub const BITSUP_NOTIFY_BY_VALUE: i32 = 2;

/// The application behind an engine: a set of callbacks with one `user_data`; all of them may be left out.
///
/// They run on threads of the server, concurrently for different sessions, or on the thread inside
/// bitsup_engine_tick or bitsup_engine_end_session. For one session on_progress, on_received and on_end
/// follow each other; on_request comes for every packet, also while another callback of its session runs. No
/// lock of the library is held. A callback may take minutes: it holds its thread and the further packets of
/// its session, so it must not wait for one of those. It may call const functions, ending its own session
/// included, and free objects. A server that stops waits for callbacks; stopped from within one it answers
/// BITSUP_E_BUSY, and stops.
pub struct bitsup_hooks {
    header: Header,
    callbacks: RwLock<HookCallbacks>,
    /// For the next notifier, in PEM form.
    notify_roots: RwLock<Vec<u8>>,
}

impl Handle for bitsup_hooks {
    fn header(&self) -> &Header {
        &self.header
    }
}

impl bitsup_hooks {
    /// The callbacks as they are now, for an engine.
    pub(super) fn snapshot(&self) -> Result<Arc<dyn Hooks>, Error> {
        Ok(Arc::new(handle::try_read(&self.callbacks)?.clone()))
    }
}

/// A set without callbacks. `user_data` is handed to each of them, `destroy` ends its life; both may be NULL.
///
/// Ownership: takes `user_data` in every case; free the set with bitsup_hooks_free. NULL only after a bug in
/// this library.
/// Threads: any.
/// Callbacks: `destroy` runs when this set, the configurations that it was given to, their engines and the
/// servers that mount those are gone.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_new(
    user_data: *mut c_void,
    destroy: bitsup_destroy_fn,
) -> *mut bitsup_hooks {
    guard_or!(std::ptr::null_mut(), {
        let callbacks = RwLock::new(HookCallbacks::new(UserData::new(user_data, destroy)));
        let notify_roots = RwLock::new(Vec::new());
        Ok(handle::into_raw(bitsup_hooks { header: Header::new(), callbacks, notify_roots }))
    })
}

/// Frees a set. NULL is a no-op; what it was given to keeps its copy.
///
/// Ownership: takes the set.
/// Threads: any, callbacks included; never waits.
/// Callbacks: `destroy`, when nobody else has the set.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_free(hooks: *mut bitsup_hooks) {
    guard_or!((), {
        handle::free(hooks);
        Ok(())
    })
}

/// Sets who decides about every packet, and about the GET and HEAD of replies, before anything is done: who
/// sent it (bitsup_verdict_set_owner), and may they? NULL: nobody.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_hooks says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_on_request(
    hooks: *mut bitsup_hooks,
    callback: bitsup_decide_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(hooks, |callbacks| callbacks.request = callback) })
}

/// Sets who decides about new sessions: may it be, and where does its file go
/// (bitsup_verdict_set_destination)? NULL: nobody.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_hooks says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_on_create(
    hooks: *mut bitsup_hooks,
    callback: bitsup_decide_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(hooks, |callbacks| callbacks.create = callback) })
}

/// Sets who hears of stored bytes, before they are acknowledged; NULL: nobody.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_hooks says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_on_progress(
    hooks: *mut bitsup_hooks,
    callback: bitsup_notify_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(hooks, |callbacks| callbacks.progress = callback) })
}

/// Sets who decides about complete uploads, while the client waits: is it good, is it kept, what is the
/// reply? Takes the place of bitsup_hooks_notify_url. At most once with success per upload, unless the
/// process dies before the answer is recorded or its reply cannot be kept. NULL: nobody, and every upload is
/// good.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_hooks says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_on_received(
    hooks: *mut bitsup_hooks,
    callback: bitsup_decide_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(hooks, |callbacks| callbacks.received = ReceivedHandler::Callback(callback)) })
}

/// Sets who hears of the end of sessions; NULL: nobody.
///
/// Ownership: borrows all.
/// Threads: one at a time.
/// Callbacks: as bitsup_hooks says.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_on_end(
    hooks: *mut bitsup_hooks,
    callback: bitsup_end_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(hooks, |callbacks| callbacks.end = callback) })
}

/// Lets an application at `url` decide about complete uploads, over HTTP as with IIS; `kind` is one of
/// BITSUP_NOTIFY_*. Takes the place of bitsup_hooks_on_received. `url` is http or https, or a reference that
/// is resolved against the URL of each upload. `timeout_ms` is how long the request may make no progress, how
/// long the head of the answer may take, and how long its body may make no progress; UINT64_MAX: no limit.
///
/// Ownership: copies the text.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT for a kind or a URL that is none and for a timeout
/// of 0 and for root certificates that are none, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_notify_url(
    hooks: *mut bitsup_hooks,
    kind: i32,
    url: *const c_char,
    timeout_ms: u64,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let hooks = handle::borrow(hooks, "hooks")?;
        let kind = match kind {
            BITSUP_NOTIFY_BY_REFERENCE => NotifyKind::ByReference,
            BITSUP_NOTIFY_BY_VALUE => NotifyKind::ByValue,
            _ => return Err(handle::out_of_range("kind", kind, "BITSUP_NOTIFY_")),
        };
        let limit = if timeout_ms == u64::MAX { Duration::MAX } else { Duration::from_millis(timeout_ms) };
        let timeouts = NotifyTimeouts { send: limit, receive_headers: limit, receive_body: limit };
        let config = NotifyConfig {
            timeouts,
            root_certificates: handle::try_read(&hooks.notify_roots)?.clone(),
            ..NotifyConfig::new(kind, text::required(url, "url")?)
        };
        let notifier = ReceivedHandler::Notifier(Arc::new(Notifier::new(config)?));
        handle::try_write(&hooks.callbacks)?.received = notifier;
        Ok(())
    })
}

/// Adds root certificates in PEM form, which are trusted beside those of the platform by what later calls of
/// bitsup_hooks_notify_url set up, for https URLs.
///
/// Ownership: copies the bytes.
/// Threads: one at a time.
/// Errors: NULL_ARGUMENT, BUSY. bitsup_hooks_notify_url judges the certificates.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_add_notify_root_certificates(
    hooks: *mut bitsup_hooks,
    pem: *const u8,
    pem_len: usize,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, {
        let (hooks, pem) = (handle::borrow(hooks, "hooks")?, text::bytes(pem, pem_len, "pem")?);
        // Also where the text before does not end its line.
        handle::try_write(&hooks.notify_roots)?.extend([pem, b"\n"].concat());
        Ok(())
    })
}

/// Changes one callback.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn set(hooks: *mut bitsup_hooks, change: impl FnOnce(&mut HookCallbacks)) -> Result<(), Error> {
    // SAFETY: by contract.
    let hooks = unsafe { handle::borrow(hooks, "hooks") }?;
    change(&mut *handle::try_write(&hooks.callbacks)?);
    Ok(())
}

/// The functions, and a share of the state behind them.
#[derive(Clone)]
struct HookCallbacks {
    user_data: Arc<UserData>,
    pools: Arc<ScopedPools>,
    request: bitsup_decide_fn,
    create: bitsup_decide_fn,
    progress: bitsup_notify_fn,
    received: ReceivedHandler,
    end: bitsup_end_fn,
}

/// Who decides about complete uploads.
#[derive(Clone)]
enum ReceivedHandler {
    Callback(bitsup_decide_fn),
    Notifier(Arc<Notifier>),
}

/// What callbacks see.
struct ScopedPools {
    uploads: ScopedPool<bitsup_upload>,
    verdicts: ScopedPool<bitsup_verdict>,
}

impl HookCallbacks {
    /// Without callbacks.
    fn new(user_data: UserData) -> Self {
        let received = ReceivedHandler::Callback(None);
        let pools = Arc::new(ScopedPools { uploads: ScopedPool::new(), verdicts: ScopedPool::new() });
        let user_data = Arc::new(user_data);
        Self { user_data, pools, request: None, create: None, progress: None, received, end: None }
    }

    /// Whatever goes wrong is a refusal: no packet passes because of a failure to decide.
    fn decide(&self, callback: bitsup_decide_fn, view: impl FnOnce() -> UploadView, verdict: &mut Verdict) {
        let Some(callback) = callback else { return };
        let (uploads, verdicts) = (&self.pools.uploads, &self.pools.verdicts);
        let ((result, decided), _) = uploads.with(view(), |upload| {
            verdicts.with(std::mem::take(verdict), |verdict| {
                // SAFETY: the caller set it as a function of this type, with this user data; the other
                // pointers are good for the duration of the call.
                unsafe { callback(self.user_data.pointer(), upload, verdict) }
            })
        });
        match decided {
            Some(decided) if result == BITSUP_CONTINUE => *verdict = decided,
            _ => verdict.reject(500, HResult::http(500), Context::Application, "the callback failed"),
        }
    }
}

impl Hooks for HookCallbacks {
    fn on_request(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        self.decide(self.request, || UploadView::new(upload, BITSUP_PACKET_REPLY), verdict);
    }

    fn on_create(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        self.decide(self.create, || UploadView::new(upload, BITSUP_PACKET_NONE), verdict);
    }

    fn on_progress(&self, upload: &Upload<'_>) {
        let Some(callback) = self.progress else { return };
        let view = UploadView::new(upload, BITSUP_PACKET_NONE);
        // SAFETY: as above.
        self.pools.uploads.with(view, |upload| unsafe { callback(self.user_data.pointer(), upload) });
    }

    fn on_received(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        match &self.received {
            ReceivedHandler::Callback(callback) => {
                // SAFETY: the view ends inside of `decide`.
                let view = || unsafe { UploadView::new(upload, BITSUP_PACKET_NONE).with_content(upload) };
                self.decide(*callback, view, verdict);
            }
            ReceivedHandler::Notifier(notifier) => notifier.on_received(upload, verdict),
        }
    }

    fn on_end(&self, upload: &Upload<'_>, reason: EndReason) {
        let Some(callback) = self.end else { return };
        let (view, reason) = (UploadView::new(upload, BITSUP_PACKET_NONE), reason as i32);
        // SAFETY: as above.
        self.pools.uploads.with(view, |upload| unsafe { callback(self.user_data.pointer(), upload, reason) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_of_both_apis_have_the_same_numbers() {
        let pairs = [
            (BITSUP_END_CLOSED, EndReason::Closed),
            (BITSUP_END_CANCELLED, EndReason::Cancelled),
            (BITSUP_END_EXPIRED, EndReason::Expired),
            (BITSUP_END_FAILED, EndReason::Failed),
        ];
        for (number, reason) in pairs {
            assert_eq!(number, reason as i32, "{reason:?}");
        }
    }
}
