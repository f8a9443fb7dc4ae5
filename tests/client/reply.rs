//! Upload-reply jobs, from the last Fragment to the reply file (PROTOCOL 7, 12.10).

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bitsup::Status;
use bitsup::client::{Client, ClientConfig, Flow, Job, JobControl, JobState, Observer, Source};
use tempfile::TempDir;
use test_support::scripted::{ScriptedServer, serve};

const TAG: (&str, &str) = ("ETag", "\"v1\"");

/// A directory for the source, the state and the reply.
struct Fixture(TempDir);

impl Fixture {
    fn new() -> Self {
        let fixture = Self(tempfile::tempdir().unwrap());
        fs::write(fixture.path("source"), "hello").unwrap();
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn reply(&self) -> String {
        fs::read_to_string(self.path("reply")).unwrap()
    }

    /// A job that never retries, without state or reply path.
    fn plain_job(&self, url: &str) -> Job {
        let config = ClientConfig::default()
            .no_progress_timeout(Duration::ZERO)
            .header("Authorization", "Bearer secret");
        let source = Source::from_file(self.path("source")).unwrap();
        Client::new(config).unwrap().job(&format!("{url}/dir/f"), source).unwrap()
    }

    fn job(&self, url: &str) -> Job {
        let mut job = self.plain_job(url);
        job.set_state_path(self.path("state")).unwrap();
        job.set_reply_path(self.path("reply")).unwrap();
        job
    }

    /// Runs a job whose reply is interrupted after four of ten bytes.
    fn interrupted(&self) -> (String, JoinHandle<Vec<String>>) {
        let (url, server) = serve(|peer| {
            peer.accept_upload("r");
            peer.get();
            peer.resource_head("200 OK", &[TAG], 10);
            peer.raw("0123");
            peer.close();
            serve_rest(peer)
        });
        let error = self.job(&url).run().unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert_eq!(self.names(), ["reply.part", "source", "state"]);
        (url, server)
    }
}

/// Responds to all requests until the session ends. Returns packet type and range of each.
fn serve_rest(peer: &mut ScriptedServer) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let request = peer.head();
        match (request.packet(), request.get("Range")) {
            ("", "") => peer.resource("200 OK", &[TAG], "0123456789"),
            ("", _) => {
                peer.resource("206 Partial Content", &[TAG, ("Content-Range", "bytes 4-9/10")], "456789")
            }
            _ => peer.ack("200 OK", &[]),
        }
        let is_end = matches!(request.packet(), "Close-Session" | "Cancel-Session");
        seen.push(format!("{}{}", request.packet(), request.get("Range")));
        if is_end {
            return seen;
        }
    }
}

/// Sends states and reply progress to a channel.
struct Recorder(mpsc::Sender<String>);

impl Observer for Recorder {
    fn state(&mut self, _: JobState, to: JobState) {
        self.0.send(format!("{to:?}")).unwrap();
    }
    fn reply_progress(&mut self, received: u64, total: Option<u64>) -> Flow {
        self.0.send(format!("{received} of {total:?}")).unwrap();
        Flow::Continue
    }
}

#[test]
fn cli_31_close_session_is_sent_after_the_reply_is_stored() {
    let fixture = Fixture::new();
    fs::write(fixture.path("reply"), "former").unwrap();
    let reply = fixture.path("reply");
    let (url, server) = serve(move |peer| {
        peer.accept_upload("r");
        let get = peer.get();
        peer.resource_head("200 OK", &[TAG], 10);
        let before = fs::read_to_string(&reply).unwrap();
        peer.raw("0123456789");
        let close = peer.request();
        let after = fs::read_to_string(&reply).unwrap();
        peer.ack("200 OK", &[]);
        (get, before, close, after)
    });
    let mut job = fixture.job(&url);
    let (sender, events) = mpsc::channel();
    job.set_observer(Box::new(Recorder(sender)));
    job.run().unwrap();
    let (get, before, close, after) = server.join().unwrap();
    assert_eq!((get.line(), get.get("Range")), ("GET /dir/r HTTP/1.1", ""));
    assert_eq!(get.get("Authorization"), "Bearer secret");
    assert_eq!((close.packet(), close.get("BITS-Session-Id")), ("Close-Session", "{S}"));
    assert_eq!((before.as_str(), after.as_str()), ("former", "0123456789"));
    assert_eq!(fixture.names(), ["reply", "source"]);
    assert_eq!(job.control().reply_url(), Some(format!("{url}/dir/r")));
    drop(job);
    let events: Vec<_> = events.iter().collect();
    assert_eq!(events.first().map(String::as_str), Some("Connecting"));
    let end = ["10 of Some(10)", "Transferred", "Closed"];
    assert!(
        events.contains(&"FetchingReply".into()) && events.ends_with(&end.map(str::to_owned)),
        "{events:?}"
    );
}

