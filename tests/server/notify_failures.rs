//! A server application that rejects uploads, violates HTTP, times out or cannot be reached.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use bitsup::server::{Notifier, NotifyKind, NotifyTimeouts};
use bitsup::store::Content;
use rustix::net;
use test_support::application::{Application, Response};

use crate::notify_fixture::{CompleteUpload, Decision, InMemory, TIMEOUT, by_value, config, log, timeouts};

/// The rejection after a timeout (NTF-13).
const TIMED_OUT: Option<(u16, u32, &str)> = Some((408, 0x8007_0112, "Application"));
/// The rejection after a response that is not valid HTTP (NTF-14).
const NOT_HTTP: Option<(u16, u32, &str)> = Some((411, 0x8007_0057, "Application"));
/// The rejection after a lost connection.
const LOST: Option<(u16, u32, &str)> = Some((502, 0x8019_01F6, "Application"));
/// The rejection if the application cannot be reached.
const UNREACHABLE: Option<(u16, u32, &str)> = Some((503, 0x8019_01F7, "Application"));
const SHORT: Duration = Duration::from_millis(60);

fn small_upload() -> CompleteUpload {
    CompleteUpload::in_memory(InMemory(b"data".to_vec()))
}

fn notify(response: impl Fn() -> Response + Send + Sync + 'static) -> Decision {
    let application = Application::start(move |_| response());
    small_upload().notify(&by_value(application.url("/")))
}

/// NTF-10, NTF-12: the status is forwarded to the client; the engine decides what follows from it.
#[test]
fn a_status_other_than_200_rejects_with_that_status() {
    for status in [201, 204, 301, 304, 307, 400, 401, 403, 404, 409, 413, 500, 501, 503, 505, 599] {
        let response = move || {
            let fields = "Location: /elsewhere\r\nBITS-Copy-File-To-Destination: x\r\n";
            Response::new(&format!("{status} Whatever"), fields, b"")
        };
        let application = Application::start(move |_| response());
        let decision = small_upload().notify(&by_value(application.url("/")));
        assert_eq!(decision.rejection(), Some((status, 0x8019_0000 | u32::from(status), "Application")));
        assert_eq!(application.request().line(), "POST / HTTP/1.1", "redirects must not be followed");
    }
}

/// NTF-23: a 416 would make the client believe that the upload is complete.
#[test]
fn a_416_from_the_application_is_not_forwarded() {
    assert_eq!(
        notify(|| Response::new("416 No", "", b"")).rejection(),
        Some((502, 0x8019_01A0, "Application"))
    );
}

/// NTF-14.
#[test]
fn a_response_that_is_not_http_1_1_is_411() {
    let responses: [fn() -> Response; 7] = [
        || Response::raw("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
        || Response::raw("HTTP/1.0 403 Forbidden\r\n\r\n").then_close(),
        || Response::raw("SSH-2.0-OpenSSH_9.2\r\n"),
        || Response::raw([0, 159, 146, 150, 13, 10]).then_hang(),
        || Response::raw("HTTP/1.1 abc\r\n\r\n"),
        || Response::raw(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(40_000))),
        || Response::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n").then_hang(),
    ];
    for response in responses {
        assert_eq!(notify(response).rejection(), NOT_HTTP);
    }
}

#[test]
fn a_truncated_response_is_a_failure() {
    let responses: [fn() -> Response; 6] = [
        || Response::raw("").then_close(),
        || Response::raw("").then_reset(),
        || Response::raw("HTTP/1.1 200 OK\r\nContent-Le").then_close(),
        || Response::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").then_close(),
        || Response::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf").then_close(),
        || Response::raw("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf").then_reset(),
    ];
    for response in responses {
        let application = Application::start(move |_| response());
        let notifier = by_value(application.url("/"));
        assert_eq!(small_upload().notify(&notifier).rejection(), LOST);
        assert_eq!(application.requests().len(), 1, "a POST must not be repeated");
        let upload = CompleteUpload::in_files(b"data");
        assert_eq!(upload.notify(&notifier).rejection(), LOST);
        assert!(!upload.reply_path().exists());
    }
}

/// A port that refuses connections: bound, so that no other process gets it, but not listening.
fn refusing_port() -> (impl Sized, SocketAddr) {
    let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
    net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = SocketAddr::try_from(net::getsockname(&socket).unwrap()).unwrap();
    (socket, address)
}

/// NTF-19: the client gets 503 while the application cannot be reached.
#[test]
fn an_unreachable_application_is_503() {
    let (_socket, address) = refusing_port();
    let (logger, lines) = log();
    let config = config(NotifyKind::ByValue, format!("http://{address}/app")).logger(logger);
    assert_eq!(small_upload().notify(&Notifier::new(config).unwrap()).rejection(), UNREACHABLE);
    assert!(lines.lock().unwrap()[0].starts_with("Warn notify {A0FF"), "{lines:?}");
}

