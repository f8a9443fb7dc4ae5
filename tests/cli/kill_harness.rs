//! Helpers for tests that kill processes at random moments.

use std::fs;

use crate::program::{Process, Workspace};

/// A random generator. Its seed is printed, so that a failing test shows it.
pub fn seeded_rng() -> fastrand::Rng {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    fastrand::Rng::with_seed(seed)
}

/// Reads events until `acks` fragments are acknowledged. Returns `false` if the upload ended before.
pub fn wait_for_acks(client: &mut Process, acks: usize) -> bool {
    for _ in 0..acks {
        let line = client.line();
        if line.is_empty() || line.contains("\"done\"") {
            return false;
        }
    }
    true
}

/// Waits for a very short time, so that the kill falls anywhere between two events.
pub fn spin(iterations: usize) {
    (0..iterations).for_each(|_| std::hint::spin_loop());
}

/// Asserts that the received file equals `content` or does not exist.
pub fn assert_exact_or_absent(workspace: &Workspace, content: &[u8]) {
    if let Ok(file) = fs::read(workspace.received("file")) {
        assert!(file == content, "{} bytes instead of {}", file.len(), content.len());
    }
}
