//! The limit of concurrent calls of a server application.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use bitsup::server::{Notifier, NotifyKind, NotifyTimeouts};
use test_support::application::{Application, Response};

use crate::notify_fixture::{CompleteUpload, InMemory, TIMEOUT, config, log, timeouts};

fn upload() -> CompleteUpload {
    CompleteUpload::in_memory(InMemory(b"data".to_vec()))
}

/// An application that holds every call until the test releases it.
struct HoldingApplication {
    application: Application,
    /// One sender per held call; dropping it releases the call.
    calls: Arc<(Mutex<Vec<Sender<()>>>, Condvar)>,
}

impl HoldingApplication {
    fn start() -> Self {
        let calls: Arc<(Mutex<Vec<Sender<()>>>, Condvar)> = Arc::default();
        let received = Arc::clone(&calls);
        let application = Application::start(move |_| {
            let (release, released) = mpsc::channel();
            received.0.lock().unwrap().push(release);
            received.1.notify_all();
            Response::ok().when(released)
        });
        Self { application, calls }
    }

    /// Waits until `count` calls are held.
    fn wait_for(&self, count: usize) {
        let (calls, received) = &*self.calls;
        let (calls, timeout) =
            received.wait_timeout_while(calls.lock().unwrap(), TIMEOUT, |calls| calls.len() < count).unwrap();
        assert!(!timeout.timed_out(), "only {} calls arrived", calls.len());
    }

    fn release_one(&self) {
        self.calls.0.lock().unwrap().pop();
    }

    fn notifier(
        &self,
        max_concurrent: usize,
        timeouts: NotifyTimeouts,
    ) -> (Notifier, Arc<Mutex<Vec<String>>>) {
        let (logger, lines) = log();
        let config = config(NotifyKind::ByValue, self.application.url("/"));
        let config = config.max_concurrent(max_concurrent).timeouts(timeouts).logger(logger);
        (Notifier::new(config).unwrap(), lines)
    }
}

#[test]
fn a_call_over_the_limit_waits() {
    let holding = HoldingApplication::start();
    let (notifier, _) = holding.notifier(2, timeouts(TIMEOUT, TIMEOUT, TIMEOUT));
    thread::scope(|scope| {
        let notifying: Vec<_> = (0..3).map(|_| scope.spawn(|| upload().notify(&notifier))).collect();
        holding.wait_for(2);
        assert_eq!(holding.application.requests().len(), 2);
        holding.release_one();
        // The remaining one of the first two, and the third.
        holding.wait_for(2);
        holding.release_one();
        holding.release_one();
        assert!(notifying.into_iter().all(|notifying| notifying.join().unwrap().is_accepted()));
    });
    assert_eq!(holding.application.requests().len(), 3);
    assert_eq!(holding.application.connections(), 2, "the third call must reuse a connection");
}

#[test]
fn a_call_that_waits_too_long_is_503_and_logged() {
    let holding = HoldingApplication::start();
    let (notifier, lines) = holding.notifier(1, timeouts(Duration::from_millis(300), TIMEOUT, TIMEOUT));
    thread::scope(|scope| {
        let first = scope.spawn(|| upload().notify(&notifier));
        holding.wait_for(1);
        let second = upload().notify(&notifier);
        assert_eq!(second.rejection(), Some((503, 0x8019_01F7, "Application")));
        holding.release_one();
        assert!(first.join().unwrap().is_accepted());
    });
    assert_eq!(holding.application.requests().len(), 1, "the second call must not reach the application");
    let lines = lines.lock().unwrap();
    assert!(lines[0].contains("too many concurrent calls to the application (the limit is 1)"), "{lines:?}");
}
