//! A short soak test. `make soak` runs a long one.

use std::time::Duration;

use test_support::soak::{self, Settings};

#[test]
fn mixed_clients_get_bit_exact_files_within_the_limits() {
    let figures = soak::run(&Settings {
        time: Duration::from_millis(700),
        clients: 40,
        longest: 64 * 1024,
        memory: 128 << 20,
        descriptors: 512,
        session_timeout: "1m",
    });
    println!("{figures:?}");
    assert!(figures.files > 0 && figures.bytes > 0 && figures.runs.iter().all(|(_, count)| *count > 0));
    assert!(figures.memory <= 128 << 20 && figures.most_descriptors <= 512 && figures.most_threads <= 260);
    assert!(figures.most_sessions > 0 && figures.cpu < figures.time * 16);
}
