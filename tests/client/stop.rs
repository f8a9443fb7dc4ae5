//! Cancel, suspend and timeouts: a job stops within 250 ms, whatever it is doing.

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bitsup::client::{Client, ClientConfig, Flow, Job, JobControl, JobState, Observer, Progress, Source};
use bitsup::upload::RetryPolicy;
use bitsup::{Error, Status};
use test_support::scripted::{ScriptedServer, serve};

const STOP_LIMIT: Duration = Duration::from_millis(250);

type Request = fn(&JobControl);
const STOPS: [(Request, Status, JobState); 2] = [
    (JobControl::suspend, Status::Suspended, JobState::Suspended),
    (JobControl::cancel, Status::Cancelled, JobState::Cancelled),
];

fn job(config: ClientConfig, url: &str, length: usize) -> Job {
    Client::new(config).unwrap().job(&format!("{url}/f"), Source::from_bytes(vec![1; length])).unwrap()
}

/// Runs the job on a thread until `ready` returns, stops it, and checks its error, its state and the time it takes.
fn assert_stops(mut job: Job, ready: impl FnOnce(), (request, status, state): (Request, Status, JobState)) {
    let control = job.control();
    let run = std::thread::spawn(move || job.run().unwrap_err());
    ready();
    let stopped = Instant::now();
    request(&control);
    let error = run.join().unwrap();
    assert!(stopped.elapsed() < STOP_LIMIT, "{:?}", stopped.elapsed());
    assert_eq!((error.status(), control.state()), (status, state), "{error}");
}

/// Starts a server that runs `script`, then signals that the job can be stopped and stays silent until the client
/// closes the connection.
fn serve_until<F>(script: F) -> (String, JoinHandle<()>, impl FnOnce())
where
    F: FnOnce(&mut ScriptedServer) + Send + 'static,
{
    let (reached, wait) = mpsc::channel();
    let (url, server) = serve(move |peer| {
        script(peer);
        reached.send(()).unwrap();
        peer.wait_for_hang_up();
    });
    (url, server, move || wait.recv().unwrap())
}

// B-SUSPEND-01 B-CANCEL-01
#[test]
fn a_job_waiting_for_a_response_stops() {
    for stop in STOPS {
        let (url, server, ready) = serve_until(|peer| {
            peer.request();
        });
        assert_stops(job(ClientConfig::default(), &url, 5), ready, stop);
        server.join().unwrap();
    }
}

// B-SUSPEND-01 B-CANCEL-01
#[test]
fn a_job_sending_to_a_server_that_does_not_read_stops() {
    for stop in STOPS {
        let (url, server, ready) = serve_until(|peer| {
            peer.request();
            peer.ack_create("{S}");
            peer.head();
            peer.wait_until_full();
        });
        let config = ClientConfig::default().fragment_size(64_000_000);
        assert_stops(job(config, &url, 64_000_000), ready, stop);
        server.join().unwrap();
    }
}

#[test]
fn a_job_held_back_by_the_rate_limit_stops() {
    for stop in STOPS {
        let (url, server, ready) = serve_until(|peer| {
            peer.request();
            peer.ack_create("{S}");
            peer.head();
        });
        let config = ClientConfig::default().rate_limit(1);
        assert_stops(job(config, &url, 100), ready, stop);
        server.join().unwrap();
    }
}

#[test]
fn a_job_connecting_to_an_unresponsive_host_stops() {
    for stop in STOPS {
        // The kernel does not respond to further connections once the backlog of a listener is full.
        let listener = listener_with_minimal_backlog();
        let address = listener.local_addr().unwrap();
        let fillers: Vec<_> = (0..3).map(|_| connect_for(address, 50)).collect();
        assert!(fillers.last().unwrap().is_none(), "the backlog is not full");
        let job = job(ClientConfig::default(), &format!("http://{address}"), 5);
        let control = job.control();
        let ready = move || {
            while control.state() != JobState::Connecting {
                std::thread::yield_now();
            }
        };
        assert_stops(job, ready, stop);
    }
}

/// A listener whose backlog is as small as the kernel allows.
fn listener_with_minimal_backlog() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    listener
}

fn connect_for(address: std::net::SocketAddr, ms: u64) -> Option<TcpStream> {
    TcpStream::connect_timeout(&address, Duration::from_millis(ms)).ok()
}

// B-SUSPEND-01 B-CANCEL-01
#[test]
fn a_job_waiting_to_retry_stops() {
    for stop in STOPS {
        let (sender, wait) = mpsc::channel();
        let (url, server) = serve(|peer| {
            peer.request();
            peer.ack("503 Service Unavailable", &[("Retry-After", "60")]);
            peer.wait_for_hang_up();
        });
        let mut job = job(ClientConfig::default(), &url, 5);
        job.set_observer(Box::new(RetryReporter(sender)));
        assert_stops(job, move || assert_eq!(wait.recv().unwrap(), 1), stop);
        server.join().unwrap();
    }
}

#[test]
fn a_job_stopped_before_its_run_does_not_start() {
    for (request, status, state) in STOPS {
        let mut job = job(ClientConfig::default(), "http://127.0.0.1:9", 5);
        request(&job.control());
        let error = job.run().unwrap_err();
        assert_eq!((error.status(), job.control().state()), (status, state));
    }
}

