//! Invalid, unreadable and changing sources, and destinations that cannot be reached.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bitsup::client::{Client, ClientConfig, Source};
use bitsup::engine::{Engine, EngineConfig};
use bitsup::proto::HResult;
use bitsup::server::{Server, ServerConfig};
use bitsup::store::{MemoryStore, Store};
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

fn upload_error(url: &str) -> Error {
    client().job(url, Source::from_bytes(*b"hello")).unwrap().run().unwrap_err()
}

// B-ERROR-02
#[test]
fn a_source_must_be_an_existing_regular_file() {
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

/// Uploads two and a half fragments and calls `change` during the first. Returns the error, the packets after it,
/// and the path of the source.
fn upload_while(change: impl FnOnce(&Path) + Send + 'static) -> (Error, Vec<String>, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), 15_000);
    let changed = path.clone();
    let (url, server) = serve(move |peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        change(&changed);
        peer.ack_fragment(6_000);
        peer.finish_upload().iter().map(|request| request.packet().to_owned()).collect()
    });
    let mut job = client().job(&format!("{url}/f"), Source::from_file(&path).unwrap()).unwrap();
    let error = job.run().unwrap_err();
    (error, server.join().unwrap(), path)
}

#[test]
fn cli_36_a_source_that_changes_ends_the_job_before_the_upload_is_complete() {
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

/// The server has the whole file, as it was when its last byte was sent.
#[test]
fn a_change_after_the_last_byte_does_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), 100);
    let changed = path.clone();
    let (url, server) = serve(move |peer| {
        peer.request();
        peer.ack_create("{S}");
        let fragment = peer.request();
        fs::write(changed, [2; 101]).unwrap();
        peer.ack_fragment(100);
        peer.finish_upload();
        fragment
    });
    client().job(&format!("{url}/f"), Source::from_file(&path).unwrap()).unwrap().run().unwrap();
    assert_eq!(server.join().unwrap().body, [1; 100]);
}

/// The whole file is one fragment. It is rewritten with the same size and modification time while it is sent.
#[test]
fn cli_36_a_change_during_the_last_fragment_never_becomes_a_file() {
    const SIZE: usize = 600_000;
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), SIZE);
    let store = MemoryStore::default();
    let engine = Engine::new(EngineConfig::new(Arc::new(store.clone()))).unwrap();
    let server = Server::start(ServerConfig::default().mount("/", engine)).unwrap();
    let config = ClientConfig::default().fragment_size(SIZE as u64).rate_limit(600_000);
    let source = Source::from_file(&path).unwrap();
    let mut job = Client::new(config).unwrap().job(&format!("{}f", server.url()), source).unwrap();
    let upload = thread::spawn(move || job.run().unwrap_err());
    let has_bytes = || {
        let sessions = store.sessions().unwrap().sessions;
        sessions
            .iter()
            .any(|session| store.session_data(session.record.id).is_some_and(|data| !data.is_empty()))
    };
    while !has_bytes() {
        thread::yield_now();
    }
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, vec![2; SIZE]).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    let error = upload.join().unwrap();
    assert_eq!(error.status(), Status::SourceChanged, "{error}");
    assert_eq!(store.files(), [""; 0]);
    assert_eq!(store.sessions().unwrap().sessions, []);
}

#[cfg(target_os = "linux")]
#[test]
fn an_empty_file_that_has_content_is_refused() {
    let error = Source::from_file("/proc/cpuinfo").unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().contains("its size is 0"), "{error}");
}

#[test]
fn names_of_a_source_may_come_and_go() {
    let changes: [fn(&Path); 2] = [
        |path| fs::hard_link(path, path.with_extension("second")).unwrap(),
        |path| fs::remove_file(path).unwrap(),
    ];
    for change in changes {
        let directory = tempfile::tempdir().unwrap();
        let path = file(directory.path(), 15_000);
        let changed = path.clone();
        let (url, server) = serve(move |peer| {
            peer.request();
            change(&changed);
            peer.ack_create("{S}");
            peer.finish_upload()
        });
        client().job(&format!("{url}/f"), Source::from_file(&path).unwrap()).unwrap().run().unwrap();
        server.join().unwrap();
    }
}

#[test]
fn a_source_that_is_renamed_is_still_uploaded() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), 15_000);
    let changed = path.clone();
    let (url, server) = serve(move |peer| {
        peer.request();
        fs::rename(&changed, changed.with_extension("old")).unwrap();
        fs::write(changed, b"another file").unwrap();
        peer.ack_create("{S}");
        peer.finish_upload()
    });
    client().job(&format!("{url}/f"), Source::from_file(&path).unwrap()).unwrap().run().unwrap();
    let body: Vec<u8> = server.join().unwrap().into_iter().flat_map(|request| request.body).collect();
    assert_eq!(body, vec![1; 15_000]);
}

#[test]
fn invalid_urls_are_rejected() {
    for url in
        ["", "host/file", "ftp://host/f", "http://", "http://h:x/f", "http://h:70000/f", "http://u:p@h/f"]
    {
        let error = client().job(url, Source::from_bytes(*b"x")).err().unwrap();
        assert_eq!(error.status(), Status::InvalidArgument, "{url}: {error}");
        assert_eq!(client().ping(url).unwrap_err().status(), Status::InvalidArgument, "{url}");
    }
}

#[test]
fn an_unknown_host_is_a_resolve_error() {
    let error = upload_error("http://nonexistent.invalid/f");
    assert_eq!((error.status(), error.hresult()), (Status::Resolve, Some(HResult(0x8007_2EE7))));
    assert!(error.is_transient() && error.message().contains("nonexistent.invalid"), "{error}");
}

// B-ERROR-03
#[test]
fn a_refused_connection_is_a_connect_error() {
    // A bound socket that never listens: connections are refused, and no other process gets the port.
    let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
    net::bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let port = SocketAddr::try_from(net::getsockname(&socket).unwrap()).unwrap().port();
    let error = upload_error(&format!("http://127.0.0.1:{port}/f"));
    assert_eq!((error.status(), error.hresult()), (Status::Connect, Some(HResult(0x8007_2EFD))));
    assert!(error.is_transient() && error.message().contains(&format!("127.0.0.1:{port}")), "{error}");
}

#[test]
fn https_to_a_server_without_tls_is_a_tls_error() {
    let (url, server) = serve(|peer| {
        peer.accept();
        peer.raw("HTTP/1.1 400 Bad Request\r\n\r\n");
        peer.wait_for_hang_up();
    });
    let error = upload_error(&format!("{}/f", url.replace("http:", "https:")));
    server.join().unwrap();
    assert_eq!((error.status(), error.is_transient()), (Status::Tls, false), "{error}");
}
