//! Upload-reply jobs over the wire: from the last Fragment to the file (PROTOCOL 7, 12.10).

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

/// A folder for the source, the state and the reply.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path("source"), "hello").unwrap();
        place
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

    /// A job that gives up at the first failure.
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

    /// Runs a job whose reply breaks off after four of ten bytes.
    fn interrupted(&self) -> (String, JoinHandle<Vec<String>>) {
        let (url, server) = serve(|peer| {
            peer.accept_upload("r");
            peer.get();
            peer.resource_head("200 OK", &[TAG], 10);
            peer.raw("0123");
            peer.close();
            take_rest(peer)
        });
        let error = self.job(&url).run().unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert_eq!(self.names(), ["reply.part", "source", "state"]);
        (url, server)
    }
}

/// Answers all that comes up to the end of the session: its packets, and the ranges asked for.
fn take_rest(peer: &mut ScriptedServer) -> Vec<String> {
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

/// Writes down states and progress.
struct Diary(mpsc::Sender<String>);

impl Observer for Diary {
    fn state(&mut self, _: JobState, to: JobState) {
        self.0.send(format!("{to:?}")).unwrap();
    }
    fn reply_progress(&mut self, received: u64, total: Option<u64>) -> Flow {
        self.0.send(format!("{received} of {total:?}")).unwrap();
        Flow::Continue
    }
}

#[test]
fn cli_31_close_comes_after_the_reply_is_in_its_place() {
    let place = Place::new();
    fs::write(place.path("reply"), "former").unwrap();
    let reply = place.path("reply");
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
    let mut job = place.job(&url);
    let (told, heard) = mpsc::channel();
    job.set_observer(Box::new(Diary(told)));
    job.run().unwrap();
    let (get, before, close, after) = server.join().unwrap();
    assert_eq!((get.line(), get.get("Range")), ("GET /dir/r HTTP/1.1", ""));
    assert_eq!(get.get("Authorization"), "Bearer secret");
    assert_eq!((close.packet(), close.get("BITS-Session-Id")), ("Close-Session", "{S}"));
    assert_eq!((before.as_str(), after.as_str()), ("former", "0123456789"));
    assert_eq!(place.names(), ["reply", "source"]);
    assert_eq!(job.control().reply_url(), Some(format!("{url}/dir/r")));
    drop(job);
    let heard: Vec<_> = heard.iter().collect();
    assert_eq!(heard.first().map(String::as_str), Some("Connecting"));
    let end = ["10 of Some(10)", "Transferred", "Closed"];
    assert!(heard.contains(&"FetchingReply".into()) && heard.ends_with(&end.map(str::to_owned)), "{heard:?}");
}

// B-REPLY-03
#[test]
fn cli_29_a_server_without_a_reply_is_an_error() {
    let place = Place::new();
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(5);
    });
    let error = place.job(&url).run().unwrap_err();
    server.join().unwrap();
    assert_eq!((error.status(), error.is_transient()), (Status::Protocol, false), "{error}");
    assert_eq!(place.names(), ["source", "state"], "the next run asks again");
}

#[test]
fn cli_31_another_process_goes_on_with_the_reply() {
    let place = Place::new();
    let (url, server) = place.interrupted();
    place.job(&url).run().unwrap();
    assert_eq!(server.join().unwrap(), ["Ping", "bytes=4-", "Close-Session"]);
    assert_eq!(
        (place.reply().as_str(), place.names()),
        ("0123456789", vec!["reply".into(), "source".into()])
    );
}

#[test]
fn bytes_that_nobody_remembers_are_not_believed() {
    for tamper in
        [(|place: &Place| fs::write(place.path("reply.part"), "xx").unwrap()) as fn(&Place), |place| {
            fs::remove_file(place.path("reply.part")).unwrap()
        }]
    {
        let place = Place::new();
        let (url, server) = place.interrupted();
        tamper(&place);
        place.job(&url).run().unwrap();
        assert_eq!(server.join().unwrap(), ["Ping", "", "Close-Session"]);
        assert_eq!(place.reply(), "0123456789");
    }
    let place = Place::new();
    let (url, server) = place.interrupted();
    fs::write(place.path("reply.part"), "0123xxxxxxxxxx").unwrap();
    place.job(&url).run().unwrap();
    assert_eq!(server.join().unwrap(), ["Ping", "bytes=4-", "Close-Session"]);
    assert_eq!(place.reply(), "0123456789");
}

#[test]
fn a_state_of_a_run_without_reply_leads_to_the_reply() {
    let place = Place::new();
    let (url, server) = serve(|peer| {
        peer.accept_upload("r");
        peer.request();
        peer.close();
        let (ping, _) = (peer.request(), peer.ack("200 OK", &[]));
        let fragment = peer.request();
        peer.ack_last(5, "r");
        (ping, fragment, take_rest(peer))
    });
    let mut plain = place.plain_job(&url);
    plain.set_state_path(place.path("state")).unwrap();
    plain.run().unwrap_err();
    drop(plain);
    place.job(&url).run().unwrap();
    let (ping, fragment, rest) = server.join().unwrap();
    assert_eq!((ping.packet(), fragment.get("Content-Range")), ("Ping", "bytes 0-4/5"));
    assert_eq!((rest, place.reply().as_str()), (vec![String::new(), "Close-Session".into()], "0123456789"));
}