#[test]
fn a_run_has_a_total_timeout() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.wait_for_hang_up();
    });
    let config = ClientConfig::default().timeout(Duration::from_millis(100));
    let start = Instant::now();
    let error = job(config, &url, 5).run().unwrap_err();
    assert!(start.elapsed() < Duration::from_millis(350), "{:?}", start.elapsed());
    assert!(error.status() == Status::Timeout && error.is_transient(), "{error}");
    server.join().unwrap();
}

#[test]
fn cli_33_a_response_has_a_timeout() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.raw("HTTP/1.1 200 OK\r\n");
        peer.wait_for_hang_up();
    });
    let config = ClientConfig::default()
        .response_timeout(Duration::from_millis(60))
        .no_progress_timeout(Duration::ZERO);
    let error = job(config, &url, 5).run().unwrap_err();
    assert!(error.status() == Status::Timeout && error.is_transient(), "{error}");
    server.join().unwrap();
}

#[test]
fn cli_32_sending_has_a_timeout() {
    let (finished, wait) = mpsc::channel();
    let (url, server) = serve(move |peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.head();
        wait.recv().unwrap();
    });
    let config = ClientConfig::default()
        .request_timeout(Duration::from_millis(150))
        .no_progress_timeout(Duration::ZERO)
        .fragment_size(64_000_000);
    let error = job(config, &url, 64_000_000).run().unwrap_err();
    finished.send(()).unwrap();
    assert!(error.status() == Status::Timeout && error.is_transient(), "{error}");
    server.join().unwrap();
}

#[test]
fn cli_28_cancel_notifies_the_server_within_250_ms() {
    let (reached, wait) = mpsc::channel();
    let (url, server) = serve(move |peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.head();
        reached.send(()).unwrap();
        peer.wait_for_hang_up();
        let cancel = peer.request();
        peer.ack("200 OK", &[]);
        cancel
    });
    let config = ClientConfig::default().fragment_size(64_000_000);
    assert_stops(job(config, &url, 64_000_000), move || wait.recv().unwrap(), STOPS[1]);
    let cancel = server.join().unwrap();
    assert_eq!((cancel.packet(), cancel.get("BITS-Session-Id")), ("Cancel-Session", "{S}"));
}

#[test]
fn cli_20_an_unacknowledged_cancel_can_be_repeated_later() {
    let (reached, wait) = mpsc::channel();
    let (url, server) = serve(move |peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        reached.send(()).unwrap();
        peer.wait_for_hang_up();
        peer.request();
        peer.wait_for_hang_up();
        peer.request();
        peer.ack("500 Internal Server Error", &[]);
        let cancel = peer.request();
        peer.ack("200 OK", &[]);
        cancel
    });
    let delay = Duration::from_millis(1);
    let retry = RetryPolicy::default().first_delay(delay).max_delay(delay).max_attempts(None);
    let mut job = job(ClientConfig::default().retry(retry), &url, 5);
    let control = job.control();
    let run = std::thread::spawn(move || (job.run().unwrap_err(), job));
    wait.recv().unwrap();
    let stopped = Instant::now();
    control.cancel();
    let (error, mut job) = run.join().unwrap();
    assert!(error.status() == Status::Cancelled && stopped.elapsed() < STOP_LIMIT, "{:?}", stopped.elapsed());
    assert_eq!(job.run().unwrap_err().status(), Status::Cancelled, "a cancelled job stays cancelled");
    job.cancel().unwrap();
    assert_eq!(server.join().unwrap().packet(), "Cancel-Session");
    job.cancel().unwrap();
}

// B-SUSPEND-02
#[test]
fn cli_26_cli_27_a_suspended_job_resumes_with_a_ping() {
    let (reached, wait) = mpsc::channel();
    let (url, server) = serve(move |peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(6_000);
        peer.request();
        reached.send(()).unwrap();
        peer.wait_for_hang_up();
        peer.finish_upload()
    });
    let mut job = job(ClientConfig::default().fragment_size(6_000), &url, 15_000);
    let control = job.control();
    let run = std::thread::spawn(move || (job.run().unwrap_err(), job));
    wait.recv().unwrap();
    control.suspend();
    let (error, mut job) = run.join().unwrap();
    assert_eq!(error.status(), Status::Suspended);
    let Progress { sent, total, .. } = control.progress();
    assert_eq!((sent, total), (6_000, 15_000));
    assert_eq!(control.session_id().as_deref(), Some("{S}"));
    job.run().unwrap();
    let requests = server.join().unwrap();
    assert_eq!(requests[0].packet(), "Ping");
    assert_eq!(requests[1].get("Content-Range"), "bytes 6000-11999/15000");
    assert_eq!(requests[1].get("BITS-Session-Id"), "{S}");
    assert_eq!((control.state(), control.progress().sent), (JobState::Closed, 15_000));
    job.run().unwrap();
}

/// Sends the number of each retry to a channel.
struct RetryReporter(Sender<u32>);

impl Observer for RetryReporter {
    fn retry(&mut self, _cause: &Error, attempt: u32, _delay: &mut Duration) -> Flow {
        self.0.send(attempt).unwrap();
        Flow::Continue
    }
}
