//! Running a job step by step and closing it explicitly.

use std::time::{Duration, Instant};

use bitsup::Status;
use bitsup::client::{Client, ClientConfig, Flow, Job, JobState, Observer, Source};
use bitsup::upload::RetryPolicy;
use test_support::scripted::{ScriptedServer, serve};

const DELAY: Duration = Duration::from_millis(400);

/// A job of 15,000 bytes in fragments of 6,000 that retries after [`DELAY`].
fn job(url: &str) -> Job {
    let retry = RetryPolicy::default().first_delay(2 * DELAY).max_delay(2 * DELAY).max_attempts(3);
    let config = ClientConfig::default().fragment_size(6_000).retry(retry);
    let mut job =
        Client::new(config).unwrap().job(&format!("{url}/f"), Source::from_bytes(vec![1; 15_000])).unwrap();
    job.set_observer(Box::new(ShorterDelay));
    job
}

/// Replaces each retry delay by [`DELAY`].
struct ShorterDelay;

impl Observer for ShorterDelay {
    fn retry(&mut self, _: &bitsup::Error, _: u32, delay: &mut Duration) -> Flow {
        *delay = DELAY;
        Flow::Continue
    }
}

/// Runs steps until the upload is transferred. Returns the state after each.
fn steps(job: &mut Job) -> Vec<JobState> {
    let mut states = Vec::new();
    while states.last() != Some(&JobState::Transferred) {
        states.push(job.step().unwrap());
    }
    states
}

// B-STEP-01 B-STEP-02
#[test]
fn each_step_sends_one_request_and_the_caller_closes() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let mut job = job(&url);
    use JobState::*;
    assert_eq!(steps(&mut job), [Connecting, Transferring, Transferring, Transferred]);
    assert_eq!(job.step().unwrap(), Transferred, "nothing more is sent");
    assert_eq!(job.control().progress().sent, 15_000);
    job.close().unwrap();
    let packets = server.join().unwrap();
    let packets: Vec<_> = packets.iter().map(|request| request.packet()).collect();
    assert_eq!(packets, ["Create-Session", "Fragment", "Fragment", "Fragment", "Close-Session"]);
    assert_eq!(job.step().unwrap(), Closed);
    job.close().unwrap();
    job.run().unwrap();
    assert_eq!(job.control().export().unwrap_err().status(), Status::InvalidState);
}

#[test]
fn close_fails_before_the_upload_is_transferred() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let mut job = job(&url);
    assert_eq!(job.close().unwrap_err().status(), Status::InvalidState);
    job.step().unwrap();
    job.step().unwrap();
    let error = job.close().unwrap_err();
    assert_eq!(error.status(), Status::InvalidState, "{error}");
    assert_eq!(job.control().state(), JobState::Transferring);
    job.run().unwrap();
    assert_eq!(server.join().unwrap().len(), 5, "the run continued after the steps without a Ping");
}

#[test]
fn the_step_after_a_failure_waits_for_the_retry_delay() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack("503 Service Unavailable", &[]);
        peer.finish_upload()
    });
    let mut job = job(&url);
    let start = Instant::now();
    assert_eq!(job.step().unwrap(), JobState::Waiting);
    assert!(start.elapsed() < DELAY, "the step that fails does not wait: {:?}", start.elapsed());
    assert_eq!(job.step().unwrap(), JobState::Connecting);
    assert!(start.elapsed() >= DELAY, "{:?}", start.elapsed());
    job.run().unwrap();
    server.join().unwrap();
}

#[test]
fn a_suspend_between_steps_ends_the_next_one() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        let requests = peer.finish_upload();
        requests.iter().map(|request| request.packet().to_owned()).collect::<Vec<_>>()
    });
    let mut job = job(&url);
    let control = job.control();
    job.step().unwrap();
    control.suspend();
    assert_eq!(job.step().unwrap_err().status(), Status::Suspended);
    assert_eq!(control.state(), JobState::Suspended);
    let mut rest = steps(&mut job);
    assert_eq!(rest.pop(), Some(JobState::Transferred));
    job.close().unwrap();
    assert_eq!(server.join().unwrap()[..2], ["Ping", "Fragment"], "a resumed session starts with a Ping");
}

