//! Options of `bitsup serve` for server farms, proxies and applications. Each is set for one of two directories and
//! must not affect the other.

use std::fs;
use std::time::{Duration, Instant};

use bitsup::proto::names;
use test_support::application::{Application, Response as AppResponse};
use test_support::raw_http::{RawHttp, Response, create, fragment, packet};

use crate::config::serve;
use crate::program::TestServer;

const CONTENT: &str = "content";

/// Starts a server with two directories: `/with/` over root `a` has these options, `/without/` over `b` does not.
fn server_with(options: &str) -> TestServer {
    let directories = format!(
        "listen = '127.0.0.1:0'\n[[directory]]\nurl-prefix = '/with/'\nroot = 'a'\n{options}\n\
         [[directory]]\nurl-prefix = '/without/'\nroot = 'b'\n"
    );
    serve(&directories, &[])
}

/// Sends a whole file in one fragment, without reading the response.
fn send(server: &TestServer, path: &str) -> RawHttp {
    let mut http = RawHttp::connect_to(server.address());
    let session = http.request(create(path)).session();
    http.send(fragment(path, &session, 0, CONTENT.len(), CONTENT.len(), &[]) + CONTENT);
    http
}

fn upload(server: &TestServer, path: &str) -> Response {
    send(server, path).response()
}

/// Starts an application that accepts the file for delivery and replies.
fn accepting_application() -> Application {
    Application::start(|_| AppResponse::new("200 OK", "BITS-Copy-File-To-Destination: yes\r\n", b"reply"))
}

#[test]
fn an_application_is_notified_by_value() {
    let application = accepting_application();
    let server =
        server_with(&format!("notify = 'value'\nnotify-url = '{}'", application.url("/app?directory=with")));
    let response = upload(&server, "/with/f?account=1");
    assert_eq!(response.status, 200);
    let reply_url = response.field(names::REPLY_URL).unwrap();
    assert!(reply_url.starts_with("http://test/with/"), "{reply_url}");
    assert_eq!(fs::read_to_string(server.workspace.path("a/f")).unwrap(), CONTENT);

    let response = upload(&server, "/without/f");
    assert_eq!((response.status, response.field(names::REPLY_URL)), (200, None));
    let request = application.request();
    assert_eq!(request.line(), "POST /app?directory=with&account=1 HTTP/1.1");
    assert_eq!(request.body, CONTENT.as_bytes());
}

#[test]
fn an_application_is_notified_by_reference() {
    let application = accepting_application();
    let server = server_with(&format!("notify = 'reference'\nnotify-url = '{}'", application.url("/app")));
    assert_eq!(upload(&server, "/with/f").status, 200);
    let request = application.request();
    let file = request.get(names::REQUEST_DATA_FILE_NAME).unwrap();
    assert!(file.starts_with(&server.workspace.path_str("a/.bitsup/")), "{file}");
    assert_eq!(request.body, b"");
}

#[test]
fn a_default_for_all_directories_can_be_overridden_for_one() {
    let application = accepting_application();
    let url = application.url("/app");
    let server = serve(
        &format!(
            "listen = '127.0.0.1:0'\nnotify = 'value'\nnotify-url = '{url}'\n\
             [[directory]]\nurl-prefix = 'with'\nroot = 'a'\n\
             [[directory]]\nurl-prefix = 'without'\nroot = 'b'\nnotify = 'none'\n"
        ),
        &[],
    );
    assert_eq!(upload(&server, "/without/f").status, 200);
    assert_eq!(application.requests().len(), 0);
    assert_eq!(upload(&server, "/with/f").status, 200);
    assert_eq!(application.requests().len(), 1);
}

/// A relative notification URL is resolved against the public URL, here that of the application.
#[test]
fn the_public_url_is_the_base_of_reply_and_relative_urls() {
    let application = accepting_application();
    let public = application.url("/behind/proxy/");
    let server = server_with(&format!("notify = 'value'\nnotify-url = 'app'\npublic-url = '{public}'"));
    let response = upload(&server, "/with/dir%20or%20not");
    assert_eq!(response.status, 200, "{}", response.text);
    assert!(response.field(names::REPLY_URL).unwrap().starts_with(&public), "{}", response.text);
    let request = application.request();
    assert_eq!(request.line(), "POST /behind/proxy/app HTTP/1.1");
    let original = format!("{public}dir%20or%20not");
    assert_eq!(request.get(names::ORIGINAL_REQUEST_URL), Some(original.as_str()));
}

#[test]
fn a_slow_application_times_out() {
    let application = Application::start(|_| AppResponse::never());
    let server = server_with(&format!(
        "notify = 'value'\nnotify-url = '{}'\nnotify-timeout = '50ms'",
        application.url("/")
    ));
    let response = upload(&server, "/with/f");
    assert_eq!(
        (response.status, response.field(names::ERROR_CONTEXT)),
        (408, Some("0x7")),
        "{}",
        response.text
    );
}

/// The second call waits until the first one times out.
#[test]
fn concurrent_calls_to_an_application_are_limited() {
    let limit = Duration::from_millis(200);
    let (called, call) = std::sync::mpsc::channel();
    let application = Application::start(move |request| {
        called.send(()).unwrap();
        if request.number == 1 { AppResponse::never() } else { AppResponse::ok() }
    });
    let server = server_with(&format!(
        "notify = 'value'\nnotify-url = '{}'\nnotify-timeout = '{}ms'\nnotify-concurrency = 1",
        application.url("/"),
        limit.as_millis()
    ));
    let start = Instant::now();
    let mut first = send(&server, "/with/first");
    call.recv().unwrap();
    let second = upload(&server, "/with/second");
    assert!(start.elapsed() >= limit, "the second call did not wait: {}", second.text);
    // The second call may itself time out just before the first one releases its slot.
    assert!(matches!(second.status, 200 | 503), "{}", second.text);
    assert_eq!(first.response().status, 408);
}

#[test]
fn the_host_id_is_sent_with_its_timeout() {
    let host_id_fields = |options, path| {
        let server = server_with(options);
        let response = RawHttp::connect_to(server.address()).request(create(path));
        assert_eq!(response.status, 200);
        [names::HOST_ID, names::HOST_ID_FALLBACK_TIMEOUT].map(|name| response.field(name).map(str::to_owned))
    };
    let fields = |host: &str, seconds: &str| [Some(host.to_owned()), Some(seconds.to_owned())];
    let options = "host-id = 'node1'\nhost-id-fallback-timeout = '2h'";
    assert_eq!(host_id_fields(options, "/with/f"), fields("node1", "7200"));
    assert_eq!(host_id_fields(options, "/without/f"), [None, None]);
    assert_eq!(host_id_fields("host-id = 'node1'", "/with/f"), fields("node1", "86400"));
}

#[test]
fn method_override_is_accepted_only_where_enabled() {
    let server = server_with("method-override = true");
    let create = |path| {
        let protocols = format!("{}: {}", names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID);
        let verb = format!("{}: {}", names::METHOD_OVERRIDE, names::METHOD);
        let packet = packet("Create-Session", path, &[&protocols, &verb], 0);
        RawHttp::connect_to(server.address()).request(packet.replacen("BITS_POST", "POST", 1)).status
    };
    assert_eq!(create("/with/f"), 201);
    assert!(matches!(create("/without/f"), 400..500));
}