// B-REPLY-03
#[test]
fn cli_29_a_missing_reply_is_an_error() {
    let fixture = Fixture::new();
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(5);
    });
    let error = fixture.job(&url).run().unwrap_err();
    server.join().unwrap();
    assert_eq!((error.status(), error.is_transient()), (Status::Protocol, false), "{error}");
    assert_eq!(fixture.names(), ["source", "state"], "the state is kept for the next run");
}

#[test]
fn cli_31_another_process_resumes_the_reply() {
    let fixture = Fixture::new();
    let (url, server) = fixture.interrupted();
    fixture.job(&url).run().unwrap();
    assert_eq!(server.join().unwrap(), ["Ping", "bytes=4-", "Close-Session"]);
    assert_eq!(
        (fixture.reply().as_str(), fixture.names()),
        ("0123456789", vec!["reply".into(), "source".into()])
    );
}

#[test]
fn a_partial_reply_that_does_not_match_the_state_is_not_trusted() {
    for tamper in [
        (|fixture: &Fixture| fs::write(fixture.path("reply.part"), "xx").unwrap()) as fn(&Fixture),
        |fixture| fs::remove_file(fixture.path("reply.part")).unwrap(),
    ] {
        let fixture = Fixture::new();
        let (url, server) = fixture.interrupted();
        tamper(&fixture);
        fixture.job(&url).run().unwrap();
        assert_eq!(server.join().unwrap(), ["Ping", "", "Close-Session"]);
        assert_eq!(fixture.reply(), "0123456789");
    }
    let fixture = Fixture::new();
    let (url, server) = fixture.interrupted();
    fs::write(fixture.path("reply.part"), "0123xxxxxxxxxx").unwrap();
    fixture.job(&url).run().unwrap();
    assert_eq!(server.join().unwrap(), ["Ping", "bytes=4-", "Close-Session"]);
    assert_eq!(fixture.reply(), "0123456789");
}

#[test]
fn a_job_started_without_a_reply_path_can_fetch_the_reply_later() {
    let fixture = Fixture::new();
    let (url, server) = serve(|peer| {
        peer.accept_upload("r");
        peer.request();
        peer.close();
        let (ping, _) = (peer.request(), peer.ack("200 OK", &[]));
        let fragment = peer.request();
        peer.ack_last(5, "r");
        (ping, fragment, serve_rest(peer))
    });
    let mut plain = fixture.plain_job(&url);
    plain.set_state_path(fixture.path("state")).unwrap();
    plain.run().unwrap_err();
    drop(plain);
    fixture.job(&url).run().unwrap();
    let (ping, fragment, rest) = server.join().unwrap();
    assert_eq!((ping.packet(), fragment.get("Content-Range")), ("Ping", "bytes 0-4/5"));
    assert_eq!((rest, fixture.reply().as_str()), (vec![String::new(), "Close-Session".into()], "0123456789"));
}

#[test]
fn a_reply_is_fetched_again_if_its_path_changed() {
    let fixture = Fixture::new();
    let (url, server) = serve(|peer| {
        peer.accept_upload("r");
        peer.get();
        peer.resource("200 OK", &[TAG], "0123456789");
        peer.request();
        peer.close();
        serve_rest(peer)
    });
    fixture.job(&url).run().unwrap_err();
    let mut job = fixture.job(&url);
    job.set_reply_path(fixture.path("other")).unwrap();
    job.run().unwrap();
    assert_eq!(server.join().unwrap(), ["Ping", "", "Close-Session"]);
    assert_eq!(fs::read_to_string(fixture.path("other")).unwrap(), fixture.reply());
    assert_eq!(fixture.names(), ["other", "reply", "source"]);
}