#[test]
fn a_cancel_between_steps_ends_the_session() {
    for through_control in [false, true] {
        let (url, server) = serve(|peer| {
            peer.request();
            peer.ack_create("{S}");
            let last = peer.request().packet().to_owned();
            peer.ack("200 OK", &[]);
            last
        });
        let mut job = job(&url);
        let control = job.control();
        job.step().unwrap();
        if through_control {
            control.cancel();
            assert_eq!(job.step().unwrap_err().status(), Status::Cancelled);
        } else {
            control.suspend(); // the cancel takes precedence
            job.cancel().unwrap();
        }
        assert_eq!(server.join().unwrap(), "Cancel-Session");
        assert_eq!(control.state(), JobState::Cancelled);
        assert_eq!(job.step().unwrap_err().status(), Status::Cancelled);
        assert_eq!(job.close().unwrap_err().status(), Status::Cancelled);
        assert_eq!(control.export().unwrap_err().status(), Status::InvalidState);
    }
}

#[test]
fn a_permanent_failure_is_returned_by_the_step() {
    let (url, server) = serve(|peer: &mut ScriptedServer| {
        peer.request();
        peer.ack("403 Forbidden", &[]);
    });
    let mut job = job(&url);
    let error = job.step().unwrap_err();
    assert_eq!((error.http_status(), job.control().state()), (Some(403), JobState::Failed), "{error}");
    server.join().unwrap();
}

#[test]
fn the_reply_is_stored_before_the_caller_closes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("reply");
    let (url, server) = serve(|peer| {
        let mut seen = Vec::new();
        for _ in 0..4 {
            let request = peer.request();
            seen.push(request.packet().to_owned());
            match request.get("Content-Range") {
                "" => peer.ack_create("{S}"),
                "bytes 12000-14999/15000" => peer.ack_last(15_000, "r"),
                range => {
                    let last: u64 = range.split(['-', '/']).nth(1).unwrap().parse().unwrap();
                    peer.ack_fragment(last + 1);
                }
            }
        }
        peer.get();
        peer.resource("200 OK", &[("ETag", "\"v1\"")], "the reply");
        seen.push(peer.request().packet().to_owned());
        peer.ack("200 OK", &[]);
        seen
    });
    let mut job = job(&url);
    job.set_reply_path(&path).unwrap();
    use JobState::*;
    assert_eq!(steps(&mut job), [Connecting, Transferring, Transferring, Transferring, Transferred]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "the reply");
    job.close().unwrap();
    assert_eq!(server.join().unwrap().last().unwrap(), "Close-Session");
}

#[test]
fn each_step_has_the_timeout_of_a_run() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.wait_for_hang_up();
    });
    let config = ClientConfig::default().timeout(Duration::from_millis(60));
    let mut job = Client::new(config).unwrap().job(&format!("{url}/f"), Source::from_bytes([1])).unwrap();
    let error = job.step().unwrap_err();
    assert_eq!((error.status(), job.control().state()), (Status::Timeout, JobState::Failed), "{error}");
    drop(job);
    server.join().unwrap();
}

#[test]
fn a_header_of_a_job_is_on_all_its_requests_and_on_no_others() {
    let (url, server) = serve(|peer| [peer.finish_upload(), peer.finish_upload()]);
    let config = ClientConfig::default().header("X-All", "1");
    let client = Client::new(config).unwrap();
    let new_job = || client.job(&format!("{url}/f"), Source::from_bytes([1])).unwrap();
    let mut first = new_job();
    first.add_header("X-One", "a").unwrap();
    for (name, value) in [("BITS-Packet-Type", "Ping"), ("a b", "c"), ("a", "b\r\nc")] {
        assert_eq!(first.add_header(name, value).unwrap_err().status(), Status::InvalidArgument, "{name}");
    }
    first.add_header("X-One", "b").unwrap();
    first.run().unwrap();
    drop(first); // closes its connection
    new_job().run().unwrap();
    let [first, second] = server.join().unwrap();
    assert!(first.iter().all(|request| request.all("X-One") == ["a", "b"] && request.get("X-All") == "1"));
    assert!(second.iter().all(|request| request.all("X-One").is_empty() && request.get("X-All") == "1"));
}

/// At 1,000 bytes per second, the 15,000 bytes would take 15 s.
// B-RATE-01
#[test]
fn the_rate_limit_can_change_during_a_request() {
    let (reached, wait) = std::sync::mpsc::channel();
    let (url, server) = serve(move |peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.head();
        reached.send(()).unwrap();
        peer.body(6_000);
        peer.ack_fragment(6_000);
        peer.finish_upload();
    });
    let mut job = job(&url);
    let control = job.control();
    control.set_rate_limit(Some(1_000)).unwrap();
    assert_eq!(control.set_rate_limit(Some(0)).unwrap_err().status(), Status::InvalidArgument);
    let run = std::thread::spawn(move || job.run().unwrap());
    wait.recv().unwrap();
    let changed = Instant::now();
    control.set_rate_limit(None).unwrap();
    run.join().unwrap();
    assert!(changed.elapsed() < Duration::from_secs(1), "{:?}", changed.elapsed());
    server.join().unwrap();
}
