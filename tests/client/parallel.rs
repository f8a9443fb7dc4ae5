//! Concurrent jobs against a server of this library.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bitsup::client::{Client, ClientConfig, Flow, Observer, Progress, Source};
use bitsup::engine::{Engine, EngineConfig};
use bitsup::server::{Server, ServerConfig};
use bitsup::store::MemoryStore;
use bitsup::{Error, Status};

fn serve(store: &MemoryStore) -> Server {
    let engine = Engine::new(EngineConfig::new(Arc::new(store.clone()))).unwrap();
    Server::start(ServerConfig::default().mount("/", engine)).unwrap()
}

fn client() -> Client {
    let no_progress_timeout = Duration::ZERO;
    let config = ClientConfig::default().fragment_size(8192).no_progress_timeout(no_progress_timeout);
    Client::new(config).unwrap()
}

// B-UPLOAD-02 B-UPLOAD-07
#[test]
fn eight_threads_upload_one_job_each_including_an_empty_one() {
    let store = MemoryStore::new(u64::MAX);
    let (mut server, client) = (serve(&store), client());
    thread::scope(|scope| {
        for i in 0..8_u8 {
            let url = format!("{}{i}", server.url());
            let client = &client;
            scope.spawn(move || {
                let bytes = vec![i; usize::from(i) * 10_000];
                client.job(&url, Source::from_bytes(bytes)).unwrap().run().unwrap();
            });
        }
    });
    for i in 0..8_u8 {
        assert_eq!(store.file(&i.to_string()), Some(vec![i; usize::from(i) * 10_000]));
    }
    server.stop(Duration::from_secs(1)).unwrap();
}

/// Aborts at the first progress. The reference count shows how many of them are alive.
struct AbortingObserver(#[allow(dead_code, reason = "only its reference count is used")] Arc<()>);

impl Observer for AbortingObserver {
    fn progress(&mut self, _: Progress) -> Flow {
        Flow::Abort
    }
}

// B-ERROR-04 B-ERROR-06 B-LIFE-02
#[test]
fn concurrent_jobs_return_their_own_errors_and_drop_their_observers() {
    let store = MemoryStore::new(u64::MAX);
    store.put_file("existing", b"existing");
    let (mut server, client, observers) = (serve(&store), client(), Arc::new(()));
    let upload_fails = |name: &str| -> Error {
        let mut job =
            client.job(&format!("{}{name}", server.url()), Source::from_bytes(vec![1; 9000])).unwrap();
        job.set_observer(Box::new(AbortingObserver(Arc::clone(&observers))));
        job.run().unwrap_err()
    };
    let (aborted, refused) = thread::scope(|scope| {
        let (aborted, refused) =
            (scope.spawn(|| upload_fails("new")), scope.spawn(|| upload_fails("existing")));
        (aborted.join().unwrap(), refused.join().unwrap())
    });
    assert_eq!((aborted.status(), aborted.http_status()), (Status::Callback, None));
    assert_eq!(refused.http_status(), Some(403));
    assert_eq!(Arc::strong_count(&observers), 1);
    server.stop(Duration::from_secs(1)).unwrap();
}
