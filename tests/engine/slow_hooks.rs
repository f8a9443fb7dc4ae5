//! An application whose callbacks return when the test decides.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use bitsup::engine::{EndReason, Hooks, Upload, Verdict};
use bitsup::proto::{Context, HResult};

/// Longer than any operation takes; a test that reaches it fails.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Reports each call of `on_received`, then waits for the status of its result; 200 accepts with a reply. Panics if the
/// sender of the status is dropped.
pub struct SlowHooks {
    pub called: Sender<()>,
    pub status: Mutex<Receiver<u16>>,
    pub ended: Sender<EndReason>,
}

impl Hooks for SlowHooks {
    fn on_received(&self, _: &Upload<'_>, verdict: &mut Verdict) {
        self.called.send(()).unwrap();
        match self.status.lock().unwrap().recv_timeout(TIMEOUT).expect("a status for the callback") {
            200 => verdict.set_reply_bytes(b"reply".as_slice()),
            status => {
                verdict.reject(status, HResult::http(status), Context::Application, "rejected by the test")
            }
        }
    }

    fn on_end(&self, _: &Upload<'_>, reason: EndReason) {
        // The test may have ended.
        let _ = self.ended.send(reason);
    }
}
