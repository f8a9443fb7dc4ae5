//! A process that has run out of file descriptors.

use std::fs::File;
use std::sync::mpsc;

use bitsup::log::{Level, Logger};
use bitsup::store::MemoryStore;
use rustix::process::{Resource, getrlimit, setrlimit};
use test_support::process;
use test_support::raw_http::{RawHttp, TIMEOUT, ping, serve};

#[test]
fn a_server_without_free_descriptors_waits_for_some() {
    process::isolated(|| {
        let (sender, log) = mpsc::channel();
        let server = serve(&MemoryStore::new(0), |config| {
            config.logger = Logger::new(Level::Warn, move |_, _, text| drop(sender.send(text.to_owned())));
        });
        let mut early = RawHttp::connect(&server);
        assert_eq!(early.request(ping("/a")).status, 200);

        let original = getrlimit(Resource::Nofile);
        let lowered = rustix::process::Rlimit { current: Some(64), ..original };
        setrlimit(Resource::Nofile, lowered).unwrap();
        let mut files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        // One descriptor is left: for the client's end of the connection, not for the server's.
        files.pop();
        let mut late = RawHttp::connect(&server);
        late.send(ping("/a"));
        let message = log.recv_timeout(TIMEOUT).unwrap();
        assert!(message.contains("cannot accept connections, retrying"), "{message}");
        assert_eq!(early.request(ping("/a")).status, 200, "open connections must still be served");

        setrlimit(Resource::Nofile, original).unwrap();
        assert_eq!(late.response().status, 200);
        assert!(log.try_recv().is_err(), "the message must be logged once");
    });
}
