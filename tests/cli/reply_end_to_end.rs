//! Uploads with a reply: client, server, and an application behind it.

use std::fs;

use serde_json::Value;
use test_support::application::{Application, NotifyMode, Request, Response, derived};

use crate::program::{self, Outcome, Process, TestServer, Workspace};
use crate::relay::Relay;

const DELIVER: &str = "BITS-Copy-File-To-Destination: yes\r\n";

/// A server with an application behind it.
struct Fixture {
    server: TestServer,
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
        let server = TestServer::new(&[&["--notify", notify, "--notify-url", &url], options].concat());
        Self { server, application }
    }

    /// Uploads a file of `size` bytes to `url`, a URL of this server.
    fn upload(&self, url: &str, size: usize, options: &[&str]) -> Uploaded {
        let (source, content) = self.workspace().source("source", size);
        let args = upload(self.workspace(), &source, url);
        let args = [args.iter().map(String::as_str).collect(), options.to_vec()].concat();
        Uploaded { outcome: program::run(&args), content }
    }

    fn workspace(&self) -> &Workspace {
        &self.server.workspace
    }

    fn reply(&self) -> Option<Vec<u8>> {
        fs::read(self.workspace().path("reply")).ok()
    }

    /// Asserts that the file and the reply are complete, and that no state is left on either side.
    #[track_caller]
    fn assert_complete(&self, uploaded: &Uploaded, reply: &[u8]) {
        uploaded.outcome.assert_success();
        assert!(
            fs::read(self.workspace().received("file")).unwrap() == uploaded.content,
            "the file differs from its source"
        );
        assert!(self.reply().unwrap() == reply, "the reply differs");
        assert_eq!(self.workspace().sessions(), [""; 0]);
        assert_eq!(fs::read_dir(self.workspace().path("state")).unwrap().count(), 0);
        assert!(!self.workspace().path("reply.part").exists());
    }
}

struct Uploaded {
    outcome: Outcome,
    content: Vec<u8>,
}

/// The arguments of an upload with a short retry delay.
fn upload(workspace: &Workspace, source: &str, url: &str) -> Vec<String> {
    let (state, reply) = (workspace.path_str("state"), workspace.path_str("reply"));
    let fixed = ["--json", "--retry-delay", "20ms"];
    [&["upload", source, url, "--reply", &reply, "--state-dir", &state], &fixed[..]]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect()
}

/// Uploads files of several lengths with replies of several lengths.
fn check_lengths(mode: NotifyMode) {
    const MIB: usize = 1024 * 1024;
    for (size, length) in [(0, 0), (0, 1), (1, 0), (1, 77_777), (77_777, 1), (3 * MIB, 5 * MIB + 1)] {
        let fixture = Fixture::new(mode.option(), &[], move |request| mode.respond(request, DELIVER, length));
        let uploaded = fixture.upload(&fixture.server.url_of("file"), size, &["--fragment-size", "256k"]);
        fixture.assert_complete(&uploaded, &derived(&uploaded.content, length));
        let request = fixture.application.request();
        let by_value: &[u8] = if mode == NotifyMode::Value { &uploaded.content } else { b"" };
        assert!(request.body == by_value, "the application received {} bytes", request.body.len());
    }
}

// B-UPLOAD-02 B-REPLY-01
#[test]
fn files_and_replies_of_any_length_by_value() {
    check_lengths(NotifyMode::Value);
}

#[test]
fn files_and_replies_of_any_length_by_reference() {
    check_lengths(NotifyMode::Reference);
}

// B-REPLY-02
#[test]
fn files_and_replies_of_any_length_in_a_reply_file() {
    check_lengths(NotifyMode::ReplyFile);
}

#[test]
fn an_upload_that_is_not_delivered_can_have_a_reply() {
    let fixture = Fixture::new("value", &[], |request| NotifyMode::Value.respond(request, "", 1000));
    let uploaded = fixture.upload(&fixture.server.url_of("file"), 1000, &[]);
    uploaded.outcome.assert_success();
    assert_eq!(fixture.reply(), Some(derived(&uploaded.content, 1000)));
    assert_eq!((fixture.workspace().names(), fixture.workspace().sessions()), (vec![], vec![]));
}

/// The reply is fetched from the application itself.
#[test]
fn a_reply_at_a_static_url_is_fetched_from_there() {
    let fixture = Fixture::new("reference", &[], |request| match request.line() {
        "GET /static HTTP/1.1" => Response::new("200 OK", "ETag: \"v1\"\r\n", b"the same for all").early(),
        "POST /decide HTTP/1.1" => {
            let here = request.get("Host").unwrap();
            let fields = format!("{DELIVER}BITS-Static-Response-URL: http://{here}/static\r\n");
            Response::new("200 OK", &fields, b"ignored")
        }
        line => panic!("{line}"),
    });
    let uploaded = fixture.upload(&fixture.server.url_of("file"), 1000, &[]);
    fixture.assert_complete(&uploaded, b"the same for all");
    assert_eq!(fixture.application.requests().len(), 2);
}