#[test]
fn a_reply_that_was_fetched_to_another_path_is_fetched_again() {
    let place = Place::new();
    let (url, server) = serve(|peer| {
        peer.accept_upload("r");
        peer.get();
        peer.resource("200 OK", &[TAG], "0123456789");
        peer.request();
        peer.close();
        take_rest(peer)
    });
    place.job(&url).run().unwrap_err();
    let mut job = place.job(&url);
    job.set_reply_path(place.path("other")).unwrap();
    job.run().unwrap();
    assert_eq!(server.join().unwrap(), ["Ping", "", "Close-Session"]);
    assert_eq!(fs::read_to_string(place.path("other")).unwrap(), place.reply());
    assert_eq!(place.names(), ["other", "reply", "source"]);
}

#[test]
fn a_foreign_server_is_not_told_the_users_header_fields() {
    let place = Place::new();
    let (cdn, other) = serve(|peer| {
        let get = peer.get();
        peer.resource("200 OK", &[], "static");
        get
    });
    let (url, server) = serve(move |peer| {
        peer.accept_upload(&format!("{cdn}/r"));
        take_rest(peer)
    });
    place.job(&url).run().unwrap();
    let get = other.join().unwrap();
    assert_eq!((get.get("Authorization"), get.line()), ("", "GET /r HTTP/1.1"));
    assert_eq!((server.join().unwrap(), place.reply().as_str()), (vec!["Close-Session".into()], "static"));
}

#[test]
fn a_reply_path_that_cannot_be_is_refused_before_anything_is_sent() {
    let place = Place::new();
    let mut job = place.plain_job("http://127.0.0.1:9");
    for (name, status) in [
        ("missing/reply", Status::NotFound),
        ("source/reply", Status::Io),
        ("", Status::InvalidArgument),
        ("source", Status::InvalidArgument),
    ] {
        let error = job.set_reply_path(place.path(name)).unwrap_err();
        assert_eq!(error.status(), status, "{error}");
        assert!(error.message().contains(place.path(name).to_str().unwrap()), "{error}");
    }
    job.set_reply_path(place.path("reply")).unwrap();
    let busy = place.plain_job("http://127.0.0.1:9").set_reply_path(place.path("reply")).unwrap_err();
    assert_eq!(busy.status(), Status::Busy);
    drop(job);
    assert_eq!(place.names(), ["source"]);
}

#[test]
fn a_link_in_the_place_of_the_part_is_not_followed() {
    let place = Place::new();
    std::os::unix::fs::symlink(place.path("source"), place.path("reply.part")).unwrap();
    assert!(place.plain_job("http://127.0.0.1:9").set_reply_path(place.path("reply")).is_err());
    assert_eq!(fs::read_to_string(place.path("source")).unwrap(), "hello");
}

#[test]
fn cancel_takes_back_what_there_is_of_the_reply() {
    let place = Place::new();
    let (url, server) = place.interrupted();
    // As a program does that was not told where the reply goes.
    let mut job = place.plain_job(&url);
    job.set_state_path(place.path("state")).unwrap();
    job.cancel().unwrap();
    assert_eq!(server.join().unwrap(), ["Cancel-Session"]);
    drop(job);
    assert_eq!(place.names(), ["source"]);
}

#[test]
fn fetching_stops_within_the_promise_and_goes_on_in_the_next_run() {
    type Stop = (fn(&JobControl), Status);
    let stops: [Stop; 2] =
        [(JobControl::suspend, Status::Suspended), (JobControl::cancel, Status::Cancelled)];
    for (begins, (ask, status)) in
        [false, true].into_iter().flat_map(|begins| stops.map(|stop| (begins, stop)))
    {
        let place = Place::new();
        let (reached, wait) = mpsc::channel();
        let (url, server) = serve(move |peer| {
            peer.accept_upload("r");
            peer.get();
            if begins {
                peer.resource_head("200 OK", &[TAG], 10);
                peer.raw("0123");
            }
            reached.send(()).unwrap();
            peer.wait_for_hang_up();
            take_rest(peer)
        });
        let mut job = place.job(&url);
        let control = job.control();
        let run = std::thread::spawn(move || (job.run().unwrap_err(), job));
        wait.recv().unwrap();
        let asked = Instant::now();
        ask(&control);
        let (error, mut job) = run.join().unwrap();
        assert!(asked.elapsed() < Duration::from_millis(250), "{:?}", asked.elapsed());
        assert_eq!(error.status(), status);
        match status {
            Status::Suspended => job.run().unwrap(),
            _ => job.cancel().unwrap(),
        }
        let seen = server.join().unwrap();
        drop(job);
        match status {
            Status::Suspended => assert_eq!((seen.len(), place.reply().as_str()), (3, "0123456789")),
            _ => assert_eq!((seen, place.names()), (vec!["Cancel-Session".into()], vec!["source".into()])),
        }
    }
}
