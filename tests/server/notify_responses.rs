//! How the response of a server application decides about an upload.

use std::fs;
use std::time::Duration;

use bitsup::server::{Notifier, NotifyKind};
use test_support::application::{Application, Response};

use crate::notify_fixture::{
    CompleteUpload, Decision, InMemory, TIMEOUT, by_reference, by_value, config, log, timeouts,
};

fn in_memory() -> CompleteUpload {
    CompleteUpload::in_memory(InMemory(b"data".to_vec()))
}

/// Notifies an application that sends this response of an upload in memory, by value.
fn notify(response: impl Fn() -> Response + Send + Sync + 'static) -> Decision {
    let application = Application::start(move |_| response());
    in_memory().notify(&by_value(application.url("/")))
}

/// NTF-04, NTF-05.
#[test]
fn the_file_is_kept_if_the_application_requests_it() {
    assert!(!notify(Response::ok).keeps_file());
    for field in ["BITS-Copy-File-To-Destination: x\r\n", "bits-copy-file-to-destination:\r\n"] {
        assert!(notify(move || Response::new("200 OK", field, b"")).keeps_file(), "{field}");
    }
}

/// NTF-06.
#[test]
fn a_static_url_takes_precedence_over_other_replies() {
    let url = "BITS-Static-Response-URL: http://files.test/a b\r\n";
    assert!(notify(move || Response::new("200 OK", url, b"body")).replies_url("http://files.test/a b"));
    let empty = "BITS-Static-Response-URL: \r\n";
    assert!(notify(move || Response::new("200 OK", empty, b"body")).replies_bytes(b"body"));

    let upload = CompleteUpload::in_files(b"data");
    let path = upload.reply_path().to_owned();
    let application = Application::start(move |_| {
        fs::write(&path, "file").unwrap();
        Response::new("200 OK", url, b"")
    });
    let decision = upload.notify(&by_reference(application.url("/")));
    assert!(decision.replies_url("http://files.test/a b"));
}

/// NTF-07, NTF-09: however the end of the body is marked, in memory and in files.
#[test]
fn by_value_the_body_is_the_reply() {
    let responses: [fn() -> Response; 6] = [
        || Response::new("200 OK", "", b"the reply"),
        || Response::until_close(b"the reply"),
        || Response::chunked(&[b"the ", b"reply"]),
        || Response::new("200 OK", "Content-Encoding: gzip\r\n", b"the reply"),
        || {
            Response::raw(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nthe reply",
            )
        },
        || Response::raw("HTTP/1.1 200 - OK\r\nContent-Length: 9\r\n\r\nthe ").then_bytes("reply"),
    ];
    for response in responses {
        let application = Application::start(move |_| response());
        let notifier = by_value(application.url("/"));
        assert!(in_memory().notify(&notifier).replies_bytes(b"the reply"));
        let upload = CompleteUpload::in_files(b"data");
        assert!(upload.notify(&notifier).replies_file(upload.reply_path()));
        assert_eq!(fs::read(upload.reply_path()).unwrap(), b"the reply");
    }
}

#[test]
fn a_reply_too_large_for_memory_is_rejected() {
    let application = Application::start(|_| Response::pattern((64 << 20) + 1));
    let (logger, lines) = log();
    let config = config(NotifyKind::ByValue, application.url("/")).logger(logger);
    let decision = in_memory().notify(&Notifier::new(config).unwrap());
    assert_eq!(decision.rejection(), Some((500, 0x8020_0020, "Server")));
    assert!(lines.lock().unwrap()[0].contains("over 67108864 bytes"), "{lines:?}");
}

/// NTF-08.
#[test]
fn by_reference_the_file_that_the_application_wrote_is_the_reply() {
    let upload = CompleteUpload::in_files(b"data");
    let (data, reply) = (upload.data_path.clone().unwrap(), upload.reply_path().to_owned());
    let application = Application::start(move |request| {
        assert_eq!(request.get("BITS-Response-DataFile-Name"), reply.to_str());
        fs::copy(&data, &reply).unwrap();
        Response::new("200 OK", "", b"<html>ignored</html>")
    });
    assert!(upload.notify(&by_reference(application.url("/"))).replies_file(upload.reply_path()));
    assert_eq!(fs::read(upload.reply_path()).unwrap(), b"data");
}

/// NTF-09, NTF-21: the empty captured response of an application that wrote no file, and one with a body.
#[test]
fn by_reference_without_a_file_the_body_is_the_reply_even_if_empty() {
    for body in [&b""[..], b"body"] {
        let application = Application::start(move |_| Response::until_close(body));
        let upload = CompleteUpload::in_files(b"data");
        assert!(upload.notify(&by_reference(application.url("/"))).replies_file(upload.reply_path()));
        assert_eq!(fs::read(upload.reply_path()).unwrap(), body);
    }
}

/// The timeout applies to each read, not to the whole body.
#[test]
fn a_slow_reply_does_not_time_out() {
    let application = Application::start(|_| {
        let head = Response::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        (0..9).fold(head, |response, _| response.then_pause(Duration::from_millis(80)).then_bytes("x"))
    });
    let mut config = config(NotifyKind::ByValue, application.url("/"));
    config.timeouts = timeouts(TIMEOUT, TIMEOUT, Duration::from_millis(600));
    assert!(in_memory().notify(&Notifier::new(config).unwrap()).replies_bytes(b"xxxxxxxxx"));
}

#[test]
fn a_store_without_paths_cannot_notify_by_reference() {
    let application = Application::start(|_| Response::ok());
    let (logger, lines) = log();
    let config = config(NotifyKind::ByReference, application.url("/")).logger(logger);
    let decision = in_memory().notify(&Notifier::new(config).unwrap());
    assert_eq!(decision.rejection(), Some((500, 0x8019_01F4, "Server")));
    assert!(application.requests().is_empty());
    let line = lines.lock().unwrap().remove(0);
    assert!(line.starts_with("Error notify {A0FF") && line.contains("notify by value"), "{line}");
}

#[test]
fn an_unwritable_reply_path_is_a_server_error() {
    let application = Application::start(|_| Response::ok());
    let mut upload = CompleteUpload::in_files(b"data");
    upload.reply_path = Some(upload.reply_path().join("missing folder"));
    let decision = upload.notify(&by_value(application.url("/")));
    assert_eq!(decision.rejection(), Some((500, 0x8019_01F4, "Server")));
}
