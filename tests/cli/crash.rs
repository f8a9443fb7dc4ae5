//! SIGKILL for real processes at random moments: the server, the client, both at once. The same command again
//! ends the upload; the file is bit-exact or absent all the while.

use std::fs;

use crate::kill_harness::{acked, assert_exact_or_absent, seeded, spin};
use crate::program::{Running, Served, Workspace};

const SIZE: usize = 6 * 1024 * 1024;
/// Kills in one round; a round has about 96 fragments.
const KILLS: usize = 4;

/// Thirty rounds, in parts that run side by side.
macro_rules! rounds {
    ($($name:ident)*) => { $(#[test] fn $name() { (0..3).for_each(|_| round()); })* };
}

rounds! {
    rounds_1_to_3 rounds_4_to_6 rounds_7_to_9 rounds_10_to_12 rounds_13_to_15
    rounds_16_to_18 rounds_19_to_21 rounds_22_to_24 rounds_25_to_27 rounds_28_to_30
}

fn round() {
    let mut random = seeded();
    let place = Workspace::new();
    let (source, content) = place.source("source", SIZE);
    let state = place.text("state");
    let mut served = Served::over(place, "127.0.0.1:0", &[]);
    let listen = served.address().to_string();
    let url = served.url_of("file");
    let options = ["--json", "--fragment-size", "64k", "--retry-delay", "20ms"];
    let upload = [&["upload", &source, &url, "--state-dir", &state], &options[..]].concat();
    let mut client = Running::start(&upload);
    let mut killed_clients = 0;
    for _ in 0..KILLS {
        if !acked(&mut client, random.usize(0..40)) {
            break;
        }
        spin(random.usize(0..20_000));
        let (kill_server, kill_client) = [(true, false), (false, true), (true, true)][random.usize(0..3)];
        if kill_client {
            client.child.kill().unwrap();
            client.child.wait().unwrap();
            killed_clients += 1;
        }
        if kill_server {
            let place = served.kill();
            assert_exact_or_absent(&place, &content);
            served = Served::over(place, &listen, &[]);
        }
        assert_exact_or_absent(&served.place, &content);
        if kill_client {
            client = Running::start(&upload);
        }
    }
    let outcome = client.finish();
    // Killed between the end of its upload and its own, a client leaves no state, and the same command again
    // is a new upload to a name that is taken.
    let came_too_late = killed_clients > 0 && outcome.stderr.contains("0x80070005");
    assert!(outcome.code == Some(0) || came_too_late, "{outcome:?}");
    assert!(fs::read(served.place.received("file")).unwrap() == content, "the file differs from its source");
    // A Create-Session whose answer was lost leaves a session that nobody knows of.
    assert!(served.place.sessions().len() <= KILLS, "{:?}", served.place.sessions());
}
