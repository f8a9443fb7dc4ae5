//! A process that has run out of descriptors. One test, because the limit is the process's.

use std::fs::File;
use std::sync::mpsc;

use bitsup::log::{Level, Logger};
use bitsup::store::MemoryStore;
use rustix::process::{Resource, getrlimit, setrlimit};
use test_support::process;
use test_support::raw_http::{RawHttp, TIMEOUT, ping, serve};

#[test]
fn without_descriptors_the_server_waits_for_some() {
    process::isolated(|| {
        let (said, log) = mpsc::channel();
        let server = serve(&MemoryStore::new(0), |config| {
            config.logger = Logger::new(Level::Warn, move |_, _, text| drop(said.send(text.to_owned())));
        });
        let mut early = RawHttp::connect(&server);
        assert_eq!(early.request(ping("/a")).status, 200);

        let former = getrlimit(Resource::Nofile);
        let lowered = rustix::process::Rlimit { current: Some(64), ..former };
        setrlimit(Resource::Nofile, lowered).unwrap();
        let mut all: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        // One descriptor is left, for this end of the connection and not for the server's.
        all.pop();
        let mut late = RawHttp::connect(&server);
        late.send(ping("/a"));
        let complaint = log.recv_timeout(TIMEOUT).unwrap();
        assert!(complaint.contains("cannot accept connections, retrying"), "{complaint}");
        assert_eq!(early.request(ping("/a")).status, 200, "open connections are served all the same");

        setrlimit(Resource::Nofile, former).unwrap();
        assert_eq!(late.response().status, 200);
        assert!(log.try_recv().is_err(), "it is said once");
    });
}
