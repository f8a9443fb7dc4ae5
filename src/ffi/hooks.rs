//! `bitsup_hooks`: the callbacks of the host application.

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

/// Decides about `upload` by calling the functions of bitsup_verdict. Returns BITSUP_CONTINUE to apply the
/// verdict. Any other value means that the callback failed: the verdict is ignored, the packet is rejected
/// with 500 and BITSUP_CONTEXT_APPLICATION, and the failure is logged.
pub type bitsup_hooks_decide_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        upload: *const bitsup_upload,
        verdict: *mut bitsup_verdict,
    ) -> i32,
>;

/// Reports progress of `upload`.
pub type bitsup_hooks_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, upload: *const bitsup_upload)>;

/// Reports that the session of `upload` ended; `reason` is one of BITSUP_END_*.
pub type bitsup_hooks_end_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, upload: *const bitsup_upload, reason: i32)>;

/// End of a session: closed after a complete upload.
pub const BITSUP_END_CLOSED: i32 = 0;
/// End of a session: cancelled by the client or ended by the host application.
pub const BITSUP_END_CANCELLED: i32 = 1;
/// End of a session: idle for longer than the session timeout.
pub const BITSUP_END_EXPIRED: i32 = 2;
/// End of a session: closed before the upload was complete, permanently rejected, or its data was lost.
pub const BITSUP_END_FAILED: i32 = 3;

/// Notification: the request contains the paths of the received file and of the reply to write. For an
/// application on the same machine.
pub const BITSUP_NOTIFY_BY_REFERENCE: i32 = 1;
/// Notification: the request contains the received file, and its response is the reply.
pub const BITSUP_NOTIFY_BY_VALUE: i32 = 2;

/// Server callbacks of the host application. All are optional and share one `user_data`.
///
/// They run on server threads, concurrently for different sessions, or on the thread inside
/// bitsup_exchange_begin, bitsup_exchange_finish, bitsup_engine_tick or bitsup_engine_end_session. For one
/// session on_progress, on_received and on_end run one after another; on_request runs for every packet, even
/// while another callback of its session runs. No lock of the library is held. A callback may take minutes;
/// until it returns, it occupies its thread, and further packets of its session wait, so it must not wait for
/// such a packet. It may call const functions, for example to end its own session, and free objects. Stopping
/// a server waits for running callbacks; bitsup_server_stop called in a callback returns BITSUP_E_BUSY, and the
/// server stops afterwards.
pub struct bitsup_hooks {
    header: Header,
    callbacks: RwLock<HookCallbacks>,
    /// Root certificates for the next notifier, in PEM format.
    notify_roots: RwLock<Vec<u8>>,
}

impl Handle for bitsup_hooks {
    fn header(&self) -> &Header {
        &self.header
    }
}

impl bitsup_hooks {
    /// Returns a copy of the current callbacks for an engine.
    pub(super) fn snapshot(&self) -> Result<Arc<dyn Hooks>, Error> {
        Ok(Arc::new(handle::try_read(&self.callbacks)?.clone()))
    }
}

/// Creates a set without callbacks. Each callback receives `user_data`; `destroy` releases it. Both may be
/// NULL.
///
/// Ownership: takes `user_data`, even on failure; free the set with bitsup_hooks_free. Returns NULL only
/// after a bug in this library.
/// Threads: any thread.
/// Callbacks: `destroy` runs once the set, the configurations that use it, their engines and the servers with
/// those engines are gone.
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

/// Frees a set. NULL is a no-op. Configurations and engines that use it keep a copy.
///
/// Ownership: frees `hooks`.
/// Threads: any thread, also in callbacks; never blocks.
/// Callbacks: `destroy`, if no other object uses the set.
/// Errors: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_free(hooks: *mut bitsup_hooks) {
    guard_or!((), {
        handle::free(hooks);
        Ok(())
    })
}

/// Sets the callback that decides about every packet, and every GET and HEAD of a reply, before it is
/// processed: it identifies the user (bitsup_verdict_set_owner) and accepts or rejects the request. NULL
/// removes it; then all requests are accepted.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_hooks.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_on_request(
    hooks: *mut bitsup_hooks,
    callback: bitsup_hooks_decide_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(hooks, |callbacks| callbacks.request = callback) })
}

/// Sets the callback that decides about new sessions: it accepts or rejects the upload and may set where the
/// file is delivered (bitsup_verdict_set_destination). NULL removes it.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_hooks.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_on_create(
    hooks: *mut bitsup_hooks,
    callback: bitsup_hooks_decide_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(hooks, |callbacks| callbacks.create = callback) })
}

/// Sets the callback for stored bytes; it runs before they are acknowledged. NULL removes it.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_hooks.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_on_progress(
    hooks: *mut bitsup_hooks,
    callback: bitsup_hooks_progress_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(hooks, |callbacks| callbacks.progress = callback) })
}

/// Sets the callback that decides about complete uploads while the client waits: it accepts or rejects the
/// file, decides whether to keep it, and may set a reply. Replaces bitsup_hooks_set_notify_url. The callback
/// succeeds at most once per upload, unless the result is not recorded, for example because the process dies,
/// or the reply cannot be stored. NULL removes it; then every upload is accepted.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_hooks.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_on_received(
    hooks: *mut bitsup_hooks,
    callback: bitsup_hooks_decide_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(hooks, |callbacks| callbacks.received = ReceivedHandler::Callback(callback)) })
}