/// Notifies with these timeouts, and asserts that it fails at the timeout, not earlier and not much later.
fn assert_times_out(upload: &CompleteUpload, url: String, timeouts: NotifyTimeouts) {
    let notifier = Notifier::new(config(NotifyKind::ByValue, url).timeouts(timeouts)).unwrap();
    let began = Instant::now();
    assert_eq!(upload.notify(&notifier).rejection(), TIMED_OUT);
    assert!((SHORT..TIMEOUT / 2).contains(&began.elapsed()), "{:?}", began.elapsed());
}

/// NTF-13: each of the three timeouts.
#[test]
fn a_silent_application_is_408() {
    let silent = Application::start(|_| Response::never());
    assert_times_out(&small_upload(), silent.url("/"), timeouts(TIMEOUT, SHORT, TIMEOUT));

    let partial_head = Application::start(|_| Response::raw("HTTP/1.1 200 OK\r\nContent-Len").then_hang());
    assert_times_out(&small_upload(), partial_head.url("/"), timeouts(TIMEOUT, SHORT, TIMEOUT));

    let no_body =
        Application::start(|_| Response::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").then_hang());
    assert_times_out(&small_upload(), no_body.url("/"), timeouts(TIMEOUT, TIMEOUT, SHORT));

    // The kernel accepts the connection, and nothing reads from it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    assert_times_out(&CompleteUpload::in_memory(Zeros(64 << 20)), url, timeouts(SHORT, TIMEOUT, TIMEOUT));
}

#[test]
fn the_header_timeout_does_not_depend_on_the_body_timeout() {
    let (release, released) = mpsc::channel();
    let released = std::sync::Mutex::new(Some(released));
    let application =
        Application::start(move |_| Response::ok().when(released.lock().unwrap().take().unwrap()));
    let mut config = config(NotifyKind::ByValue, application.url("/"));
    config.timeouts = timeouts(TIMEOUT, TIMEOUT, SHORT);
    let sender = thread::spawn(move || {
        thread::sleep(4 * SHORT);
        release.send(())
    });
    assert!(small_upload().notify(&Notifier::new(config).unwrap()).is_accepted());
    sender.join().unwrap().unwrap();
}

/// An application may respond before it has read the whole body; its response counts, most of all a 403 (NTF-12).
#[test]
fn an_early_response_counts_even_if_the_application_hangs_up() {
    let application = Application::start(|_| Response::new("403 Forbidden", "", b"").early().then_close());
    let notifier = by_value(application.url("/"));
    let decision = CompleteUpload::in_memory(Zeros(1 << 36)).notify(&notifier);
    assert_eq!(decision.rejection(), Some((403, 0x8019_0193, "Application")));
    assert!(application.request().get("Content-Length") == Some("68719476736"));
    assert_eq!(small_upload().notify(&notifier).rejection(), Some((403, 0x8019_0193, "Application")));
    assert_eq!(application.connections(), 2, "the broken connection must not be reused");
}

/// A reused connection that the application has closed is noticed before the request is sent.
#[test]
fn a_stale_connection_is_replaced_before_the_call() {
    let application = Application::start(|_| Response::ok());
    let notifier = by_value(application.url("/"));
    for number in 1..4 {
        assert!(small_upload().notify(&notifier).is_accepted());
        assert_eq!((application.requests().len(), application.connections()), (number, number));
        application.hang_up();
    }
}

/// If a reused connection ends during a request, the client repeats its packet; the notifier repeats nothing.
#[test]
fn a_call_that_fails_on_a_reused_connection_is_not_repeated() {
    let application = Application::start(|request| match request.number {
        1 => Response::ok(),
        _ => Response::raw("").then_close(),
    });
    let notifier = by_value(application.url("/"));
    assert!(small_upload().notify(&notifier).is_accepted());
    assert_eq!(small_upload().notify(&notifier).rejection(), LOST);
    assert_eq!((application.requests().len(), application.connections()), (2, 1));
}

#[test]
fn an_unreadable_file_is_a_server_error() {
    struct Unreadable(io::ErrorKind);
    impl Content for Unreadable {
        fn length(&self) -> u64 {
            9
        }
        fn modified_ms(&self) -> u64 {
            0
        }
        fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
            match self.0 {
                io::ErrorKind::UnexpectedEof => Ok(0),
                kind => Err(kind.into()),
            }
        }
    }
    let application = Application::start(|_| Response::ok());
    for kind in [io::ErrorKind::Other, io::ErrorKind::UnexpectedEof, io::ErrorKind::TimedOut] {
        let decision = CompleteUpload::in_memory(Unreadable(kind)).notify(&by_value(application.url("/")));
        assert_eq!(decision.rejection(), Some((500, 0x8019_01F4, "Server")), "{kind}");
    }
}

/// That many zeros, which take no memory.
struct Zeros(u64);

impl Content for Zeros {
    fn length(&self) -> u64 {
        self.0
    }

    fn modified_ms(&self) -> u64 {
        0
    }

    fn read_at(&self, _: u64, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(0);
        Ok(buffer.len())
    }
}
