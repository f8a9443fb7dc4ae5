//! The callbacks of a `bitsup_hooks` as an engine calls them.

use std::sync::Arc;

use super::callback::{BITSUP_CONTINUE, UserData};
use super::hooks::{bitsup_decide_fn, bitsup_end_fn, bitsup_notify_fn};
use super::loan::Pool;
use super::upload::{BITSUP_PACKET_NONE, BITSUP_PACKET_REPLY, View, bitsup_upload};
use super::verdict::bitsup_verdict;
use crate::engine::{EndReason, Hooks, Upload, Verdict};
use crate::proto::{Context, HResult};
use crate::server::Notifier;

/// The functions, and a share of the state behind them.
#[derive(Clone)]
pub(super) struct Application {
    user_data: Arc<UserData>,
    loans: Arc<Loans>,
    pub(super) request: bitsup_decide_fn,
    pub(super) create: bitsup_decide_fn,
    pub(super) progress: bitsup_notify_fn,
    pub(super) received: Received,
    pub(super) end: bitsup_end_fn,
}

/// Who decides about complete uploads.
#[derive(Clone)]
pub(super) enum Received {
    Callback(bitsup_decide_fn),
    Notifier(Arc<Notifier>),
}

/// What callbacks see.
struct Loans {
    uploads: Pool<bitsup_upload>,
    verdicts: Pool<bitsup_verdict>,
}

impl Application {
    /// Without callbacks.
    pub(super) fn new(user_data: UserData) -> Self {
        let received = Received::Callback(None);
        let loans = Arc::new(Loans { uploads: Pool::new(), verdicts: Pool::new() });
        let user_data = Arc::new(user_data);
        Self { user_data, loans, request: None, create: None, progress: None, received, end: None }
    }

    /// Whatever goes wrong is a refusal: no packet passes because of a failure to decide.
    fn decide(&self, callback: bitsup_decide_fn, view: impl FnOnce() -> View, verdict: &mut Verdict) {
        let Some(callback) = callback else { return };
        let (uploads, verdicts) = (&self.loans.uploads, &self.loans.verdicts);
        let ((answer, decided), _) = uploads.lend(view(), |upload| {
            verdicts.lend(std::mem::take(verdict), |verdict| {
                // SAFETY: the caller set it as a function of this type, with this user data; the other
                // pointers are good for the duration of the call.
                unsafe { callback(self.user_data.pointer(), upload, verdict) }
            })
        });
        match decided {
            Some(decided) if answer == BITSUP_CONTINUE => *verdict = decided,
            _ => verdict.reject(500, HResult::http(500), Context::Application, "the callback failed"),
        }
    }
}

impl Hooks for Application {
    fn on_request(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        self.decide(self.request, || View::new(upload, BITSUP_PACKET_REPLY), verdict);
    }

    fn on_create(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        self.decide(self.create, || View::new(upload, BITSUP_PACKET_NONE), verdict);
    }

    fn on_progress(&self, upload: &Upload<'_>) {
        let Some(callback) = self.progress else { return };
        let view = View::new(upload, BITSUP_PACKET_NONE);
        // SAFETY: as above.
        self.loans.uploads.lend(view, |upload| unsafe { callback(self.user_data.pointer(), upload) });
    }

    fn on_received(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        match &self.received {
            Received::Callback(callback) => {
                // SAFETY: the view ends inside of `decide`.
                let view = || unsafe { View::new(upload, BITSUP_PACKET_NONE).with_content(upload) };
                self.decide(*callback, view, verdict);
            }
            Received::Notifier(notifier) => notifier.on_received(upload, verdict),
        }
    }

    fn on_end(&self, upload: &Upload<'_>, reason: EndReason) {
        let Some(callback) = self.end else { return };
        let (view, reason) = (View::new(upload, BITSUP_PACKET_NONE), reason as i32);
        // SAFETY: as above.
        self.loans.uploads.lend(view, |upload| unsafe { callback(self.user_data.pointer(), upload, reason) });
    }
}

#[cfg(test)]
mod tests {
    use super::super::hooks::{
        BITSUP_END_CANCELLED, BITSUP_END_CLOSED, BITSUP_END_EXPIRED, BITSUP_END_FAILED,
    };
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
