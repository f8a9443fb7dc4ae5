//! The requests that a server application gets.

use std::io::Read;
use std::net::TcpListener;

use bitsup::Status;
use bitsup::server::{Notifier, NotifyConfig, NotifyKind};
use test_support::application::{Application, Response, pattern};

use crate::notify_fixture::{CompleteUpload, ID, InMemory, by_reference, by_value, config};

const AGENT: &str = concat!("bitsup/", env!("CARGO_PKG_VERSION"));

/// NTF-01; the fields are in the order of the captured request (PROTOCOL 13.2).
#[test]
fn by_reference_the_application_gets_the_paths_and_no_body() {
    let application = Application::start(|_| Response::ok());
    let upload = CompleteUpload::in_files(b"data");
    assert!(upload.notify(&by_reference(application.url("/app.asp"))).is_accepted());
    let request = application.request();
    let (data, reply) = (upload.data_path.as_ref().unwrap(), upload.reply_path());
    assert_eq!(
        request.head,
        format!(
            "POST /app.asp HTTP/1.1\r\n\
             host: {}\r\n\
             Accept: */*\r\n\
             BITS-Original-Request-URL: http://up.test/v/f.txt\r\n\
             BITS-Request-DataFile-Name: {}\r\n\
             BITS-Response-DataFile-Name: {}\r\n\
             User-Agent: {AGENT}\r\n\
             Idempotency-Key: {ID}\r\n\
             Content-Length: 0\r\n\r\n",
            application.authority(),
            data.display(),
            reply.display()
        )
    );
    assert_eq!(request.body, b"");
}

/// NTF-02.
#[test]
fn by_value_the_application_gets_the_file_and_no_paths() {
    let application = Application::start(|_| Response::ok());
    for content in [&b"the file"[..], b""] {
        assert!(CompleteUpload::in_files(content).notify(&by_value(application.url("/app?x"))).is_accepted());
        let request = application.requests().pop().unwrap();
        assert_eq!(request.line(), "POST /app?x HTTP/1.1");
        assert_eq!(request.body, content);
        assert_eq!(request.get("Content-Length"), Some(content.len().to_string().as_str()));
        let names = ["host", "Accept", "BITS-Original-Request-URL", "User-Agent", "Idempotency-Key"];
        assert_eq!(request.names(), [&names[..], &["Content-Length"]].concat());
    }
}

/// NTF-02. The file is larger than all buffers on the way.
#[test]
fn a_large_file_arrives_bit_exact() {
    const LENGTH: u64 = 24 << 20;
    let mut content = Vec::new();
    pattern(LENGTH).read_to_end(&mut content).unwrap();
    let application = Application::start(|_| Response::ok());
    let upload = CompleteUpload::in_files(&content);
    assert!(upload.notify(&by_value(application.url("/"))).is_accepted());
    assert!(application.request().body == content);
}

/// NTF-16, NTF-17.
#[test]
fn the_query_is_appended_and_a_relative_url_resolved() {
    let application = Application::start(|_| Response::ok());
    let mut upload = CompleteUpload::in_memory(InMemory(Vec::new()));
    upload.url = "http://up.test/v/f.txt?ACCOUNT=1".into();
    upload.notify(&by_value(application.url("/bag.asp")));
    upload.url = application.url("/v/f.txt?ACCOUNT=2");
    upload.notify(&by_value("app.asp"));
    let requests = application.requests();
    assert_eq!(requests[0].line(), "POST /bag.asp?ACCOUNT=1 HTTP/1.1");
    assert_eq!(requests[0].get("BITS-Original-Request-URL"), Some("http://up.test/v/f.txt?ACCOUNT=1"));
    assert_eq!(requests[1].line(), "POST /v/app.asp?ACCOUNT=2 HTTP/1.1");
}

/// NTF-18. IIS rejects https; bitsup supports it.
#[test]
fn an_invalid_configuration_is_rejected() {
    let rejection = |config: NotifyConfig| {
        let error = Notifier::new(config).err().unwrap();
        assert_eq!(error.status(), Status::InvalidArgument);
        error.message().to_owned()
    };
    let by_value = |url: &str| config(NotifyKind::ByValue, url);
    assert!(rejection(by_value(&format!("http://h/{}", "x".repeat(2192)))).contains("2200"));
    assert!(rejection(by_value("ftp://h/")).contains("neither http nor https"));
    rejection(by_value(""));
    rejection(by_value("http://h/").max_concurrent(0));
    rejection(by_value("http://h/").user_agent("a\r\nb"));
    let mut zero_timeout = by_value("http://h/");
    zero_timeout.timeouts.receive_body = std::time::Duration::ZERO;
    rejection(zero_timeout);
    assert!(Notifier::new(by_value("https://h/")).is_ok());
    assert!(Notifier::new(NotifyConfig::new(NotifyKind::ByReference, "app.asp")).is_ok());
}

#[test]
fn https_requires_a_tls_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = [0; 6];
        stream.read_exact(&mut first).unwrap();
        first
    });
    let decision = CompleteUpload::in_memory(InMemory(b"secret".to_vec())).notify(&by_value(url));
    let first = server.join().unwrap();
    assert_eq!((first[0], first[1], first[5]), (22, 3, 1), "not a ClientHello");
    assert_eq!(decision.rejection(), Some((502, 0x8019_01F6, "Application")));
}

#[test]
fn a_path_that_is_no_valid_header_value_is_not_sent() {
    let application = Application::start(|_| Response::ok());
    let mut upload = CompleteUpload::in_files(b"data");
    upload.data_path = Some("/a\nBITS-Response-DataFile-Name: /etc/passwd".into());
    let decision = upload.notify(&by_reference(application.url("/")));
    assert_eq!(decision.rejection(), Some((500, 0x8019_01F4, "Server")));
    assert!(application.requests().is_empty());
}

#[test]
fn connections_are_reused_without_cookies_or_encodings() {
    let application = Application::start(|_| Response::new("200 OK", "Set-Cookie: a=b\r\n", b"reply"));
    let notifier = by_value(application.url("/"));
    for _ in 0..3 {
        assert!(CompleteUpload::in_memory(InMemory(b"x".to_vec())).notify(&notifier).replies_bytes(b"reply"));
    }
    assert_eq!(application.connections(), 1);
    for request in application.requests() {
        assert_eq!((request.get("Cookie"), request.get("Accept-Encoding")), (None, None));
    }
}
