//! Uploads to an engine that notifies a server application: the client's responses, and the files afterwards.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bitsup::engine::Engine;
use bitsup::proto::names;
use bitsup::server::{Notifier, NotifyKind};
use bitsup::store::MemoryStore;
use test_support::application::{Application, Response};

use crate::engine_fixture::{Upload, engine, engine_over};
use crate::notify_fixture::{TIMEOUT, config};

const FILE: &[u8] = b"the file";
const COPY: &str = "BITS-Copy-File-To-Destination: x\r\n";

/// Uploads a file, with an application that sends this response, and returns the rejection of the last Fragment.
fn rejection(response: impl Fn() -> Response + Send + Sync + 'static, timeout: Duration) -> String {
    let (root, application) = (tempfile::tempdir().unwrap(), Application::start(move |_| response()));
    let mut config = config(NotifyKind::ByValue, application.url("/"));
    config.timeouts.receive_headers = timeout;
    let engine = engine(root.path(), config);
    let ack = Upload::create(&engine, "/f").send(FILE);
    assert!(!root.path().join("f").exists());
    assert_eq!(ack.field(names::REPLY_URL), None);
    format!("{:?}", ack.rejection())
}

/// NTF-01, NTF-04, NTF-08: by reference, with a reply; the file is not kept.
#[test]
fn by_reference_the_application_reads_and_writes_files() {
    let root = tempfile::tempdir().unwrap();
    let application = Application::start(|request| {
        let path = |name| Path::new(request.get(name).unwrap());
        let data = fs::read(path("BITS-Request-DataFile-Name")).unwrap();
        fs::write(path("BITS-Response-DataFile-Name"), [b"reply to ", &data[..]].concat()).unwrap();
        Response::ok()
    });
    let engine = engine(root.path(), config(NotifyKind::ByReference, application.url("/app")));
    let upload = Upload::create(&engine, "/f");
    let ack = upload.fragment(FILE, 0, 3);
    assert_eq!((ack.status, ack.field(names::REPLY_URL)), (200, None));
    assert!(application.requests().is_empty());
    let ack = upload.fragment(FILE, 3, FILE.len());
    assert_eq!(ack.status, 200);
    assert_eq!(upload.reply(&ack).body, b"reply to the file");
    assert_eq!(upload.close().status, 200);
    assert_eq!(upload.reply(&ack).status, 404);
    assert!(!root.path().join("f").exists());
    let request = application.request();
    assert_eq!(request.get("BITS-Original-Request-URL"), Some("http://up.test/f"));
    assert_eq!(request.get("Idempotency-Key"), Some(upload.session()));
}

/// NTF-02, NTF-05, NTF-07: by value, in memory; the file is kept.
// B-NOTIFY-01 B-STORE-04
#[test]
fn by_value_the_file_is_sent_and_the_reply_returned() {
    let application = Application::start(|_| Response::new("200 OK", COPY, b"the reply"));
    let store = MemoryStore::default();
    let notifier = Notifier::new(config(NotifyKind::ByValue, application.url("/app"))).unwrap();
    let engine = engine_over(Arc::new(store.clone()), Some(Arc::new(notifier)));
    let upload = Upload::create(&engine, "/f");
    let ack = upload.send(FILE);
    assert_eq!(upload.reply(&ack).body, b"the reply");
    assert_eq!(upload.close().status, 200);
    assert_eq!(store.file("f").unwrap(), FILE);
    assert_eq!(application.request().body, FILE);
}

/// NTF-03.
#[test]
fn without_a_notifier_the_upload_is_accepted() {
    let store = MemoryStore::default();
    let engine = engine_over(Arc::new(store.clone()), None);
    let ack = Upload::create(&engine, "/f").send(FILE);
    assert_eq!((ack.status, ack.field(names::REPLY_URL)), (200, None));
    assert_eq!(store.file("f").unwrap(), FILE);
}

/// NTF-06.
#[test]
fn a_static_url_is_sent_to_the_client() {
    let root = tempfile::tempdir().unwrap();
    let fields = "BITS-Static-Response-URL: http://files.test/static\r\n";
    let application = Application::start(move |_| Response::new("200 OK", fields, b"ignored"));
    let engine = engine(root.path(), config(NotifyKind::ByValue, application.url("/")));
    let ack = Upload::create(&engine, "/f").send(FILE);
    assert_eq!(ack.field(names::REPLY_URL), Some("http://files.test/static"));
}

