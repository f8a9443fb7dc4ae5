//! What a job tells while it runs, and the limits it keeps.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bitsup::client::{Client, ClientConfig, Flow, Job, JobState, Observer, Progress, Source};
use bitsup::upload::RetryPolicy;
use bitsup::{Error, Status};
use test_support::scripted::serve;

type Told = Arc<Mutex<Vec<String>>>;

/// Writes down what it is told; answers as `flow` says.
struct Diary {
    told: Told,
    flow: fn(&str) -> Flow,
}

impl Diary {
    fn add(&self, line: String) -> Flow {
        let flow = (self.flow)(&line);
        self.told.lock().unwrap().push(line);
        flow
    }
}

impl Observer for Diary {
    fn progress(&mut self, progress: Progress) -> Flow {
        self.add(format!("{}/{}", progress.sent, progress.total))
    }
    fn state(&mut self, from: JobState, to: JobState) {
        let _ = self.add(format!("{from:?}-{to:?}"));
    }
    fn retry(&mut self, cause: &Error, attempt: u32, delay: &mut Duration) -> Flow {
        *delay = Duration::ZERO;
        self.add(format!("retry {attempt} {:?}", cause.http_status()))
    }
}

fn watched(url: &str, flow: fn(&str) -> Flow) -> (Job, Told) {
    let hour = Duration::from_secs(3600);
    let retry = RetryPolicy::default().first_delay(hour).max_delay(hour).max_attempts(None);
    let config = ClientConfig::default().fragment_size(6_000).no_progress_timeout(10 * hour).retry(retry);
    let told = Told::default();
    let source = Source::from_bytes(vec![1; 15_000]);
    let mut job = Client::new(config).unwrap().job(&format!("{url}/f"), source).unwrap();
    job.set_observer(Box::new(Diary { told: told.clone(), flow }));
    (job, told)
}

fn take(told: &Told) -> Vec<String> {
    std::mem::take(&mut told.lock().unwrap())
}

// B-UPLOAD-03 B-UPLOAD-05
#[test]
fn the_life_of_a_job_in_order() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack("503 Service Unavailable", &[]);
        peer.finish_upload()
    });
    let (mut job, told) = watched(&url, |_| Flow::Continue);
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
    assert_eq!(take(&told), expected);
    job.run().unwrap();
    assert_eq!(job.cancel().unwrap_err().status(), Status::InvalidState);
}

#[test]
fn a_callback_that_aborts_ends_the_run_and_the_next_run_goes_on() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(6_000);
        peer.finish_upload()
    });
    let (mut job, told) =
        watched(&url, |line| if line == "6000/15000" { Flow::Abort } else { Flow::Continue });
    let error = job.run().unwrap_err();
    assert_eq!((error.status(), job.control().state()), (Status::Callback, JobState::Failed));
    let error = job.run().unwrap_err();
    assert_eq!(error.status(), Status::Callback, "told at the start of a run that continues");
    take(&told);
    job.set_observer(Box::new(Diary { told: told.clone(), flow: |_| Flow::Continue }));
    job.run().unwrap();
    assert_eq!(take(&told)[..3], ["6000/15000", "Failed-Connecting", "Connecting-Transferring"]);
    assert_eq!(server.join().unwrap()[1].get("Content-Range"), "bytes 6000-11999/15000");
}

#[test]
fn a_retry_callback_can_abort() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack("503 Service Unavailable", &[]);
    });
    let (mut job, _) =
        watched(&url, |line| if line.starts_with("retry") { Flow::Abort } else { Flow::Continue });
    assert_eq!(job.run().unwrap_err().status(), Status::Callback);
    server.join().unwrap();
}

// B-ERROR-05
#[test]
fn a_callback_that_panics_spoils_nothing() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(6_000);
        peer.finish_upload()
    });
    let (mut job, _) =
        watched(&url, |line| if line == "6000/15000" { panic!("boo") } else { Flow::Continue });
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job.run()));
    assert!(panicked.is_err());
    assert_eq!(job.control().progress().sent, 6_000);
    job.set_observer(Box::new(Diary { told: Told::default(), flow: |_| Flow::Continue }));
    job.run().unwrap();
    assert_eq!(server.join().unwrap().last().unwrap().packet(), "Close-Session");
}

#[test]
fn cli_45_the_name_of_the_source_or_the_one_that_is_set() {
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
fn cli_45_a_name_that_cannot_be_sent_is_refused_when_it_is_set_and_left_out_when_it_is_the_files() {
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
fn the_rate_limit_is_kept() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let config = ClientConfig::default().rate_limit(200_000);
    let source = Source::from_bytes(vec![1; 100_000]);
    let mut job = Client::new(config).unwrap().job(&format!("{url}/f"), source).unwrap();
    let begun = Instant::now();
    job.run().unwrap();
    let elapsed = begun.elapsed();
    server.join().unwrap();
    assert!((0.44..0.9).contains(&elapsed.as_secs_f64()), "{elapsed:?}");
}

// B-ERROR-01
#[test]
fn values_out_of_their_domain_are_refused() {
    let bad = [
        ClientConfig::default().fragment_size(0),
        ClientConfig::default().rate_limit(0),
        ClientConfig::default().timeout(Duration::ZERO),
        ClientConfig::default().connect_timeout(Duration::ZERO),
        ClientConfig::default().request_timeout(Duration::ZERO),
        ClientConfig::default().response_timeout(Duration::ZERO),
    ];
    for config in bad {
        assert_eq!(Client::new(config).unwrap_err().status(), Status::InvalidArgument);
    }
}
