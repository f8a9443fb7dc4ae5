//! Sources and destinations that are not what they should be.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bitsup::client::{Client, ClientConfig, Source};
use bitsup::proto::HResult;
use bitsup::{Error, Status};
use rustix::net;
use test_support::scripted::serve;

fn client() -> Client {
    let config = ClientConfig::default().fragment_size(6_000).no_progress_timeout(Duration::ZERO);
    Client::new(config).unwrap()
}

fn file(directory: &Path, length: usize) -> PathBuf {
    let path = directory.join("source.bin");
    fs::write(&path, vec![1; length]).unwrap();
    path
}

fn upload_to(url: &str) -> Error {
    client().job(url, Source::from_bytes(*b"hello")).unwrap().run().unwrap_err()
}

// B-ERROR-02
#[test]
fn a_source_is_a_regular_file_that_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let missing = directory.path().join("missing");
    for (path, status) in [
        (directory.path(), Status::InvalidArgument),
        (&fifo, Status::InvalidArgument),
        (&missing, Status::NotFound),
    ] {
        let error = Source::from_file(path).unwrap_err();
        assert_eq!(error.status(), status, "{error}");
        assert!(error.message().contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn an_unreadable_source_is_denied() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), 1);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
    // Root can read every file, but on Linux a thread can access files as another user.
    // SAFETY: the call has no memory effects; it changes the file access of this thread only.
    unsafe { libc::setfsuid(65534) };
    let error = Source::from_file(&path).unwrap_err();
    assert_eq!(error.status(), Status::Denied, "{error}");
}

/// Uploads two fragments and a bit, changes the source after the first, and returns the error.
fn upload_while(change: impl FnOnce(&Path) + Send + 'static) -> (Error, Vec<String>, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), 15_000);
    let seen = path.clone();
    let (url, server) = serve(move |peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        change(&seen);
        peer.ack_fragment(6_000);
        peer.finish_upload().iter().map(|request| request.packet().to_owned()).collect()
    });
    let mut job = client().job(&format!("{url}/f"), Source::from_file(&path).unwrap()).unwrap();
    let error = job.run().unwrap_err();
    (error, server.join().unwrap(), path)
}

#[test]
fn cli_36_a_source_that_changes_ends_the_job_and_is_never_complete_on_the_server() {
    let changes: [fn(&Path); 3] = [
        |path| fs::write(path, [2; 15_001]).unwrap(),
        |path| File::options().write(true).open(path).unwrap().set_len(7_000).unwrap(),
        |path| {
            let file = File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        },
    ];
    for change in changes {
        let (error, packets, path) = upload_while(change);
        assert_eq!(error.status(), Status::SourceChanged);
        assert_eq!(error.hresult(), Some(HResult::BG_E_LOCAL_FILE_CHANGED));
        assert!(!error.is_transient() && error.message().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(packets, ["Cancel-Session"]);
    }
}

#[test]
fn cli_36_a_source_that_changes_after_its_last_byte_is_not_closed() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), 100);
    let seen = path.clone();
    let (url, server) = serve(move |peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        fs::write(seen, [2; 101]).unwrap();
        peer.ack_fragment(100);
        peer.wait_for_hang_up();
    });
    let mut job = client().job(&format!("{url}/f"), Source::from_file(&path).unwrap()).unwrap();
    assert_eq!(job.run().unwrap_err().status(), Status::SourceChanged);
    drop(job);
    server.join().unwrap();
}

#[test]
fn a_source_that_loses_its_name_is_uploaded_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), 15_000);
    let seen = path.clone();
    let (url, server) = serve(move |peer| {
        peer.request();
        fs::rename(&seen, seen.with_extension("old")).unwrap();
        fs::write(seen, b"another file").unwrap();
        peer.ack_create("{S}");
        peer.finish_upload()
    });
    client().job(&format!("{url}/f"), Source::from_file(&path).unwrap()).unwrap().run().unwrap();
    let body: Vec<u8> = server.join().unwrap().into_iter().flat_map(|request| request.body).collect();
    assert_eq!(body, vec![1; 15_000]);
}

#[test]
fn urls_that_name_no_destination() {
    for url in
        ["", "host/file", "ftp://host/f", "http://", "http://h:x/f", "http://h:70000/f", "http://u:p@h/f"]
    {
        let error = client().job(url, Source::from_bytes(*b"x")).err().unwrap();
        assert_eq!(error.status(), Status::InvalidArgument, "{url}: {error}");
        assert_eq!(client().ping(url).unwrap_err().status(), Status::InvalidArgument, "{url}");
    }
}

#[test]
fn a_host_that_is_not_known() {
    let error = upload_to("http://nonexistent.invalid/f");
    assert_eq!((error.status(), error.hresult()), (Status::Resolve, Some(HResult(0x8007_2EE7))));
    assert!(error.is_transient() && error.message().contains("nonexistent.invalid"), "{error}");
}

// B-ERROR-03
#[test]
fn a_refused_connection() {
    // Bound and never listened on: the port refuses, and nobody else gets it.
    let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
    net::bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let port = SocketAddr::try_from(net::getsockname(&socket).unwrap()).unwrap().port();
    let error = upload_to(&format!("http://127.0.0.1:{port}/f"));
    assert_eq!((error.status(), error.hresult()), (Status::Connect, Some(HResult(0x8007_2EFD))));
    assert!(error.is_transient() && error.message().contains(&format!("127.0.0.1:{port}")), "{error}");
}

#[test]
fn https_to_a_server_without_tls() {
    let (url, server) = serve(|peer| {
        peer.accept();
        peer.raw("HTTP/1.1 400 Bad Request\r\n\r\n");
        peer.wait_for_hang_up();
    });
    let error = upload_to(&format!("{}/f", url.replace("http:", "https:")));
    server.join().unwrap();
    assert_eq!((error.status(), error.is_transient()), (Status::Tls, false), "{error}");
}
