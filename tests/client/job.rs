//! What a job reports while it runs, its content name, and its limits.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bitsup::client::{Client, ClientConfig, Flow, Job, JobState, Observer, Progress, Source};
use bitsup::upload::RetryPolicy;
use bitsup::{Error, Status};
use test_support::scripted::serve;

type Events = Arc<Mutex<Vec<String>>>;

/// Records every call; `flow` decides what it returns.
struct Recorder {
    events: Events,
    flow: fn(&str) -> Flow,
}

impl Recorder {
    fn record(&self, line: String) -> Flow {
        let flow = (self.flow)(&line);
        self.events.lock().unwrap().push(line);
        flow
    }
}

impl Observer for Recorder {
    fn progress(&mut self, progress: Progress) -> Flow {
        self.record(format!("{}/{}", progress.sent, progress.total))
    }
    fn state(&mut self, from: JobState, to: JobState) {
        let _ = self.record(format!("{from:?}-{to:?}"));
    }
    fn retry(&mut self, cause: &Error, attempt: u32, delay: &mut Duration) -> Flow {
        *delay = Duration::ZERO;
        self.record(format!("retry {attempt} {:?}", cause.http_status()))
    }
}

fn recorded_job(url: &str, flow: fn(&str) -> Flow) -> (Job, Events) {
    let hour = Duration::from_secs(3600);
    let retry = RetryPolicy::default().first_delay(hour).max_delay(hour).max_attempts(None);
    let config = ClientConfig::default().fragment_size(6_000).no_progress_timeout(10 * hour).retry(retry);
    let events = Events::default();
    let source = Source::from_bytes(vec![1; 15_000]);
    let mut job = Client::new(config).unwrap().job(&format!("{url}/f"), source).unwrap();
    job.set_observer(Box::new(Recorder { events: events.clone(), flow }));
    (job, events)
}

fn take(events: &Events) -> Vec<String> {
    std::mem::take(&mut events.lock().unwrap())
}

// B-UPLOAD-03 B-UPLOAD-05
#[test]
fn a_job_reports_states_retries_and_progress_in_order() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack("503 Service Unavailable", &[]);
        peer.finish_upload()
    });
    let (mut job, events) = recorded_job(&url, |_| Flow::Continue);
    assert_eq!(job.control().state(), JobState::Ready);
    let Progress { sent, total, .. } = job.control().progress();
    assert_eq!((sent, total), (0, 15_000));
    job.run().unwrap();
    server.join().unwrap();
    let expected = [
        "Ready-Connecting",
        "Connecting-Waiting",
        "retry 1 Some(503)",
        "Waiting-Connecting",
        "Connecting-Transferring",
        "6000/15000",
        "12000/15000",
        "15000/15000",
        "Transferring-Transferred",
        "Transferred-Closed",
    ];
    assert_eq!(take(&events), expected);
    job.run().unwrap();
    assert_eq!(job.cancel().unwrap_err().status(), Status::InvalidState);
}

#[test]
fn an_aborting_callback_ends_the_run_and_the_next_run_resumes() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(6_000);
        peer.finish_upload()
    });
    let (mut job, events) =
        recorded_job(&url, |line| if line == "6000/15000" { Flow::Abort } else { Flow::Continue });
    let error = job.run().unwrap_err();
    assert_eq!((error.status(), job.control().state()), (Status::Callback, JobState::Failed));
    let error = job.run().unwrap_err();
    assert_eq!(error.status(), Status::Callback, "progress is reported at the start of a resumed run");
    take(&events);
    job.set_observer(Box::new(Recorder { events: events.clone(), flow: |_| Flow::Continue }));
    job.run().unwrap();
    assert_eq!(take(&events)[..3], ["6000/15000", "Failed-Connecting", "Connecting-Transferring"]);
    assert_eq!(server.join().unwrap()[1].get("Content-Range"), "bytes 6000-11999/15000");
}

#[test]
fn a_retry_callback_can_abort_the_run() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack("503 Service Unavailable", &[]);
    });
    let (mut job, _) =
        recorded_job(&url, |line| if line.starts_with("retry") { Flow::Abort } else { Flow::Continue });
    assert_eq!(job.run().unwrap_err().status(), Status::Callback);
    server.join().unwrap();
}

// B-ERROR-05
#[test]
fn a_job_can_run_again_after_its_callback_panicked() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(6_000);
        peer.finish_upload()
    });
    let (mut job, _) =
        recorded_job(&url, |line| if line == "6000/15000" { panic!("boo") } else { Flow::Continue });
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job.run()));
    assert!(panicked.is_err());
    assert_eq!(job.control().progress().sent, 6_000);
    job.set_observer(Box::new(Recorder { events: Events::default(), flow: |_| Flow::Continue }));
    job.run().unwrap();
    assert_eq!(server.join().unwrap().last().unwrap().packet(), "Close-Session");
}

#[test]
fn cli_45_the_content_name_is_the_file_name_unless_it_is_set() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report 1.txt");
    std::fs::write(&path, b"hello").unwrap();
    for (set, expected) in [(None, "report 1.txt"), (Some("other.bin"), "other.bin")] {
        let (url, server) = serve(|peer| peer.finish_upload());
        let client = Client::new(ClientConfig::default()).unwrap();
        let mut job = client.job(&format!("{url}/f"), Source::from_file(&path).unwrap()).unwrap();
        if let Some(name) = set {
            job.set_content_name(name).unwrap();
        }
        job.run().unwrap();
        assert_eq!(server.join().unwrap()[0].get("Content-Name"), expected);
    }
}

#[test]
fn cli_45_an_unsendable_name_is_an_error_if_set_and_omitted_if_it_is_the_file_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("caf\u{e9}");
    std::fs::write(&path, b"hello").unwrap();
    let (url, server) = serve(|peer| peer.finish_upload());
    let client = Client::new(ClientConfig::default()).unwrap();
    let mut job = client.job(&format!("{url}/f"), Source::from_file(&path).unwrap()).unwrap();
    for name in ["caf\u{e9}", "a/b", "", &"x".repeat(261)] {
        let error = job.set_content_name(name).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert!(error.message().contains(&format!("{name:?}")), "{error}");
    }
    job.run().unwrap();
    assert_eq!(server.join().unwrap()[0].get("Content-Name"), "");
}

#[test]
fn the_rate_limit_is_respected() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let config = ClientConfig::default().rate_limit(200_000);
    let source = Source::from_bytes(vec![1; 100_000]);
    let mut job = Client::new(config).unwrap().job(&format!("{url}/f"), source).unwrap();
    let start = Instant::now();
    job.run().unwrap();
    let elapsed = start.elapsed();
    server.join().unwrap();
    assert!((0.44..0.9).contains(&elapsed.as_secs_f64()), "{elapsed:?}");
}

// B-ERROR-01
#[test]
fn zero_sizes_rates_and_timeouts_are_rejected() {
    let invalid = [
        ClientConfig::default().fragment_size(0),
        ClientConfig::default().rate_limit(0),
        ClientConfig::default().timeout(Duration::ZERO),
        ClientConfig::default().connect_timeout(Duration::ZERO),
        ClientConfig::default().request_timeout(Duration::ZERO),
        ClientConfig::default().response_timeout(Duration::ZERO),
    ];
    for config in invalid {
        assert_eq!(Client::new(config).unwrap_err().status(), Status::InvalidArgument);
    }
}
