//! Many idle and slow clients occupy no thread and do not slow down an upload.

use std::fs;
use std::time::{Duration, Instant};

use bitsup::server::Server;
use bitsup::store::MemoryStore;
use rustix::process::{Resource, getrlimit, setrlimit};
use test_support::process;
use test_support::raw_http::{RawHttp, create, fragment, ping, serve};

const SILENT: usize = 2000;
const SLOW: usize = 200;
const MAX_WORKERS: usize = 32;
const FRAGMENT: usize = 1 << 20;
const FRAGMENTS: usize = 64;

#[test]
fn slow_clients_occupy_no_thread() {
    process::isolated(|| {
        allow_descriptors(2 * (SILENT + SLOW) as u64 + 200);
        let store = MemoryStore::new(u64::MAX);
        let mut server = serve(&store, |config| config.max_workers = MAX_WORKERS);
        let undisturbed = upload(&server, "/undisturbed", || {});

        let silent: Vec<RawHttp> = (0..SILENT).map(|_| RawHttp::connect(&server)).collect();
        let mut slow: Vec<RawHttp> = (0..SLOW).map(|i| start_slow_upload(&server, i)).collect();
        let mut max_threads = 0;
        let crowded = upload(&server, "/crowded", || {
            slow.iter_mut().for_each(|http| http.send("s"));
            max_threads = max_threads.max(threads("").len());
        });
        // The workers, the thread of this test, that of the test harness, and the server's poller.
        assert!(max_threads <= MAX_WORKERS + 3, "{max_threads} threads");
        let bound = undisturbed * 5 + Duration::from_secs(1);
        assert!(crowded < bound, "{crowded:?} with the other clients, {undisturbed:?} without");

        // The slow clients have sent their last byte, and the silent ones are still connected.
        slow.iter_mut().for_each(|http| assert_eq!(http.response().status, 200));
        assert_eq!(store.file("slow0").unwrap(), [b's'; FRAGMENTS]);
        assert_eq!(store.file("crowded").unwrap().len(), FRAGMENT * FRAGMENTS);
        silent.into_iter().for_each(|mut http| assert_eq!(http.request(ping("/a")).status, 200));

        assert!(!threads("bitsup-").is_empty());
        server.stop(Duration::ZERO).unwrap();
        assert_eq!(threads("bitsup-"), [] as [String; 0], "threads are left");
    });
}

/// Uploads a file in fragments, calls `meanwhile` after each fragment's head, and returns how long the upload took.
fn upload(server: &Server, path: &str, mut meanwhile: impl FnMut()) -> Duration {
    let mut http = RawHttp::connect(server);
    let session = http.request(create(path)).session();
    let body = vec![b'x'; FRAGMENT];
    let began = Instant::now();
    for i in 0..FRAGMENTS {
        http.send(fragment(path, &session, i * FRAGMENT, FRAGMENT, FRAGMENT * FRAGMENTS, &[]));
        meanwhile();
        assert_eq!(http.request(&body).status, 200);
    }
    began.elapsed()
}

/// Starts an upload of one fragment with as many bytes as the other upload has fragments.
fn start_slow_upload(server: &Server, i: usize) -> RawHttp {
    let mut http = RawHttp::connect(server);
    let path = format!("/slow{i}");
    let session = http.request(create(&path)).session();
    http.send(fragment(&path, &session, 0, FRAGMENTS, FRAGMENTS, &[]));
    http
}

fn allow_descriptors(needed: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = Some(needed);
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}

/// Returns the names of this process's threads that start with `prefix`.
fn threads(prefix: &str) -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread may end after it was listed.
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with(prefix)).collect()
}