#[test]
fn a_reply_on_another_server_gets_no_custom_header_fields() {
    let fixture = Fixture::new();
    let (cdn, other) = serve(|peer| {
        let get = peer.get();
        peer.resource("200 OK", &[], "static");
        get
    });
    let (url, server) = serve(move |peer| {
        peer.accept_upload(&format!("{cdn}/r"));
        serve_rest(peer)
    });
    fixture.job(&url).run().unwrap();
    let get = other.join().unwrap();
    assert_eq!((get.get("Authorization"), get.line()), ("", "GET /r HTTP/1.1"));
    assert_eq!((server.join().unwrap(), fixture.reply().as_str()), (vec!["Close-Session".into()], "static"));
}

#[test]
fn an_unusable_reply_path_is_rejected_before_anything_is_sent() {
    let fixture = Fixture::new();
    let mut job = fixture.plain_job("http://127.0.0.1:9");
    for (name, status) in [
        ("missing/reply", Status::NotFound),
        ("source/reply", Status::Io),
        ("", Status::InvalidArgument),
        ("source", Status::InvalidArgument),
    ] {
        let error = job.set_reply_path(fixture.path(name)).unwrap_err();
        assert_eq!(error.status(), status, "{error}");
        assert!(error.message().contains(fixture.path(name).to_str().unwrap()), "{error}");
    }
    job.set_reply_path(fixture.path("reply")).unwrap();
    let busy = fixture.plain_job("http://127.0.0.1:9").set_reply_path(fixture.path("reply")).unwrap_err();
    assert_eq!(busy.status(), Status::Busy);
    drop(job);
    assert_eq!(fixture.names(), ["source"]);
}

#[test]
fn a_link_at_the_partial_path_is_not_followed() {
    let fixture = Fixture::new();
    std::os::unix::fs::symlink(fixture.path("source"), fixture.path("reply.part")).unwrap();
    assert!(fixture.plain_job("http://127.0.0.1:9").set_reply_path(fixture.path("reply")).is_err());
    assert_eq!(fs::read_to_string(fixture.path("source")).unwrap(), "hello");
}

#[test]
fn cancel_removes_the_partial_reply() {
    let fixture = Fixture::new();
    let (url, server) = fixture.interrupted();
    // The job that cancels does not know the reply path.
    let mut job = fixture.plain_job(&url);
    job.set_state_path(fixture.path("state")).unwrap();
    job.cancel().unwrap();
    assert_eq!(server.join().unwrap(), ["Cancel-Session"]);
    drop(job);
    assert_eq!(fixture.names(), ["source"]);
}

#[test]
fn fetching_a_reply_stops_within_250_ms_and_the_next_run_resumes() {
    type Stop = (fn(&JobControl), Status);
    const STOPS: [Stop; 2] =
        [(JobControl::suspend, Status::Suspended), (JobControl::cancel, Status::Cancelled)];
    for (has_started, (stop, status)) in
        [false, true].into_iter().flat_map(|has_started| STOPS.map(|stop| (has_started, stop)))
    {
        let fixture = Fixture::new();
        let (reached, wait) = mpsc::channel();
        let (url, server) = serve(move |peer| {
            peer.accept_upload("r");
            peer.get();
            if has_started {
                peer.resource_head("200 OK", &[TAG], 10);
                peer.raw("0123");
            }
            reached.send(()).unwrap();
            peer.wait_for_hang_up();
            serve_rest(peer)
        });
        let mut job = fixture.job(&url);
        let control = job.control();
        let run = std::thread::spawn(move || (job.run().unwrap_err(), job));
        wait.recv().unwrap();
        let stopped = Instant::now();
        stop(&control);
        let (error, mut job) = run.join().unwrap();
        assert!(stopped.elapsed() < Duration::from_millis(250), "{:?}", stopped.elapsed());
        assert_eq!(error.status(), status);
        match status {
            Status::Suspended => job.run().unwrap(),
            _ => job.cancel().unwrap(),
        }
        let seen = server.join().unwrap();
        drop(job);
        match status {
            Status::Suspended => assert_eq!((seen.len(), fixture.reply().as_str()), (3, "0123456789")),
            _ => assert_eq!((seen, fixture.names()), (vec!["Cancel-Session".into()], vec!["source".into()])),
        }
    }
}
