//! Uploads with a reply: the program as client and as server, and an application behind it.

use std::fs;

use serde_json::Value;
use test_support::application::{Application, NotifyMode, Request, Response, derived};

use crate::program::{self, Outcome, Running, Served, Workspace};
use crate::relay::Relay;

const KEEP: &str = "BITS-Copy-File-To-Destination: yes\r\n";

/// A server with an application behind it.
struct Fixture {
    served: Served,
    application: Application,
}

impl Fixture {
    fn new(
        notify: &str,
        options: &[&str],
        script: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> Self {
        let application = Application::start(script);
        let url = application.url("/decide");
        let served = Served::new(&[&["--notify", notify, "--notify-url", &url], options].concat());
        Self { served, application }
    }

    /// Uploads a file of that size to `url`, which is one of this server.
    fn upload(&self, url: &str, size: usize, options: &[&str]) -> Uploaded {
        let (source, content) = self.place().source("source", size);
        let args = upload(self.place(), &source, url);
        let args = [args.iter().map(String::as_str).collect(), options.to_vec()].concat();
        Uploaded { outcome: program::run(&args), content }
    }

    fn place(&self) -> &Workspace {
        &self.served.place
    }

    fn reply(&self) -> Option<Vec<u8>> {
        fs::read(self.place().path("reply")).ok()
    }

    /// The file is what was sent, the reply is this one, and nothing is left over on either side.
    #[track_caller]
    fn assert_complete(&self, uploaded: &Uploaded, reply: &[u8]) {
        uploaded.outcome.succeeded();
        assert!(fs::read(self.place().received("file")).unwrap() == uploaded.content, "not the file");
        assert!(self.reply().unwrap() == reply, "not the reply");
        assert_eq!(self.place().sessions(), [""; 0]);
        assert_eq!(fs::read_dir(self.place().path("state")).unwrap().count(), 0);
        assert!(!self.place().path("reply.part").exists());
    }
}

struct Uploaded {
    outcome: Outcome,
    content: Vec<u8>,
}

/// The arguments of an upload that tries again soon.
fn upload(place: &Workspace, source: &str, url: &str) -> Vec<String> {
    let (state, reply) = (place.text("state"), place.text("reply"));
    let fixed = ["--json", "--retry-delay", "20ms"];
    [&["upload", source, url, "--reply", &reply, "--state-dir", &state], &fixed[..]]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect()
}

/// Several files and replies, each of its own length.
fn sizes_survive(way: NotifyMode) {
    const MIB: usize = 1024 * 1024;
    for (size, length) in [(0, 0), (0, 1), (1, 0), (1, 77_777), (77_777, 1), (3 * MIB, 5 * MIB + 1)] {
        let fixture = Fixture::new(way.option(), &[], move |request| way.respond(request, KEEP, length));
        let uploaded = fixture.upload(&fixture.served.url_of("file"), size, &["--fragment-size", "256k"]);
        fixture.assert_complete(&uploaded, &derived(&uploaded.content, length));
        let request = fixture.application.request();
        let by_value: &[u8] = if way == NotifyMode::Value { &uploaded.content } else { b"" };
        assert!(request.body == by_value, "{} bytes came", request.body.len());
    }
}

// B-UPLOAD-02 B-REPLY-01
#[test]
fn every_length_of_file_and_reply_by_value() {
    sizes_survive(NotifyMode::Value);
}

#[test]
fn every_length_of_file_and_reply_by_reference() {
    sizes_survive(NotifyMode::Reference);
}

// B-REPLY-02
#[test]
fn every_length_of_file_and_reply_in_a_file() {
    sizes_survive(NotifyMode::ReplyFile);
}

#[test]
fn a_file_that_the_application_keeps_for_itself_has_a_reply_too() {
    let fixture = Fixture::new("value", &[], |request| NotifyMode::Value.respond(request, "", 1000));
    let uploaded = fixture.upload(&fixture.served.url_of("file"), 1000, &[]);
    uploaded.outcome.succeeded();
    assert_eq!(fixture.reply(), Some(derived(&uploaded.content, 1000)));
    assert_eq!((fixture.place().names(), fixture.place().sessions()), (vec![], vec![]));
}

/// The reply is at the application itself, which is no server of uploads.
#[test]
fn a_reply_at_a_static_url_is_fetched_from_there() {
    let fixture = Fixture::new("reference", &[], |request| match request.line() {
        "GET /static HTTP/1.1" => Response::new("200 OK", "ETag: \"v1\"\r\n", b"the same for all").early(),
        "POST /decide HTTP/1.1" => {
            let here = request.get("Host").unwrap();
            let fields = format!("{KEEP}BITS-Static-Response-URL: http://{here}/static\r\n");
            Response::new("200 OK", &fields, b"does not count")
        }
        line => panic!("{line}"),
    });
    let uploaded = fixture.upload(&fixture.served.url_of("file"), 1000, &[]);
    fixture.assert_complete(&uploaded, b"the same for all");
    assert_eq!(fixture.application.requests().len(), 2);
}

#[test]
fn an_application_that_fails_once_is_asked_again_and_decides() {
    for way in NotifyMode::ALL {
        let fixture = Fixture::new(way.option(), &[], move |request| match request.number {
            1 => Response::new("500 Internal Server Error", "", b"not now"),
            _ => way.respond(request, KEEP, 1000),
        });
        let uploaded = fixture.upload(&fixture.served.url_of("file"), 100_000, &["--fragment-size", "30k"]);
        fixture.assert_complete(&uploaded, &derived(&uploaded.content, 1000));
        let requests = fixture.application.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].get("Idempotency-Key"), requests[1].get("Idempotency-Key"));
        let retries: Vec<Value> =
            uploaded.outcome.events().into_iter().filter(|event| event["event"] == "retry").collect();
        assert_eq!(retries.len(), 1, "{retries:?}");
    }
}

