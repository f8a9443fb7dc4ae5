//! An application that takes its time: it answers when the test says so.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use bitsup::engine::{EndReason, Hooks, Upload, Verdict};
use bitsup::proto::{Context, HResult};

/// Longer than anything takes; a test that waits for it fails.
pub const LONG: Duration = Duration::from_secs(10);

/// Says that it is asked, then waits to be told what to say: a status, 200 for yes. Said nothing, it panics.
pub struct Slow {
    pub asked: Sender<()>,
    pub say: Mutex<Receiver<u16>>,
    pub ended: Sender<EndReason>,
}

impl Hooks for Slow {
    fn on_received(&self, _: &Upload<'_>, verdict: &mut Verdict) {
        self.asked.send(()).unwrap();
        match self.say.lock().unwrap().recv_timeout(LONG).expect("an answer to give") {
            200 => verdict.set_reply_bytes(b"reply".as_slice()),
            status => verdict.reject(status, HResult::http(status), Context::Application, "told to"),
        }
    }

    fn on_end(&self, _: &Upload<'_>, reason: EndReason) {
        // Nobody may listen any more.
        let _ = self.ended.send(reason);
    }
}