/// Sets the callback for the end of sessions; NULL removes it.
///
/// Ownership: no transfer.
/// Threads: one call at a time.
/// Callbacks: see bitsup_hooks.
/// Errors: NULL_ARGUMENT, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_on_end(
    hooks: *mut bitsup_hooks,
    callback: bitsup_hooks_end_fn,
    error: *mut *mut bitsup_error,
) -> bitsup_status {
    guard!(error, { set(hooks, |callbacks| callbacks.end = callback) })
}

/// Lets an application at `url` decide about complete uploads over HTTP, as in IIS; `kind` is one of
/// BITSUP_NOTIFY_*. Replaces bitsup_hooks_on_received. `url` is an http or https URL, or a relative reference
/// that is resolved against the URL of each upload. `timeout_ms` is the longest time without progress while
/// sending the request, the longest wait for the response head, and the longest time without progress while
/// reading the response body; UINT64_MAX sets no limit.
///
/// Ownership: copies the text.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_UTF8, INVALID_ARGUMENT if `kind` is unknown, `url` is invalid, `timeout_ms`
/// is 0 or the root certificates are invalid, BUSY.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bitsup_hooks_set_notify_url(
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
        let timeouts = NotifyTimeouts::default().send(limit).receive_headers(limit).receive_body(limit);
        let config = NotifyConfig::new(kind, text::required(url, "url")?)
            .timeouts(timeouts)
            .root_certificates(handle::try_read(&hooks.notify_roots)?.clone());
        let notifier = ReceivedHandler::Notifier(Arc::new(Notifier::new(config)?));
        handle::try_write(&hooks.callbacks)?.received = notifier;
        Ok(())
    })
}

/// Adds trusted root certificates in PEM format, in addition to those of the platform, for https URLs of
/// later calls of bitsup_hooks_set_notify_url.
///
/// Ownership: copies the bytes.
/// Threads: one call at a time.
/// Errors: NULL_ARGUMENT, INVALID_ARGUMENT if `pem_len` exceeds the address space, BUSY.
/// bitsup_hooks_set_notify_url validates the certificates.
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
        // The previous text may lack its final newline.
        handle::try_write(&hooks.notify_roots)?.extend([pem, b"\n"].concat());
        Ok(())
    })
}

/// Applies `change` to the callbacks.
///
/// # Safety
/// As for [`handle::borrow`].
unsafe fn set(hooks: *mut bitsup_hooks, change: impl FnOnce(&mut HookCallbacks)) -> Result<(), Error> {
    // SAFETY: by contract.
    let hooks = unsafe { handle::borrow(hooks, "hooks") }?;
    change(&mut *handle::try_write(&hooks.callbacks)?);
    Ok(())
}

/// The callbacks as the engine calls them, and their shared `user_data`.
#[derive(Clone)]
struct HookCallbacks {
    user_data: Arc<UserData>,
    pools: Arc<ScopedPools>,
    request: bitsup_hooks_decide_fn,
    create: bitsup_hooks_decide_fn,
    progress: bitsup_hooks_progress_fn,
    received: ReceivedHandler,
    end: bitsup_hooks_end_fn,
}

/// Decides about complete uploads.
#[derive(Clone)]
enum ReceivedHandler {
    Callback(bitsup_hooks_decide_fn),
    Notifier(Arc<Notifier>),
}

/// The handles that callbacks receive.
struct ScopedPools {
    uploads: ScopedPool<bitsup_upload>,
    verdicts: ScopedPool<bitsup_verdict>,
}

impl HookCallbacks {
    /// Returns a set without callbacks.
    fn new(user_data: UserData) -> Self {
        let received = ReceivedHandler::Callback(None);
        let pools = Arc::new(ScopedPools { uploads: ScopedPool::new(), verdicts: ScopedPool::new() });
        let user_data = Arc::new(user_data);
        Self { user_data, pools, request: None, create: None, progress: None, received, end: None }
    }

    /// Calls a deciding callback. If it fails, the packet is rejected, never accepted.
    fn decide(
        &self,
        callback: bitsup_hooks_decide_fn,
        view: impl FnOnce() -> UploadView,
        verdict: &mut Verdict,
    ) {
        let Some(callback) = callback else { return };
        let (uploads, verdicts) = (&self.pools.uploads, &self.pools.verdicts);
        let ((result, decided), _) = uploads.with(view(), |upload| {
            verdicts.with(std::mem::take(verdict), |verdict| {
                // SAFETY: the caller set it as a function of this type, with this user data; the other
                // pointers are valid during the call.
                unsafe { callback(self.user_data.pointer(), upload, verdict) }
            })
        });
        match decided {
            Some(decided) if result == BITSUP_CONTINUE => *verdict = decided,
            _ => verdict.reject(
                500,
                HResult::http(500),
                Context::Application,
                "the callback of the application failed",
            ),
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
                // SAFETY: `decide` drops the view before it returns.
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
