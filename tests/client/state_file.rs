//! The state file: what is saved in it, when it is used, and when it is removed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitsup::Status;
use bitsup::client::{Client, ClientConfig, Job, Source};
use bitsup::log::{Level, Logger};
use tempfile::TempDir;
use test_support::scripted::{self, serve};

/// A directory with a source of 15,000 bytes, the path of a state file, and the warnings that were logged.
struct Fixture {
    directory: TempDir,
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("source.bin"), [1; 15_000]).unwrap();
        Self { directory, warnings: Arc::default() }
    }

    fn source(&self) -> PathBuf {
        self.directory.path().join("source.bin")
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("a/b/source.state")
    }

    fn job(&self, url: &str) -> Job {
        let warnings = self.warnings.clone();
        let logger = Logger::new(Level::Warn, move |_, _, text| warnings.lock().unwrap().push(text.into()));
        let config =
            ClientConfig::default().fragment_size(6_000).no_progress_timeout(Duration::ZERO).logger(logger);
        let source = Source::from_file(self.source()).unwrap();
        let mut job = Client::new(config).unwrap().job(url, source).unwrap();
        job.set_state_path(self.state()).unwrap();
        job
    }

    /// Runs a job whose server stops after the first fragment, so that the state file is saved. Returns its URL.
    fn interrupted(&self) -> String {
        let (url, server) = serve(|peer| {
            peer.request();
            peer.ack_create("{S}");
            peer.request();
            peer.ack_fragment(6_000);
            peer.request();
        });
        let url = format!("{url}/f");
        let error = self.job(&url).run().unwrap_err();
        assert!(error.is_transient(), "{error}");
        server.join().unwrap();
        assert!(self.state().exists());
        url
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap().clone()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Replaces text in the state file, such as the URL, as each test server has its own port.
fn replace_in_state(fixture: &Fixture, from: &str, to: &str) {
    let text = fs::read_to_string(fixture.state()).unwrap();
    fs::write(fixture.state(), text.replace(from, to)).unwrap();
}

// B-RESUME-03
#[test]
fn cli_27_another_process_resumes_with_a_ping_at_the_saved_offset() {
    let fixture = Fixture::new();
    let old_url = fixture.interrupted();
    let (url, server) = serve(|peer| peer.finish_upload());
    let url = format!("{url}/f");
    replace_in_state(&fixture, &old_url, &url);
    let mut job = fixture.job(&url);
    let control = job.control();
    assert_eq!((control.session_id().as_deref(), control.progress().sent), (Some("{S}"), 6_000));
    job.run().unwrap();
    let requests = server.join().unwrap();
    assert_eq!(requests[0].packet(), "Ping");
    assert_eq!(requests[1].get("Content-Range"), "bytes 6000-11999/15000");
    assert_eq!(requests[1].get("BITS-Session-Id"), "{S}");
    assert!(!fixture.state().exists(), "the file is removed when the job is complete");
    assert_eq!(fixture.warnings(), [""; 0]);
}

#[test]
fn the_state_is_saved_before_the_first_fragment_and_before_close_session() {
    let fixture = Fixture::new();
    let state = fixture.state();
    let (url, server) = serve(move |peer| {
        let mut seen = vec![];
        loop {
            let request = peer.request();
            seen.push((request.packet().to_owned(), fs::read_to_string(&state).unwrap()));
            match request.packet() {
                "Create-Session" => peer.ack_create("{S}"),
                "Fragment" => {
                    let range = request.get("Content-Range").to_owned();
                    let last: u64 = range.split(['-', '/']).nth(1).unwrap().parse().unwrap();
                    peer.ack_fragment(last + 1);
                }
                _ => {
                    peer.ack("200 OK", &[]);
                    return seen;
                }
            }
        }
    });
    fixture.job(&format!("{url}/f")).run().unwrap();
    let seen = server.join().unwrap();
    assert_eq!(seen.first(), Some(&("Create-Session".to_owned(), String::new())), "nothing is saved yet");
    assert!(seen[1].1.contains("{S}"));
    let (last, before) = (seen.last().unwrap(), &seen[seen.len() - 2]);
    assert_eq!((last.0.as_str(), before.0.as_str()), ("Close-Session", "Fragment"));
    assert_ne!(last.1, before.1);
}

#[test]
fn the_state_file_is_private() {
    let fixture = Fixture::new();
    fixture.interrupted();
    assert_eq!(mode(&fixture.state()), 0o600);
    assert_eq!(
        (mode(&fixture.directory.path().join("a")), mode(fixture.state().parent().unwrap())),
        (0o700, 0o700)
    );
}

#[test]
fn the_state_file_is_locked_until_its_job_is_dropped() {
    let fixture = Fixture::new();
    fixture.interrupted();
    let first = fixture.job("http://127.0.0.1:9/f");
    let client = Client::new(ClientConfig::default()).unwrap();
    let mut second =
        client.job("http://127.0.0.1:9/f", Source::from_file(fixture.source()).unwrap()).unwrap();
    let error = second.set_state_path(fixture.state()).unwrap_err();
    assert_eq!(error.status(), Status::Busy);
    assert!(error.message().contains(fixture.state().to_str().unwrap()), "{error}");
    drop(first);
    second.set_state_path(fixture.state()).unwrap();
}

#[test]
fn the_lock_is_kept_when_the_file_is_replaced() {
    let fixture = Fixture::new();
    let state = fixture.state();
    let source = fixture.source();
    let (url, server) = serve(move |peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        let client = Client::new(ClientConfig::default()).unwrap();
        let mut other = client.job("http://127.0.0.1:9/f", Source::from_file(source).unwrap()).unwrap();
        let status = other.set_state_path(state).unwrap_err().status();
        peer.ack_fragment(15_000);
        peer.finish_upload();
        status
    });
    fixture.job(&format!("{url}/f")).run().unwrap();
    assert_eq!(server.join().unwrap(), Status::Busy);
}

