//! What the answer of a server application makes of an upload.

use std::fs;
use std::time::Duration;

use bitsup::server::{Notifier, NotifyKind};
use test_support::application::{Application, Response};

use crate::notify_fixture::{
    InMemory, Judged, TIMEOUT, Uploaded, by_reference, by_value, config, log, timeouts,
};

fn in_memory() -> Uploaded {
    Uploaded::in_memory(InMemory(b"data".to_vec()))
}

/// Notifies by value of an upload in memory.
fn judge(answer: impl Fn() -> Response + Send + Sync + 'static) -> Judged {
    let application = Application::start(move |_| answer());
    in_memory().judge(&by_value(application.url("/")))
}

/// NTF-04, NTF-05.
#[test]
fn the_file_is_kept_if_the_application_says_so() {
    assert!(!judge(Response::ok).keeps());
    for field in ["BITS-Copy-File-To-Destination: x\r\n", "bits-copy-file-to-destination:\r\n"] {
        assert!(judge(move || Response::new("200 OK", field, b"")).keeps(), "{field}");
    }
}

/// NTF-06.
#[test]
fn a_static_url_is_the_reply_whatever_else_there_is() {
    let url = "BITS-Static-Response-URL: http://files.test/a b\r\n";
    assert!(judge(move || Response::new("200 OK", url, b"body")).replies_url("http://files.test/a b"));
    let none = "BITS-Static-Response-URL: \r\n";
    assert!(judge(move || Response::new("200 OK", none, b"body")).replies_bytes(b"body"));

    let upload = Uploaded::in_files(b"data");
    let path = upload.reply_path().to_owned();
    let application = Application::start(move |_| {
        fs::write(&path, "file").unwrap();
        Response::new("200 OK", url, b"")
    });
    let judged = upload.judge(&by_reference(application.url("/")));
    assert!(judged.replies_url("http://files.test/a b"));
}

/// NTF-07, NTF-09: by value, however the body is delimited, and wherever it is kept.
#[test]
fn by_value_the_body_is_the_reply() {
    let answers: [fn() -> Response; 6] = [
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
    for answer in answers {
        let application = Application::start(move |_| answer());
        let notifier = by_value(application.url("/"));
        assert!(in_memory().judge(&notifier).replies_bytes(b"the reply"));
        let upload = Uploaded::in_files(b"data");
        assert!(upload.judge(&notifier).replies_file(upload.reply_path()));
        assert_eq!(fs::read(upload.reply_path()).unwrap(), b"the reply");
    }
}

#[test]
fn a_reply_that_does_not_fit_into_memory_is_refused() {
    let application = Application::start(|_| Response::pattern((64 << 20) + 1));
    let (logger, lines) = log();
    let config = config(NotifyKind::ByValue, application.url("/")).logger(logger);
    let judged = in_memory().judge(&Notifier::new(config).unwrap());
    assert_eq!(judged.rejection(), Some((500, 0x8020_0020, "Server")));
    assert!(lines.lock().unwrap()[0].contains("over 67108864 bytes"), "{lines:?}");
}

/// NTF-08.
#[test]
fn by_reference_the_file_that_the_application_wrote_is_the_reply() {
    let upload = Uploaded::in_files(b"data");
    let (data, reply) = (upload.data_path.clone().unwrap(), upload.reply_path().to_owned());
    let application = Application::start(move |request| {
        assert_eq!(request.get("BITS-Response-DataFile-Name"), reply.to_str());
        fs::copy(&data, &reply).unwrap();
        Response::new("200 OK", "", b"<html>ignored</html>")
    });
    assert!(upload.judge(&by_reference(application.url("/"))).replies_file(upload.reply_path()));
    assert_eq!(fs::read(upload.reply_path()).unwrap(), b"data");
}

/// NTF-09, NTF-21: the answer of the capture, by an application that wrote nothing; and one with a body.
#[test]
fn by_reference_without_a_file_the_body_is_the_reply_even_if_it_is_empty() {
    for body in [&b""[..], b"body"] {
        let application = Application::start(move |_| Response::until_close(body));
        let upload = Uploaded::in_files(b"data");
        assert!(upload.judge(&by_reference(application.url("/"))).replies_file(upload.reply_path()));
        assert_eq!(fs::read(upload.reply_path()).unwrap(), body);
    }
}

/// A body of any length may take its time, as long as it moves: the timer counts from byte to byte.
#[test]
fn a_slow_reply_is_no_late_reply() {
    let application = Application::start(|_| {
        let head = Response::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        (0..9).fold(head, |answer, _| answer.then_pause(Duration::from_millis(80)).then_bytes("x"))
    });
    let mut config = config(NotifyKind::ByValue, application.url("/"));
    config.timeouts = timeouts(TIMEOUT, TIMEOUT, Duration::from_millis(600));
    assert!(in_memory().judge(&Notifier::new(config).unwrap()).replies_bytes(b"xxxxxxxxx"));
}

#[test]
fn a_store_without_paths_cannot_notify_by_reference() {
    let application = Application::start(|_| Response::ok());
    let (logger, lines) = log();
    let config = config(NotifyKind::ByReference, application.url("/")).logger(logger);
    let judged = in_memory().judge(&Notifier::new(config).unwrap());
    assert_eq!(judged.rejection(), Some((500, 0x8019_01F4, "Server")));
    assert!(application.requests().is_empty());
    let line = lines.lock().unwrap().remove(0);
    assert!(line.starts_with("Error notify {A0FF") && line.contains("notify by value"), "{line}");
}

#[test]
fn a_reply_path_that_cannot_be_written_is_the_servers_fault() {
    let application = Application::start(|_| Response::ok());
    let mut upload = Uploaded::in_files(b"data");
    upload.reply_path = Some(upload.reply_path().join("below a file that is not there"));
    let judged = upload.judge(&by_value(application.url("/")));
    assert_eq!(judged.rejection(), Some((500, 0x8019_01F4, "Server")));
}
