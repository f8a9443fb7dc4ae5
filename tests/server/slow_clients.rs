//! A crowd of idle and slow peers holds no thread and does not slow down an upload. One test, because it
//! counts the threads of the process.

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
fn a_crowd_of_slow_peers_holds_no_thread() {
    process::isolated(|| {
        allow_descriptors(2 * (SILENT + SLOW) as u64 + 200);
        let store = MemoryStore::new(u64::MAX);
        let mut server = serve(&store, |config| config.max_workers = MAX_WORKERS);
        let alone = upload(&server, "/alone", || {});

        let silent: Vec<RawHttp> = (0..SILENT).map(|_| RawHttp::connect(&server)).collect();
        let mut slow: Vec<RawHttp> = (0..SLOW).map(|i| begin_slow_upload(&server, i)).collect();
        let mut most_threads = 0;
        let in_the_crowd = upload(&server, "/crowded", || {
            slow.iter_mut().for_each(|http| http.send("s"));
            most_threads = most_threads.max(threads("").len());
        });
        // The test itself has its own thread and that of the test harness; the server a poller.
        assert!(most_threads <= MAX_WORKERS + 3, "{most_threads} threads");
        let bound = alone * 5 + Duration::from_secs(1);
        assert!(in_the_crowd < bound, "{in_the_crowd:?} in the crowd, {alone:?} alone");

        // The slow ones have come to their end by now, and the silent ones are still welcome.
        slow.iter_mut().for_each(|http| assert_eq!(http.response().status, 200));
        assert_eq!(store.file("slow0").unwrap(), [b's'; FRAGMENTS]);
        assert_eq!(store.file("crowded").unwrap().len(), FRAGMENT * FRAGMENTS);
        silent.into_iter().for_each(|mut http| assert_eq!(http.request(ping("/a")).status, 200));

        assert!(!threads("bitsup-").is_empty());
        server.stop(Duration::ZERO).unwrap();
        assert_eq!(threads("bitsup-"), [] as [String; 0], "all threads were joined");
    });
}

/// Uploads a file fragment by fragment, and does something else after each one's head.
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

/// Begins an upload of one fragment, with as many bytes as the other upload has fragments.
fn begin_slow_upload(server: &Server, i: usize) -> RawHttp {
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

/// The names of this process's threads that begin so.
fn threads(beginning: &str) -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread may end between being listed and being asked for its name.
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with(beginning)).collect()
}
