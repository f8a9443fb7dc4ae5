//! What the options of `bitsup serve` do that concern farms, proxies and the application behind the server. Each
//! is set for one directory of two: the other must know nothing of it.

use std::fs;
use std::time::{Duration, Instant};

use bitsup::proto::names;
use test_support::application::{Application, Response as Says};
use test_support::raw_http::{RawHttp, Response, create, fragment, packet};

use crate::config::serve;
use crate::program::Served;

const CONTENT: &str = "content";

/// A server with the directory `/with/` over `a`, which has those options, and `/without/` over `b`.
fn with(options: &str) -> Served {
    let directories = format!(
        "listen = '127.0.0.1:0'\n[[directory]]\nurl-prefix = '/with/'\nroot = 'a'\n{options}\n\
         [[directory]]\nurl-prefix = '/without/'\nroot = 'b'\n"
    );
    serve(&directories, &[])
}

/// Sends a whole file in one fragment; the answer to that is still to be read.
fn send(served: &Served, path: &str) -> RawHttp {
    let mut http = RawHttp::connect_to(served.address());
    let session = http.request(create(path)).session();
    http.send(fragment(path, &session, 0, CONTENT.len(), CONTENT.len(), &[]) + CONTENT);
    http
}

fn upload(served: &Served, path: &str) -> Response {
    send(served, path).response()
}

/// An application that wants the file delivered and replies.
fn willing() -> Application {
    Application::start(|_| Says::new("200 OK", "BITS-Copy-File-To-Destination: yes\r\n", b"reply"))
}

#[test]
fn an_application_is_asked_by_value() {
    let application = willing();
    let served =
        with(&format!("notify = 'value'\nnotify-url = '{}'", application.url("/app?directory=with")));
    let answer = upload(&served, "/with/f?account=1");
    assert_eq!(answer.status, 200);
    let reply_url = answer.field(names::REPLY_URL).unwrap();
    assert!(reply_url.starts_with("http://test/with/"), "{reply_url}");
    assert_eq!(fs::read_to_string(served.place.path("a/f")).unwrap(), CONTENT);

    let answer = upload(&served, "/without/f");
    assert_eq!((answer.status, answer.field(names::REPLY_URL)), (200, None));
    let request = application.request();
    assert_eq!(request.line(), "POST /app?directory=with&account=1 HTTP/1.1");
    assert_eq!(request.body, CONTENT.as_bytes());
}

#[test]
fn an_application_is_asked_by_reference() {
    let application = willing();
    let served = with(&format!("notify = 'reference'\nnotify-url = '{}'", application.url("/app")));
    assert_eq!(upload(&served, "/with/f").status, 200);
    let request = application.request();
    let file = request.get(names::REQUEST_DATA_FILE_NAME).unwrap();
    assert!(file.starts_with(&served.place.text("a/.bitsup/")), "{file}");
    assert_eq!(request.body, b"");
}

#[test]
fn a_default_for_all_directories_can_be_undone_for_one() {
    let application = willing();
    let url = application.url("/app");
    let served = serve(
        &format!(
            "listen = '127.0.0.1:0'\nnotify = 'value'\nnotify-url = '{url}'\n\
             [[directory]]\nurl-prefix = 'with'\nroot = 'a'\n\
             [[directory]]\nurl-prefix = 'without'\nroot = 'b'\nnotify = 'none'\n"
        ),
        &[],
    );
    assert_eq!(upload(&served, "/without/f").status, 200);
    assert_eq!(application.requests().len(), 0);
    assert_eq!(upload(&served, "/with/f").status, 200);
    assert_eq!(application.requests().len(), 1);
}

/// A relative URL is resolved against the public URL, which names the application's host here.
#[test]
fn the_public_url_is_where_replies_and_relative_urls_begin() {
    let application = willing();
    let public = application.url("/behind/proxy/");
    let served = with(&format!("notify = 'value'\nnotify-url = 'app'\npublic-url = '{public}'"));
    let answer = upload(&served, "/with/dir%20or%20not");
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.field(names::REPLY_URL).unwrap().starts_with(&public), "{}", answer.text);
    let request = application.request();
    assert_eq!(request.line(), "POST /behind/proxy/app HTTP/1.1");
    let original = format!("{public}dir%20or%20not");
    assert_eq!(request.get(names::ORIGINAL_REQUEST_URL), Some(original.as_str()));
}

#[test]
fn an_application_that_takes_too_long_is_given_up_on() {
    let application = Application::start(|_| Says::never());
    let served =
        with(&format!("notify = 'value'\nnotify-url = '{}'\nnotify-timeout = '50ms'", application.url("/")));
    let answer = upload(&served, "/with/f");
    assert_eq!((answer.status, answer.field(names::ERROR_CONTEXT)), (408, Some("0x7")), "{}", answer.text);
}

/// The second call has to wait for the end of the first, which is that of its time.
#[test]
fn so_many_calls_of_an_application_are_under_way() {
    let limit = Duration::from_millis(200);
    let (called, call) = std::sync::mpsc::channel();
    let application = Application::start(move |request| {
        called.send(()).unwrap();
        if request.number == 1 { Says::never() } else { Says::ok() }
    });
    let served = with(&format!(
        "notify = 'value'\nnotify-url = '{}'\nnotify-timeout = '{}ms'\nnotify-concurrency = 1",
        application.url("/"),
        limit.as_millis()
    ));
    let began = Instant::now();
    let mut first = send(&served, "/with/first");
    call.recv().unwrap();
    let second = upload(&served, "/with/second");
    assert!(began.elapsed() >= limit, "it did not wait: {}", second.text);
    // Its own patience may end a moment before the other's place is free.
    assert!(matches!(second.status, 200 | 503), "{}", second.text);
    assert_eq!(first.response().status, 408);
}

#[test]
fn the_host_id_is_told_with_its_timeout() {
    let told = |options, path| {
        let served = with(options);
        let answer = RawHttp::connect_to(served.address()).request(create(path));
        assert_eq!(answer.status, 200);
        [names::HOST_ID, names::HOST_ID_FALLBACK_TIMEOUT].map(|name| answer.field(name).map(str::to_owned))
    };
    let fields = |host: &str, seconds: &str| [Some(host.to_owned()), Some(seconds.to_owned())];
    let options = "host-id = 'node1'\nhost-id-fallback-timeout = '2h'";
    assert_eq!(told(options, "/with/f"), fields("node1", "7200"));
    assert_eq!(told(options, "/without/f"), [None, None]);
    assert_eq!(told("host-id = 'node1'", "/with/f"), fields("node1", "86400"));
}

#[test]
fn the_verb_may_come_in_a_field_where_that_is_set() {
    let served = with("method-override = true");
    let create = |path| {
        let protocols = format!("{}: {}", names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID);
        let verb = format!("{}: {}", names::METHOD_OVERRIDE, names::METHOD);
        let packet = packet("Create-Session", path, &[&protocols, &verb], 0);
        RawHttp::connect_to(served.address()).request(packet.replacen("BITS_POST", "POST", 1)).status
    };
    assert_eq!(create("/with/f"), 201);
    assert!(matches!(create("/without/f"), 400..500));
}