/// Asserts that an upload with the present state file starts from the beginning and logs a warning.
fn assert_restarts(fixture: &Fixture, url: &str, server: std::thread::JoinHandle<Vec<scripted::Received>>) {
    fixture.job(url).run().unwrap();
    assert_eq!(server.join().unwrap()[0].packet(), "Create-Session");
    assert_eq!(fixture.warnings().len(), 1);
    assert!(fixture.warnings()[0].contains("starting from the beginning"), "{:?}", fixture.warnings());
}

#[test]
fn an_unreadable_state_is_discarded() {
    for content in ["{", "[]", "null", "{\"version\":1}", "\0\u{1}", &"x".repeat(2_000_000)] {
        let fixture = Fixture::new();
        fs::create_dir_all(fixture.state().parent().unwrap()).unwrap();
        fs::write(fixture.state(), content).unwrap();
        let (url, server) = serve(|peer| peer.finish_upload());
        assert_restarts(&fixture, &format!("{url}/f"), server);
    }
}

#[test]
fn a_state_of_a_newer_version_is_discarded() {
    let fixture = Fixture::new();
    let old_url = fixture.interrupted();
    let (url, server) = serve(|peer| peer.finish_upload());
    let url = format!("{url}/f");
    replace_in_state(&fixture, &old_url, &url);
    replace_in_state(&fixture, "\"version\":1", "\"version\":2");
    assert_restarts(&fixture, &url, server);
}

#[test]
fn the_state_of_another_url_is_discarded() {
    let fixture = Fixture::new();
    fixture.interrupted();
    let (url, server) = serve(|peer| peer.finish_upload());
    assert_restarts(&fixture, &format!("{url}/f"), server);
}

#[test]
fn the_state_of_another_source_is_discarded() {
    let fixture = Fixture::new();
    let old_url = fixture.interrupted();
    let (url, server) = serve(|peer| peer.finish_upload());
    let url = format!("{url}/f");
    replace_in_state(&fixture, &old_url, &url);
    let source = fs::File::options().write(true).open(fixture.source()).unwrap();
    source.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_restarts(&fixture, &url, server);
}

#[test]
fn the_source_cannot_be_the_state_file() {
    let fixture = Fixture::new();
    let client = Client::new(ClientConfig::default()).unwrap();
    let mut job = client.job("http://127.0.0.1:9/f", Source::from_file(fixture.source()).unwrap()).unwrap();
    let error = job.set_state_path(fixture.source()).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    drop(job);
    assert_eq!(fs::read(fixture.source()).unwrap(), [1; 15_000]);
}

#[test]
fn a_job_without_a_session_leaves_no_state_file() {
    let fixture = Fixture::new();
    let mut job = fixture.job("http://127.0.0.1:9/f");
    assert!(fixture.state().exists());
    job.run().unwrap_err();
    drop(job);
    assert!(!fixture.state().exists());
}

#[test]
fn cancelling_a_resumed_job_ends_its_session_and_removes_the_state() {
    let fixture = Fixture::new();
    let old_url = fixture.interrupted();
    let (url, server) = serve(|peer| peer.finish_upload());
    let url = format!("{url}/f");
    replace_in_state(&fixture, &old_url, &url);
    fixture.job(&url).cancel().unwrap();
    let requests = server.join().unwrap();
    assert_eq!((requests.len(), requests[0].packet()), (1, "Cancel-Session"));
    assert_eq!(requests[0].get("BITS-Session-Id"), "{S}");
    assert!(!fixture.state().exists());
}

#[test]
fn a_failed_cancel_keeps_the_state() {
    let fixture = Fixture::new();
    let old_url = fixture.interrupted();
    assert!(fixture.job(&old_url).cancel().is_err());
    assert!(fixture.state().exists());
    let (url, server) = serve(|peer| peer.finish_upload());
    let url = format!("{url}/f");
    replace_in_state(&fixture, &old_url, &url);
    fixture.job(&url).cancel().unwrap();
    assert_eq!(server.join().unwrap()[0].packet(), "Cancel-Session");
}

#[test]
fn sources_in_memory_are_identified_by_content() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let config = ClientConfig::default().no_progress_timeout(Duration::ZERO);
    let client = Client::new(config).unwrap();
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.close();
        let first = peer.finish_upload();
        (first, peer.finish_upload())
    });
    let url = format!("{url}/f");
    let run = |data: &[u8]| {
        let mut job = client.job(&url, Source::from_bytes(data)).unwrap();
        job.set_state_path(&state).unwrap();
        job.run()
    };
    run(b"hello").unwrap_err();
    let saved = fs::read(&state).unwrap();
    run(b"hello").unwrap();
    fs::write(&state, saved).unwrap();
    run(b"hallo").unwrap();
    let (same, other) = server.join().unwrap();
    assert_eq!((same[0].packet(), other[0].packet()), ("Ping", "Create-Session"));
}
