//! How many calls of a server application are under way at a time.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use bitsup::server::{Notifier, NotifyKind, NotifyTimeouts};
use test_support::application::{Application, Response};

use crate::notify_fixture::{InMemory, TIMEOUT, Uploaded, config, log, timeouts};

fn upload() -> Uploaded {
    Uploaded::in_memory(InMemory(b"data".to_vec()))
}

/// An application that says when a call came, and answers it when the channel to it ends.
struct Held {
    application: Application,
    calls: Arc<(Mutex<Vec<Sender<()>>>, Condvar)>,
}

impl Held {
    fn start() -> Self {
        let calls: Arc<(Mutex<Vec<Sender<()>>>, Condvar)> = Arc::default();
        let came = Arc::clone(&calls);
        let application = Application::start(move |_| {
            let (release, released) = mpsc::channel();
            came.0.lock().unwrap().push(release);
            came.1.notify_all();
            Response::ok().when(released)
        });
        Self { application, calls }
    }

    /// Waits until so many calls are held.
    fn wait_for(&self, count: usize) {
        let (calls, came) = &*self.calls;
        let (calls, timeout) =
            came.wait_timeout_while(calls.lock().unwrap(), TIMEOUT, |calls| calls.len() < count).unwrap();
        assert!(!timeout.timed_out(), "{} calls came", calls.len());
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
fn a_call_over_the_limit_waits_for_a_place() {
    let held = Held::start();
    let (notifier, _) = held.notifier(2, timeouts(TIMEOUT, TIMEOUT, TIMEOUT));
    thread::scope(|scope| {
        let judging: Vec<_> = (0..3).map(|_| scope.spawn(|| upload().judge(&notifier))).collect();
        held.wait_for(2);
        assert_eq!(held.application.requests().len(), 2);
        held.release_one();
        // One left of the first two, and the third.
        held.wait_for(2);
        held.release_one();
        held.release_one();
        assert!(judging.into_iter().all(|judging| judging.join().unwrap().is_accepted()));
    });
    assert_eq!(held.application.requests().len(), 3);
    assert_eq!(held.application.connections(), 2, "the third call used a kept connection");
}

#[test]
fn a_call_that_waits_in_vain_is_503_and_the_log_says_why() {
    let held = Held::start();
    let (notifier, lines) = held.notifier(1, timeouts(Duration::from_millis(300), TIMEOUT, TIMEOUT));
    thread::scope(|scope| {
        let first = scope.spawn(|| upload().judge(&notifier));
        held.wait_for(1);
        let second = upload().judge(&notifier);
        assert_eq!(second.rejection(), Some((503, 0x8019_01F7, "Application")));
        held.release_one();
        assert!(first.join().unwrap().is_accepted());
    });
    assert_eq!(held.application.requests().len(), 1, "the application was not asked");
    let lines = lines.lock().unwrap();
    assert!(lines[0].contains("too many concurrent calls of the application (the limit is 1)"), "{lines:?}");
}