// B-REJECT-02
#[test]
fn a_403_of_the_application_is_final() {
    let fixture = Fixture::new("value", &[], |_| Response::new("403 Forbidden", KEEP, b"never"));
    let uploaded = fixture.upload(&fixture.served.url_of("file"), 1000, &[]);
    assert_eq!(uploaded.outcome.code, Some(1));
    let message = "bitsup: Fragment failed with HTTP 403, 0x80190193 BG_E_HTTP_ERROR_403: \
                   the application behind the server does not accept the file; ask its administrator\n  \
                   HTTP status: 403\n  HRESULT: 0x80190193 BG_E_HTTP_ERROR_403\n";
    assert_eq!(uploaded.outcome.stderr, message);
    assert_eq!(fixture.application.requests().len(), 1);
    assert_eq!((fixture.place().names(), fixture.reply()), (vec![], None));
}

/// CLI-39: 413 is about the file, not about the length of fragments, and asked once.
#[test]
fn a_413_of_the_application_is_final_too() {
    let fixture = Fixture::new("value", &[], |_| Response::new("413 Content Too Large", KEEP, b"never"));
    let uploaded = fixture.upload(&fixture.served.url_of("file"), 100_000, &[]);
    uploaded.outcome.failed(1, &["HTTP 413", "the application behind the server does not accept the file"]);
    assert_eq!(fixture.application.requests().len(), 1);
    assert_eq!(
        (fixture.place().names(), fixture.place().sessions(), fixture.reply()),
        (vec![], vec![], None)
    );
}

/// The client begins at the server itself and goes on at the other name, which leads there by a relay; only
/// what comes there shows that it did.
#[test]
fn a_host_id_leads_to_the_same_server_under_another_name() {
    for (origin, node) in [("127.0.0.1", "localhost"), ("localhost", "127.0.0.1")] {
        let way = NotifyMode::Value;
        // A relay needs the server's port, and the server the relay's.
        let served = Served::new(&[]);
        let relay = Relay::start(served.address(), usize::MAX);
        let (listen, port) = (served.address().to_string(), served.address().port());
        let node = format!("{node}:{}", relay.port());
        let application = Application::start(move |request| way.respond(request, KEEP, 300_000));
        let notify = ["--notify", "value", "--notify-url", &application.url("/"), "--host-id", &node];
        let served = Served::over(served.kill(), &listen, &notify);
        let fixture = Fixture { served, application };
        let origin = format!("http://{origin}:{port}/file");
        let uploaded = fixture.upload(&origin, 100_000, &["--fragment-size", "100k"]);
        fixture.assert_complete(&uploaded, &derived(&uploaded.content, 300_000));
        assert_eq!(relay.values("BITS-Packet-Type"), ["Ping", "Fragment", "Close-Session"]);
        assert_eq!(relay.values("Host"), [&*node; 4], "three packets and the reply");
        assert_eq!(fixture.application.request().get("BITS-Original-Request-URL"), Some(&*origin));
    }
}

#[test]
fn both_sides_can_override_the_method() {
    let fixture = Fixture::new("value", &["--method-override"], |request| {
        NotifyMode::Value.respond(request, KEEP, 1000)
    });
    let uploaded = fixture.upload(&fixture.served.url_of("file"), 1000, &["--method-override"]);
    fixture.assert_complete(&uploaded, &derived(&uploaded.content, 1000));

    let plain = Fixture::new("value", &[], |_| Response::ok());
    let refused = plain.upload(&plain.served.url_of("file"), 1000, &["--method-override"]);
    refused.outcome.failed(1, &["HTTP"]);
    assert_eq!(plain.application.requests().len(), 0);
}

/// DL-02 and SES-05 at once: the reply outlives its server, and the client asks for the rest only.
#[test]
fn a_reply_goes_on_where_it_was_when_its_server_was_killed() {
    const LENGTH: usize = 8 * 1024 * 1024;
    for way in NotifyMode::ALL {
        let Fixture { served, application } =
            Fixture::new(way.option(), &[], move |request| way.respond(request, KEEP, LENGTH));
        let notify =
            ["--notify", way.option(), "--notify-url", &application.url("/decide")].map(str::to_owned);
        let relay = Relay::start(served.address(), LENGTH / 3);
        let (source, content) = served.place.source("source", 1000);
        let args = upload(&served.place, &source, &relay.url_of("file"));
        let mut client = Running::start(&args.iter().map(String::as_str).collect::<Vec<_>>());
        relay.wait_for_break();
        let listen = served.address().to_string();
        let place = served.kill();
        assert!(!place.path("reply").exists(), "a part of the reply has its name");
        let served = Served::over(place, &listen, &notify.each_ref().map(String::as_str));
        relay.mend();
        let uploaded = Uploaded { outcome: client.finish(), content };
        let fixture = Fixture { served, application };
        fixture.assert_complete(&uploaded, &derived(&uploaded.content, LENGTH));
        fixture.application.request();
        let ranges = relay.values("Range");
        let [range] = &ranges[..] else { panic!("{ranges:?}") };
        let from: usize = range["bytes=".len()..].trim_end_matches('-').parse().unwrap();
        assert!(LENGTH / 4 < from && from <= LENGTH / 3, "{range}");
    }
}
