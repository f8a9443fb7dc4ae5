//! A server application that refuses, breaks rules, is late or is not there.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use bitsup::server::{Notifier, NotifyKind, NotifyTimeouts};
use bitsup::store::Content;
use rustix::net;
use test_support::application::{Application, Response};

use crate::notify_fixture::{InMemory, Judged, TIMEOUT, Uploaded, by_value, config, log, timeouts};

/// What a timer makes of an upload (NTF-13).
const LATE: Option<(u16, u32, &str)> = Some((408, 0x8007_0112, "Application"));
/// What an answer that breaks the rules of HTTP makes of it (NTF-14).
const NOT_HTTP: Option<(u16, u32, &str)> = Some((411, 0x8007_0057, "Application"));
/// What a lost connection makes of it.
const LOST: Option<(u16, u32, &str)> = Some((502, 0x8019_01F6, "Application"));
/// What nobody makes of it.
const NOBODY: Option<(u16, u32, &str)> = Some((503, 0x8019_01F7, "Application"));
const SHORT: Duration = Duration::from_millis(60);

fn small() -> Uploaded {
    Uploaded::in_memory(InMemory(b"data".to_vec()))
}

fn judge(answer: impl Fn() -> Response + Send + Sync + 'static) -> Judged {
    let application = Application::start(move |_| answer());
    small().judge(&by_value(application.url("/")))
}

/// NTF-10, NTF-12: the status goes to the client as it is, and what to do about it is the engine's.
#[test]
fn another_status_than_200_rejects_with_that_status() {
    for status in [201, 204, 301, 304, 307, 400, 401, 403, 404, 409, 413, 500, 501, 503, 505, 599] {
        let answer = move || {
            let fields = "Location: /elsewhere\r\nBITS-Copy-File-To-Destination: x\r\n";
            Response::new(&format!("{status} Whatever"), fields, b"")
        };
        let application = Application::start(move |_| answer());
        let judged = small().judge(&by_value(application.url("/")));
        assert_eq!(judged.rejection(), Some((status, 0x8019_0000 | u32::from(status), "Application")));
        assert_eq!(application.request().line(), "POST / HTTP/1.1", "nothing is followed");
    }
}

/// NTF-23: a 416 would tell the client that all is done.
#[test]
fn a_416_of_the_application_is_not_passed_on() {
    assert_eq!(
        judge(|| Response::new("416 No", "", b"")).rejection(),
        Some((502, 0x8019_01A0, "Application"))
    );
}

/// NTF-14.
#[test]
fn an_answer_that_is_no_http_1_1_is_411() {
    let answers: [fn() -> Response; 7] = [
        || Response::raw("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
        || Response::raw("HTTP/1.0 403 Forbidden\r\n\r\n").then_close(),
        || Response::raw("SSH-2.0-OpenSSH_9.2\r\n"),
        || Response::raw([0, 159, 146, 150, 13, 10]).then_hang(),
        || Response::raw("HTTP/1.1 abc\r\n\r\n"),
        || Response::raw(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(40_000))),
        || Response::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n").then_hang(),
    ];
    for answer in answers {
        assert_eq!(judge(answer).rejection(), NOT_HTTP);
    }
}

#[test]
fn an_answer_that_breaks_off_is_no_answer() {
    let answers: [fn() -> Response; 6] = [
        || Response::raw("").then_close(),
        || Response::raw("").then_reset(),
        || Response::raw("HTTP/1.1 200 OK\r\nContent-Le").then_close(),
        || Response::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").then_close(),
        || Response::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf").then_close(),
        || Response::raw("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf").then_reset(),
    ];
    for answer in answers {
        let application = Application::start(move |_| answer());
        let notifier = by_value(application.url("/"));
        assert_eq!(small().judge(&notifier).rejection(), LOST);
        assert_eq!(application.requests().len(), 1, "a POST is not repeated");
        let upload = Uploaded::in_files(b"data");
        assert_eq!(upload.judge(&notifier).rejection(), LOST);
        assert!(!upload.reply_path().exists());
    }
}

/// A port that refuses connections: bound and never listened on, so that nobody else gets it.
fn refusing() -> (impl Sized, SocketAddr) {
    let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
    net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = SocketAddr::try_from(net::getsockname(&socket).unwrap()).unwrap();
    (socket, address)
}

