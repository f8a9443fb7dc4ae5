//! Kills at random moments, and what must hold all the while.

use std::fs;

use crate::program::{Running, Workspace};

/// Random numbers, by a seed that a failing test shows.
pub fn seeded() -> fastrand::Rng {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    fastrand::Rng::with_seed(seed)
}

/// Reads events until so many Acks came; `false` when the upload ended before.
pub fn acked(client: &mut Running, acks: usize) -> bool {
    for _ in 0..acks {
        let line = client.line();
        if line.is_empty() || line.contains("\"done\"") {
            return false;
        }
    }
    true
}

/// Goes on from what was seen last to anywhere before what comes next.
pub fn spin(turns: usize) {
    (0..turns).for_each(|_| std::hint::spin_loop());
}

pub fn assert_exact_or_absent(place: &Workspace, content: &[u8]) {
    if let Ok(file) = fs::read(place.received("file")) {
        assert!(file == content, "{} bytes instead of {}", file.len(), content.len());
    }
}