/// NTF-10, NTF-13, NTF-14, NTF-15.
// B-REJECT-01
#[test]
fn application_errors_reach_the_client_with_context_7() {
    let long = TIMEOUT;
    let failed = rejection(|| Response::new("500 Oops", COPY, b"<html>"), long);
    assert_eq!(failed, r#"(500, "0x801901F4", "0x7", "8")"#);
    let created = rejection(|| Response::new("201 Created", "", b""), long);
    assert_eq!(created, r#"(500, "0x801900C9", "0x7", "8")"#);
    let timed_out = rejection(Response::never, Duration::from_millis(50));
    assert_eq!(timed_out, r#"(408, "0x80070112", "0x7", "8")"#);
    let old = rejection(|| Response::raw("HTTP/1.0 200 OK\r\n\r\n").then_close(), long);
    assert_eq!(old, r#"(411, "0x80070057", "0x7", "8")"#);
    let garbage = rejection(|| Response::raw("what?\r\n\r\n"), long);
    assert_eq!(garbage, r#"(411, "0x80070057", "0x7", "8")"#);
    for url in [format!("http://h/{}", "x".repeat(2192)), "relative".into(), "http://h/\u{e9}".into()] {
        let fields = format!("BITS-Static-Response-URL: {url}\r\n");
        let rejected = rejection(move || Response::new("200 OK", &fields, b""), long);
        assert_eq!(rejected, r#"(400, "0x80070057", "0x7", "8")"#, "{url}");
    }
}

/// NTF-16, NTF-17: relative to the client's `Host`.
#[test]
fn a_relative_url_is_resolved_and_gets_the_query() {
    let (root, application) = (tempfile::tempdir().unwrap(), Application::start(|_| Response::ok()));
    fs::create_dir(root.path().join("v")).unwrap();
    let engine = engine(root.path(), config(NotifyKind::ByValue, "app.asp"));
    let upload = Upload::create_at(&engine, &application.authority(), "/v/f.txt?ACCOUNT=1");
    assert_eq!(upload.send(FILE).status, 200);
    assert_eq!(application.request().line(), "POST /v/app.asp?ACCOUNT=1 HTTP/1.1");
}

/// NTF-21.
#[test]
fn by_reference_without_a_reply_file_the_reply_is_empty() {
    let (root, application) =
        (tempfile::tempdir().unwrap(), Application::start(|_| Response::until_close(b"")));
    let engine = engine(root.path(), config(NotifyKind::ByReference, application.url("/")));
    let upload = Upload::create(&engine, "/f");
    let reply = upload.reply(&upload.send(FILE));
    assert_eq!((reply.status, reply.body.as_slice()), (200, &b""[..]));
}

/// A reply file that the application wrote before it failed is not used by the next call.
#[test]
fn the_reply_of_a_failed_call_is_discarded() {
    let root = tempfile::tempdir().unwrap();
    let application = Application::start(|request| match request.number {
        1 => {
            fs::write(request.get("BITS-Response-DataFile-Name").unwrap(), "stale").unwrap();
            Response::new("500 Oops", "", b"")
        }
        _ => Response::ok(),
    });
    let engine = engine(root.path(), config(NotifyKind::ByReference, application.url("/")));
    let upload = Upload::create(&engine, "/f");
    assert_eq!(upload.send(FILE).status, 500);
    assert_eq!(upload.reply(&upload.send(FILE)).body, b"");
}

/// NTF-22. The application has accepted the upload and is not notified again once the folder is back.
#[test]
fn a_missing_folder_is_a_server_error_after_which_no_call_is_repeated() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("folder");
    fs::create_dir(&folder).unwrap();
    let application = Application::start(|_| Response::new("200 OK", COPY, b""));
    let engine: Engine = engine(root.path(), config(NotifyKind::ByValue, application.url("/")));
    let upload = Upload::create(&engine, "/folder/f");
    fs::remove_dir(&folder).unwrap();
    assert_eq!(upload.send(FILE).rejection(), (404, "0x80190194", "0x5", "8"));
    fs::create_dir(&folder).unwrap();
    assert_eq!(upload.send(FILE).status, 200);
    assert_eq!(fs::read(folder.join("f")).unwrap(), FILE);
    assert_eq!(application.requests().len(), 1);
}