/// NTF-19, its first half.
#[test]
fn nobody_there_is_503() {
    let (_socket, address) = refusing();
    let (logger, lines) = log();
    let config = config(NotifyKind::ByValue, format!("http://{address}/app")).logger(logger);
    assert_eq!(small().judge(&Notifier::new(config).unwrap()).rejection(), NOBODY);
    assert!(lines.lock().unwrap()[0].starts_with("Warn notify {A0FF"), "{lines:?}");
}

/// Judges with those limits and checks that a limit ended it, not sooner and not much later.
fn judge_late(upload: &Uploaded, url: String, timeouts: NotifyTimeouts) {
    let notifier = Notifier::new(config(NotifyKind::ByValue, url).timeouts(timeouts)).unwrap();
    let began = Instant::now();
    assert_eq!(upload.judge(&notifier).rejection(), LATE);
    assert!((SHORT..TIMEOUT / 2).contains(&began.elapsed()), "{:?}", began.elapsed());
}

/// NTF-13: each of the three timers.
#[test]
fn an_application_that_keeps_silent_is_408() {
    let silent = Application::start(|_| Response::never());
    judge_late(&small(), silent.url("/"), timeouts(TIMEOUT, SHORT, TIMEOUT));

    let half = Application::start(|_| Response::raw("HTTP/1.1 200 OK\r\nContent-Len").then_hang());
    judge_late(&small(), half.url("/"), timeouts(TIMEOUT, SHORT, TIMEOUT));

    let bodiless =
        Application::start(|_| Response::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").then_hang());
    judge_late(&small(), bodiless.url("/"), timeouts(TIMEOUT, TIMEOUT, SHORT));

    // Connected by the kernel, and never read from.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    judge_late(&Uploaded::in_memory(Zeros(64 << 20)), url, timeouts(SHORT, TIMEOUT, TIMEOUT));
}

/// The timer of the head does not depend on that of the body.
#[test]
fn an_application_may_think_longer_than_its_body_may_pause() {
    let (tell, told) = mpsc::channel();
    let told = std::sync::Mutex::new(Some(told));
    let application = Application::start(move |_| Response::ok().when(told.lock().unwrap().take().unwrap()));
    let mut config = config(NotifyKind::ByValue, application.url("/"));
    config.timeouts = timeouts(TIMEOUT, TIMEOUT, SHORT);
    let teller = thread::spawn(move || {
        thread::sleep(4 * SHORT);
        tell.send(())
    });
    assert!(small().judge(&Notifier::new(config).unwrap()).is_accepted());
    teller.join().unwrap().unwrap();
}

/// An application may answer before it has read all; what it says counts, a 403 above all (NTF-12).
#[test]
fn an_early_answer_is_heard_though_the_application_hangs_up() {
    let application = Application::start(|_| Response::new("403 Forbidden", "", b"").early().then_close());
    let notifier = by_value(application.url("/"));
    let judged = Uploaded::in_memory(Zeros(1 << 36)).judge(&notifier);
    assert_eq!(judged.rejection(), Some((403, 0x8019_0193, "Application")));
    assert!(application.request().get("Content-Length") == Some("68719476736"));
    assert_eq!(small().judge(&notifier).rejection(), Some((403, 0x8019_0193, "Application")));
    assert_eq!(application.connections(), 2, "the broken connection is not used again");
}

/// A kept connection that the application ended meanwhile is not used, and costs nothing.
#[test]
fn a_stale_connection_is_replaced_before_the_call() {
    let application = Application::start(|_| Response::ok());
    let notifier = by_value(application.url("/"));
    for number in 1..4 {
        assert!(small().judge(&notifier).is_accepted());
        assert_eq!((application.requests().len(), application.connections()), (number, number));
        application.hang_up();
    }
}

/// A kept connection that ends under the next request is a failure for the client to repeat, not for us.
#[test]
fn a_call_that_breaks_on_a_kept_connection_is_not_repeated() {
    let application = Application::start(|request| match request.number {
        1 => Response::ok(),
        _ => Response::raw("").then_close(),
    });
    let notifier = by_value(application.url("/"));
    assert!(small().judge(&notifier).is_accepted());
    assert_eq!(small().judge(&notifier).rejection(), LOST);
    assert_eq!((application.requests().len(), application.connections()), (2, 1));
}

#[test]
fn a_file_that_cannot_be_read_is_the_servers_fault() {
    struct Broken(io::ErrorKind);
    impl Content for Broken {
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
        let judged = Uploaded::in_memory(Broken(kind)).judge(&by_value(application.url("/")));
        assert_eq!(judged.rejection(), Some((500, 0x8019_01F4, "Server")), "{kind}");
    }
}

/// So many zeros that nobody keeps.
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