#[test]
fn a_failed_application_call_is_repeated() {
    for mode in NotifyMode::ALL {
        let fixture = Fixture::new(mode.option(), &[], move |request| match request.number {
            1 => Response::new("500 Internal Server Error", "", b"not now"),
            _ => mode.respond(request, DELIVER, 1000),
        });
        let uploaded = fixture.upload(&fixture.server.url_of("file"), 100_000, &["--fragment-size", "30k"]);
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
fn a_403_from_the_application_is_permanent() {
    let fixture = Fixture::new("value", &[], |_| Response::new("403 Forbidden", DELIVER, b"never"));
    let uploaded = fixture.upload(&fixture.server.url_of("file"), 1000, &[]);
    assert_eq!(uploaded.outcome.code, Some(1));
    let message = "bitsup: Fragment failed with HTTP 403, 0x80190193 BG_E_HTTP_ERROR_403: \
                   the application behind the server does not accept the file; ask its administrator\n  \
                   HTTP status: 403\n  HRESULT: 0x80190193 BG_E_HTTP_ERROR_403\n";
    assert_eq!(uploaded.outcome.stderr, message);
    assert_eq!(fixture.application.requests().len(), 1);
    assert_eq!((fixture.workspace().names(), fixture.reply()), (vec![], None));
}

/// CLI-39: this 413 refers to the file, so the client does not retry with smaller fragments.
#[test]
fn a_413_from_the_application_is_permanent() {
    let fixture = Fixture::new("value", &[], |_| Response::new("413 Content Too Large", DELIVER, b"never"));
    let uploaded = fixture.upload(&fixture.server.url_of("file"), 100_000, &[]);
    uploaded
        .outcome
        .assert_failure(1, &["HTTP 413", "the application behind the server does not accept the file"]);
    assert_eq!(fixture.application.requests().len(), 1);
    assert_eq!((fixture.workspace().names(), fixture.reply()), (vec![], None));
    assert_eq!(fixture.workspace().sessions().len(), 1, "the next run can try again");
}

/// The host id names a relay to the same server, so that the requests that follow it can be observed.
#[test]
fn a_host_id_leads_to_the_same_server_under_another_name() {
    for (origin, node) in [("127.0.0.1", "localhost"), ("localhost", "127.0.0.1")] {
        let mode = NotifyMode::Value;
        // The relay needs the port of the server, and the server that of the relay.
        let server = TestServer::new(&[]);
        let relay = Relay::start(server.address(), usize::MAX);
        let (listen, port) = (server.address().to_string(), server.address().port());
        let node = format!("{node}:{}", relay.port());
        let application = Application::start(move |request| mode.respond(request, DELIVER, 300_000));
        let notify = ["--notify", "value", "--notify-url", &application.url("/"), "--host-id", &node];
        let server = TestServer::start_in(server.kill(), &listen, &notify);
        let fixture = Fixture { server, application };
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
        NotifyMode::Value.respond(request, DELIVER, 1000)
    });
    let uploaded = fixture.upload(&fixture.server.url_of("file"), 1000, &["--method-override"]);
    fixture.assert_complete(&uploaded, &derived(&uploaded.content, 1000));

    let plain = Fixture::new("value", &[], |_| Response::ok());
    let rejected = plain.upload(&plain.server.url_of("file"), 1000, &["--method-override"]);
    rejected.outcome.assert_failure(1, &["HTTP"]);
    assert_eq!(plain.application.requests().len(), 0);
}

/// DL-02 and SES-05: the reply survives a restart of the server, and the client requests only the rest.
#[test]
fn a_reply_resumes_after_its_server_was_killed() {
    const LENGTH: usize = 8 * 1024 * 1024;
    for mode in NotifyMode::ALL {
        let Fixture { server, application } =
            Fixture::new(mode.option(), &[], move |request| mode.respond(request, DELIVER, LENGTH));
        let notify =
            ["--notify", mode.option(), "--notify-url", &application.url("/decide")].map(str::to_owned);
        let relay = Relay::start(server.address(), LENGTH / 3);
        let (source, content) = server.workspace.source("source", 1000);
        let args = upload(&server.workspace, &source, &relay.url_of("file"));
        let mut client = Process::start(&args.iter().map(String::as_str).collect::<Vec<_>>());
        relay.wait_for_break();
        let listen = server.address().to_string();
        let workspace = server.kill();
        assert!(!workspace.path("reply").exists(), "a partial reply is visible");
        let server = TestServer::start_in(workspace, &listen, &notify.each_ref().map(String::as_str));
        relay.restore();
        let uploaded = Uploaded { outcome: client.finish(), content };
        let fixture = Fixture { server, application };
        fixture.assert_complete(&uploaded, &derived(&uploaded.content, LENGTH));
        fixture.application.request();
        let ranges = relay.values("Range");
        let [range] = &ranges[..] else { panic!("{ranges:?}") };
        let from: usize = range["bytes=".len()..].trim_end_matches('-').parse().unwrap();
        assert!(LENGTH / 4 < from && from <= LENGTH / 3, "{range}");
    }
}
